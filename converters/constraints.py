"""What an operator must fulfil to run, and to pass errors backward, in the device runtime.

A constraint is a small function of a graph and an operator whose docstring says the rule; it returns True when
the operator fulfils it. The docstrings are the documentation: they appear in error messages, in ``inspect`` and in the
table of supported operators.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .graph import Graph, Operator
from .plan_format import MAX_OPERATOR_VALUES, MAX_RANK

Constraint = Callable[[Graph, Operator], bool]

VIEW_OPERATORS = frozenset({"RESHAPE", "SQUEEZE", "EXPAND_DIMS"})
PARAMETER_OPERATORS = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"})


def _axes(graph: Graph, op: Operator) -> list[int] | None:
    data = graph.tensors[op.input(1)].data if op.input(1) >= 0 else None
    if data is None:
        return None
    rank = len(graph.tensors[op.inputs[0]].shape)
    return sorted({int(axis) % rank for axis in np.atleast_1d(data)}) if rank else []


def mean_axes(graph: Graph, op: Operator) -> list[int]:
    """Axes of a MEAN, ascending and not negative (call after ``axes_are_contiguous``)."""
    axes = _axes(graph, op)
    assert axes is not None
    return axes


def float_tensors(graph: Graph, op: Operator) -> bool:
    """its tensors are float32 (this release trains float32 models)"""
    data_inputs = op.inputs[1:] if op.type == "CONCATENATION" else op.inputs[:1]
    return all(graph.tensors[t].dtype == "float32" for t in (*data_inputs, *op.outputs) if t >= 0)


def rank_fits(graph: Graph, op: Operator) -> bool:
    """its tensors have at most five dimensions"""
    return all(len(graph.tensors[t].shape) <= MAX_RANK for t in (*op.inputs, *op.outputs) if t >= 0)


def weights_are_constant(graph: Graph, op: Operator) -> bool:
    """its weights and bias are float32 constants of the file"""
    tensors = [graph.tensors[op.input(1)]] + [graph.tensors[t] for t in (op.input(2),) if t >= 0]
    return all(t.data is not None and t.dtype == "float32" for t in tensors)


def not_grouped(graph: Graph, op: Operator) -> bool:
    """its filter covers all input channels (no grouped convolution)"""
    return graph.tensors[op.inputs[1]].shape[-1] == graph.tensors[op.inputs[0]].shape[-1]


def image_input(graph: Graph, op: Operator) -> bool:
    """its input is one image [1, height, width, channels]"""
    shape = graph.tensors[op.inputs[0]].shape
    return len(shape) == 4 and shape[0] == 1


def default_weights_format(graph: Graph, op: Operator) -> bool:
    """its weights are stored in the default format (not shuffled)"""
    return op.options.get("weights_format", "DEFAULT") in ("DEFAULT", 0)


def window_fits_argmax(graph: Graph, op: Operator) -> bool:
    """its window has at most 256 elements (the winner's position is saved in one byte)"""
    return op.options["filter_height"] * op.options["filter_width"] <= 256


def axes_are_contiguous(graph: Graph, op: Operator) -> bool:
    """its axes are constant and adjacent (spatial mean)"""
    axes = _axes(graph, op)
    return axes is not None and bool(axes) and axes == list(range(axes[0], axes[-1] + 1))


def second_input_is_constant(graph: Graph, op: Operator) -> bool:
    """its second input (paddings, permutation) is a constant"""
    return graph.tensors[op.inputs[1]].data is not None


def paddings_not_negative(graph: Graph, op: Operator) -> bool:
    """its paddings are not negative"""
    data = graph.tensors[op.inputs[1]].data
    return data is not None and bool((data >= 0).all())


def no_fused_activation(graph: Graph, op: Operator) -> bool:
    """it has no fused activation"""
    return op.options.get("fused_activation_function", "NONE") == "NONE"


def known_fused_activation(graph: Graph, op: Operator) -> bool:
    """its fused activation is none, RELU, RELU6 or RELU_N1_TO_1"""
    return op.options.get("fused_activation_function", "NONE") in ("NONE", "RELU", "RELU6", "RELU_N1_TO_1")


def few_inputs(graph: Graph, op: Operator) -> bool:
    """it has at most 23 inputs"""
    return len(op.inputs) < MAX_OPERATOR_VALUES


def slope_not_negative(graph: Graph, op: Operator) -> bool:
    """its slope alpha is not negative (the sign of the output tells the sign of the input)"""
    return float(op.options.get("alpha", 0.0)) >= 0


_COMMON: tuple[Constraint, ...] = (float_tensors, rank_fits)
_WINDOW = (*_COMMON, image_input, known_fused_activation)
_ARITHMETIC = (*_COMMON, known_fused_activation)

FORWARD_CONSTRAINTS: dict[str, tuple[Constraint, ...]] = {
    "FULLY_CONNECTED": (*_ARITHMETIC, weights_are_constant, default_weights_format),
    "CONV_2D": (*_WINDOW, weights_are_constant, not_grouped),
    "DEPTHWISE_CONV_2D": (*_WINDOW, weights_are_constant),
    "MAX_POOL_2D": _WINDOW,
    "AVERAGE_POOL_2D": _WINDOW,
    "MEAN": (*_COMMON, axes_are_contiguous),
    "ADD": _ARITHMETIC,
    "SUB": _ARITHMETIC,
    "MUL": _ARITHMETIC,
    "PAD": (*_COMMON, second_input_is_constant, paddings_not_negative),
    "CONCATENATION": (*_COMMON, no_fused_activation, few_inputs),
    "RESHAPE": _COMMON,
    "SQUEEZE": _COMMON,
    "EXPAND_DIMS": _COMMON,
    "TRANSPOSE": (*_COMMON, second_input_is_constant),
    "SOFTMAX": _COMMON,
    "LOGISTIC": _COMMON,
    "TANH": _COMMON,
    "RELU": _COMMON,
    "RELU6": _COMMON,
    "RELU_N1_TO_1": _COMMON,
    "LEAKY_RELU": _COMMON,
    "HARD_SWISH": _COMMON,
}

BACKWARD_CONSTRAINTS: dict[str, tuple[Constraint, ...]] = {
    "MAX_POOL_2D": (window_fits_argmax,),
    "LEAKY_RELU": (slope_not_negative,),
}


def why_not_forward(graph: Graph, op: Operator) -> str | None:
    """Why the device runtime cannot run the operator, or None if it can."""
    if op.index in graph.folded:
        return None
    if op.type not in FORWARD_CONSTRAINTS:
        return f"{op.type} is not among the supported operators"
    for constraint in FORWARD_CONSTRAINTS[op.type]:
        if not constraint(graph, op):
            return f"{op.type} is supported only when {constraint.__doc__}"
    return None


def why_not_backward(graph: Graph, op: Operator) -> str | None:
    """Why an error cannot be passed back through the operator, or None if it can."""
    reason = why_not_forward(graph, op)
    if reason:
        return reason
    for constraint in BACKWARD_CONSTRAINTS.get(op.type, ()):
        if not constraint(graph, op):
            return f"{op.type} can be differentiated only when {constraint.__doc__}"
    return None
