"""Forward passes of int8 models: not a unit apart from TensorFlow Lite Micro's reference kernels (``tflite-micro``)."""

from __future__ import annotations

import numpy as np
import pytest
from harness import open_trainer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from int8_builder import Int8Builder
from int8_cases import CASES, FUSED, front, same_reshape
from tflite_builder import PADDINGS, TYPES, window_output
from tflm_train.converters.convert import Result, convert
from tflm_train.converters.flatbuffer import load
from tflm_train.converters.model_reader import read_graph
from tflm_train.converters.operators import OPERATORS
from tflm_train.converters.operators.int8_tables import table
from tflm_train.converters.plan_format import Phase
from tflm_train.converters.quantization import stated

from tflm_train.config import TrainingConfig


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


@st.composite
def random_networks(draw):
    """An int8 model of several operators, some of them in branches."""
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    b = Int8Builder(rng)
    dtype = draw(st.sampled_from(["int8", "uint8", "float32"]))
    shape = (1, draw(st.integers(2, 8)), draw(st.integers(2, 8)), draw(st.integers(1, 5)))
    x = b.input(*shape, dtype=dtype)
    if dtype == "uint8":
        b.quantise(x, 0.03, int(rng.integers(0, 256)))
    if dtype == "int8":
        b.quantise(x)
    else:
        x = b.int8_op("QUANTIZE", [x], shape)
    for _ in range(draw(st.integers(1, 5))):
        x = _grown(draw, b, x)
    features = int(np.prod(b.graph.tensors[x].shape))
    x = b.int8_dense(same_reshape(b, x, 1, features), 6, draw(st.booleans()), draw(st.booleans()))
    end = draw(st.sampled_from(["", "SOFTMAX", "LOGISTIC"]))
    if end:
        x = b.quantise(b.int8_op(end, [x], (1, 6), **({"beta": 1.0} if end == "SOFTMAX" else {})), 1 / 256, -128)
    gives = draw(st.sampled_from(["int8", "uint8", "float32"]))
    if gives == "float32":
        x = b.op("DEQUANTIZE", [x], (1, 6))
    if gives == "uint8":
        x = b.op("QUANTIZE", [x], (1, 6))
        b.graph.tensors[x].type = TYPES["uint8"]
        b.quantise(x, 1 / 256 if end else 0.04, 0 if end else 120)
    return b.finish(x), rng


def _grown(draw, b: Int8Builder, x: int) -> int:
    """One operator more."""
    size = tuple(b.graph.tensors[x].shape.tolist())
    kind = draw(st.sampled_from(["conv", "depthwise", "MAX", "AVERAGE", "branch", "function", "pad", "mean"]))
    window = draw(st.integers(1, min(3, size[1]))), draw(st.integers(1, min(3, size[2])))
    stride, padding = draw(st.sampled_from([(1, 1), (2, 2), (1, 2)])), draw(st.sampled_from(["SAME", "VALID"]))
    place = dict(strideH=stride[0], strideW=stride[1], padding=PADDINGS[padding])
    fused = dict(fusedActivationFunction=draw(st.sampled_from(FUSED)))
    after = window_output(size[1:3], window, stride, padding, (1, 1))
    dilation = dict(dilationHFactor=1, dilationWFactor=1)
    per_channel, bias = draw(st.booleans()), draw(st.booleans())
    if kind == "conv":
        w = b.weights(x, (draw(st.integers(1, 6)), *window, size[3]), 0, per_channel, bias)
        channels = int(b.graph.tensors[w[0]].shape[0])
        return b.int8_op("CONV_2D", [x, *w], (1, *after, channels), **place, **fused, **dilation)
    if kind == "depthwise":
        w = b.weights(x, (1, *window, 2 * size[3]), 3, per_channel, bias)
        output = (1, *after, 2 * size[3])
        return b.int8_op("DEPTHWISE_CONV_2D", [x, *w], output, depthMultiplier=2, **place, **fused, **dilation)
    if kind in ("MAX", "AVERAGE"):
        options = dict(filterHeight=window[0], filterWidth=window[1], **place, **fused)
        return b.same_scale(b.int8_op(f"{kind}_POOL_2D", [x], (1, *after, size[3]), **options), x)
    if kind == "branch":
        join = draw(st.sampled_from(["ADD", "SUB", "MUL", "CONCATENATION"]))
        w = b.weights(x, (size[3], 1, 1, size[3]), 0, per_channel, bias)
        y = b.int8_op("CONV_2D", [x, *w], size, strideH=1, strideW=1, **fused, **dilation)
        if join == "CONCATENATION":
            return b.same_scale(b.int8_op(join, [x, b.same_scale(y, x)], (*size[:3], 2 * size[3]), axis=3), x)
        return b.int8_op(join, [x, y], size, **fused)
    if kind == "function":
        name = draw(st.sampled_from(["RELU", "LEAKY_RELU", "LOGISTIC", "TANH", "HARD_SWISH", "ELU"]))
        y = b.int8_op(name, [x], size, **({"alpha": 0.1} if name == "LEAKY_RELU" else {}))
        ends = {"LOGISTIC": (1 / 256, -128), "TANH": (1 / 128, 0)}
        return b.quantise(y, *ends[name]) if name in ends else y
    if kind == "mean":
        return b.int8_op("MEAN", [x, b.constant(np.array([1, 2], np.int32))], (1, 1, 1, size[3]), keepDims=True)
    paddings = np.array([[0, 0], [draw(st.integers(0, 2)), 1], [0, draw(st.integers(0, 2))], [0, 0]], np.int32)
    padded = tuple(int(n + p.sum()) for n, p in zip(size, paddings))
    return b.same_scale(b.int8_op("PAD", [x, b.constant(paddings)], padded), x)


@given(random_networks())
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_random_networks(network):
    data, rng = network
    check(data, rng, count=3)
