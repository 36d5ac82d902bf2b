"""Operators that move or reduce elements."""

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


_REDUCER = Options("ReducerOptions", (OptionField("keepDims", 0, 1),))


def axes_are_contiguous(graph: Graph, op: Operator) -> bool:
    """its axes are constant and adjacent (a spatial mean, sum or maximum)"""
    axes = _axes(graph, op)
    return axes is not None and bool(axes) and axes == list(range(axes[0], axes[-1] + 1))


def _reduction_words(graph: Graph, op: Operator) -> list[Word]:
    axes, shape = _axes(graph, op), graph.tensors[op.inputs[0]].shape
    assert axes is not None
    parts = shape[: axes[0]], shape[axes[0] : axes[-1] + 1], shape[axes[-1] + 1 :]
    return [math.prod(part) for part in parts]


def _reduced_shape(op: Operator, inputs: Sequence[Tensor | None]) -> Shape | None:
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
    options=_REDUCER,
    shape=_reduced_shape,
    words=_reduction_words,
    constraints=(*COMMON, axes_are_contiguous),
    keeps_bounds=True,
    limits="adjacent axes",
    settings=1,
)

SUM = OperatorSpec(
    name="SUM",
    kernel=KernelSpec(
        name="SUM", number=41, forward="x y!", backward="dy! dx!", words="outer reduced inner", macs=None
    ),
    options=_REDUCER,
    shape=_reduced_shape,
    words=_reduction_words,
    constraints=(*COMMON, axes_are_contiguous),
    keeps_bounds=True,
    limits="adjacent axes",
    settings=1,
)

REDUCE_MAX = OperatorSpec(
    name="REDUCE_MAX",
    kernel=KernelSpec(
        name="REDUCE_MAX", number=37, forward="x y!", backward="x y dy! dx!", words="outer reduced inner", macs=None
    ),
    options=_REDUCER,
    shape=_reduced_shape,
    words=_reduction_words,
    constraints=(*COMMON, axes_are_contiguous),
    keeps_bounds=True,
    limits="adjacent axes; equal maxima share the error",
    settings=1,
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
    keeps_bounds=True,
    limits="up to 5 dimensions",
    settings=1,
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
    keeps_bounds=True,
    limits="up to 5 dimensions",
    settings=1,
)


def ranges_are_constant(graph: Graph, op: Operator) -> bool:
    """its begin, end and strides are constants, without ellipsis, new axes or offsets"""
    known = len(op.inputs) == 4 and all(graph.tensors[t].data is not None for t in op.inputs[1:])
    return known and not any(op.options[name] for name in ("ellipsis_mask", "new_axis_mask", "offset"))


def _ranges(op: Operator, x: Shape, begin: np.ndarray, end: np.ndarray, strides: np.ndarray) -> list[range]:
    """The elements taken along each dimension of x, by numpy's rules."""
    options = op.options
    found = [range(size) for size in x]
    for axis, (first, last, step) in enumerate(zip(begin.tolist(), end.tolist(), strides.tolist())):
        bit = 1 << axis
        if options["shrink_axis_mask"] & bit:
            first += x[axis] if first < 0 else 0
            found[axis] = range(first, first + 1)
        else:
            bounds = (None if options["begin_mask"] & bit else first, None if options["end_mask"] & bit else last, step)
            found[axis] = found[axis][slice(*bounds)]
    return found


def _slice_words(graph: Graph, op: Operator) -> list[Word]:
    begin, end, strides = (_constant(graph, t) for t in op.inputs[1:4])
    taken = _ranges(op, graph.tensors[op.inputs[0]].shape, begin, end, strides)
    return [word for r in taken for word in (r.start, r.step if len(r) > 1 else 1, len(r))]


