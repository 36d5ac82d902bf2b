"""Operators that join tensors along an axis, or divide one."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..graph import Graph, Operator, Tensor
from ..plan_format import MAX_OPERATOR_VALUES
from .constraints import COMMON, no_fused_activation
from .int8_tables import moves
from .shapes import integers, require, shape_of
from .spec import KernelSpec, OperatorSpec, OptionField, Options, Shape, Word


def few_parts(graph: Graph, op: Operator) -> bool:
    """it has at most 23 inputs and 23 outputs"""
    return max(len(op.inputs), len(op.outputs)) < MAX_OPERATOR_VALUES


def _axis(op: Operator, rank: int) -> int:
    axis = int(op.options["axis"])
    require(-rank <= axis < rank, "an axis outside its input")
    return axis % rank


def _blocks(whole: Shape, axis: int, parts: Sequence[int]) -> list[Word]:
    """How often blocks of the parts follow each other in the whole, and the elements of each, from the parts' sizes."""
    inner = math.prod(whole[axis + 1 :])
    return [math.prod(whole[:axis]), *(size * inner for size in parts)]


def _concatenation_words(graph: Graph, op: Operator) -> list[Word]:
    y = graph.tensors[op.outputs[0]].shape
    axis = _axis(op, len(y))
    return _blocks(y, axis, [graph.tensors[t].shape[axis] for t in op.inputs])


def _concatenation_shape(op: Operator, inputs: Sequence[Tensor | None]) -> Shape:
    shapes = [shape_of(inputs, i) for i in range(len(inputs))]
    require(bool(shapes), "no inputs")
    rank, axis = len(shapes[0]), _axis(op, len(shapes[0]))
    others = {(*s[:axis], *s[axis + 1 :]) for s in shapes}
    require(len(others) == 1 and all(len(s) == rank for s in shapes), "inputs that cannot be joined")
    return (*shapes[0][:axis], sum(s[axis] for s in shapes), *shapes[0][axis + 1 :])


# CONCATENATION and PACK
_JOIN = KernelSpec(
    name="CONCATENATION", number=2, forward="y! x*", backward="dy! dx!?*", words="outer blocks*", macs=None
)
# SPLIT, SPLIT_V and UNPACK
_DIVIDE = KernelSpec(name="SPLIT", number=48, forward="x y!*", backward="dx! dy?*", words="outer blocks*", macs=None)

_JOIN_INT8 = KernelSpec(
    name="CONCATENATION_INT8", number=71, forward="y! x*", backward="dy! dx!?*", words="outer blocks*", macs=None
)
_DIVIDE_INT8 = KernelSpec(
    name="SPLIT_INT8", number=72, forward="x y!*", backward="dx! dy?*", words="outer blocks*", macs=None
)

CONCATENATION = OperatorSpec(
    name="CONCATENATION",
    kernel=_JOIN,
    options=Options("ConcatenationOptions", (OptionField("axis", 0, 4), OptionField("fusedActivationFunction", 1, 1))),
    shape=_concatenation_shape,
    words=_concatenation_words,
    int8=moves(_JOIN_INT8, _concatenation_words),
    constraints=(*COMMON, no_fused_activation, few_parts),
    keeps_bounds=True,
    limits="up to 5 dimensions",
)


def _pack_words(graph: Graph, op: Operator) -> list[Word]:
    y = graph.tensors[op.outputs[0]].shape
    return _blocks(y, _axis(op, len(y)), [1] * len(op.inputs))


def _pack_shape(op: Operator, inputs: Sequence[Tensor | None]) -> Shape:
    shapes = {shape_of(inputs, i) for i in range(len(inputs))}
    require(len(shapes) == 1, "inputs that cannot be joined")
    (x,) = shapes
    axis = _axis(op, len(x) + 1)
    return (*x[:axis], len(inputs), *x[axis:])


PACK = OperatorSpec(
    name="PACK",
    kernel=_JOIN,
    options=Options("PackOptions", (OptionField("valuesCount", 0, 4), OptionField("axis", 1, 4))),
    shape=_pack_shape,
    words=_pack_words,
    int8=moves(_JOIN_INT8, _pack_words),
    constraints=(*COMMON, few_parts),
    keeps_bounds=True,
    limits="up to 5 dimensions",
)


