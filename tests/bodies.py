"""Models whose front only TensorFlow Lite Micro runs on a device: recurrent, quantised, with a state, custom."""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from tflite_builder import ModelBuilder

STEPS, SIGNALS, UNITS, CLASSES = 7, 3, 6, 4


def _head(b: ModelBuilder, rng: np.random.Generator, x: int, inputs: int) -> bytes:
    """Two dense layers and softmax."""
    x = b.dense(x, rng.normal(size=(8, inputs)) * 0.5, rng.normal(size=8) * 0.1, "RELU")
    x = b.dense(x, rng.normal(size=(CLASSES, 8)) * 0.5, np.zeros(CLASSES))
    return b.finish(b.op("SOFTMAX", [x], (1, CLASSES), beta=1.0))


def quantised(b: ModelBuilder, tensor: int, dtype: str, scale: Any, zero_point: Any = 0) -> int:
    """Gives a tensor another type and its scale."""
    q = schema.QuantizationParametersT()
    q.scale = np.atleast_1d(np.asarray(scale, np.float32))
    q.zeroPoint = np.atleast_1d(np.asarray(zero_point, np.int64))
    b.graph.tensors[tensor].type = getattr(schema.TensorType, dtype.upper())
    b.graph.tensors[tensor].quantization = q
    return tensor


def lstm(front: bool = False) -> bytes:
    """[dense ->] LSTM over a series -> its last output -> two dense layers, softmax."""
    rng, b = np.random.default_rng(11), ModelBuilder()
    x = b.input(1, STEPS, SIGNALS)
    if front:
        flat = b.dense(b.reshape(x, STEPS, SIGNALS), rng.normal(size=(SIGNALS, SIGNALS)), None, batch=STEPS)
        x = b.reshape(flat, 1, STEPS, SIGNALS)
    gates = [b.constant(rng.normal(size=(UNITS, SIGNALS)) * 0.6) for _ in range(4)]
    recurrent = [b.constant(rng.normal(size=(UNITS, UNITS)) * 0.4) for _ in range(4)]
    biases = [b.constant(rng.normal(size=UNITS) * 0.2) for _ in range(4)]
    states = [b.tensor((1, UNITS), name=f"state_{i}") for i in range(2)]
    for state in states:
        b.graph.tensors[state].isVariable = True
    inputs = [x, *gates, *recurrent, -1, -1, -1, *biases, -1, -1, *states, -1, -1, -1, -1]
    x = b.op("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, (1, STEPS, UNITS), fusedActivationFunction=4, cellClip=10.0)
    ends = [b.constant(np.array(v, np.int32)) for v in ((0, STEPS - 1, 0), (1, STEPS, UNITS), (1, 1, 1))]
    x = b.reshape(b.op("STRIDED_SLICE", [x, *ends], (1, 1, UNITS)), 1, UNITS)
    return _head(b, rng, x, UNITS)


def int8(float_input: bool = True, float_head: bool = True) -> bytes:
    """[QUANTIZE ->] convolution, L2_NORMALIZATION and dense layer in int8 -> DEQUANTIZE -> two dense layers, softmax.

    ``float_head`` false: the dense layer is the last one, in int8."""
    rng, b = np.random.default_rng(12), ModelBuilder()
    x = b.input(1, 6, 6, 2)
    if float_input:
        x = quantised(b, b.op("QUANTIZE", [x], (1, 6, 6, 2)), "int8", 0.04, 3)
    else:
        quantised(b, x, "int8", 0.04, 3)
    scales = [0.01, 0.02, 0.015]
    weights = b.constant(rng.integers(-100, 100, (3, 3, 3, 2)).astype(np.int8))
    quantised(b, weights, "int8", scales, [0, 0, 0])
    bias = quantised(
        b, b.constant(rng.integers(-300, 300, 3).astype(np.int32)), "int32", np.multiply(scales, 0.04), [0] * 3
    )
    options = dict(padding=0, strideH=2, strideW=2, dilationHFactor=1, dilationWFactor=1, fusedActivationFunction=1)
    x = quantised(b, b.op("CONV_2D", [x, weights, bias], (1, 3, 3, 3), **options), "int8", 0.05, -128)
    x = quantised(b, b.reshape(x, 1, 27), "int8", 0.05, -128)
    x = quantised(b, b.op("L2_NORMALIZATION", [x], (1, 27)), "int8", 1 / 128)
    weights = quantised(b, b.constant(rng.integers(-100, 100, (10, 27)).astype(np.int8)), "int8", 0.01)
    bias = quantised(b, b.constant(rng.integers(-300, 300, 10).astype(np.int32)), "int32", 0.0005)
    x = quantised(b, b.op("FULLY_CONNECTED", [x, weights, bias], (1, 10)), "int8", 0.06, 5)
    x = b.op("DEQUANTIZE", [x], (1, 10))
    return _head(b, rng, x, 10) if float_head else b.finish(x)


def custom() -> bytes:
    """An operator that nobody knows, in front of a dense layer."""
    rng, b = np.random.default_rng(13), ModelBuilder()
    x = b.op("CUSTOM", [b.input(1, 5)], (1, 6))
    b.model.operatorCodes[0].customCode = b"Spectrum"
    return _head(b, rng, x, 6)


def body_below_and_beside(position: str) -> bytes:
    """COS in places where no cut divides it from the dense layer: ``above`` it, or ``beside`` it."""
    rng, b = np.random.default_rng(14), ModelBuilder()
    x = b.input(1, 4)
    if position == "above":
        x = b.op("COS", [b.dense(x, rng.normal(size=(4, 4)), np.zeros(4))], (1, 4))
        return b.finish(b.op("TANH", [x], (1, 4)))
    beside = b.op("COS", [x], (1, 4))
    x = b.dense(x, rng.normal(size=(4, 4)), np.zeros(4))
    return b.finish(b.op("ADD", [x, beside], (1, 4)))


BODIES = {"lstm": lstm, "int8": int8}
SHAPES = {"lstm": (STEPS, SIGNALS), "int8": (6, 6, 2)}


def samples(kind: str, count: int, seed: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Clusters, one for each class."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(CLASSES, *SHAPES[kind]))
    labels = rng.integers(0, CLASSES, count).astype(np.int32)
    return (centres[labels] + 0.4 * rng.normal(size=(count, *SHAPES[kind]))).astype(np.float32), labels
