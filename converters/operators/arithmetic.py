"""Arithmetic of two tensors that broadcast."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from ..graph import Graph, Operator, Tensor
from .constraints import FUSED
from .shapes import Wrong, shape_of
from .spec import KernelSpec, OperatorSpec, OptionField, Options, Shape, Word
from .window import activation

_ACTIVATION = OptionField("fusedActivationFunction", 0, 1)
_POT_SCALE = OptionField("potScaleInt16", 1, 1, 1)


def _words(graph: Graph, op: Operator) -> list[Word]:
    return [int(activation(op))]


def _shape(op: Operator, inputs: Sequence[Tensor | None]) -> Shape:
    try:
        return np.broadcast_shapes(shape_of(inputs, 0), shape_of(inputs, 1))
    except ValueError as error:
        if isinstance(error, Wrong):
            raise
        raise Wrong("inputs that cannot be broadcast") from None


def _products(shapes: Mapping[str, Shape], words: Mapping[str, Word]) -> int:
    return math.prod(shapes["y"])


ADD = OperatorSpec(
    name="ADD",
    kernel=KernelSpec(
        name="ADD", number=0, forward="a b y!", backward="y? dy! da!? db!?", words="activation", macs=None
    ),
    options=Options("AddOptions", (_ACTIVATION, _POT_SCALE)),
    shape=_shape,
    words=_words,
    constraints=FUSED,
    keeps_bounds=True,
    limits="constants broadcast",
    shares=("a", "b"),
    passes_on=True,
)

SUB = OperatorSpec(
    name="SUB",
    kernel=KernelSpec(
        name="SUB", number=17, forward="a b y!", backward="y? dy! da!? db!?", words="activation", macs=None
    ),
    options=Options("SubOptions", (_ACTIVATION, _POT_SCALE)),
    shape=_shape,
    words=_words,
    constraints=FUSED,
    keeps_bounds=True,
    limits="constants broadcast",
    shares=("a",),  # b's error is negated
    passes_on=True,
)

MUL = OperatorSpec(
    name="MUL",
    kernel=KernelSpec(
        name="MUL",
        number=8,
        forward="a b y!",
        backward="a? b? y? dy! da!? db!?",
        words="activation",
        macs=_products,
    ),
    options=Options("MulOptions", (_ACTIVATION,)),
    shape=_shape,
    words=_words,
    constraints=FUSED,
    keeps_bounds=True,
    limits="constants broadcast",
    reads_for={"a": ("db",), "b": ("da",)},
)


def _of_both(name: str, number: int, options: Options | None) -> OperatorSpec:
    """A function whose slopes read both operands."""
    return OperatorSpec(
        name=name,
        kernel=KernelSpec(
            name=name,
            number=number,
            forward="a b y!",
            backward="a? b? y? dy! da!? db!?",
            words="activation",
            macs=None,
        ),
        options=options,
        shape=_shape,
        words=_words,
        constraints=FUSED,
        keeps_bounds=True,
        limits="constants broadcast",
        reads_for={"a": ("da", "db"), "b": ("da", "db")},
    )


DIV = _of_both("DIV", 33, Options("DivOptions", (_ACTIVATION,)))
SQUARED_DIFFERENCE = _of_both("SQUARED_DIFFERENCE", 34, None)
MAXIMUM = _of_both("MAXIMUM", 35, None)
MINIMUM = _of_both("MINIMUM", 36, None)
