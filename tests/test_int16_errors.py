"""Errors of 16-bit integers, ``errors="int16"``."""

from __future__ import annotations

import int8_networks
import numpy as np
import pytest
from harness import one_label, open_trainer, train
from int8_builder import Int8Builder
from int8_cases import CASES, SHAPE, front
from int8_reference import Int8Model
from tf_reference import error_measure
from tflm_train.converters.convert import convert

from tflm_train.config import TrainingConfig

# An error of 15 bits is rounded once in a layer, by at most 2^-16 of the largest of its tensor; sums are exact. A few
# layers, whose errors add up with the sizes of their weights, stay below this part of a gradient's largest element.
TOLERANCE = 1e-3


def check(data: bytes, x: np.ndarray, label, kind: str, build: str = "release", **config) -> None:
    """One sample's gradients, read from the accumulation buffers, against TensorFlow's in float32."""
    result = convert(data, TrainingConfig(accumulate=2, errors="int16", **config))
    trainer = open_trainer(result, build)
    train(trainer, np.asarray(x, np.float32)[None], one_label(label))
    model = Int8Model(result.data, result.graph, result.layers, config.get("loss", "auto"))
    _, gradients = model.gradients(x, label, kind)
    tensors = result.plan.parameters["tensor"].tolist()
    errors = [error_measure(ours, gradients[t].ravel()) for t, ours in zip(tensors, trainer.gradients())]
    assert max(errors) <= TOLERANCE, errors


@pytest.mark.parametrize("name", CASES)
def test_every_operator(name):
    """Those without a kernel for integers get floats."""
    for seed in range(3):
        rng = np.random.default_rng([seed, len(name)])
        b = Int8Builder(rng)
        y = CASES[name](b, front(b))
        label = rng.normal(size=int(np.prod(b.graph.tensors[y].shape))).astype(np.float32)
        check(b.finish(y), rng.normal(size=SHAPE), label, "mse", loss="mse")


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_a_network(seed, per_channel):
    rng = np.random.default_rng(seed)
    data = int8_networks.cnn(seed, per_channel)
    check(data, rng.normal(size=int8_networks.SHAPE), seed % int8_networks.CLASSES, "cross-entropy-logits")


@pytest.mark.parametrize("kind", ["ADD", "SUB"])
@pytest.mark.parametrize("shared", [False, True])
def test_both_operands_are_one_tensor(kind, shared):
    """Its error is that of both; with another reader behind it, it is added to what is there."""
    rng = np.random.default_rng(2)
    b = Int8Builder(rng)
    x = front(b)
    y = b.int8_op(kind, [x, x], SHAPE)
    if shared:
        y = b.int8_op("ADD", [y, x], SHAPE)
    label = rng.normal(size=SHAPE).astype(np.float32)
    check(b.finish(y), rng.normal(size=SHAPE), label.ravel(), "mse", loss="mse")


def test_zeros_take_no_digit_of_what_they_are_added_to():
    """A branch that never wins has no error, whose exponent says nothing."""
    rng = np.random.default_rng(3)
    b = Int8Builder(rng, scale=0.002)
    x = front(b)
    w = b.int8_constant(rng.integers(-127, 128, (4, 1, 1, 4)), 0.01, 0)
    low = b.quantise(b.constant(np.full(4, -(2**20), np.int32)), 0.01 * b.scale_of(x), 0)
    options = dict(strideH=1, strideW=1, dilationHFactor=1, dilationWFactor=1)
    y = b.same_scale(b.int8_op("CONV_2D", [x, w, low], SHAPE, **options), x)
    y = b.same_scale(b.int8_op("MAXIMUM", [x, y], SHAPE), x)
    label = 0.001 * rng.normal(size=SHAPE).astype(np.float32)
    check(b.finish(y), 0.01 * rng.normal(size=SHAPE), label.ravel(), "mse", loss="mse")
