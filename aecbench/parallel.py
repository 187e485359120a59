"""Calls in parallel, on this machine or on a Dask cluster, with a progress bar."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import joblib
from joblib.externals.loky.process_executor import TerminatedWorkerError

from aecbench.errors import AecbenchError, MissingExtra
from aecbench.progress import progress

__all__ = ["in_parallel"]

AHEAD = 8  # calls per worker of a cluster that are under way at once
PATIENCE = 10  # [s] for a scheduler to answer


def in_parallel(
    calls: Iterable[Any], total: int, what: str, unit: str, *, jobs: int = 1, scheduler: str | None = None
) -> Iterator[Any]:
    """The results of `total` calls (made with joblib.delayed), in their order, as they come.

    They run in `jobs` processes (-1: one per core), or on the workers of a Dask `scheduler`, "tcp://HOST:PORT": there a
    worker may die, its calls are made again. A bar tells `what` is done and how many `unit` per second.
    Raises MissingExtra without Dask, and AecbenchError for a scheduler that does not answer or a process that died.
    """
    results = _on_this_machine(calls, jobs) if scheduler is None else _on_cluster(calls, scheduler)
    return progress(results, total, what, unit)


def _on_this_machine(calls: Iterable[Any], jobs: int) -> Iterator[Any]:
    try:
        importing = (joblib.delayed(_run)(SearchPath(), call) for call in calls)
        yield from joblib.Parallel(n_jobs=jobs, return_as="generator")(importing)
    except TerminatedWorkerError:
        raise AecbenchError(
            "a worker process died, perhaps for want of memory; run again with fewer --jobs, what is finished is kept"
        ) from None


class SearchPath:
    """Where modules are found. Unpickled first, it lets a process that was started earlier import what this one can."""

    def __reduce__(self) -> tuple[Any, ...]:
        """The folders of this process."""
        return _search, ([str(Path(place).resolve()) for place in sys.path],)


def _search(places: Sequence[str]) -> SearchPath:
    sys.path.extend(place for place in places if place not in sys.path)
    return SearchPath()


def _run(_: SearchPath, call: Any) -> Any:
    function, arguments, options = call
    return function(*arguments, **options)


def _on_cluster(calls: Iterable[Any], scheduler: str) -> Iterator[Any]:
    """In batches, for the results of joblib's Dask backend come when all of them are there."""
    try:
        from distributed import Client
    except ImportError:
        raise MissingExtra("Dask", "dask") from None
    try:
        client = Client(scheduler, timeout=PATIENCE)
    except (OSError, ValueError) as error:
        raise AecbenchError(f"no Dask scheduler at {scheduler!r} ({error}); start one, or omit --scheduler") from None
    calls = iter(calls)
    with client, joblib.parallel_config(backend="dask", wait_for_workers_timeout=60):
        workers = max(1, len(client.scheduler_info(n_workers=-1)["workers"]))
        while batch := list(islice(calls, AHEAD * workers)):
            yield from joblib.Parallel()(batch)
