"""PESQ in a process of its own: its C code overruns a table of 50 utterances and then crashes.

Every thread that asks keeps one worker, which is this file run as a script. It reads requests from its standard input
(`REQUEST`, then both signals as float32) and answers with one float64 each. A worker that died is replaced on the next
call. It ends with its parent, whose end closes the pipe; a call that takes too long is ended by the worker's own alarm.
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

RATE = 16_000  # [Hz] that both modes take
TIMEOUT = 60.0  # [s] per call; 30 s of audio take about one
REQUEST = struct.Struct("=qd2s")  # samples, timeout, mode
ANSWER = struct.Struct("=d")  # MOS-LQO, NaN, or a negative error code

UNUSABLE = os.EX_UNAVAILABLE  # exit code of a worker that cannot import the package
CODES = {-6: "shorter than 0.25 s", -7: "no utterance detected"}  # as PesqError of the package names them


class PesqFailure(Exception):
    """PESQ gave no value; the message says why."""


def run(reference: Audio, degraded: Audio, timeout: float = TIMEOUT, mode: Mode = "wb") -> float:
    """MOS-LQO (P.862.2, narrow band: P.862.1) of two signals [T] at 16 kHz.

    Raises PesqFailure, also where the C code crashed.
    """
    value = _worker().ask(reference, degraded, timeout, mode)
    if np.isnan(value):
        raise PesqFailure("not a number")
    if value < 0:
        raise PesqFailure(CODES.get(round(value), f"error {value:.0f}"))
    return value


class _Worker:
    """The process, seen from its parent."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        self.process = subprocess.Popen(
            [sys.executable, "-P", __file__],  # -P: `import pesq` must not find the file next to this one
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        self.stop = weakref.finalize(self, _stop, self.process, self.owner)  # runs once, at interpreter exit at last

    def usable(self) -> bool:
        """Alive, and not the worker of the process that this one was forked from."""
        return self.owner == os.getpid() and self.process.poll() is None

    def ask(self, reference: Audio, degraded: Audio, timeout: float, mode: Mode = "wb") -> float:
        pair = np.stack([reference, degraded]).astype(np.float32)
        answer = b""
        try:
            with contextlib.suppress(BrokenPipeError):  # it died before it had read all
                answer = self._exchange(REQUEST.pack(reference.size, timeout, mode.encode()) + pair.tobytes())
        finally:
            if not answer:  # dead, or we were interrupted: its next answer would not be to our next question
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
        process.returncode = 0  # we were forked from its parent: it is not ours to wait for


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
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent
    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # kills, also while C code runs
    answers = os.dup(1)
    os.dup2(2, 1)  # the C code may print, which is not an answer
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
