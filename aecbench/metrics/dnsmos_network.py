"""The network of DNSMOS on overlapping windows, which computes what they have in common only once.

A window has 900 frames, and the next one starts 100 frames later. Nearly all operations are in four convolutions of
3 x 3 before the first pooling. Their output for a frame is the same in every window, except within 4 frames of the ends
of a window, where the convolutions read zeros. From one window to the next, these layers therefore process only the new
frames and both ends. The package onnx splits the network into parts. A network with other layers processes each window
as a whole.
"""

import functools
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from aecbench.errors import MissingExtra
from aecbench.metrics import onnx_model
from aecbench.onnx_session import new_session
from aecbench.signals import Array

__all__ = ["LENGTH", "outputs", "prepare"]

LENGTH, HOP = 144_160, 16_000  # length of a window, and from one window to the next [samples]
STEP = 100  # frames from one window to the next
REACH = 4  # frames on either side of a frame on which the shared layers depend
POOL = 2  # frames that the first pooling combines
KNOWN = {0x269FBEBD}  # fingerprints of networks with the layers described above: the one in the wheel speechmos
CUTS = ("mos_estimator_logpow/truediv:0", "mos_estimator_logpow/conv2d_3/Relu:0_pooling0")  # tensors between its parts


class Parts(NamedTuple):
    """The parts of the network, as sessions of onnxruntime."""

    spectrum: Any  # [1, LENGTH] samples -> [1, frames, bins]
    shared: Any  # [1, T, bins] -> [1, channels, T / POOL, bins / POOL]
    rest: Any  # [1, channels, frames / POOL, bins / POOL] -> [1, outputs]


def prepare(path: Path) -> None:
    """Load the network in a file. Raises MissingExtra if onnx is needed but not installed."""
    if onnx_model.fingerprint(path) in KNOWN:
        _parts(path)


@onnx_model.remembered
def outputs(path: Path, x: Array) -> Array:
    """Return the outputs of the network in a file for every window of x [T], T >= LENGTH: float32 [windows, outputs].

    Raises MissingExtra if onnx is needed but not installed.
    """
    windows = sliding_window_view(x, LENGTH)[::HOP, None]
    if onnx_model.fingerprint(path) not in KNOWN:
        return np.concatenate([onnx_model.run(path, window) for window in windows])
    parts = _parts(path)
    spectra = (_run(parts.spectrum, window) for window in windows)
    return np.concatenate([_run(parts.rest, layers) for layers in _shared(parts, spectra)])


def _shared(parts: Parts, spectra: Iterator[Array]) -> Iterator[Array]:
    """Yield the output of the shared layers for each window, from its spectrum and their output for the one before."""
    layers = _run(parts.shared, next(spectra))
    yield layers
    step, reach = STEP // POOL, REACH // POOL
    for spectrum in spectra:
        start = _run(parts.shared, spectrum[:, : 2 * REACH])[:, :, :reach]
        end = _run(parts.shared, spectrum[:, -STEP - 2 * REACH :])[:, :, reach:]
        layers = np.concatenate([start, layers[:, :, step + reach : -reach], end], axis=2)
        yield layers


@functools.cache
def _parts(path: Path) -> Parts:
    """Split a network with the known layers into its parts. Raises MissingExtra without onnx."""
    try:
        import onnx
    except ImportError:
        raise MissingExtra("onnx", onnx_model.EXTRA) from None
    model = onnx.shape_inference.infer_shapes(onnx.load(path))
    (first,), (last,) = model.graph.input, model.graph.output
    cuts = [first.name, *CUTS, last.name]
    for value in model.graph.value_info:
        value.type.tensor_type.ClearField("shape")  # the numbers of frames vary
    extractor = onnx.utils.Extractor(model)
    parts = (extractor.extract_model([begin], [end]) for begin, end in itertools.pairwise(cuts))
    return Parts(*(new_session(part.SerializeToString()) for part in parts))


def _run(session: Any, x: Array) -> Array:
    """Return the only output of a session with one input."""
    (y,) = session.run(None, {session.get_inputs()[0].name: np.ascontiguousarray(x)})
    return np.asarray(y)
