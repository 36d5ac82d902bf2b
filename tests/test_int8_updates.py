"""Sequences of steps on int8 weights: what each one must make of values and remainders, from TensorFlow's gradients."""

from __future__ import annotations

import int8_networks
import networks
import numpy as np
import pytest
from int8_reference import Int8Model
from test_int8_gradients import dense_network
from tflm_train.converters.convert import convert
from tflm_train.converters.model_writer import write_parameters
from tflm_train.converters.plan_format import NONE_OFFSET

import tflm_train as tt

STEPS, RATE = 30, 0.02
NETWORKS = {
    "dense": (dense_network, (9,), "cross-entropy-logits"),
    "cnn": (lambda rng: int8_networks.cnn(), int8_networks.SHAPE, "cross-entropy-logits"),
}


def trainer(data: bytes, **options) -> tt.Trainer:
    return tt.Trainer(tt.convert(data, tt.TrainingConfig(learning_rate=RATE, **options)))


def planes(device, plan) -> list[np.ndarray]:
    """Each parameter as one integer for value and remainder, in 1/256 of its unit."""
    state = np.frombuffer(device.state(), np.uint8)[-int(plan.defaults["constants_offset"]) :]
    found = []
    for record, (_, values) in zip(plan.parameters, device.parameters()):
        begin, n = int(record["remainder_offset"]), int(record["elements"])
        rest = 0 if begin == NONE_OFFSET else state[begin : begin + n].view(np.int8).astype(np.int64)
        found.append(256 * values.astype(np.int64) + rest)
    return found


def scales(plan, record) -> np.ndarray:
    """One for each element."""
    q = plan.quantization(record)
    n = int(record["elements"])
    return np.repeat(q.scales, n // len(q.scales)) if q.axis == 0 else np.tile(q.scales, n // len(q.scales))


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("accumulate", [1, 3])
@pytest.mark.parametrize("update", ["int16-master", "nearest"])
@pytest.mark.parametrize("errors", ["float32", "int16"])
def test_every_step_of_a_sequence_is_the_rule_s(kind, accumulate, update, errors):
    build, shape, loss = NETWORKS[kind]
    rng = np.random.default_rng(5)
    data = build(rng)
    options = dict(update=update, accumulate=accumulate, errors=errors)
    result = convert(data, tt.TrainingConfig(learning_rate=RATE, **options))
    device = trainer(data, **options).device
    x = rng.normal(size=(STEPS, int(np.prod(shape)))).astype(np.float32)
    labels = rng.integers(0, 4, STEPS).astype(np.int32)
    moved = off = far = 0
    for first in range(0, STEPS, accumulate):
        file = write_parameters(result.data, device.parameters())
        graph = convert(file, tt.TrainingConfig(learning_rate=RATE, **options)).graph
        model = Int8Model(file, graph, result.layers)
        group = [model.gradients(x[i], labels[i], loss)[1] for i in range(first, first + accumulate)]
        before = planes(device, result.plan)
        device.train(
            x[first : first + accumulate], labels[first : first + accumulate], np.arange(accumulate, dtype=np.uint32)
        )
        for record, old, new in zip(result.plan.parameters, before, planes(device, result.plan)):
            gradient = np.mean([g[int(record["tensor"])].ravel() for g in group], axis=0)
            step = -RATE * gradient / scales(result.plan, record)
            if update == "int16-master":
                expected = old + np.floor(256 * step + 0.5).astype(np.int64)
            else:
                expected = old + 256 * np.floor(step + 0.5).astype(np.int64)
            if record["kind"] == 0:
                expected = np.clip(expected, -127 * 256 - 128 * (update == "int16-master"), 127 * 256 + 127)
            most = 1 if update == "int16-master" else 256  # a tie that float32 sums decide
            if errors == "int16":  # see test_int16_errors
                most = most + 256 * 1e-3 * np.abs(gradient).max() * RATE / scales(result.plan, record)
            assert (np.abs(new - expected) <= most).all()
            far += int(np.abs(new - expected).sum())
            off += int((new != expected).sum())
            moved += int((new != old).sum())
    assert moved > 200 and (off <= 0.01 * moved if errors == "float32" else far <= 0.02 * 256 * moved)


@pytest.mark.parametrize("update", ["int16-master", "stochastic", "nearest"])
@pytest.mark.parametrize("errors", ["float32", "int16"])
@pytest.mark.parametrize("options", [{}, {"accumulate": 4}, {"selector": "tinyprop"}])
def test_the_whole_state_goes_back_and_training_repeats_itself(update, options, errors):
    rng = np.random.default_rng(6)
    data = dense_network(rng)
    x = rng.normal(size=(60, 9)).astype(np.float32)
    labels = rng.integers(0, 4, 60).astype(np.int32)
    order = np.arange(60, dtype=np.uint32)
    device = trainer(data, update=update, errors=errors, **options).device
    device.train(x, labels, order[:30])
    state = device.state()
    device.train(x, labels, order[30:])
    end = device.state()
    device.set_state(state)
    device.train(x, labels, order[30:])
    assert device.state() == end
    device.reset()
    device.train(x, labels, order)
    assert device.state() == end


def test_every_plane_is_planned_to_the_byte():
    data = dense_network(np.random.default_rng(0))
    rounds, masters = (tt.convert(data, tt.TrainingConfig(update=u)).sizes for u in ("nearest", "int16-master"))
    weights, biases = 12 * 9 + 4 * 12, 12 + 4
    assert rounds.weight_bytes == weights + 4 * biases
    assert masters.weight_bytes == 2 * weights + 5 * biases
    assert masters.trainable_parameters == weights + biases


def test_an_update_without_int8_weights_is_said():
    integers = tt.convert(dense_network(np.random.default_rng(0)), tt.TrainingConfig(update="nearest"))
    floats = tt.convert(networks.mlp(), tt.TrainingConfig(update="nearest"))
    assert not any("update" in note for note in integers.notes)
    assert any("update nearest (--update) has no effect" in note for note in floats.notes)
    assert not tt.convert(networks.mlp()).notes


def test_another_optimizer_for_integers_is_refused():
    for optimizer in ("momentum", "adam"):
        sentence = f"int8 weights, which train with --optimizer sgd only, not {optimizer}"
        with pytest.raises(tt.ConversionError, match=sentence):
            tt.convert(dense_network(np.random.default_rng(0)), tt.TrainingConfig(optimizer=optimizer))
