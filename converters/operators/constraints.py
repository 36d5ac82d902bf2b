"""What several operators must fulfil to run, or to pass errors back, in the device runtime.

A constraint is a small function of a graph and an operator whose docstring says the rule; it returns True when
the operator fulfils it. The docstrings are the documentation: they appear in error messages, in ``inspect`` and in the
table of supported operators.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from ..graph import Graph, Operator, Tensor
from ..plan_format import MAX_RANK
from ..quantization import stated


def typed_tensors(graph: Graph, op: Operator) -> bool:
    """its tensors are float32, or all int8 with a scale and a zero point each"""
    from . import OPERATORS  # not above: the specs in it name this constraint

    spec = OPERATORS[op.type]
    tensors = [graph.tensors[t] for t in (*spec.operands(op), *op.outputs) if t >= 0]
    if (spec.int8 is not None or spec.is_view) and spec.computes_int8(graph, op):
        parameters = {op.input(spec.position(name)) for name in spec.parameters}
        return all(t.dtype == "int8" and stated(t) is not None for t in tensors if t.index not in parameters)
    return all(t.dtype == "float32" for t in tensors)


def rank_fits(graph: Graph, op: Operator) -> bool:
    """its tensors have at most five dimensions"""
    return all(len(graph.tensors[t].shape) <= MAX_RANK for t in (*op.inputs, *op.outputs) if t >= 0)


def weights_are_constant(graph: Graph, op: Operator) -> bool:
    """its weights and bias are constants: float32, or int8 (scales above 0, zero point 0, 65,793 a channel at most)"""
    from . import OPERATORS  # not above: the specs in it name this constraint

    spec = OPERATORS[op.type]
    named = [(name, op.input(spec.position(name))) for name in spec.parameters]
    tensors = {name: graph.tensors[t] for name, t in named if t >= 0}
    if any(t.data is None for t in tensors.values()):
        return False
    if spec.int8 is None or not spec.computes_int8(graph, op):
        return all(t.dtype == "float32" for t in tensors.values())
    return int8_weights(graph.tensors[spec.operands(op)[0]], tensors, spec.channel_axis)


def image_input(graph: Graph, op: Operator) -> bool:
    """its input is one image [1, height, width, channels]"""
    from . import OPERATORS  # not above: the specs in it name this constraint

    shape = graph.tensors[OPERATORS[op.type].operands(op)[0]].shape
    return len(shape) == 4 and shape[0] == 1


def second_input_is_constant(graph: Graph, op: Operator) -> bool:
    """its second input (paddings, permutation, size, multiples) is a constant"""
    return graph.tensors[op.inputs[1]].data is not None


def no_fused_activation(graph: Graph, op: Operator) -> bool:
    """it has no fused activation"""
    return op.options.get("fused_activation_function", "NONE") == "NONE"


def known_fused_activation(graph: Graph, op: Operator) -> bool:
    """its fused activation is none, RELU, RELU6 or RELU_N1_TO_1"""
    return op.options.get("fused_activation_function", "NONE") in ("NONE", "RELU", "RELU6", "RELU_N1_TO_1")


_MOST_TERMS = (2**31 - 1) // (255 * 128)  # of a sum that no int8 values take beyond 32 bits


def int8_weights(x: Tensor, tensors: Mapping[str, Tensor], channel_axis: int | None) -> bool:
    """Whether weights are int8, symmetric, with one scale or one for each channel, and biases int32 in units of the
    products (TensorFlow Lite's 8-bit quantisation)."""
    w, b = tensors["w"], tensors.get("b")
    quantization = stated(w)
    if w.dtype != "int8" or quantization is None or quantization.zero_points.any():
        return False
    if channel_axis is not None and w.elements // w.shape[channel_axis] > _MOST_TERMS:
        return False
    return (len(quantization.scales) == 1 or quantization.axis == channel_axis) and (b is None or b.dtype == "int32")


def scales_relate(graph: Graph, op: Operator) -> bool:
    """its int8 scales relate: those of its inputs come to less than 2^30 of its output's, and to more than 0"""
    from . import OPERATORS  # not above: the specs in it name this constraint

    spec = OPERATORS[op.type]
    names = [argument.name for argument in spec.inputs]
    read = [stated(graph.tensors[t]) for name, t in zip(names, spec.operands(op)) if t >= 0 and name != "b"]
    known = [q.scales for q in read if q is not None]
    least_read = [float(np.min(scales)) for scales in known]
    most_read = [float(np.max(scales)) for scales in known]
    written = [stated(graph.tensors[t]) for t in op.outputs]
    least = min((float(np.min(q.scales)) for q in written if q is not None), default=1.0)
    multiplies = bool(spec.parameters) or op.type == "MUL"
    if multiplies and np.float32(math.prod(least_read)) == 0:
        return False
    return (math.prod(most_read) if multiplies else max(most_read, default=0.0)) < 2.0**30 * least


COMMON = (typed_tensors, rank_fits)
FUSED = (*COMMON, known_fused_activation)
WINDOW = (*COMMON, image_input, known_fused_activation)
