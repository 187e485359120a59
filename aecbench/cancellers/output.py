"""Checks of what the code of a canceller returns or raises. It may be a user's: one line says what is wrong."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aecbench.errors import AudioError, blamed
from aecbench.signals import Array

__all__ = ["as_array", "cancelled", "checked", "finite", "stepped"]


def cancelled(name: str, canceller: Any, mic: Array, far: Array) -> Array:
    """Return the output of a canceller for mic and far [..., T], float32 [..., T]; `name` is what the user calls it.

    Raises AecbenchError, whatever the canceller raises, and for an output that is not finite or that `checked` refuses.
    """
    with blamed(name):
        output = checked(canceller, canceller.cancel(mic, far), mic.shape)
    return finite(name, output)


def checked(canceller: object, output: Any, shape: tuple[int, ...], method: str = "cancel") -> NDArray[Any]:
    """Return the output of a canceller's method as an array of real floating-point samples.

    Raises AudioError for anything else than such an array of this shape: None, a list, integers, complex numbers.
    """
    call = f"{type(canceller).__name__}: {method} returned"
    if hasattr(output, "__array__") and not isinstance(output, np.ndarray):
        output = as_array(f"{call} {_described(output)} that", output)
    if not isinstance(output, np.ndarray) or output.dtype.kind != "f" or output.shape != shape:
        raise AudioError(
            f"{call} {_described(output)}, expected a NumPy array of float32 with shape {shape}, as mic has"
        )
    return output


def as_array(what: str, x: Any) -> NDArray[Any]:
    """Return `x`, which messages call `what`, as an array.

    Raises AudioError if NumPy cannot convert it: for tensors with gradients, of bfloat16 or on a GPU, and ragged lists.
    """
    try:
        return np.asarray(x)
    except (RuntimeError, TypeError, ValueError) as error:
        raise AudioError(
            f"{what} cannot be read as an array ({str(error).splitlines()[0]}); convert a tensor x with "
            "x.detach().float().cpu().numpy()"
        ) from None


def finite(name: str, output: NDArray[Any]) -> Array:
    """Return an output [..., T] of the system `name` as float32. Raises AudioError for NaN and infinity."""
    good = np.isfinite(output)
    if not good.all():
        bad = int(np.argmin(good.reshape(-1, output.shape[-1]).all(0)))
        raise AudioError(f"{name}: its output is not finite at sample {bad}; mend it, or leave out this recording")
    return output.astype(np.float32, copy=False)


def stepped(canceller: object, result: Any, shape: tuple[int, ...]) -> tuple[Any, NDArray[Any]]:
    """Return the next state and the output of a canceller's `step` or `consume`, whose output is `checked`.

    Raises AudioError unless the result is a tuple of the two.
    """
    if not (isinstance(result, tuple) and len(result) == 2):
        raise AudioError(
            f"{type(canceller).__name__}: step returned {_described(result)}, expected a tuple of the next state and "
            f"the output"
        )
    return result[0], checked(canceller, result[1], shape, "step")


def _described(value: Any) -> str:
    """Return the dtype and shape of an array, or the type of anything else."""
    if isinstance(value, np.ndarray):
        return f"{value.dtype} with shape {value.shape}"
    if isinstance(value, tuple):
        return f"a tuple of {len(value)}"
    return "None" if value is None else f"a value of type {type(value).__name__}"
