"""Calls in parallel, on this machine or on a Dask cluster, with a progress bar."""

import os
import signal
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import joblib
from joblib.externals.loky.process_executor import BrokenProcessPool, TerminatedWorkerError

from aecbench.errors import AecbenchError, MissingExtra
from aecbench.progress import progress

__all__ = ["in_parallel"]

RESTARTED = "A worker stopped while some jobs were given to the executor"  # joblib replaces it; nothing is lost
BATCH = 1  # calls handed to a process at a time: the batches that joblib makes leave others idle at the end
AHEAD = 8  # calls per worker of a cluster that are under way at once
PATIENCE = 10  # [s] for a scheduler to answer


def in_parallel(
    calls: Iterable[Any], total: int, what: str, unit: str, *, jobs: int = 1, scheduler: str | None = None
) -> Iterator[Any]:
    """The results of `total` calls (made with joblib.delayed), in their order, as they come.

    They run in `jobs` processes (-1: one per core), or on the workers of a Dask `scheduler`, "tcp://HOST:PORT": there a
    worker may die, its calls are made again. A bar tells `what` is done and how many `unit` per second.
    Raises MissingExtra without Dask, and AecbenchError for a scheduler that does not answer, a process that died, and
    one that cannot import what it needs.
    """
    results = _on_this_machine(calls, jobs) if scheduler is None else _on_cluster(calls, scheduler)
    return progress(results, total, what, unit)


def _on_this_machine(calls: Iterable[Any], jobs: int) -> Iterator[Any]:
    warnings.filterwarnings("ignore", RESTARTED, UserWarning)
    # Workers kept from an earlier call are replaced if the search path of modules or the current folder has changed.
    places = tuple(sys.path), Path.cwd()
    pool = joblib.Parallel(jobs, return_as="generator", batch_size=BATCH, initializer=_begin, initargs=places)
    try:
        yield from pool(calls)
    except TerminatedWorkerError:
        raise AecbenchError(
            "a worker process died, perhaps because memory ran out; run again with fewer --jobs; finished work is kept"
        ) from None
    except BrokenProcessPool as error:
        raise AecbenchError(
            f"a worker process cannot read its work ({_last_line(error.__cause__ or error)}); install what is missing, "
            "or run with --jobs 1"
        ) from None


def _begin(path: Sequence[str], folder: Path) -> None:
    """Import modules from where the main process does, work in its folder, and leave Ctrl-C to it.

    A terminal sends Ctrl-C to all processes, and one that died of it while it waited would look like a failure.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.path[:] = path
    os.chdir(folder)


def _last_line(error: BaseException) -> str:
    """Return what a traceback of another process ends with: the exception and its message."""
    return next(line for line in reversed(str(error).splitlines()) if line.strip(' "'))


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
            yield from joblib.Parallel(batch_size=BATCH)(batch)
