"""Dataset simulator and benchmark for acoustic echo cancellation.

    import aecbench as ab

    corpus = ab.simulate("quickstart-v1", jobs=-1)           # or ab.load_corpus(folder)
    scene, signals, rir = corpus[0]
    output = ab.load_system("kalman").cancel(signals.mic, signals.far)
    print(ab.evaluate(["nlms", "kalman"], corpus))

The names in `__all__` are imported when they are first used, so that `import aecbench` takes no time.
"""

import importlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aecbench.corpus import Corpus, Item
    from aecbench.corpus import open_corpus as load_corpus
    from aecbench.errors import AecbenchError
    from aecbench.evaluation import evaluate
    from aecbench.metrics import METRICS, Metric
    from aecbench.results import ResultTable
    from aecbench.signals import Signals, Talk
    from aecbench.simulation import simulate
    from aecbench.systems import System, load_system
    from aecbench.train.collate import collate

__version__ = "1.0.0"

__all__ = [
    "METRICS",
    "AecbenchError",
    "Corpus",
    "Item",
    "Metric",
    "ResultTable",
    "Signals",
    "System",
    "Talk",
    "__version__",
    "collate",
    "evaluate",
    "load_corpus",
    "load_system",
    "simulate",
]

PLACES = {
    "METRICS": "aecbench.metrics:METRICS",
    "AecbenchError": "aecbench.errors:AecbenchError",
    "Corpus": "aecbench.corpus:Corpus",
    "Item": "aecbench.corpus:Item",
    "Metric": "aecbench.metrics:Metric",
    "ResultTable": "aecbench.results:ResultTable",
    "Signals": "aecbench.signals:Signals",
    "System": "aecbench.systems:System",
    "Talk": "aecbench.signals:Talk",
    "collate": "aecbench.train.collate:collate",
    "evaluate": "aecbench.evaluation:evaluate",
    "load_corpus": "aecbench.corpus:open_corpus",
    "load_system": "aecbench.systems:load_system",
    "simulate": "aecbench.simulation:simulate",
}


def _find_place_for_compiled_code() -> None:
    """Give numba a temporary folder where it cannot keep what it compiles: it would fail, not do without.

    It looks beside the code and in the user's cache folder. Both are read-only in many a container.
    """
    user = Path(os.environ.get("XDG_CACHE_HOME") or Path(os.environ.get("HOME", "/"), ".cache"))
    above = (user, *user.absolute().parents)  # os.access, for Path.exists raises in folders that may not be searched
    usual = [Path(__file__).parent, next(folder for folder in above if os.access(folder, os.F_OK))]
    if "NUMBA_CACHE_DIR" in os.environ or any(os.access(folder, os.W_OK) for folder in usual):
        return
    import atexit
    import shutil
    import tempfile

    folder = os.environ["NUMBA_CACHE_DIR"] = tempfile.mkdtemp(prefix="aecbench-")  # for worker processes too
    atexit.register(shutil.rmtree, folder, ignore_errors=True)


_find_place_for_compiled_code()

if not TYPE_CHECKING:  # a type checker would take it that there is every name

    def __getattr__(name: str) -> Any:
        if name not in PLACES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module, _, attribute = PLACES[name].partition(":")
        globals()[name] = getattr(importlib.import_module(module), attribute)
        return globals()[name]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
