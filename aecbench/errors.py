"""The exceptions that a user may see. Each message says in one line what was wrong, what was expected and what to do.

The command line prints the message and exits with `exit_code`: 1 failure, 2 usage, 3 finished with failed items.
"""

import difflib
import re
import sys
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = [
    "AecbenchError",
    "AudioError",
    "ConfigError",
    "CorpusError",
    "FailedItems",
    "FormatError",
    "MissingExtra",
    "NotInstalled",
    "OutputError",
    "SourceError",
    "UnknownName",
    "Unreadable",
    "UsageError",
    "blame",
    "blamed",
    "did_you_mean",
    "one_line",
    "system_errno",
]


class AecbenchError(Exception):
    """Base of all errors raised on purpose."""

    exit_code = 1

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the message, whatever the arguments of a subclass: worker processes return errors."""
        return _unpickled, (type(self), self.args)


def _unpickled(kind: type[AecbenchError], args: tuple[Any, ...]) -> AecbenchError:
    return kind.__new__(kind, *args)


class UsageError(AecbenchError):
    """The call itself is wrong: an option, a value or a name."""

    exit_code = 2


class UnknownName(UsageError):
    """A name that is not in any table. The message has the nearest known one and the searched `place` ("in FOLDER")."""

    def __init__(self, kind: str, name: str, known: Iterable[str], place: str = "") -> None:
        super().__init__(f"unknown {kind} {name!r}{place and f' {place}'}: {did_you_mean(name, known)}")


class ConfigError(UsageError):
    """A recipe or card with an invalid key or value."""


class AudioError(AecbenchError):
    """Audio that cannot be read or used."""


class SourceError(AecbenchError):
    """A speech, noise or RIR source that cannot supply what a recipe asks for."""


class CorpusError(AecbenchError):
    """A corpus that is missing, damaged or of another format version."""


class FormatError(CorpusError):
    """A corpus of a format version that this aecbench does not read."""


class Unreadable(CorpusError):
    """A file of a corpus that the operating system fails to read. It may be intact."""


class OutputError(AecbenchError):
    """A result that cannot be written: read-only folder, full disk."""


class NotInstalled(AecbenchError):
    """Something optional that is not installed."""

    def __init__(self, what: str, command: str) -> None:
        super().__init__(f"{what} is not installed; run: {command}")


class MissingExtra(NotInstalled):
    """An optional dependency that is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(what, f"pip install 'aecbench[{extra}]'")


class FailedItems(AecbenchError):
    """The run finished, but some of its items failed."""

    exit_code = 3


def one_line(error: BaseException) -> str:
    r"""Return the type and message of an exception on one line.

    >>> one_line(ValueError("too\nlong")), one_line(SystemExit())
    ('ValueError: too long', 'SystemExit')
    """
    return ": ".join(filter(None, (type(error).__name__, " ".join(str(error).split()))))


def blame(error: BaseException) -> str:
    """Return the type and message of an exception on one line, with the place in the user's code that raised it.

    This is the last line in the first file outside aecbench, torch and click (which call it) and Python's library;
    errors of aecbench name no place.
    """
    text = one_line(error)
    if isinstance(error, AecbenchError):
        return text
    others = {__package__, "torch", "click", *sys.stdlib_module_names}
    places = [
        (frame.f_code.co_filename, line)
        for frame, line in traceback.walk_tb(error.__traceback__)
        if str(frame.f_globals.get("__name__")).partition(".")[0] not in others
    ]
    if not places:
        return text
    file, line = [place for place in places if place[0] == places[0][0]][-1]
    return f"{text} ({Path(file).name}, line {line})"


@contextmanager
def blamed(what: str) -> Iterator[None]:
    """Turn whatever the code of a user raises into an AecbenchError of one line, which names its file and line.

    sys.exit() and other exceptions that are not an `Exception` count too; they must not end the whole program.
    """
    try:
        yield
    except (AecbenchError, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise AecbenchError(f"{what} failed: {blame(error)}") from error


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return advice for a name that is not among `known`: the nearest one, or else all of them.

    >>> did_you_mean("kalmann", ["nlms", "kalman"])
    "did you mean 'kalman'?"
    >>> did_you_mean("xyz", ["nlms", "kalman"])
    'known: kalman, nlms'
    """
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names) or 'none'}"


def system_errno(error: BaseException) -> int | None:
    """Return the number of the operating system's error behind an exception; None if there is none.

    When h5py raises a KeyError or a RuntimeError, the number is only in HDF5's text.

    >>> system_errno(OSError(28, "No space left on device"))
    28
    >>> system_errno(KeyError("unable to open (file read failed: errno = 5, error message = 'Input/output error'"))
    5
    """
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    match = re.search(r"\berrno = (\d+), error message = ", str(error))
    return int(match[1]) if match else None
