"""An int8 model for every operator that runs in int8: an input, a convolution that trains, the operator."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from int8_builder import Int8Builder
from tflite_builder import PADDINGS, window_output

SHAPE = (1, 5, 6, 4)
FUSED = [0, 1, 3]  # NONE, RELU, RELU6

Case = Callable[[Int8Builder, int], int]


def front(b: Int8Builder, fused: int = 0, channels: int = 4) -> int:
    """An input and a layer that trains."""
    x = b.int8_input(*SHAPE)
    inputs = [x, *b.weights(x, (channels, 1, 1, SHAPE[3]), 0, True)]
    options = dict(strideH=1, strideW=1, dilationHFactor=1, dilationWFactor=1, fusedActivationFunction=fused)
    return b.int8_op("CONV_2D", inputs, (*SHAPE[:3], channels), **options)


def _window(kind: str, window: tuple[int, int], stride: tuple[int, int], padding: str, fused: int) -> Case:
    def build(b: Int8Builder, x: int) -> int:
        size = window_output(SHAPE[1:3], window, stride, padding, (1, 1))
        options = dict(strideH=stride[0], strideW=stride[1], padding=PADDINGS[padding], fusedActivationFunction=fused)
        options |= dict(filterHeight=window[0], filterWidth=window[1])
        return b.same_scale(b.int8_op(f"{kind}_POOL_2D", [x], (1, *size, SHAPE[3]), **options), x)

    return build


def _conv(kind: str, per_channel: bool, bias: bool, fused: int, padding: str, dilation: int = 1) -> Case:
    window, stride = (3, 2), ((1, 2) if dilation == 1 else (1, 1))

    def build(b: Int8Builder, x: int) -> int:
        size = window_output(SHAPE[1:3], window, stride, padding, (dilation, dilation))
        options = dict(strideH=stride[0], strideW=stride[1], padding=PADDINGS[padding], fusedActivationFunction=fused)
        options |= dict(dilationHFactor=dilation, dilationWFactor=dilation)
        if kind == "depthwise":
            inputs = [x, *b.weights(x, (1, *window, 8), 3, per_channel, bias)]
            return b.int8_op("DEPTHWISE_CONV_2D", inputs, (1, *size, 8), depthMultiplier=2, **options)
        channels = SHAPE[3] // (2 if kind == "grouped" else 1)
        inputs = [x, *b.weights(x, (6, *window, channels), 0, per_channel, bias)]
        return b.int8_op("CONV_2D", inputs, (1, *size, 6), **options)

    return build


def _transpose_conv(per_channel: bool, bias: bool, padding: str) -> Case:
    def build(b: Int8Builder, x: int) -> int:
        size = (10, 12) if padding == "SAME" else (11, 13)
        shape = b.constant(np.array([1, *size, 3], np.int32))
        w, *biases = b.weights(x, (3, 3, 3, 4), 0, per_channel, bias)
        options = dict(strideH=2, strideW=2, padding=PADDINGS[padding])
        return b.int8_op("TRANSPOSE_CONV", [shape, w, x, *biases], (1, *size, 3), **options)

    return build


def _dense(per_channel: bool, bias: bool, fused: int) -> Case:
    return lambda b, x: b.int8_dense(same_reshape(b, x, 1, 120), 7, per_channel, bias, fused)


def same_reshape(b: Int8Builder, x: int, *shape: int) -> int:
    target = b.constant(np.array(shape, np.int32))
    y = b.int8_op("RESHAPE", [x, target], shape, newShape=np.array(shape, np.int32))
    return b.same_scale(y, x)


def _operands(kind: str, constant: bool, fused: int) -> Case:
    def build(b: Int8Builder, x: int) -> int:
        values = b.rng.integers(-128, 128, (SHAPE[3],))
        other = b.int8_constant(values) if constant else front_again(b, x)
        # the output's scale: of sums and differences that of the operands, of products theirs multiplied
        b.scale = 2 * max(b.scale_of(x), b.scale_of(other)) if kind != "MUL" else 60 * b.scale_of(x) * b.scale_of(other)
        return b.int8_op(kind, [x, other], SHAPE, fusedActivationFunction=fused)

    return build


def front_again(b: Int8Builder, x: int) -> int:
    inputs = [x, *b.weights(x, (4, 1, 1, 4), 0, True)]
    options = dict(strideH=1, strideW=1, dilationHFactor=1, dilationWFactor=1)
    return b.int8_op("CONV_2D", inputs, SHAPE, **options)


def _choice(kind: str) -> Case:
    def build(b: Int8Builder, x: int) -> int:
        other = b.same_scale(front_again(b, x), x)
        return b.same_scale(b.int8_op(kind, [other, x], SHAPE), x)

    return build


def _function(kind: str, scale: float | None = None, zero_point: int | None = None, **options) -> Case:
    def build(b: Int8Builder, x: int) -> int:
        y = b.int8_op(kind, [x], SHAPE, **options)
        if scale is not None:
            b.quantise(y, scale, zero_point)
        return b.same_scale(y, x) if kind == "RELU6" else y

    return build


def _softmax(beta: float) -> Case:
    def build(b: Int8Builder, x: int) -> int:
        y = b.int8_op("SOFTMAX", [same_reshape(b, x, 1, 4, 30)], (1, 4, 30), beta=beta)
        return b.quantise(y, 1 / 256, -128)

    return build


def _reduction(kind: str, axes: tuple[int, ...], keep: bool) -> Case:
    def build(b: Int8Builder, x: int) -> int:
        shape = tuple(1 if i in axes else n for i, n in enumerate(SHAPE) if keep or i not in axes)
        if kind == "SUM":
            b.scale *= 8
        y = b.int8_op(kind, [x, b.constant(np.array(axes, np.int32))], shape, keepDims=keep)
        return b.same_scale(y, x) if kind == "REDUCE_MAX" else y

    return build


def _move(kind: str, settings: list, shape: tuple[int, ...], **options) -> Case:
    def build(b: Int8Builder, x: int) -> int:
        inputs = [x, *(b.constant(np.array(values, np.int32)) for values in settings)]
        return b.same_scale(b.int8_op(kind, inputs, shape, **options), x)

    return build


def _join(kind: str, shape: tuple[int, ...], **options) -> Case:
    def build(b: Int8Builder, x: int) -> int:
        other = b.same_scale(front_again(b, x), x)
        return b.same_scale(b.int8_op(kind, [x, other], shape, **options), x)

    return build


def _divide(
    kind: str, shapes: list[tuple[int, ...]], inputs: Callable[[Int8Builder, int], list[int]], **options
) -> Case:
    def build(b: Int8Builder, x: int) -> int:
        parts = b.int8_ops(kind, inputs(b, x), shapes, **options)
        return b.same_scale(parts[-1], x) if all(b.same_scale(part, x) for part in parts) else x

    return build


def _ints(b: Int8Builder, *values: int) -> int:
    return b.constant(np.array(values, np.int32))


def _requantise(b: Int8Builder, x: int) -> int:
    return b.int8_op("QUANTIZE", [x], SHAPE)


CASES: dict[str, Case] = {
    **{
        f"{kind}-{per_channel}-{bias}-{fused}-{padding}": _conv(kind, per_channel, bias, fused, padding)
        for kind in ("conv", "grouped", "depthwise")
        for per_channel, bias, fused, padding in [
            (True, True, 0, "SAME"),
            (True, False, 1, "VALID"),
            (False, True, 3, "SAME"),
            (False, False, 0, "VALID"),
        ]
    },
    "conv-dilated": _conv("conv", True, True, 0, "SAME", 2),
    "depthwise-dilated": _conv("depthwise", True, True, 1, "SAME", 2),
    **{
        f"transpose-conv-{per_channel}-{padding}": _transpose_conv(per_channel, per_channel, padding)
        for per_channel, padding in [(True, "SAME"), (False, "VALID")]
    },
    **{
        f"dense-{per_channel}-{fused}": _dense(per_channel, fused != 1, fused)
        for per_channel in (True, False)
        for fused in FUSED
    },
    **{
        f"{kind}-pool-{padding}-{fused}": _window(kind, (3, 2), (2, 1), padding, fused)
        for kind in ("MAX", "AVERAGE")
        for padding, fused in [("SAME", 0), ("VALID", 1)]
    },
    **{
        f"{kind}-{'constant' if constant else 'computed'}-{fused}": _operands(kind, constant, fused)
        for kind in ("ADD", "SUB", "MUL")
        for constant, fused in [(True, 1), (False, 0), (False, 3)]
    },
    "maximum": _choice("MAXIMUM"),
    "minimum": _choice("MINIMUM"),
    "relu": _function("RELU"),
    "relu6": _function("RELU6"),
    "leaky-relu": _function("LEAKY_RELU", alpha=0.3),
    "leaky-relu-steep": _function("LEAKY_RELU", alpha=1.7),
    "logistic": _function("LOGISTIC", 1 / 256, -128),
    "tanh": _function("TANH", 1 / 128, 0),
    "hard-swish": _function("HARD_SWISH"),
    "elu": _function("ELU"),
    "softmax": _softmax(1.0),
    "softmax-beta": _softmax(0.25),
    "quantize": _requantise,
    **{
        f"{kind}-{axes}": _reduction(kind, axes, keep)
        for kind in ("MEAN", "SUM", "REDUCE_MAX")
        for axes, keep in [((1, 2), False), ((3,), True)]
    },
    "pad": _move("PAD", [[[0, 0], [1, 2], [0, 1], [0, 0]]], (1, 8, 7, 4)),
    "transpose": _move("TRANSPOSE", [[0, 2, 3, 1]], (1, 6, 4, 5)),
    "strided-slice": _move("STRIDED_SLICE", [[0, 1, 0, 0], [1, 5, 6, 4], [1, 2, 3, 1]], (1, 2, 2, 4)),
    "slice": _move("SLICE", [[0, 1, 0, 2], [1, 3, 6, 2]], (1, 3, 6, 2)),
    "resize": _move("RESIZE_NEAREST_NEIGHBOR", [[10, 9]], (1, 10, 9, 4), halfPixelCenters=True),
    "concatenation": _join("CONCATENATION", (1, 5, 6, 8), axis=3),
    "pack": _join("PACK", (1, 5, 6, 4, 2), axis=-1, valuesCount=2),
    "split": _divide("SPLIT", [(1, 5, 3, 4)] * 2, lambda b, x: [_ints(b, 2), x], numSplits=2),
    "split-v": _divide(
        "SPLIT_V", [(1, 2, 6, 4), (1, 3, 6, 4)], lambda b, x: [x, _ints(b, 2, 3), _ints(b, 1)], numSplits=2
    ),
    "unpack": _divide("UNPACK", [(1, 5, 6)] * 4, lambda b, x: [x], num=4, axis=3),
}
