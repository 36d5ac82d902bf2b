"""Operators that move or average elements: MEAN, PAD, TRANSPOSE, CONCATENATION."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..graph import Graph, Operator, Tensor
from ..plan_format import MAX_OPERATOR_VALUES
from .constraints import COMMON, no_fused_activation, second_input_is_constant
from .shapes import integers, require, shape_of
from .spec import KernelSpec, OperatorSpec, OptionField, Options, Shape, Word


def _axes(graph: Graph, op: Operator) -> list[int] | None:
    data = graph.tensors[op.input(1)].data if op.input(1) >= 0 else None
    if data is None:
        return None
    rank = len(graph.tensors[op.inputs[0]].shape)
    return sorted({int(axis) % rank for axis in np.atleast_1d(data)}) if rank else []


def _constant(graph: Graph, tensor: int) -> np.ndarray:
    data = graph.tensors[tensor].data
    assert data is not None
    return data


def axes_are_contiguous(graph: Graph, op: Operator) -> bool:
    """its axes are constant and adjacent (spatial mean)"""
    axes = _axes(graph, op)
    return axes is not None and bool(axes) and axes == list(range(axes[0], axes[-1] + 1))


def _mean_words(graph: Graph, op: Operator) -> list[Word]:
    axes, shape = _axes(graph, op), graph.tensors[op.inputs[0]].shape
    assert axes is not None
    parts = shape[: axes[0]], shape[axes[0] : axes[-1] + 1], shape[axes[-1] + 1 :]
    return [math.prod(part) for part in parts]


def _mean_shape(op: Operator, inputs: Sequence[Tensor | None]) -> Shape | None:
    x, axes = shape_of(inputs, 0), integers(inputs, 1)
    if axes is None:
        return None
    require(all(-len(x) <= a < len(x) for a in axes.ravel().tolist()), "an axis outside its input")
    reduced = {a % len(x) for a in axes.ravel().tolist()}
    if op.options["keep_dims"]:
        return tuple(1 if i in reduced else d for i, d in enumerate(x))
    return tuple(d for i, d in enumerate(x) if i not in reduced)


MEAN = OperatorSpec(
    name="MEAN",
    kernel=KernelSpec(
        name="MEAN", number=16, forward="x y!", backward="dy! dx!", words="outer reduced inner", macs=None
    ),
    options=Options("ReducerOptions", (OptionField("keepDims", 0, 1),)),
    shape=_mean_shape,
    words=_mean_words,
    constraints=(*COMMON, axes_are_contiguous),
)


def paddings_not_negative(graph: Graph, op: Operator) -> bool:
    """its paddings are not negative"""
    data = graph.tensors[op.inputs[1]].data
    return data is not None and bool((data >= 0).all())


def _pad_words(graph: Graph, op: Operator) -> list[Word]:
    return [int(before) for before in _constant(graph, op.inputs[1])[:, 0]]


def _pad_shape(op: Operator, inputs: Sequence[Tensor | None]) -> Shape | None:
    x, paddings = shape_of(inputs, 0), integers(inputs, 1)
    if paddings is None:
        return None
    require(paddings.shape == (len(x), 2), "paddings that do not fit its input")
    return tuple(int(d + before + after) for d, (before, after) in zip(x, paddings.tolist()))


PAD = OperatorSpec(
    name="PAD",
    kernel=KernelSpec(name="PAD", number=14, forward="x y!", backward="dy! dx!", words="before*", macs=None),
    options=None,
    shape=_pad_shape,
    words=_pad_words,
    constraints=(*COMMON, second_input_is_constant, paddings_not_negative),
)


def _transpose_words(graph: Graph, op: Operator) -> list[Word]:
    rank = len(graph.tensors[op.inputs[0]].shape)
    return [int(axis) % rank for axis in _constant(graph, op.inputs[1])]


def _transpose_shape(op: Operator, inputs: Sequence[Tensor | None]) -> Shape | None:
    x, order = shape_of(inputs, 0), integers(inputs, 1)
    if order is None:
        return None
    require(sorted(order.ravel().tolist()) == list(range(len(x))), "a permutation that does not fit its input")
    return tuple(x[i] for i in order.ravel().tolist())


TRANSPOSE = OperatorSpec(
    name="TRANSPOSE",
    kernel=KernelSpec(name="TRANSPOSE", number=15, forward="x y!", backward="dy! dx!", words="permutation*", macs=None),
    options=None,
    shape=_transpose_shape,
    words=_transpose_words,
    constraints=(*COMMON, second_input_is_constant),
)


def few_inputs(graph: Graph, op: Operator) -> bool:
    """it has at most 23 inputs"""
    return len(op.inputs) < MAX_OPERATOR_VALUES


def _concatenation_words(graph: Graph, op: Operator) -> list[Word]:
    axis = int(op.options["axis"]) % len(graph.tensors[op.inputs[0]].shape)
    return [axis, *(graph.tensors[t].shape[axis] for t in op.inputs)]


def _concatenation_shape(op: Operator, inputs: Sequence[Tensor | None]) -> Shape:
    shapes = [shape_of(inputs, i) for i in range(len(inputs))]
    rank, axis = len(shapes[0]), op.options["axis"]
    require(-rank <= axis < rank, "an axis outside its input")
    axis %= rank
    others = {(*s[:axis], *s[axis + 1 :]) for s in shapes}
    require(len(others) == 1 and all(len(s) == rank for s in shapes), "inputs that cannot be joined")
    return (*shapes[0][:axis], sum(s[axis] for s in shapes), *shapes[0][axis + 1 :])


CONCATENATION = OperatorSpec(
    name="CONCATENATION",
    kernel=KernelSpec(
        name="CONCATENATION", number=2, forward="y! x*", backward="dy! dx!?*", words="axis sizes*", macs=None
    ),
    options=Options("ConcatenationOptions", (OptionField("axis", 0, 4), OptionField("fusedActivationFunction", 1, 1))),
    shape=_concatenation_shape,
    words=_concatenation_words,
    constraints=(*COMMON, no_fused_activation, few_inputs),
)
