"""What several operators must fulfil to run, or to pass errors back, in the device runtime.

A constraint is a small function of a graph and an operator whose docstring says the rule; it returns True when
the operator fulfils it. The docstrings are the documentation: they appear in error messages, in ``inspect`` and in the
table of supported operators.
"""

from __future__ import annotations

from ..graph import Graph, Operator
from ..plan_format import MAX_RANK


def float_tensors(graph: Graph, op: Operator) -> bool:
    """its tensors are float32 (this release trains float32 models)"""
    from . import OPERATORS  # not above: the specs in it name this constraint

    read = OPERATORS[op.type].operands(op)
    return all(graph.tensors[t].dtype == "float32" for t in (*read, *op.outputs) if t >= 0)


def rank_fits(graph: Graph, op: Operator) -> bool:
    """its tensors have at most five dimensions"""
    return all(len(graph.tensors[t].shape) <= MAX_RANK for t in (*op.inputs, *op.outputs) if t >= 0)


def weights_are_constant(graph: Graph, op: Operator) -> bool:
    """its weights and bias are float32 constants of the file"""
    from . import OPERATORS  # not above: the specs in it name this constraint

    spec = OPERATORS[op.type]
    tensors = [graph.tensors[t] for t in (op.input(spec.position(name)) for name in spec.parameters) if t >= 0]
    return all(t.data is not None and t.dtype == "float32" for t in tensors)


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


COMMON = (float_tensors, rank_fits)
FUSED = (*COMMON, known_fused_activation)
WINDOW = (*COMMON, image_input, known_fused_activation)
