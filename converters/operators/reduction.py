"""Reductions over adjacent axes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..graph import Graph, Operator, Tensor
from ..plan_format import Phase
from .constraints import COMMON
from .fixed_point import multiplier, scale_of, zero_point_of
from .int8_tables import one_scale
from .shapes import integers, require, shape_of
from .spec import Int8, KernelSpec, OperatorSpec, OptionField, Options, Shape, Word


def _axes(graph: Graph, op: Operator) -> list[int] | None:
    data = graph.tensors[op.input(1)].data if op.input(1) >= 0 else None
    if data is None:
        return None
    rank = len(graph.tensors[op.inputs[0]].shape)
    return sorted({int(axis) % rank for axis in np.atleast_1d(data)}) if rank else []


def axes_are_contiguous(graph: Graph, op: Operator) -> bool:
    """its axes are constant and adjacent (a spatial mean, sum or maximum)"""
    axes = _axes(graph, op)
    return axes is not None and bool(axes) and axes == list(range(axes[0], axes[-1] + 1))


def _words(graph: Graph, op: Operator) -> list[Word]:
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


def _int8_words(graph: Graph, op: Operator, phase: Phase) -> list[Word]:
    """The division of a mean is part of the factor (QuantizedMeanOrSum)."""
    x, y = graph.tensors[op.inputs[0]], graph.tensors[op.outputs[0]]
    shape = _words(graph, op)
    reduced = int(shape[1])
    fixed, shift = multiplier(float(scale_of(x)) / float(scale_of(y)))
    share = 1.0
    if op.type == "MEAN":
        share = 1 / reduced
        left = min(reduced.bit_length() - 1, 32, 31 + shift)
        fixed, shift = (fixed << left) // reduced, shift - left
    return [*shape, zero_point_of(x), zero_point_of(y), share, fixed, shift]


_SUM_INT8 = Int8(
    KernelSpec(
        name="SUM_INT8",
        number=62,
        forward="x y!",
        backward="y dy! dx!",
        words="outer reduced inner x_zero y_zero share:f32 multiplier shift",
        macs=None,
    ),
    _int8_words,
)


def _int8_shape(graph: Graph, op: Operator, phase: Phase) -> list[Word]:
    return _words(graph, op)


_REDUCE_MAX_INT8 = Int8(
    KernelSpec(
        name="REDUCE_MAX_INT8",
        number=63,
        forward="x y!",
        backward="x y dy! dx!",
        words="outer reduced inner",
        macs=None,
    ),
    _int8_shape,
    (one_scale,),
)


def _reduction(
    name: str, number: int, int8: Int8, backward: str = "dy! dx!", limits: str = "adjacent axes"
) -> OperatorSpec:
    return OperatorSpec(
        name=name,
        kernel=KernelSpec(
            name=name, number=number, forward="x y!", backward=backward, words="outer reduced inner", macs=None
        ),
        options=Options("ReducerOptions", (OptionField("keepDims", 0, 1),)),
        shape=_reduced_shape,
        words=_words,
        constraints=(*COMMON, axes_are_contiguous),
        keeps_bounds=True,
        limits=limits,
        settings=1,
        int8=int8,
    )


MEAN = _reduction("MEAN", 16, _SUM_INT8)
SUM = _reduction("SUM", 41, _SUM_INT8)
REDUCE_MAX = _reduction(
    "REDUCE_MAX", 37, _REDUCE_MAX_INT8, "x y dy! dx!", "adjacent axes; equal maxima share the error"
)
