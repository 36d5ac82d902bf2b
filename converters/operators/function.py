"""Functions of one tensor: SOFTMAX, PRELU and those that work element by element."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ..graph import Graph, Operator, Tensor
from ..plan_format import Phase
from .constraints import COMMON, weights_are_constant
from .fixed_point import scale_of
from .int8_tables import (
    one_scale,
    outputs_from_minus_one_to_one,
    outputs_probabilities,
    scales_of_hard_swish,
    softmax_exponentials,
    table,
)
from .shapes import no_words, require, same, shape_of
from .spec import Constraint, Int8, KernelSpec, OperatorSpec, OptionField, Options, Shape, Word, WordRule

# of all functions of one int8 element: outputs forward, slopes backward
LOOKUP_INT8 = KernelSpec(name="LOOKUP_INT8", number=58, forward="x y!", backward="x dy! dx!", words="table*", macs=None)


def _element_wise(
    name: str,
    number: int,
    saved: str = "y",
    words: str = "",
    options: Options | None = None,
    word_rule: WordRule = no_words,
    constraints: tuple[Constraint, ...] = COMMON,
    backward_constraints: tuple[Constraint, ...] = (),
    keeps_bounds: bool = False,
    limits: str = "",
    in_tflm: bool = True,
    int8_constraints: tuple[Constraint, ...] | None = None,
) -> OperatorSpec:
    """A function whose backward step reads its output, or what is named in ``saved``."""
    return OperatorSpec(
        name=name,
        kernel=KernelSpec(
            name=name, number=number, forward="x y!", backward=f"{saved} dy! dx!", words=words, macs=None
        ),
        options=options,
        shape=same,
        words=word_rule,
        constraints=constraints,
        backward_constraints=backward_constraints,
        keeps_bounds=keeps_bounds,
        limits=limits,
        in_tflm=in_tflm,
        shares=("x",),
        in_place=True,
        int8=None if int8_constraints is None else Int8(LOOKUP_INT8, table, int8_constraints),
    )


LOGISTIC = _element_wise("LOGISTIC", 6, int8_constraints=(outputs_probabilities,))
TANH = _element_wise("TANH", 13, int8_constraints=(outputs_from_minus_one_to_one,))
RELU = _element_wise("RELU", 9, keeps_bounds=True, int8_constraints=())
RELU6 = _element_wise("RELU6", 11, keeps_bounds=True, int8_constraints=(one_scale,))
RELU_N1_TO_1 = _element_wise("RELU_N1_TO_1", 10, keeps_bounds=True, in_tflm=False)
HARD_SWISH = _element_wise("HARD_SWISH", 19, saved="x", int8_constraints=(scales_of_hard_swish,))
EXP = _element_wise("EXP", 25)
ELU = _element_wise("ELU", 26, int8_constraints=())
NEG = _element_wise("NEG", 27, keeps_bounds=True)
ABS = _element_wise("ABS", 28, saved="x", keeps_bounds=True)
SQRT = _element_wise("SQRT", 29, keeps_bounds=True)
RSQRT = _element_wise("RSQRT", 30)
SQUARE = _element_wise("SQUARE", 31, saved="x", keeps_bounds=True)
LOG = _element_wise("LOG", 40, saved="x")


def slope_is_finite(graph: Graph, op: Operator) -> bool:
    """its slope alpha is a finite number"""
    return math.isfinite(op.options["alpha"])


def slope_not_negative(graph: Graph, op: Operator) -> bool:
    """its slope alpha is not negative (the sign of the output tells the sign of the input)"""
    return float(op.options.get("alpha", 0.0)) >= 0


def _slope(graph: Graph, op: Operator) -> list[Word]:
    return [float(op.options["alpha"])]


LEAKY_RELU = _element_wise(
    "LEAKY_RELU",
    18,
    words="alpha:f32",
    options=Options("LeakyReluOptions", (OptionField("alpha", 0, 4, 0.0),)),
    word_rule=_slope,
    constraints=(*COMMON, slope_is_finite),
    backward_constraints=(slope_not_negative,),
    keeps_bounds=True,
    limits="slope not negative",
    int8_constraints=(),
)


def _approximate(graph: Graph, op: Operator) -> list[Word]:
    return [int(op.options["approximate"])]


GELU = _element_wise(
    "GELU",
    43,
    saved="x",
    words="approximate",
    options=Options("GeluOptions", (OptionField("approximate", 0, 1),)),
    word_rule=_approximate,
    limits="exact or approximate",
    in_tflm=False,
)


def _prelu_shape(op: Operator, inputs: Sequence[Tensor | None]) -> Shape:
    x, w = shape_of(inputs, 0), shape_of(inputs, 1)
    require(len(w) <= len(x) and math.prod(w) > 0, "slopes that do not fit its input")
    require(all(n in (1, size) for n, size in zip(w[::-1], x[::-1])), "slopes that do not fit its input")
    return x


def slopes_are_shared_along_leading_axes(graph: Graph, op: Operator) -> bool:
    """its slopes are shared by all positions of leading axes (Keras: no shared_axes, or [1, 2] of an image)"""
    x, w = graph.tensors[op.inputs[0]].shape, graph.tensors[op.inputs[1]].shape
    own = w[next((i for i, size in enumerate(w) if size != 1), len(w)) :]
    return own == x[len(x) - len(own) :]


def _elements(shapes: Mapping[str, Shape], words: Mapping[str, Word]) -> int:
    return math.prod(shapes["x"])


PRELU = OperatorSpec(
    name="PRELU",
    kernel=KernelSpec(name="PRELU", number=44, forward="x w y!", backward="x w dy! dx!?", words="", macs=_elements),
    options=None,
    shape=_prelu_shape,
    words=no_words,
    constraints=(*COMMON, weights_are_constant, slopes_are_shared_along_leading_axes),
    keeps_bounds=False,
    limits="slopes shared along leading axes; no selection",
    shares=("x",),
)


def _rows(graph: Graph, op: Operator) -> list[Word]:
    x = graph.tensors[op.inputs[0]]
    columns = x.shape[-1] if x.shape else 1
    return [x.elements // columns, columns]


def _softmax_words(graph: Graph, op: Operator) -> list[Word]:
    return [*_rows(graph, op), float(op.options["beta"])]


def _int8_softmax_words(graph: Graph, op: Operator, phase: Phase) -> list[Word]:
    beta = float(op.options["beta"])
    if phase == Phase.BACKWARD:
        return [*_rows(graph, op), beta]
    return [*_rows(graph, op), beta, *softmax_exponentials(scale_of(graph.tensors[op.inputs[0]]), beta)]


def columns_can_be_added(graph: Graph, op: Operator) -> bool:
    """its last int8 dimension has less than 4096 elements (their sum is one of 31 bits)"""
    return graph.tensors[op.inputs[0]].shape[-1] < 4096


def beta_is_positive(graph: Graph, op: Operator) -> bool:
    """its beta is a finite number above 0 (Keras writes 1)"""
    return 0 < op.options["beta"] < math.inf


SOFTMAX = OperatorSpec(
    name="SOFTMAX",
    kernel=KernelSpec(
        name="SOFTMAX", number=12, forward="x y!", backward="y dy! dx!", words="rows columns beta:f32", macs=None
    ),
    options=Options("SoftmaxOptions", (OptionField("beta", 0, 4, 0.0),)),
    shape=same,
    words=_softmax_words,
    constraints=(*COMMON, beta_is_positive),
    keeps_bounds=False,
    limits="",
    int8=Int8(
        KernelSpec(
            name="SOFTMAX_INT8",
            number=59,
            forward="x y!",
            backward="y dy! dx!",
            words="rows columns beta:f32 exponentials*",
            macs=None,
        ),
        _int8_softmax_words,
        (outputs_probabilities, columns_can_be_added),
    ),
)

LOG_SOFTMAX = OperatorSpec(
    name="LOG_SOFTMAX",
    kernel=KernelSpec(
        name="LOG_SOFTMAX", number=32, forward="x y!", backward="y dy! dx!", words="rows columns", macs=None
    ),
    options=None,
    shape=same,
    words=_rows,
    constraints=COMMON,
    keeps_bounds=False,
    limits="",
)
