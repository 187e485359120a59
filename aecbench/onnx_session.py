"""Sessions of onnxruntime for models, on one thread."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from aecbench.errors import AecbenchError, MissingExtra

__all__ = ["load_session", "new_session"]


def load_session(path: Path, extra: str, error: type[AecbenchError], advice: str) -> Any:
    """Load the model in a file.

    Raises MissingExtra, naming the `extra` that installs onnxruntime, and `error` with `advice` for a file that
    onnxruntime cannot load.
    """
    if find_spec("onnxruntime") is None:
        raise MissingExtra("onnxruntime", extra)
    if not path.is_file():
        raise error(f"{path}: no such file; {advice}")
    try:
        return new_session(str(path))
    except Exception as failure:  # exceptions of many types, without a common base
        reason = str(failure).strip().splitlines()[0]
        raise error(f"{path}: onnxruntime cannot load it ({reason}); {advice}") from None


def new_session(model: str | bytes) -> Any:
    """Load the model in a file, or a serialised one."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
