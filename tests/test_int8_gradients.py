"""Gradients through int8 operators against TensorFlow's on the dequantised graph, at the activations that TensorFlow
Lite Micro computes.

Bound: 1e-4 by max|a - b| / max(max|b|, 1e-12) per tensor, as for float32: forward sums are exact integers on both
sides, so that only the float32 sums of the backward pass differ from double precision.
"""

from __future__ import annotations

import numpy as np
import pytest
from harness import one_label, open_trainer, train
from int8_builder import Int8Builder
from int8_cases import CASES, SHAPE, front
from int8_reference import Int8Model
from tf_reference import error_measure
from tflite_builder import ACTIVATIONS
from tflm_train.converters.convert import convert

from tflm_train.config import TrainingConfig

TOLERANCE = 1e-4


def check(data: bytes, x: np.ndarray, label, kind: str, build: str = "release", **config) -> float:
    """One sample's loss and gradients, read from the accumulation buffers. Returns the largest gradient."""
    result = convert(data, TrainingConfig(accumulate=2, **config))
    trainer = open_trainer(result, build)
    loss = float(train(trainer, np.asarray(x, np.float32)[None], one_label(label))[0])
    model = Int8Model(result.data, result.graph, result.layers, config.get("loss", "auto"))
    expected, gradients = model.gradients(x, label, kind)
    assert loss == pytest.approx(expected, rel=1e-5)
    tensors = result.plan.parameters["tensor"].tolist()
    errors = [error_measure(ours, gradients[t].ravel()) for t, ours in zip(tensors, trainer.gradients())]
    assert max(errors) <= TOLERANCE, errors
    return max(float(np.abs(gradients[t]).max()) for t in tensors)


def dense_network(rng, zero_point=3, per_channel=False, activation="RELU", middle=-128, units=12):
    b = Int8Builder(rng)
    x = b.int8_input(1, 9, scale=0.04, zero_point=zero_point)
    x = b.quantise(b.int8_dense(x, units, per_channel, fused=ACTIVATIONS[activation]), 0.02, middle)
    return b.finish(b.quantise(b.int8_dense(x, 4, False), 0.04, -7))


@pytest.mark.parametrize("build", ["release", "parity"])
@pytest.mark.parametrize("zero_point", [-128, 3, 127])
def test_the_input_counts_from_its_zero_point(zero_point, build):
    """A ReLU6 in front gives -128: a weight gradient of raw values would be off by 128 times the error."""
    rng = np.random.default_rng(abs(zero_point))
    x = (rng.integers(-128, 128, 9) - zero_point) * 0.04
    assert check(dense_network(rng, zero_point), x, 2, "cross-entropy-logits", build) > 0


@pytest.mark.parametrize(("activation", "middle"), [("NONE", 0), ("RELU", -128), ("RELU6", -100), ("RELU_N1_TO_1", 5)])
@pytest.mark.parametrize("per_channel", [False, True])
def test_fully_connected(activation, middle, per_channel):
    rng = np.random.default_rng(middle + 200)
    x = rng.normal(size=9)
    label = rng.normal(size=4).astype(np.float32)
    assert check(dense_network(rng, -5, per_channel, activation, middle), x, label, "mse") > 0


@pytest.mark.parametrize("name", CASES)
def test_every_operator(name):
    largest = 0.0
    for seed in range(3):
        rng = np.random.default_rng([seed, len(name)])
        b = Int8Builder(rng)
        y = CASES[name](b, front(b))
        label = rng.normal(size=int(np.prod(b.graph.tensors[y].shape))).astype(np.float32)
        largest = max(largest, check(b.finish(y), rng.normal(size=SHAPE), label, "mse", loss="mse"))
    assert largest > 0  # not all is clamped


@pytest.mark.parametrize("kind", ["convolution", "depthwise"])
def test_a_selector_chooses_among_pooled_elements(kind):
    """An element of a convolution's map that no window picks has no error: it is no candidate."""
    b = Int8Builder(np.random.default_rng(3))
    x = front(b)
    if kind == "depthwise":
        options = dict(strideH=1, strideW=1, dilationHFactor=1, dilationWFactor=1, depthMultiplier=1)
        x = b.int8_op("DEPTHWISE_CONV_2D", [x, *b.weights(x, (1, 3, 3, 4), 3, True)], SHAPE, **options)
    options = dict(strideH=2, strideW=2, filterHeight=2, filterWidth=2, padding=1)
    y = b.same_scale(b.int8_op("MAX_POOL_2D", [x], (1, 2, 3, 4), **options), x)
    data = b.finish(b.int8_dense(b.same_scale(b.int8_op("RESHAPE", [y], (1, 24)), y), 3))
    result = convert(data, TrainingConfig(selector="tinyprop"))
    assert int(result.plan.layers[-2]["candidates"]) == 2 * 3 * 4
    label = np.array([1.0, -1.0, 0.5], np.float32)
    assert check(data, np.random.default_rng(4).normal(size=SHAPE), label, "mse", loss="mse") > 0
