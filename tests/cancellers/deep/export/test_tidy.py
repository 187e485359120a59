"""Nodes of an ONNX graph that only move numbers about."""

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
from onnx import TensorProto, parser
from onnx_ir.passes import common as passes

from aecbench.cancellers.deep.export.tidy import remove_detours

GRAPH = """
<ir_version: 10, opset_import: ["" : 20]>
g (float[2,3] x, float[1,3] y) => (float[1,3] a, float[3,2] b, float[2,3] c, float[3,2] d)
<int64[1] zero = {0}, int64[1] one = {1}, int64[1] two = {2}, int64[1] three = {3}, int64[2] swapped = {1, 0},
 int64[1] back = {-1}, int64[1] end = {-100}, int64 last = {2}>
{
    joined = Concat <axis = 0> (x, y)
    row = Gather <axis = 0> (joined, last)
    wide = Unsqueeze (row, zero)
    a = Neg (wide)
    turned = Transpose <perm = [1, 0]> (x)
    b = Neg (turned)
    other = Gather <axis = 0> (x, swapped)
    c = Neg (other)
    slow = Slice (x, back, end, zero, back)
    part = Slice (joined, zero, two, zero)
    both = Add (slow, part)
    tall = Unsqueeze (both, zero)
    flat = Squeeze (tall, zero)
    d = Transpose <perm = [1, 0]> (flat)
}
"""


def tidied():
    model = onnx.shape_inference.infer_shapes(parser.parse_model(GRAPH))
    tidy = ir.from_proto(model)
    remove_detours(tidy)
    tidy = passes.RemoveUnusedNodesPass()(tidy).model
    return model, ir.to_proto(tidy)


def test_the_outputs_stay():
    x, y = np.arange(6, dtype=np.float32).reshape(2, 3), np.full((1, 3), 9, np.float32)
    outputs = [
        onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"x": x, "y": y}) for model in tidied()
    ]
    for before, after in zip(*outputs, strict=True):
        np.testing.assert_array_equal(before, after)


def test_nodes_that_do_nothing_are_gone_and_those_that_permute_stay():
    _, after = tidied()
    kinds = [node.op_type for node in after.graph.node]
    assert sorted(kinds) == ["Add", "Gather", "Neg", "Neg", "Neg", "Slice", "Transpose", "Transpose"]
    assert {value.type.tensor_type.elem_type for value in after.graph.output} == {TensorProto.FLOAT}
