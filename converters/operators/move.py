"""Operators that move elements: PAD, TRANSPOSE, TILE."""

from __future__ import annotations

from collections.abc import Sequence

from ..graph import Graph, Operator, Tensor
from ..plan_format import Phase
from .constraints import COMMON, second_input_is_constant
from .fixed_point import zero_point_of
from .int8_tables import moves, one_scale
from .shapes import constant, integers, no_words, require, shape_of
from .spec import Int8, KernelSpec, OperatorSpec, Shape, Word


def paddings_not_negative(graph: Graph, op: Operator) -> bool:
    """its paddings are not negative"""
    data = graph.tensors[op.inputs[1]].data
    return data is not None and bool((data >= 0).all())


def _pad_words(graph: Graph, op: Operator) -> list[Word]:
    return [int(before) for before in constant(graph, op.inputs[1])[:, 0]]


def _int8_pad_words(graph: Graph, op: Operator, phase: Phase) -> list[Word]:
    return [zero_point_of(graph.tensors[op.outputs[0]]), *_pad_words(graph, op)]


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
    int8=Int8(
        KernelSpec(name="PAD_INT8", number=68, forward="x y!", backward="dy! dx!", words="y_zero before*", macs=None),
        _int8_pad_words,
        (one_scale,),
    ),
)


def _transpose_words(graph: Graph, op: Operator) -> list[Word]:
    rank = len(graph.tensors[op.inputs[0]].shape)
    return [int(axis) % rank for axis in constant(graph, op.inputs[1])]


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
    int8=moves(
        KernelSpec(
            name="TRANSPOSE_INT8", number=69, forward="x y!", backward="dy! dx!", words="permutation*", macs=None
        ),
        _transpose_words,
    ),
)


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
    words=no_words,
    constraints=(*COMMON, second_input_is_constant),
    keeps_bounds=True,
    limits="up to 5 dimensions",
    in_tflm=False,
    settings=1,
)
