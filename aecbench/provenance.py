"""Provenance of results: the code, the libraries, the machine and the command."""

import os
import platform
import shlex
import subprocess
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from aecbench._version import __version__
from aecbench.config import canonical_json, sha256

__all__ = ["code", "command", "commit", "installed", "machine", "package_code", "versions"]

LIBRARIES = ("numpy", "scipy", "numba", "pesq", "torch")
PACKAGE = Path(__file__).parent


@cache
def commit() -> str | None:
    """Return the commit of the checkout, followed by "+dirty" if files differ from it; None in a wheel.

    It is looked up once per process, for files that change later are not those that were imported.
    """
    top = PACKAGE.parent
    if not (top / ".git").exists():
        return None
    try:
        describe = ["git", "-C", str(top), "describe", "--always", "--dirty=+dirty", "--abbrev=40", "--exclude=*"]
        return subprocess.run(describe, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def versions() -> dict[str, str]:
    """Return the versions of aecbench, Python and the installed libraries on which values depend."""
    libraries = {name: release for name in LIBRARIES if (release := installed(name)) is not None}
    return {"aecbench": __version__, "python": platform.python_version()} | libraries


@cache
def installed(name: str) -> str | None:
    """Return the version of an installed library, looked up once per process; None without it."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def machine() -> dict[str, str | int]:
    """Return {"system": for example "Linux x86_64", "cpu": model of the processor, "cores": their number}."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": _cpu() or platform.processor() or "unknown",
        "cores": os.cpu_count() or 1,
    }


def numba_target() -> str:
    """Return the processor for which numba compiles: this one, or the one set by NUMBA_CPU_NAME."""
    import llvmlite.binding  # slow, and needed only when a corpus is made
    import numba

    return str(getattr(numba.config, "CPU_NAME", None) or llvmlite.binding.get_host_cpu_name())


def _cpu() -> str:
    """Return the model of the processor on Linux; "" elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def command() -> str:
    """Return the command line of this process, quoted for a shell."""
    run = getattr(sys.modules["__main__"], "__spec__", None)  # None unless run as `python -m NAME`
    program = [Path(sys.argv[0]).name] if run is None else ["python", "-m", run.name.removesuffix(".__main__")]
    return shlex.join([*program, *sys.argv[1:]])


def code(*places: Path) -> str:
    """Return a hash of the names and contents of the files in `places`, and of all Python files in its folders."""
    files = {file for path in places for file in (path.rglob("*.py") if path.is_dir() else [path])}
    return sha256(canonical_json([[file.name, sha256(file.read_bytes())] for file in sorted(files)]))


def package_code(module: str) -> str:
    """Return a hash of the Python files of the package to which an imported module belongs, or of the module.

    It is "" for a module without a file, such as a notebook.
    """
    files = [getattr(sys.modules.get(name), "__file__", None) for name in (module.partition(".")[0], module)]
    places = [Path(file) for file in files if file is not None]
    if not places:
        return ""
    top = places[0]
    return code(top.parent) if top.name == "__init__.py" else code(*places)
