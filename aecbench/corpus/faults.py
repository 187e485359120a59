"""Why a file of a corpus was not read: it is damaged, or the operating system did not deliver it."""

import errno
import os
from pathlib import Path

from aecbench.errors import CorpusError, Unreadable, system_errno

__all__ = ["AGAIN", "fault"]

AGAIN = "aecbench verify --repair renders damaged shards again"
ADVICE = {
    errno.EACCES: "ask for the right to read it",
    errno.EPERM: "ask for the right to read it",
    errno.EMFILE: "raise the limit with ulimit -n",
    errno.ENFILE: "close other programs",
    errno.EIO: "check the disk or the network, then try again",
}


def fault(path: Path, what: str, error: Exception, advice: str = AGAIN) -> CorpusError:
    """Return the error for a file of a corpus that was not read, because of `error`.

    An Unreadable where the operating system refused: nothing is known of the content then. Else the content is at
    fault, which `what` describes and `advice` mends.
    """
    number = system_errno(error)
    if number is None or number == errno.ENOENT:
        return CorpusError(f"{path}: {what} ({error}); {advice}")
    return Unreadable(f"{path}: cannot be read ({os.strerror(number)}); {ADVICE.get(number, 'try again')}")
