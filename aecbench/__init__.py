"""Dataset simulator and benchmark for acoustic echo cancellation.

    import aecbench as ab

    corpus = ab.simulate("quickstart-v2", jobs=-1)           # or ab.load_corpus(folder)
    scene, signals, rir = corpus[0]
    output = ab.load_system("kalman").cancel(signals.mic, signals.far)
    print(ab.evaluate(["nlms", "kalman"], corpus))

The public names are those that the stub next to this file, `__init__.pyi`, imports; type checkers and editors read it.
Each of them is imported on first use, so that `import aecbench` is fast.
"""

import os
from pathlib import Path
from typing import Any

from aecbench._version import __version__ as __version__


def _use_writable_folder_for_compiled_code() -> None:
    """Set a temporary cache folder for numba if it has no writable one, because it would fail without.

    It looks next to the code and in the user's cache folder. Both are read-only in many containers.
    """
    user = Path(os.environ.get("XDG_CACHE_HOME") or Path(os.environ.get("HOME", "/"), ".cache"))
    above = (user, *user.absolute().parents)  # Path.exists may raise here; os.access does not
    usual = [Path(__file__).parent, next(folder for folder in above if os.access(folder, os.F_OK))]
    if "NUMBA_CACHE_DIR" in os.environ or any(os.access(folder, os.W_OK) for folder in usual):
        return
    import atexit
    import shutil
    import tempfile

    folder = os.environ["NUMBA_CACHE_DIR"] = tempfile.mkdtemp(prefix="aecbench-")  # for worker processes too
    atexit.register(shutil.rmtree, folder, ignore_errors=True)


_use_writable_folder_for_compiled_code()


def _public() -> dict[str, tuple[str, str]]:
    """Return module and attribute of every name that the stub imports."""
    import ast

    tree = ast.parse(Path(__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    return {alias.asname or alias.name: (str(node.module), alias.name) for node in imports for alias in node.names}


def __getattr__(name: str) -> Any:
    import importlib

    public = {} if name.startswith("__") and name != "__all__" else _public()
    if name == "__all__":
        value: Any = sorted(public)
    elif name in public:
        module, attribute = public[name]
        value = getattr(importlib.import_module(module), attribute)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_public()})
