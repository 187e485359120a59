"""Ctrl-C that is never lost.

Python raises KeyboardInterrupt in whatever the main thread is executing. In a destructor and in the callback of a weak
reference, it ignores all exceptions, this one too, and the program would go on.
"""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["interruptible"]

MOMENT = 0.01  # until the signal is sent again: destructors and callbacks take less [s]


@contextmanager
def interruptible() -> Iterator[None]:
    """Send Ctrl-C again, as often as necessary, if Python ignored its exception during the block."""
    before = sys.unraisablehook
    main = threading.main_thread().ident

    def hook(ignored: Any) -> None:
        if main is None or not issubclass(ignored.exc_type, KeyboardInterrupt):
            before(ignored)
            return
        again = threading.Timer(MOMENT, signal.pthread_kill, (main, signal.SIGINT))
        again.daemon = True
        again.start()

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = before
