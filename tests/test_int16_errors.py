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
