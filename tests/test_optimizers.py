"""Update rules: over a sequence of steps they are Keras', and their state is memory that the plan has."""

from __future__ import annotations

import networks
import numpy as np
import pytest
import tensorflow as tf
from harness import open_trainer, train
from test_summed_gradients import STEPS, network, rows_network
from tf_reference import TensorFlowModel
from tflm_train.converters.convert import convert
from tflm_train.converters.memory_planner import aligned
from tflm_train.converters.operators_header import operators_header

import tflm_train as tt

RATE = 1e-2
CASES = {
    "momentum": lambda: tf.keras.optimizers.SGD(RATE, momentum=0.9),
    "adam": lambda: tf.keras.optimizers.Adam(RATE),
}


def largest_difference(kind: str, reference: tf.keras.optimizers.Optimizer, build: str = "release", **config) -> float:
    """Of an update over all steps, against TensorFlow's: norm of the difference / norm of the update, by layer."""
    data, shape = (rows_network(), (1024, 3)) if kind == "dense" else (network(kind, 16), (16, 16, 2))
    result = convert(data, tt.TrainingConfig(**config))
    rng = np.random.default_rng(7)
    x, labels = rng.normal(size=(STEPS, *shape)).astype(np.float32), rng.integers(0, 3, STEPS).astype(np.int32)
    trainer = open_trainer(result, build)
    train(trainer, x, labels)

    model, group = TensorFlowModel(result.graph, result.layers, "float32"), config.get("accumulate", 1)
    variables = model.variables
    before = {tensor: variable.numpy().ravel() for tensor, variable in variables.items()}
    for first in range(0, STEPS, group):
        of_group = [model.gradients(x[i], labels[i], "cross-entropy")[1] for i in range(first, first + group)]
        means = {tensor: np.mean([gradients[tensor] for gradients in of_group], axis=0) for tensor in variables}
        reference.apply_gradients(
            (tf.constant(means[tensor].reshape(variable.shape), tf.float32), variable)
            for tensor, variable in variables.items()
        )
    worst = 0.0
    for tensor, values in trainer.parameters():
        wanted = (variables[tensor].numpy().ravel() - before[tensor]).astype(np.float64)
        ours = np.asarray(values).ravel().astype(np.float64) - before[tensor]
        worst = max(worst, float(np.linalg.norm(ours - wanted) / np.linalg.norm(wanted)))
    return worst


@pytest.mark.parametrize("build", ["release", "parity"])
@pytest.mark.parametrize("accumulate", [1, 4])
@pytest.mark.parametrize("kind", ["plain", "pooled", "depthwise", "dense"])
@pytest.mark.parametrize("name", CASES)
def test_updates_are_those_of_keras(name, kind, accumulate, build):
    config = {"optimizer": name, "learning_rate": RATE, "accumulate": accumulate}
    assert largest_difference(kind, CASES[name](), build, **config) <= 1e-3


def test_momentum_has_a_constant():
    reference = tf.keras.optimizers.SGD(RATE, momentum=0.5)
    assert largest_difference("plain", reference, optimizer="momentum", momentum=0.5, learning_rate=RATE) <= 1e-3


def model(optimizer: str, **options) -> tt.TrainableModel:
    return tt.convert(networks.mlp(), tt.TrainingConfig(optimizer=optimizer, learning_rate=1e-3, **options))


@pytest.mark.parametrize("optimizer, numbers, shared", [("sgd", 0, 0), ("momentum", 1, 0), ("adam", 2, 2)])
def test_state_is_planned_to_the_byte_for_what_trains_alone(optimizer, numbers, shared):
    for layers, inputs, rows in (("all", (64, 32), (32, 10)), ("last:1", (32,), (10,))):
        sizes = model(optimizer, layers=layers).sizes
        parameters = [aligned(4 * n) for i, r in zip(inputs, rows) for n in (i * r, r)]
        constants = 0 if layers == "all" else 2  # weights and biases that stay in the file
        own = sum(parameters) * (1 + numbers) + 4 * shared + 4 * len(rows) + 4 * constants
        row = 4 * inputs[0] if numbers else 0
        assert sizes.weight_bytes + sizes.state_bytes == aligned(own) + row


def weights(trainer: tt.Trainer) -> bytes:
    return b"".join(values.tobytes() for _, values in trainer.device.parameters())


@pytest.mark.parametrize("accumulate", [1, 4])
@pytest.mark.parametrize("optimizer", ["momentum", "adam"])
def test_the_state_is_part_of_the_training_state(optimizer, accumulate):
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(60, 64)).astype(np.float32), rng.integers(0, 10, 60).astype(np.int32)
    order = np.arange(60, dtype=np.uint32)
    with tt.Trainer(model(optimizer, accumulate=accumulate)) as trainer:
        device = trainer.device
        device.train(x, y, order[:21])
        state = device.state()
        device.train(x, y, order[21:])
        end = weights(trainer)
        device.set_state(state)
        device.train(x, y, order[21:])
        assert weights(trainer) == end
        device.reset()
        device.train(x, y, order)
        assert weights(trainer) == end


def test_a_firmware_links_the_rule_of_its_plan():
    assert "kAdamOptimizer" in operators_header(model("adam").plan)
    assert "Optimizer" not in operators_header(model("sgd").plan)


def test_a_constant_of_another_rule_is_refused():
    with pytest.raises(tt.UserError, match="momentum .*has no effect with optimizer adam"):
        tt.Trainer(model("adam")).set_options(momentum=0.5)
