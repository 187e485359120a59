"""Parallel calls, on this machine or on a Dask cluster, with a progress bar."""

import math
import os
import signal
import sys
import time
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import Any

import joblib
from joblib.externals.loky.process_executor import BrokenProcessPool, TerminatedWorkerError

from aecbench.errors import AecbenchError, MissingExtra
from aecbench.garbage import collect_less
from aecbench.progress import hide_progress, progress

__all__ = ["in_parallel", "in_processes"]

RESTARTED = "A worker stopped while some jobs were given to the executor"  # joblib replaces it; nothing is lost
START = 2.0  # time that processes take to start [s]
AHEAD = 8  # pending calls per worker of a cluster
PATIENCE = 10  # time for a scheduler to answer [s]


def in_parallel(
    calls: Iterable[Any],
    total: int,
    what: str,
    unit: str,
    *,
    jobs: int = 1,
    scheduler: str | None = None,
    batch: int = 1,
    expected: float = math.inf,
) -> Iterator[Any]:
    """Yield the results of `total` calls (made with joblib.delayed) in their order, as they become available.

    They run in `jobs` processes (-1: one per core), or on the workers of a Dask `scheduler`, "tcp://HOST:PORT"; if a
    worker of a cluster dies, its calls are repeated. A bar with the label `what` shows the number of `unit` per second.

    A process receives `batch` calls at once and returns their results together. More than one saves about a
    millisecond per call, but a call then waits for those before it in its batch, even if another process is free: for
    short calls of similar length. A cluster receives calls one by one.

    With `jobs` = -1, calls are made in this process if all of them together are `expected` to take so little time [s]
    that other processes would save less than their start takes. If they take longer than expected, the rest is left to
    other processes after all. Code that may end its process is to run in another one: leave `expected` out.

    Raises MissingExtra without Dask, and AecbenchError for a scheduler that does not answer, a process that died, and
    one that cannot import what it needs.
    """
    processes = joblib.effective_n_jobs(jobs)
    if scheduler is not None:
        results = _on_cluster(calls, scheduler)
    elif jobs == -1 and expected * (1 - 1 / processes) < START:
        results = _here(iter(calls), START + 2 * expected, processes, batch)
    else:
        results = in_processes(calls, processes, batch)
    return progress(results, total, what, unit)


def in_processes(calls: Iterable[Any], jobs: int, batch: int = 1) -> Iterator[Any]:
    """Yield the results of calls in processes on this machine as `in_parallel` does, without a progress bar."""
    warnings.filterwarnings("ignore", RESTARTED, UserWarning)
    # Workers kept from an earlier call are replaced if the search path of modules or the current folder has changed.
    places = tuple(sys.path), Path.cwd()
    pool = joblib.Parallel(
        jobs,
        return_as="generator",
        batch_size=batch,  # joblib's automatic size would leave processes idle at the end
        pre_dispatch=f"{2 * batch} * n_jobs",  # counted in calls: every process has another batch waiting
        initializer=_begin,
        initargs=places,
    )
    try:
        with _without_interrupts():
            results = pool(calls)
        yield from results
    except TerminatedWorkerError:
        raise AecbenchError(
            "a worker process died, perhaps because memory ran out; run again with fewer --jobs; finished work is kept"
        ) from None
    except BrokenProcessPool as error:
        raise AecbenchError(
            f"a worker process cannot read its work ({_last_line(error.__cause__ or error)}); install what is missing, "
            "or run with --jobs 1"
        ) from None


def _here(calls: Iterator[Any], limit: float, jobs: int, batch: int) -> Iterator[Any]:
    """Yield the results of calls in this process and, after a `limit` of time [s], in others."""
    end = time.monotonic() + limit
    for call in calls:
        if time.monotonic() > end:
            yield from in_processes(chain([call], calls), jobs, batch)
        else:
            function, arguments, keywords = call
            yield function(*arguments, **keywords)


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Delay Ctrl-C until the end of the block; processes that are started in it never receive it.

    A process that it reached before `_begin`, while Python starts, would print a traceback.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(path: Sequence[str], folder: Path) -> None:
    """Set the module search path and the folder of the main process, ignore Ctrl-C, show no progress, end quickly.

    A terminal sends Ctrl-C to all processes. The main process handles it; a waiting worker that was killed by it would
    look like a failure.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    hide_progress()
    collect_less()
    sys.path[:] = path
    os.chdir(folder)


def _last_line(error: BaseException) -> str:
    """Return the last line of a traceback of another process: the exception and its message."""
    return next(line for line in reversed(str(error).splitlines()) if line.strip(' "'))


def _on_cluster(calls: Iterable[Any], scheduler: str) -> Iterator[Any]:
    """Yield the results in batches, because joblib's Dask backend returns results only when all are available."""
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
            yield from joblib.Parallel(batch_size=1)(batch)
