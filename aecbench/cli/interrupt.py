"""Ctrl-C that is never lost.

Python raises KeyboardInterrupt in whatever the main thread is executing. In a destructor and in the callback of a weak
reference, it ignores all exceptions, this one too, and the program would go on.
"""

import _thread
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["interruptible"]

MOMENT = 0.01  # until the signal is sent again: destructors and callbacks take less [s]


@contextmanager
def interruptible() -> Iterator[None]:
    """Send Ctrl-C again, as often as necessary, if Python ignored its exception during the block."""
    before, main = sys.unraisablehook, threading.main_thread()
    in_hook = False

    def hook(ignored: Any) -> None:
        nonlocal in_hook
        if not issubclass(ignored.exc_type, KeyboardInterrupt):
            before(ignored)
            return
        in_hook = True
        _thread.start_new_thread(send_again, ())  # not by threading, whose locks the main thread may hold
        in_hook = False

    def send_again() -> None:
        time.sleep(MOMENT)
        while in_hook:  # an exception in there would be ignored for good
            time.sleep(MOMENT)
        if main.ident is not None:
            signal.pthread_kill(main.ident, signal.SIGINT)

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = before
