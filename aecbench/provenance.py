"""Where a result comes from: the code, the libraries, the machine and the command."""

import os
import platform
import shlex
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from aecbench._version import __version__
from aecbench.config import canonical_json, sha256

__all__ = ["code", "command", "commit", "machine", "package_code", "versions"]

LIBRARIES = ("numpy", "scipy", "numba", "pesq", "pystoi", "torch")
PACKAGE = Path(__file__).parent


def commit() -> str | None:
    """The commit of the checkout that the package runs from, "+dirty" when files differ from it; None in a wheel."""
    top = PACKAGE.parent
    if not (top / ".git").exists():
        return None
    try:
        describe = ["git", "-C", str(top), "describe", "--always", "--dirty=+dirty", "--abbrev=40", "--exclude=*"]
        return subprocess.run(describe, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def versions() -> dict[str, str]:
    """Return the versions of aecbench, Python and the installed libraries that decide values."""
    releases = {"aecbench": __version__, "python": platform.python_version()}
    for name in LIBRARIES:
        try:
            releases[name] = version(name)
        except PackageNotFoundError:
            continue
    return releases


def machine() -> dict[str, str | int]:
    """{"system": "Linux x86_64", "cpu": model of the processor, "cores": those there are}."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": _cpu() or platform.processor() or "unknown",
        "cores": os.cpu_count() or 1,
    }


def numba_target() -> str:
    """The processor that numba compiles for: this one, or another that NUMBA_CPU_NAME asks for."""
    import llvmlite.binding  # a moment, which only those who make a corpus should wait
    import numba

    return str(getattr(numba.config, "CPU_NAME", None) or llvmlite.binding.get_host_cpu_name())


def _cpu() -> str:
    """The model of the processor as Linux tells it; "" elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def command() -> str:
    """The command line of this process, as it may be typed again."""
    return shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])


def code(*places: Path) -> str:
    """Hash of all Python files that are among `places` or in folders there, by their names and contents."""
    files = {file for path in places for file in (path.rglob("*.py") if path.is_dir() else [path])}
    return sha256(canonical_json([[file.name, sha256(file.read_bytes())] for file in sorted(files)]))


def package_code(module: str) -> str:
    """Hash of the Python files of the package that an imported module belongs to, or of the module.

    It is "" for a module without a file, such as a notebook.
    """
    files = [getattr(sys.modules.get(name), "__file__", None) for name in (module.partition(".")[0], module)]
    places = [Path(file) for file in files if file is not None]
    if not places:
        return ""
    top = places[0]
    return code(top.parent) if top.name == "__init__.py" else code(*places)