def _split_axis(op: Operator, inputs: Sequence[Tensor | None]) -> int | None:
    position = 0 if op.type == "SPLIT" else 2
    axis, rank = integers(inputs, position), len(shape_of(inputs, 1 - position if position == 0 else 0))
    if axis is None:
        return None
    require(axis.size == 1 and -rank <= int(axis.reshape(-1)[0]) < rank, "an axis outside its input")
    return int(axis.reshape(-1)[0]) % rank


def _split_shape(op: Operator, inputs: Sequence[Tensor | None]) -> list[Shape] | None:
    x, axis, count = shape_of(inputs, 1), _split_axis(op, inputs), len(op.outputs)
    if axis is None:
        return None
    require(count == op.options["num_splits"] and x[axis] % count == 0, "parts that do not fit its input")
    return [(*x[:axis], x[axis] // count, *x[axis + 1 :])] * count


def _split_v_shape(op: Operator, inputs: Sequence[Tensor | None]) -> list[Shape] | None:
    x, sizes, axis = shape_of(inputs, 0), integers(inputs, 1), _split_axis(op, inputs)
    if sizes is None or axis is None:
        return None
    parts = [int(size) for size in sizes.reshape(-1)]
    if parts.count(-1) == 1:  # the rest
        parts[parts.index(-1)] = x[axis] - sum(parts) - 1
    require(min(parts, default=0) > 0 and sum(parts) == x[axis], "parts that do not fit its input")
    return [(*x[:axis], size, *x[axis + 1 :]) for size in parts]


def _split_words(graph: Graph, op: Operator) -> list[Word]:
    axis = _split_axis(op, [graph.tensors[t] for t in op.inputs])
    assert axis is not None
    x = graph.tensors[op.inputs[1 if op.type == "SPLIT" else 0]].shape
    return _blocks(x, axis, [graph.tensors[t].shape[axis] for t in op.outputs])


def parts_are_constant(graph: Graph, op: Operator) -> bool:
    """its axis and the sizes of its parts are constants"""
    settings = op.inputs[:1] if op.type == "SPLIT" else op.inputs[1:]
    return all(graph.tensors[t].data is not None for t in settings)


SPLIT = OperatorSpec(
    name="SPLIT",
    kernel=_DIVIDE,
    options=Options("SplitOptions", (OptionField("numSplits", 0, 4),)),
    shape=_split_shape,
    words=_split_words,
    int8=moves(_DIVIDE_INT8, _split_words),
    constraints=(*COMMON, parts_are_constant, few_parts),
    keeps_bounds=True,
    limits="up to 5 dimensions",
    order=(1,),
    settings=1,
)

SPLIT_V = OperatorSpec(
    name="SPLIT_V",
    kernel=_DIVIDE,
    options=Options("SplitVOptions", (OptionField("numSplits", 0, 4),)),
    shape=_split_v_shape,
    words=_split_words,
    int8=moves(_DIVIDE_INT8, _split_words),
    constraints=(*COMMON, parts_are_constant, few_parts),
    keeps_bounds=True,
    limits="up to 5 dimensions",
    settings=2,
)


def _unpack_shape(op: Operator, inputs: Sequence[Tensor | None]) -> list[Shape]:
    x = shape_of(inputs, 0)
    axis = _axis(op, len(x))
    require(x[axis] == len(op.outputs) == op.options["num"], "parts that do not fit its input")
    return [(*x[:axis], *x[axis + 1 :])] * len(op.outputs)


def _unpack_words(graph: Graph, op: Operator) -> list[Word]:
    x = graph.tensors[op.inputs[0]].shape
    return _blocks(x, _axis(op, len(x)), [1] * len(op.outputs))


UNPACK = OperatorSpec(
    name="UNPACK",
    kernel=_DIVIDE,
    options=Options("UnpackOptions", (OptionField("num", 0, 4), OptionField("axis", 1, 4))),
    shape=_unpack_shape,
    words=_unpack_words,
    int8=moves(_DIVIDE_INT8, _unpack_words),
    constraints=(*COMMON, few_parts),
    keeps_bounds=True,
    limits="up to 5 dimensions",
)
