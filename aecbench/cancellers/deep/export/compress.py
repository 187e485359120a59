"""Smaller networks: weights that are almost zero become zero, or all weights become 8-bit numbers."""

import copy
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aecbench.cancellers.deep.framewise import FramewiseCanceller
from aecbench.errors import MissingExtra, UsageError

__all__ = ["prune", "quantize"]


def prune(canceller: FramewiseCanceller, share: float) -> FramewiseCanceller:
    """Return the canceller with the smallest `share` (0 ... 1) of the weights of each layer set to zero; biases stay.

    S. Han, J. Pool, J. Tran, W. J. Dally, "Learning both weights and connections for efficient neural networks", NIPS
    2015, but without retraining. Raises UsageError for another share.
    """
    if not 0 <= share < 1:
        raise UsageError(f"prune is {share}, expected a share from 0 to below 1")
    network = copy.deepcopy(canceller.network)
    for name, weights in network.named_parameters():
        count = int(share * weights.numel())
        if count and name.rpartition(".")[2].startswith("weight"):
            limit = weights.abs().flatten().kthvalue(count).values
            weights.data[weights.abs() <= limit] = 0
    return replace(canceller, network=network)


def quantize(model: Any, weights: Sequence[NDArray[np.float32]]) -> Any:
    """Return the model, an onnx.ModelProto, with these weights of matrix products in 8 bits, one scale per column.

    Quantisation is dynamic: the input of such a product is rounded to 8 bits too, with a scale for each block.
    Everything else, such as transforms and adaptive filters, stays float32. Raises MissingExtra.
    """
    try:
        import onnx
        from onnxruntime.quantization import QuantType, quantize_dynamic
        from onnxruntime.quantization.onnx_model import ONNXModel
    except ImportError:
        raise MissingExtra("onnxruntime", "onnx") from None
    ONNXModel(model).replace_gemm_with_matmul()  # before the nodes to quantise are named
    matrices = {w.T.tobytes() for w in weights if w.ndim == 2}
    constants = {value.name: onnx.numpy_helper.to_array(value) for value in model.graph.initializer}
    products = [
        node.name
        for node in model.graph.node
        if node.op_type == "MatMul" and node.input[1] in constants and constants[node.input[1]].tobytes() in matrices
    ]
    with TemporaryDirectory(prefix="aecbench-") as folder:
        path = Path(folder) / "model.onnx"
        quantize_dynamic(model, path, nodes_to_quantize=products, per_channel=True, weight_type=QuantType.QInt8)
        return onnx.load(path)
