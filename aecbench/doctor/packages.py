"""The installed packages: aecbench, its requirements, and its optional parts with the command that installs each."""

import re
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, requires, version
from typing import NamedTuple

from aecbench import provenance
from aecbench.cancellers.external.needs import SPEEXDSP
from aecbench.errors import MissingExtra, NotInstalled

__all__ = ["PURPOSES", "Installation", "Part", "installation"]

PURPOSES = {  # purposes of the extras of pyproject.toml, without those for developers
    "aecmos": "the metrics AECMOS and DNSMOS",
    "board": "pages of leaderboards",
    "dask": "clusters",
    "espeak": "speech without recordings, for the quickstart",
    "onnx": "networks as ONNX models",
    "peers": "cancellers of others: WebRTC's AEC3",
    "train": "curves of a training in TensorBoard",
    "tune": "search of parameters",
}
SPEEX = "speex"


class Part(NamedTuple):
    """An optional part."""

    purpose: str
    found: dict[str, str | None]  # distribution or library -> version; None if it is not installed
    install: str  # the command that installs it

    @property
    def here(self) -> bool:
        """Whether all distributions of this part are installed."""
        return None not in self.found.values()


class Installation(NamedTuple):
    """The installed packages."""

    versions: dict[str, str | None]  # versions of aecbench, Python and all requirements; None if not installed
    commit: str | None  # commit of the checkout; None in a wheel
    parts: dict[str, Part]

    @property
    def missing(self) -> list[str]:
        """The packages that aecbench needs and that are not installed."""
        return [name for name, version in self.versions.items() if version is None]


def installation() -> Installation:
    """Read the metadata of the installed distributions, and look for SpeexDSP; nothing is imported."""
    needed, extras = _requirements()
    versions: dict[str, str | None] = {**provenance.versions(), **{name: _version(name) for name in needed}}
    parts = {
        extra: Part(PURPOSES[extra], {name: _version(name) for name in names}, _command(MissingExtra(extra, extra)))
        for extra, names in extras.items()
        if extra in PURPOSES
    }
    return Installation(versions, provenance.commit(), parts | {SPEEX: _speex()})


def _requirements() -> tuple[list[str], dict[str, list[str]]]:
    """Return the distributions that aecbench needs, and those of every extra, from its own metadata."""
    needed: list[str] = []
    extras: dict[str, list[str]] = {}
    with suppress(PackageNotFoundError):
        for line in requires("aecbench") or []:
            name, _, marker = line.partition(";")
            (name,) = re.findall(r"^[\w.-]+", name.strip())
            extra = re.search(r"extra == ['\"](\w+)['\"]", marker)
            (needed if extra is None else extras.setdefault(extra[1], [])).append(name)
    return needed, dict(sorted(extras.items()))


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _command(error: NotInstalled) -> str:
    return str(error).partition("run: ")[2]


def _speex() -> Part:
    purpose = "cancellers of others: SpeexDSP"
    try:
        SPEEXDSP.check()
    except NotInstalled as error:
        return Part(purpose, {"libspeexdsp": None}, _command(error))
    return Part(purpose, {"libspeexdsp": "1"}, "")
