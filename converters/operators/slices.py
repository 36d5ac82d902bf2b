"""Operators that take a part of every dimension."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..graph import Graph, Operator, Tensor
from .constraints import COMMON
from .int8_tables import moves
from .shapes import constant, integers, require, shape_of
from .spec import KernelSpec, OperatorSpec, OptionField, Options, Shape, Word


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
    begin, end, strides = (constant(graph, t) for t in op.inputs[1:4])
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


_INT8 = KernelSpec(name="STRIDED_SLICE_INT8", number=70, forward="x y!", backward="dy! dx!", words="ranges*", macs=None)

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
    int8=moves(_INT8, _slice_words),
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
    return [int(word) for b, n in zip(constant(graph, op.inputs[1]).tolist(), y) for word in (b, 1, n)]


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
    int8=moves(_INT8, _part_words),
)
