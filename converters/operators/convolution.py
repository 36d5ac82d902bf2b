"""Convolutions, alone and together with the max-pool behind them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ..graph import Graph, Operator, Tensor
from ..plan_format import Phase
from . import int16_errors, pool, strip, surrogate, window
from .columns import conv_workspace, depthwise_workspace
from .constraints import WINDOW, weights_are_constant
from .fixed_point import layer_words
from .pairs import conv_int16_workspace, depthwise_int16_workspace
from .shapes import check_bias, integers, require, shape_of
from .spec import (
    WINNERS,
    Int8,
    Int16Errors,
    KernelSpec,
    MacRule,
    OperatorSpec,
    OptionField,
    Options,
    Saved,
    Shape,
    StripRule,
    Word,
)

_FORWARD, _BACKWARD = "x w b? y!", "x? w y? dy! dx!? scratch!? workspace!?"
_INT8_FORWARD, _INT8_BACKWARD = "x w b? y! workspace!?", "x? w y dy! dx!? scratch!? workspace!?"
_GEOMETRY = "stride_h stride_w dilation_h dilation_w pad_top pad_left"
_QUANTISED = "low high x_zero y_zero x_scale:f32 factors*"
_WORDS = f"{_GEOMETRY} activation"
_STACK = 1472  # patches and sums of tiles that are gathered
_POOLED_STACK = 1632  # with winners besides
_INT8_STACK = 1632  # geometry, windows of the image, and the scatter of errors below
_MAP = "map_h map_w filter_h filter_w pool_stride_h pool_stride_w pool_pad_top pool_pad_left"


def words(graph: Graph, op: Operator) -> list[Word]:
    """Constants of a convolution."""
    x, w, y = (graph.tensors[t].shape for t in (op.inputs[0], op.inputs[1], op.outputs[0]))
    options = op.options
    dilation = options.get("dilation_h_factor", 1), options.get("dilation_w_factor", 1)
    size = (w[1] - 1) * dilation[0] + 1, (w[2] - 1) * dilation[1] + 1
    pads = window.pads(op, (x[1], x[2]), size, (y[1], y[2]))
    found: list[Word] = [options["stride_h"], options["stride_w"], *dilation, *pads, int(window.activation(op))]
    return found + ([y[3] // x[3]] if op.type == "DEPTHWISE_CONV_2D" else [])


def _int8_words(graph: Graph, op: Operator, phase: Phase) -> list[Word]:
    x, w = (graph.tensors[t] for t in op.inputs[:2])
    *geometry, _ = words(graph, op)[:7]
    return [*geometry, *words(graph, op)[7:], *layer_words(graph, op, x, w, phase)]


def pooled_words(graph: Graph, conv: Operator, max_pool: Operator, int16: bool = False) -> list[Word]:
    """Constants of a convolution run together with its max-pool; backward, with errors of integers if ``int16``."""
    y = graph.tensors[conv.outputs[0]]
    window_words = [*y.shape[1:3], *pool.words(graph, max_pool)[:-1]]
    if y.dtype == "float32":
        return [*words(graph, conv), *window_words]
    x, w = (graph.tensors[t] for t in conv.inputs[:2])
    geometry = words(graph, conv)
    quantised = _int16_layer_words(graph, conv, max_pool) if int16 else layer_words(graph, conv, x, w, Phase.BACKWARD)
    return [*geometry[:6], *geometry[7:], *window_words, *quantised]


def _shape(op: Operator, inputs: Sequence[Tensor | None]) -> Shape:
    x, w = shape_of(inputs, 0), shape_of(inputs, 1)
    require(len(x) == len(w) == 4, "an input or filter that has not four dimensions")
    depthwise = op.type == "DEPTHWISE_CONV_2D"
    channels = w[3] if depthwise else w[0]
    if depthwise:
        require(w[0] == 1 and x[3] > 0 and channels % x[3] == 0, "a filter that does not fit its input's channels")
        multiplier = op.options["depth_multiplier"]
        require(multiplier in (0, channels // x[3]), "a depth multiplier that does not fit its filter")
    else:
        require(w[3] > 0 and x[3] % w[3] == 0, "a filter that does not fit its input's channels")
        require(x[3] > 0 and channels % (x[3] // w[3]) == 0, "filters that do not fit its groups")
    o = op.options
    height = window.positions(x[1], w[1], o["stride_h"], o["dilation_h_factor"], o["padding"])
    width = window.positions(x[2], w[2], o["stride_w"], o["dilation_w_factor"], o["padding"])
    check_bias(inputs, channels)
    return (x[0], height, width, channels)


def _taps(shapes: Mapping[str, Shape], words: Mapping[str, Word]) -> int:
    """Taps inside the image over all positions, for one pair of channels."""
    x, w = shapes["x"], shapes["w"]
    size = (words["map_h"], words["map_w"]) if "map_h" in words else shapes["y"][1:3]
    taps = 1
    for axis, letter, pad in ((1, "h", "pad_top"), (2, "w", "pad_left")):
        stride, dilation = int(words[f"stride_{letter}"]), int(words[f"dilation_{letter}"])
        taps *= window.valid_taps(x[axis], int(size[axis - 1]), w[axis], stride, dilation, int(words[pad]))
    return taps


def _macs(shapes: Mapping[str, Shape], words: Mapping[str, Word]) -> int:
    return _taps(shapes, words) * shapes["w"][0] * shapes["w"][3]


def is_grouped(graph: Graph, op: Operator) -> bool:
    """its filter covers the channels of a group"""
    return graph.tensors[op.inputs[1]].shape[-1] != graph.tensors[op.inputs[0]].shape[-1]


def fits_the_device(graph: Graph, op: Operator, positions: tuple[int, int] = (1, 1)) -> bool:
    """its strides, dilations and filter span less than 2^29 rows and columns and 2^31 elements of its input"""
    x, w, o = graph.tensors[op.inputs[0]].shape, graph.tensors[op.inputs[1]].shape, op.options
    rows = window.reach(x[1], w[1], o["stride_h"], o["dilation_h_factor"], positions[0])
    columns = window.reach(x[2], w[2], o["stride_w"], o["dilation_w_factor"], positions[1])
    return window.addressable(rows, columns, x[3])


def _int8_kernel(
    name: str,
    number: int,
    workspace: StripRule | None,
    geometry: str = _GEOMETRY,
    macs: MacRule = _macs,
    widened: StripRule | None = None,
) -> KernelSpec:
    return KernelSpec(
        name=name,
        number=number,
        forward=_INT8_FORWARD,
        backward=_INT8_BACKWARD,
        words=f"{geometry} {_QUANTISED}",
        macs=macs,
        stack=_INT8_STACK,
        workspace=workspace,
        widened=widened,
    )


def _int8_pooled_kernel(
    name: str, number: int, geometry: str = _GEOMETRY, widened: StripRule | None = None
) -> KernelSpec:
    """Of the backward step; forward both run by themselves."""
    return KernelSpec(
        name=name,
        number=number,
        forward=f"{_FORWARD} argmax!?",
        saved={"argmax": WINNERS},
        backward=f"{_INT8_BACKWARD} argmax",
        words=f"{geometry} {_MAP} {_QUANTISED}",
        macs=_macs,
        stack=_INT8_STACK,
        widened=widened,
    )


def _int16_products(graph: Graph, op: Operator, max_pool: Operator | None = None) -> tuple[int, int]:
    """Most products that meet in an element of the input's error, and in a weight's gradient. An element of the map
    that several windows of a max-pool choose has several errors."""
    x, w, y = (graph.tensors[t] for t in (*op.inputs[:2], (max_pool or op).outputs[0]))
    _, height, width, _ = w.shape
    channels = y.shape[3] // x.shape[3] if op.type == "DEPTHWISE_CONV_2D" else y.shape[3]
    windows = 1 if max_pool is None else pool.most_windows(graph, max_pool)
    return height * width * channels * windows, y.shape[1] * y.shape[2]


def _int16_layer_words(graph: Graph, op: Operator, max_pool: Operator | None = None) -> list[Word]:
    x, w = (graph.tensors[t] for t in op.inputs[:2])
    return int16_errors.layer_words(graph, op, x, w, *_int16_products(graph, op, max_pool))


def keeps_precision(graph: Graph, op: Operator) -> bool:
    """its sums leave its errors the bits that they need"""
    return int16_errors.keeps_precision(*_int16_products(graph, op))


def _int16_words(graph: Graph, op: Operator) -> list[Word]:
    geometry = words(graph, op)
    return [*geometry[:6], *geometry[7:], *_int16_layer_words(graph, op)]


def _int16_kernel(
    name: str, number: int, geometry: str, workspace: StripRule, winners: Mapping[str, Saved] | None = None
) -> KernelSpec:
    return KernelSpec(
        name=name,
        number=number,
        forward=_INT8_FORWARD + " argmax!?" * bool(winners),
        saved=winners or {},
        backward=int16_errors.POOLED_LAYER if winners else int16_errors.LAYER,
        words=f"{geometry} {int16_errors.LAYER_WORDS}",
        macs=_macs,
        stack=_INT8_STACK,
        workspace=workspace,
    )


def _int16_errors(kind: str, numbers: tuple[int, int], workspace: StripRule, geometry: str = _GEOMETRY) -> Int16Errors:
    name = f"{kind}_CONV_2D" if kind else "CONV_2D"
    pooled = f"{kind or 'CONV_2D'}_MAX_POOL_INT16_ERRORS"
    return Int16Errors(
        _int16_kernel(f"{name}_INT16_ERRORS", numbers[0], geometry, workspace),
        _int16_words,
        keeps_precision,
        pooled=_int16_kernel(pooled, numbers[1], f"{geometry} {_MAP}", _int16_pooled_workspace, {"argmax": WINNERS}),
    )


def _int16_pooled_workspace(shapes: Mapping[str, Shape], words: Mapping[str, Word]) -> int:
    """A row of the weight gradient, or of the image."""
    return max(math.prod(shapes["w"]) // shapes["y"][3], shapes["x"][2] * shapes["x"][3])


CONV_2D = OperatorSpec(
    name="CONV_2D",
    kernel=KernelSpec(
        name="CONV_2D",
        number=3,
        forward=f"{_FORWARD} workspace!?",
        backward=_BACKWARD,
        words=_WORDS,
        macs=_macs,
        stack=_STACK,
    ),
    options=Options(
        "Conv2DOptions",
        (
            *window.STRIDES,
            OptionField("fusedActivationFunction", 3, 1),
            OptionField("dilationWFactor", 4, 4, 1),
            OptionField("dilationHFactor", 5, 4, 1),
            OptionField("quantizedBiasType", 6, 1),
        ),
    ),
    shape=_shape,
    words=words,
    constraints=(*WINDOW, weights_are_constant, fits_the_device),
    keeps_bounds=False,
    limits="any stride, dilation, padding, groups",
    channel_axis=0,
    strips=(strip.forward_strip, strip.backward_strip),
    surrogate=surrogate.CONV_2D_SURROGATE,
    variant=(
        KernelSpec(
            name="GROUPED_CONV_2D",
            number=45,
            forward=f"{_FORWARD} workspace!?",
            backward=_BACKWARD,
            words=_WORDS,
            macs=_macs,
        ),
        is_grouped,
    ),
    int8=Int8(
        _int8_kernel("CONV_2D_INT8", 54, conv_workspace, widened=strip.window_strip),
        _int8_words,
        variant=(_int8_kernel("GROUPED_CONV_2D_INT8", 55, None), is_grouped),
        pooled=_int8_pooled_kernel("CONV_2D_MAX_POOL_INT8", 74, widened=strip.window_strip),
        errors=_int16_errors("", (79, 85), conv_int16_workspace),
    ),
    pooled=KernelSpec(
        name="CONV_2D_MAX_POOL",
        number=20,
        forward=f"{_FORWARD} argmax!? workspace!?",
        saved={"argmax": WINNERS},
        backward=f"{_BACKWARD} argmax",
        words=f"{_WORDS} {_MAP}",
        macs=_macs,
        stack=_POOLED_STACK,
    ),
)

DEPTHWISE_CONV_2D = OperatorSpec(
    name="DEPTHWISE_CONV_2D",
    kernel=KernelSpec(
        name="DEPTHWISE_CONV_2D",
        number=4,
        forward=f"{_FORWARD} workspace!?",
        backward=_BACKWARD,
        words=f"{_WORDS} depth_multiplier",
        macs=_macs,
        stack=_STACK,
    ),
    options=Options(
        "DepthwiseConv2DOptions",
        (
            *window.STRIDES,
            OptionField("depthMultiplier", 3, 4),
            OptionField("fusedActivationFunction", 4, 1),
            OptionField("dilationWFactor", 5, 4, 1),
            OptionField("dilationHFactor", 6, 4, 1),
        ),
    ),
    shape=_shape,
    words=words,
    constraints=(*WINDOW, weights_are_constant, fits_the_device),
    keeps_bounds=False,
    limits="any stride, dilation, padding, multiplier",
    channel_axis=3,
    surrogate=surrogate.DEPTHWISE_SURROGATE,
    int8=Int8(
        _int8_kernel("DEPTHWISE_CONV_2D_INT8", 56, depthwise_workspace, f"{_GEOMETRY} depth_multiplier"),
        _int8_words,
        pooled=_int8_pooled_kernel("DEPTHWISE_MAX_POOL_INT8", 75, f"{_GEOMETRY} depth_multiplier"),
        errors=_int16_errors("DEPTHWISE", (80, 86), depthwise_int16_workspace, f"{_GEOMETRY} depth_multiplier"),
    ),
    pooled=KernelSpec(
        name="DEPTHWISE_MAX_POOL",
        number=21,
        forward=f"{_FORWARD} argmax!? workspace!?",
        saved={"argmax": WINNERS},
        backward=f"{_BACKWARD} argmax",
        words=f"{_WORDS} depth_multiplier {_MAP}",
        macs=_macs,
        stack=_STACK,
    ),
)


def _transposed_words(graph: Graph, op: Operator) -> list[Word]:
    w, x, y = (graph.tensors[t].shape for t in (*op.inputs[1:3], op.outputs[0]))
    pads = window.pads(op, (y[1], y[2]), (w[1], w[2]), (x[1], x[2]))
    return [op.options["stride_h"], op.options["stride_w"], 1, 1, *pads, int(window.activation(op))]


def _int8_transposed_words(graph: Graph, op: Operator, phase: Phase) -> list[Word]:
    w, x = (graph.tensors[t] for t in op.inputs[1:3])
    return [*_transposed_words(graph, op)[:-1], *layer_words(graph, op, x, w, phase)]


def _transposed_shape(op: Operator, inputs: Sequence[Tensor | None]) -> Shape | None:
    y, w, x = integers(inputs, 0), shape_of(inputs, 1), shape_of(inputs, 2)
    require(len(x) == len(w) == 4, "an input or filter that has not four dimensions")
    require(w[3] == x[3] > 0 and w[0] > 0, "a filter that does not fit its input's channels")
    check_bias(inputs, w[0], 3)
    if y is None:
        return None
    require(y.shape == (4,), "an output shape that has not four dimensions")
    size, o = [int(n) for n in y], op.options
    require(size[0] == x[0] and size[3] == w[0] and min(size) > 0, "an output shape that does not fit")
    for axis, stride in ((1, o["stride_h"]), (2, o["stride_w"])):
        positions = window.positions(size[axis], w[axis], stride, 1, o["padding"])
        require(positions == x[axis], "an output shape that does not fit its stride and padding")
    return tuple(size)


def _transposed_macs(shapes: Mapping[str, Shape], words: Mapping[str, Word]) -> int:
    mirrored = {"x": shapes["y"], "w": shapes["w"], "y": shapes["x"]}
    return _taps(mirrored, words) * shapes["w"][0] * shapes["w"][3]


def reaches_the_device(graph: Graph, op: Operator) -> bool:
    """its strides and filter span less than 2^29 rows and columns and 2^31 elements of its output"""
    w, y, o = graph.tensors[op.inputs[1]].shape, graph.tensors[op.outputs[0]].shape, op.options
    rows, columns = (window.reach(y[i], w[i], o[f"stride_{'hw'[i - 1]}"], 1) for i in (1, 2))
    return window.addressable(rows, columns, max(y[3], w[3]))


TRANSPOSE_CONV = OperatorSpec(
    name="TRANSPOSE_CONV",
    kernel=KernelSpec(
        name="TRANSPOSE_CONV",
        number=46,
        forward=f"{_FORWARD} workspace!?",
        backward=_BACKWARD,
        words=_WORDS,
        macs=_transposed_macs,
    ),
    options=Options(
        "TransposeConvOptions",
        (*window.STRIDES, OptionField("fusedActivationFunction", 3, 1), OptionField("quantizedBiasType", 4, 1)),
    ),
    shape=_transposed_shape,
    words=_transposed_words,
    constraints=(*WINDOW, weights_are_constant, reaches_the_device),
    keeps_bounds=False,
    limits="any stride, padding",
    order=(2, 1, 3),
    settings=1,
    channel_axis=0,
    int8=Int8(_int8_kernel("TRANSPOSE_CONV_INT8", 57, None, macs=_transposed_macs), _int8_transposed_words),
)
