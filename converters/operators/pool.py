"""Max-pool and average pool."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..graph import Graph, Operator, Tensor
from ..plan_format import Phase
from . import window
from .constraints import WINDOW
from .fixed_point import bounds
from .int8_tables import one_scale
from .shapes import require, shape_of
from .spec import WINNERS, Int8, Int16Errors, KernelSpec, OperatorSpec, OptionField, Options, Shape, Word

_WINDOW = "filter_h filter_w stride_h stride_w pad_top pad_left"
POOL_WORDS = f"{_WINDOW} activation"
_INT8_WORDS = f"{_WINDOW} low high"
LARGEST_WINDOW = 256  # the winner's position is saved in one byte


def words(graph: Graph, op: Operator) -> list[Word]:
    """Constants of a pool."""
    x, y = graph.tensors[op.inputs[0]].shape, graph.tensors[op.outputs[0]].shape
    options = op.options
    size = options["filter_height"], options["filter_width"]
    pads = window.pads(op, (x[1], x[2]), size, (y[1], y[2]))
    return [*size, options["stride_h"], options["stride_w"], *pads, int(window.activation(op))]


def _int8_words(graph: Graph, op: Operator, phase: Phase) -> list[Word]:
    return [*words(graph, op)[:-1], *bounds(graph, op)]


def most_windows(graph: Graph, op: Operator) -> int:
    """Windows that an element of a pool's input lies in, at most."""
    o, (_, rows, columns, _) = op.options, graph.tensors[op.outputs[0]].shape
    covering = ((o["filter_height"], o["stride_h"], rows), (o["filter_width"], o["stride_w"], columns))
    return math.prod(min((size - 1) // stride + 1, windows) for size, stride, windows in covering)


def _int16_words(graph: Graph, op: Operator) -> list[Word]:
    return _int8_words(graph, op, Phase.BACKWARD)


def _shape(op: Operator, inputs: Sequence[Tensor | None]) -> Shape:
    x, o = shape_of(inputs, 0), op.options
    require(len(x) == 4, "an input that has not four dimensions")
    height = window.positions(x[1], o["filter_height"], o["stride_h"], 1, o["padding"])
    width = window.positions(x[2], o["filter_width"], o["stride_w"], 1, o["padding"])
    return (x[0], height, width, x[3])


def window_fits_argmax(graph: Graph, op: Operator) -> bool:
    """its window has at most 256 elements (the winner's position is saved in one byte)"""
    return bool(op.options["filter_height"] * op.options["filter_width"] <= LARGEST_WINDOW)


def fits_the_device(graph: Graph, op: Operator) -> bool:
    """its strides and window span less than 2^29 rows and columns and 2^31 elements of its input"""
    x, o = graph.tensors[op.inputs[0]].shape, op.options
    rows = window.reach(x[1], o["filter_height"], o["stride_h"], 1)
    columns = window.reach(x[2], o["filter_width"], o["stride_w"], 1)
    return window.addressable(rows, columns, x[3])


_OPTIONS = Options(
    "Pool2DOptions",
    (
        *window.STRIDES,
        OptionField("filterWidth", 3, 4),
        OptionField("filterHeight", 4, 4),
        OptionField("fusedActivationFunction", 5, 1),
    ),
)

MAX_POOL_2D = OperatorSpec(
    name="MAX_POOL_2D",
    kernel=KernelSpec(
        name="MAX_POOL_2D",
        number=7,
        forward="x y! argmax!?",
        saved={"argmax": WINNERS},
        backward="y? argmax dy! dx!",
        words=POOL_WORDS,
        macs=None,
    ),
    options=_OPTIONS,
    shape=_shape,
    words=words,
    constraints=(*WINDOW, fits_the_device),
    backward_constraints=(window_fits_argmax,),
    keeps_bounds=True,
    limits="windows of up to 256 elements; first maximum wins",
    int8=Int8(
        KernelSpec(
            name="MAX_POOL_2D_INT8",
            number=60,
            forward="x y! argmax!?",
            saved={"argmax": WINNERS},
            backward="y argmax dy! dx!",
            words=_INT8_WORDS,
            macs=None,
        ),
        _int8_words,
        (one_scale,),
        errors=Int16Errors(
            KernelSpec(
                name="MAX_POOL_2D_INT16_ERRORS",
                number=82,
                forward="x y! argmax!?",
                saved={"argmax": WINNERS},
                backward="y argmax dy! dx! dye dxe!",
                words=_INT8_WORDS,
                macs=None,
            ),
            _int16_words,
        ),
    ),
)

AVERAGE_POOL_2D = OperatorSpec(
    name="AVERAGE_POOL_2D",
    kernel=KernelSpec(
        name="AVERAGE_POOL_2D", number=1, forward="x y!", backward="y? dy! dx!", words=POOL_WORDS, macs=None
    ),
    options=_OPTIONS,
    shape=_shape,
    words=words,
    constraints=(*WINDOW, fits_the_device),
    keeps_bounds=True,
    limits="",
    int8=Int8(
        KernelSpec(
            name="AVERAGE_POOL_2D_INT8",
            number=61,
            forward="x y!",
            backward="y dy! dx!",
            words=_INT8_WORDS,
            macs=None,
        ),
        _int8_words,
        (one_scale,),
        errors=Int16Errors(
            KernelSpec(
                name="AVERAGE_POOL_2D_INT16_ERRORS",
                number=83,
                forward="x y!",
                backward="y dy! dx! dye dxe!",
                words=_INT8_WORDS,
                macs=None,
            ),
            _int16_words,
        ),
    ),
)

# saves the winners of a max-pool that TensorFlow Lite Micro has run
MAX_POOL_ARGMAX = KernelSpec(
    name="MAX_POOL_ARGMAX",
    number=23,
    forward="x y argmax!",
    saved={"argmax": WINNERS},
    backward="",
    words=POOL_WORDS,
    macs=None,
)
