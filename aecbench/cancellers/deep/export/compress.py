"""Networks made smaller: weights that are next to zero become zero, or all become numbers of 8 bits."""

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

__all__ = ["prune", "rounded"]


def prune(canceller: FramewiseCanceller, share: float) -> FramewiseCanceller:
    """The canceller with the smallest `share` (0 ... 1) of the weights of each layer set to zero; biases stay.

    S. Han, J. Pool, J. Tran, W. J. Dally, "Learning both weights and connections for efficient neural networks", NIPS
    2015, but without the training afterwards. Raises UsageError for another share.
    """
    if not 0 <= share < 1:
        raise UsageError(f"prune is {share}, expected a share from 0 to below 1")
    network = copy.deepcopy(canceller.network)
    for name, weights in network.named_parameters():
        few = int(share * weights.numel())
        if few and name.rpartition(".")[2].startswith("weight"):
            limit = weights.abs().flatten().kthvalue(few).values
            weights.data[weights.abs() <= limit] = 0
    return replace(canceller, network=network)


def rounded(model: Any, weights: Sequence[NDArray[np.float32]]) -> Any:
    """The model, an onnx.ModelProto, with these weights of products of matrices in 8 bits, one scale per column.

    Dynamic quantisation: what comes into such a product is rounded to 8 bits too, with a scale for each block. Anything
    else, as transforms and adaptive filters, stays float32. Raises MissingExtra.
    """
    try:
        import onnx
        from onnxruntime.quantization import QuantType, quantize_dynamic
        from onnxruntime.quantization.onnx_model import ONNXModel
    except ImportError:
        raise MissingExtra("onnxruntime", "onnx") from None
    ONNXModel(model).replace_gemm_with_matmul()  # here, where their names can still be told to the quantiser
    known = {w.T.tobytes() for w in weights if w.ndim == 2}
    constants = {given.name: onnx.numpy_helper.to_array(given) for given in model.graph.initializer}
    products = [
        node.name
        for node in model.graph.node
        if node.op_type == "MatMul" and node.input[1] in constants and constants[node.input[1]].tobytes() in known
    ]
    with TemporaryDirectory(prefix="aecbench-") as folder:
        path = Path(folder) / "model.onnx"
        quantize_dynamic(model, path, nodes_to_quantize=products, per_channel=True, weight_type=QuantType.QInt8)
        return onnx.load(path)