def _slice_shape(op: Operator, inputs: Sequence[Tensor | None]) -> Shape | None:
    x, ends = shape_of(inputs, 0), [integers(inputs, i) for i in (1, 2, 3)]
    known = [values for values in ends if values is not None]
    if len(known) != len(ends) or op.options["ellipsis_mask"] or op.options["new_axis_mask"] or op.options["offset"]:
        return None
    begin, end, strides = known
    same_length = begin.shape == end.shape == strides.shape and begin.ndim == 1 and len(begin) <= len(x)
    require(same_length and bool((strides != 0).all()), "a begin, end or strides that do not fit its input")
    taken = _ranges(op, x, begin, end, strides)
    shrunk = op.options["shrink_axis_mask"]
    inside = all(not shrunk >> i & 1 or 0 <= r.start < x[i] for i, r in enumerate(taken))
    require(inside, "a begin outside its input")
    return tuple(len(r) for i, r in enumerate(taken) if not shrunk >> i & 1)


STRIDED_SLICE = OperatorSpec(
    name="STRIDED_SLICE",
    kernel=KernelSpec(name="STRIDED_SLICE", number=38, forward="x y!", backward="dy! dx!", words="ranges*", macs=None),
    options=Options(
        "StridedSliceOptions",
        (
            OptionField("beginMask", 0, 4),
            OptionField("endMask", 1, 4),
            OptionField("ellipsisMask", 2, 4),
            OptionField("newAxisMask", 3, 4),
            OptionField("shrinkAxisMask", 4, 4),
            OptionField("offset", 5, 1),
        ),
    ),
    shape=_slice_shape,
    words=_slice_words,
    constraints=(*COMMON, ranges_are_constant),
    keeps_bounds=True,
    limits="up to 5 dimensions",
    settings=3,
)


def _no_words(graph: Graph, op: Operator) -> list[Word]:
    return []


def _tile_shape(op: Operator, inputs: Sequence[Tensor | None]) -> Shape | None:
    x, multiples = shape_of(inputs, 0), integers(inputs, 1)
    if multiples is None:
        return None
    require(multiples.shape == (len(x),) and bool((multiples > 0).all()), "multiples that do not fit its input")
    return tuple(int(d * n) for d, n in zip(x, multiples.tolist()))


TILE = OperatorSpec(
    name="TILE",
    kernel=KernelSpec(name="TILE", number=42, forward="x y!", backward="dy! dx!", words="", macs=None),
    options=None,
    shape=_tile_shape,
    words=_no_words,
    constraints=(*COMMON, second_input_is_constant),
    keeps_bounds=True,
    limits="up to 5 dimensions",
    in_tflm=False,
    settings=1,
)


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

CONCATENATION = OperatorSpec(
    name="CONCATENATION",
    kernel=_JOIN,
    options=Options("ConcatenationOptions", (OptionField("axis", 0, 4), OptionField("fusedActivationFunction", 1, 1))),
    shape=_concatenation_shape,
    words=_concatenation_words,
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
    constraints=(*COMMON, few_parts),
    keeps_bounds=True,
    limits="up to 5 dimensions",
)


def begin_and_size_are_constant(graph: Graph, op: Operator) -> bool:
    """its begin and size are constants"""
    return all(graph.tensors[t].data is not None for t in op.inputs[1:])


def _part_shape(op: Operator, inputs: Sequence[Tensor | None]) -> Shape | None:
    x, begin, size = shape_of(inputs, 0), integers(inputs, 1), integers(inputs, 2)
    if begin is None or size is None:
        return None
    require(begin.shape == size.shape == (len(x),), "a begin or size that does not fit its input")
    found = tuple(d - b if n == -1 else n for d, b, n in zip(x, begin.tolist(), size.tolist()))
    inside = all(b >= 0 and n > 0 and b + n <= d for d, b, n in zip(x, begin.tolist(), found))
    require(inside, "a begin or size that does not fit its input")
    return found


def _part_words(graph: Graph, op: Operator) -> list[Word]:
    y = graph.tensors[op.outputs[0]].shape
    return [int(word) for b, n in zip(_constant(graph, op.inputs[1]).tolist(), y) for word in (b, 1, n)]


SLICE = OperatorSpec(
    name="SLICE",
    kernel=STRIDED_SLICE.kernel,
    options=None,
    shape=_part_shape,
    words=_part_words,
    constraints=(*COMMON, begin_and_size_are_constant),
    keeps_bounds=True,
    limits="up to 5 dimensions",
    settings=2,
)
