"""PESQ in a separate process, because its C code may overrun a table of 50 utterances and crash.

Every thread that calls `run` keeps one worker, which is this file run as a script. It reads requests from its standard
input (`REQUEST`, then both signals as float32) and answers each with one float64. A worker that has died is replaced in
the next call. It exits with its parent, whose exit closes the pipe; the worker's own alarm ends a call that takes too
long.
"""

import contextlib
import os
import signal
import struct
import subprocess
import sys
import threading
import weakref
from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["RATE", "Mode", "PesqFailure", "run"]

Audio = NDArray[np.float32]

Mode = Literal["wb", "nb"]  # wide band, narrow band

RATE = 16_000  # sample rate of the signals in both modes [Hz]
TIMEOUT = 60.0  # [s] per call; 30 s of audio take about one
REQUEST = struct.Struct("=qd2s")  # samples, timeout, mode
ANSWER = struct.Struct("=d")  # MOS-LQO, NaN, or a negative error code

UNUSABLE = os.EX_UNAVAILABLE  # exit code of a worker that cannot import the package
CODES = {-6: "shorter than 0.25 s", -7: "no utterance detected"}  # error codes, as in PesqError of the package


class PesqFailure(Exception):
    """PESQ returned no value; the message says why."""


def run(reference: Audio, degraded: Audio, timeout: float = TIMEOUT, mode: Mode = "wb") -> float:
    """Return the MOS-LQO (P.862.2; narrowband: P.862.1) of two signals [T] at 16 kHz.

    Raises PesqFailure if PESQ returns no value, if the C code crashes, or after `timeout` seconds.
    """
    value = _worker().ask(reference, degraded, timeout, mode)
    if np.isnan(value):
        raise PesqFailure("not a number")
    if value < 0:
        raise PesqFailure(CODES.get(round(value), f"error {value:.0f}"))
    return value


class _Worker:
    """The worker process, as its parent uses it."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        self.process = subprocess.Popen(
            [sys.executable, "-P", __file__],  # -P: `import pesq` must not find the file next to this one
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        self.stop = weakref.finalize(self, _stop, self.process, self.owner)  # runs once, at interpreter exit at latest

    def usable(self) -> bool:
        """Return whether the worker is alive and belongs to this process, not to one from which it was forked."""
        return self.owner == os.getpid() and self.process.poll() is None

    def ask(self, reference: Audio, degraded: Audio, timeout: float, mode: Mode = "wb") -> float:
        pair = np.stack([reference, degraded]).astype(np.float32)
        answer = b""
        try:
            with contextlib.suppress(BrokenPipeError):  # the worker died before it had read everything
                answer = self._exchange(REQUEST.pack(reference.size, timeout, mode.encode()) + pair.tobytes())
        finally:
            if not answer:  # the worker died, or this call was interrupted: a late answer must not reach the next one
                self.stop()
        if not answer:
            raise PesqFailure(_death(self.process.returncode, timeout))
        return float(ANSWER.unpack(answer)[0])

    def _exchange(self, request: bytes) -> bytes:
        assert self.process.stdin
        assert self.process.stdout
        unsent = memoryview(request)
        while unsent:
            unsent = unsent[self.process.stdin.write(unsent) :]
        return self.process.stdout.read(ANSWER.size)


class _Local(threading.local):
    worker: _Worker | None = None


_local = _Local()


def _worker() -> _Worker:
    if _local.worker is None or not _local.worker.usable():
        _local.worker = _Worker()
    return _local.worker


def _stop(process: subprocess.Popen[bytes], owner: int) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe:
            pipe.close()
    if os.getpid() == owner:
        process.kill()
        process.wait()
    else:
        process.returncode = 0  # this process was forked from the worker's parent and must not wait for the worker


def _death(code: int, timeout: float) -> str:
    if code == -signal.SIGALRM:
        return f"no answer within {timeout:g} s"
    if code == UNUSABLE:
        return "the package pesq cannot be imported; python -c 'import pesq' says why"
    return f"worker died ({f'signal {-code}' if code < 0 else f'exit code {code}'})"


def _serve() -> None:
    """Answer requests until the parent closes the pipe."""
    try:
        from pesq import PesqError, pesq
    except ImportError:
        sys.exit(UNUSABLE)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C
    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # ends the process even while C code runs
    answers = os.dup(1)
    os.dup2(2, 1)  # keeps output of the C code out of the answers
    while len(head := sys.stdin.buffer.read(REQUEST.size)) == REQUEST.size:
        samples, timeout, mode = REQUEST.unpack(head)
        audio = np.frombuffer(sys.stdin.buffer.read(2 * 4 * samples), np.float32)
        if audio.size < 2 * samples:
            return
        signal.setitimer(signal.ITIMER_REAL, timeout)
        value = pesq(RATE, *audio.reshape(2, samples), mode.decode(), on_error=PesqError.RETURN_VALUES)
        signal.setitimer(signal.ITIMER_REAL, 0)
        os.write(answers, ANSWER.pack(value))


if __name__ == "__main__":
    _serve()
