"""Forward passes of int8 models: not a unit apart from TensorFlow Lite Micro's reference kernels (``tflite-micro``)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from harness import open_trainer
from int8_builder import Int8Builder
from tflite_builder import PADDINGS, window_output
from tflm_train.converters.convert import Result, convert
from tflm_train.converters.flatbuffer import load
from tflm_train.converters.model_reader import read_graph
from tflm_train.converters.operators import OPERATORS
from tflm_train.converters.operators.int8_tables import table
from tflm_train.converters.plan_format import Phase
from tflm_train.converters.quantization import stated

from tflm_train.config import TrainingConfig

SHAPE = (1, 5, 6, 4)
FUSED = [0, 1, 3]  # NONE, RELU, RELU6


class Wheel:
    """The wheel's interpreter of a model."""

    def __init__(self, data: bytes) -> None:
        from tflite_micro.python.tflite_micro import runtime

        self._interpreter = runtime.Interpreter.from_bytes(data)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """``x`` and the result as the model stores them."""
        self._interpreter.set_input(x, 0)
        self._interpreter.invoke()
        return np.asarray(self._interpreter.get_output(0))


def numbers(result: Result, tensor: int, x: np.ndarray) -> np.ndarray:
    """What a tensor's elements stand for."""
    q = stated(result.graph.tensors[tensor])
    return x if q is None else q.scales[0] * (x.astype(np.float32) - np.float32(q.zero_points[0]))


def samples(result: Result, rng: np.random.Generator, count: int) -> np.ndarray:
    """Random inputs as the model stores them."""
    source = result.graph.tensors[result.graph.inputs[0]]
    if source.dtype == "float32":
        return rng.normal(size=(count, *source.shape)).astype(np.float32)
    info = np.iinfo(source.dtype)
    return rng.integers(info.min, info.max + 1, (count, *source.shape)).astype(source.dtype)


def check(data: bytes, rng: np.random.Generator, count: int = 10, **config) -> int:
    """Outputs of random inputs are the same bits. Returns how many different ones there are."""
    result = convert(data, TrainingConfig(loss="mse", **config))
    trainer, wheel, graph = open_trainer(result), Wheel(result.data), result.graph
    found = []
    for x in samples(result, rng, count):
        expected = wheel(x)
        ours = trainer.predict(numbers(result, graph.inputs[0], x).reshape(1, -1).astype(np.float32))
        found.append(numbers(result, graph.outputs[0], expected).ravel())
        np.testing.assert_array_equal(np.asarray(ours).ravel(), found[-1])
    return len(np.unique(found))


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


@pytest.mark.parametrize("name", CASES)
def test_every_operator(name):
    different = 0
    for seed in range(4):
        rng = np.random.default_rng([seed, len(name)])
        b = Int8Builder(rng)
        different = max(different, check(b.finish(CASES[name](b, front(b, fused=seed % 2))), rng))
    assert different > 8  # not all is clamped


def test_every_operator_with_an_int8_kernel_has_a_case():
    rng, used = np.random.default_rng(0), set()
    for case in CASES.values():
        b = Int8Builder(rng)
        result = convert(b.finish(case(b, front(b))), TrainingConfig(loss="mse"))
        used |= {op.type for op in result.graph.operators}
    with_int8 = {name for name, spec in OPERATORS.items() if spec.int8 is not None}
    assert with_int8 <= used, with_int8 - used


@pytest.mark.parametrize("scale", [0.003, 0.02, 0.1, 0.5, 3.0])
@pytest.mark.parametrize("kind", ["LOGISTIC", "TANH", "HARD_SWISH", "LEAKY_RELU", "RELU", "ELU", "QUANTIZE"])
def test_tables_over_all_inputs(kind, scale):
    """Each of the 256 values, whatever the scales."""
    rng = np.random.default_rng(int(scale * 1000))
    for zero_point in (-128, -7, 0, 100, 127):
        b = Int8Builder(rng)
        x = b.int8_input(1, 256, scale=scale, zero_point=zero_point)
        options = {"alpha": 0.2} if kind == "LEAKY_RELU" else {}
        y = b.int8_op(kind, [x], (1, 256), **options)
        ends = {"LOGISTIC": (1 / 256, -128), "TANH": (1 / 128, 0)}
        b.quantise(y, *ends.get(kind, (scale * rng.uniform(0.5, 2), int(rng.integers(-128, 128)))))
        alone = b.finish(y)
        graph = read_graph(load(b.finish(b.int8_dense(y, 3)), "model"), "model")
        words = table(graph, graph.operators[0], Phase.FORWARD)
        values = np.arange(-128, 128).astype(np.int8)
        found = np.array(words, "<i4").view(np.int8)[values.view(np.uint8)]
        np.testing.assert_array_equal(found, Wheel(alone)(values.reshape(1, 256)).ravel())
