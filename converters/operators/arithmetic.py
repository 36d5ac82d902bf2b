"""Arithmetic of two tensors that broadcast, and products of matrices."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from ..graph import Graph, Operator, Tensor
from ..plan_format import Phase
from .constraints import COMMON, FUSED
from .fixed_point import bounds, multiplier, scale_of, zero_point_of
from .int8_tables import one_scale
from .shapes import Wrong, require, shape_of
from .spec import Int8, Int16Errors, KernelSpec, OperatorSpec, OptionField, Options, Shape, Word
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


def _int8_add_words(graph: Graph, op: Operator, phase: Phase) -> list[Word]:
    """Both operands are brought to twice the larger scale with 20 bits more (CalculateOpDataAdd, CalculateOpDataSub:
    that one in float32)."""
    a, b, y = (graph.tensors[t] for t in (*op.inputs[:2], op.outputs[0]))
    real = float if op.type == "ADD" else np.float32
    scales = [real(scale_of(tensor)) for tensor in (a, b, y)]
    twice = 2 * max(scales[:2])
    factors = [scales[0] / twice, scales[1] / twice, twice / ((1 << 20) * scales[2])]
    zeros = [zero_point_of(tensor) for tensor in (a, b, y)]
    pairs = [word for factor in factors for word in multiplier(float(factor))]
    return [*zeros, *bounds(graph, op), 1 if op.type == "ADD" else -1, *pairs]


def _has_equal_shapes(graph: Graph, op: Operator) -> bool:
    """its operands have the shape of its output"""
    return len({graph.tensors[t].shape for t in (*op.inputs[:2], op.outputs[0])}) == 1


def _int16_add_words(graph: Graph, op: Operator) -> list[Word]:
    return [*bounds(graph, op), 1 if op.type == "ADD" else -1]


_ADD_INT8 = Int8(
    KernelSpec(
        name="ADD_INT8",
        number=64,
        forward="a b y!",
        backward="y dy! da!? db!?",
        words="a_zero b_zero y_zero low high sign factors*",
        macs=None,
    ),
    _int8_add_words,
    errors=Int16Errors(
        KernelSpec(
            name="ADD_INT16_ERRORS",
            number=84,
            forward="a b y!",
            backward="y dy! da!? db!? dye dae!? dbe!?",
            words="low high sign",
            macs=None,
        ),
        _int16_add_words,
        _has_equal_shapes,
    ),
)


def _int8_mul_words(graph: Graph, op: Operator, phase: Phase) -> list[Word]:
    a, b, y = (graph.tensors[t] for t in (*op.inputs[:2], op.outputs[0]))
    factor = float(scale_of(a)) * float(scale_of(b)) / float(scale_of(y))
    zeros = [zero_point_of(tensor) for tensor in (a, b, y)]
    return [*zeros, *bounds(graph, op), float(scale_of(a)), float(scale_of(b)), *multiplier(factor)]


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
    int8=_ADD_INT8,
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
    int8=_ADD_INT8,
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
    int8=Int8(
        KernelSpec(
            name="MUL_INT8",
            number=65,
            forward="a b y!",
            backward="a? b? y dy! da!? db!?",
            words="a_zero b_zero y_zero low high a_scale:f32 b_scale:f32 multiplier shift",
            macs=_products,
        ),
        _int8_mul_words,
    ),
)


def _int8_no_words(graph: Graph, op: Operator, phase: Phase) -> list[Word]:
    return []


def _int8_of_both(name: str, number: int) -> Int8:
    """Of operands and an output of one scale: as they are stored."""
    kernel = KernelSpec(name=name, number=number, forward="a b y!", backward="a? b? dy! da!? db!?", words="", macs=None)
    return Int8(kernel, _int8_no_words, (one_scale,))


def _of_both(name: str, number: int, options: Options | None, int8: Int8 | None = None) -> OperatorSpec:
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
        int8=int8,
    )


DIV = _of_both("DIV", 33, Options("DivOptions", (_ACTIVATION,)))
SQUARED_DIFFERENCE = _of_both("SQUARED_DIFFERENCE", 34, None)
MAXIMUM = _of_both("MAXIMUM", 35, None, _int8_of_both("MAXIMUM_INT8", 66))
MINIMUM = _of_both("MINIMUM", 36, None, _int8_of_both("MINIMUM_INT8", 67))


def _matrix_words(graph: Graph, op: Operator) -> list[Word]:
    return [int(op.options["adj_x"]), int(op.options["adj_y"])]


def _matrix_shape(op: Operator, inputs: Sequence[Tensor | None]) -> Shape:
    a, b = shape_of(inputs, 0), shape_of(inputs, 1)
    require(len(a) >= 2 and len(b) >= 2, "an input that is no matrix")
    rows, inner = a[-2:][:: -1 if op.options["adj_x"] else 1]
    other, columns = b[-2:][:: -1 if op.options["adj_y"] else 1]
    require(inner == other > 0, "matrices that cannot be multiplied")
    try:
        return (*np.broadcast_shapes(a[:-2], b[:-2]), rows, columns)
    except ValueError:
        raise Wrong("inputs that cannot be broadcast") from None


def _matrix_macs(shapes: Mapping[str, Shape], words: Mapping[str, Word]) -> int:
    return math.prod(shapes["y"]) * shapes["a"][-2 if words["transposed_a"] else -1]


BATCH_MATMUL = OperatorSpec(
    name="BATCH_MATMUL",
    kernel=KernelSpec(
        name="BATCH_MATMUL",
        number=47,
        forward="a b y!",
        backward="a? b? dy! da!? db!?",
        words="transposed_a transposed_b",
        macs=_matrix_macs,
    ),
    options=Options(
        "BatchMatMulOptions",
        (OptionField("adjX", 0, 1), OptionField("adjY", 1, 1), OptionField("asymmetricQuantizeInputs", 2, 1)),
    ),
    shape=_matrix_shape,
    words=_matrix_words,
    constraints=COMMON,
    keeps_bounds=False,
    limits="up to 5 dimensions; a constant matrix does not train",
    reads_for={"a": ("db",), "b": ("da",)},
)
