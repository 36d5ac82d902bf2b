"""Whole training steps: against TensorFlow's SGD, and the library against itself where bits must agree."""

from __future__ import annotations

import networks
import numpy as np
import pytest
from harness import arena_bytes, open_trainer, train
from tf_reference import TensorFlowModel, error_measure
from tflm_train._native import NativeError, NativeTrainer
from tflm_train.converters.convert import convert

from tflm_train.config import TrainingConfig

STEPS = 200


def weights(trainer) -> list[np.ndarray]:
    return [np.asarray(values).ravel() for _, values in trainer.parameters()]


@pytest.mark.parametrize("build", ["release", "parity"])
@pytest.mark.parametrize("name", networks.ALL)
def test_one_step_equals_tensorflow_sgd(name, build):
    data = networks.ALL[name]()
    result = convert(data, TrainingConfig(learning_rate=0.1))
    trainer = open_trainer(result, build)
    x, labels = networks.samples(data, 1)
    loss = train(trainer, x, labels)[0]
    reference = TensorFlowModel(result.graph, result.layers)
    before = {t: v.numpy() for t, v in reference.variables.items()}
    reference_loss = reference.sgd_step(x[0], labels[0], "cross-entropy", 0.1)
    assert abs(loss - reference_loss) <= 1e-5 * max(1.0, reference_loss)
    worst = 0.0
    for tensor, values in trainer.parameters():
        step = np.asarray(values, np.float64).ravel() - before[tensor].ravel()
        expected = reference.variables[tensor].numpy().ravel() - before[tensor].ravel()
        # the update is measured against the largest change, plus what float32 weights of this size can resolve
        resolution = np.abs(before[tensor]).max() * 2.0**-23 / max(np.abs(expected).max(), 1e-12)
        worst = max(worst, error_measure(step, expected) - resolution)
    print(f"{name} ({build}): largest difference of an update {worst:.2e}")
    assert worst <= 1e-4


@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_two_hundred_steps_follow_tensorflow(name):
    data = networks.ALL[name]()
    result = convert(data, TrainingConfig(learning_rate=0.01))
    x, labels = networks.samples(data, STEPS)
    losses = train(open_trainer(result), x, labels)
    reference = TensorFlowModel(result.graph, result.layers)
    expected = np.array([reference.sgd_step(x[i], labels[i], "cross-entropy", 0.01) for i in range(STEPS)])
    assert (np.abs(losses - expected) <= 1e-4 * np.maximum(1.0, expected)).all()


def run(name: str, build: str, selector: str, count: int = STEPS, **options) -> tuple[np.ndarray, list[np.ndarray]]:
    data = networks.ALL[name]()
    trainer = open_trainer(convert(data, TrainingConfig(selector=selector, learning_rate=0.01)), build, **options)
    x, labels = networks.samples(data, count)
    return train(trainer, x, labels), weights(trainer)


def same_bits(a: tuple[np.ndarray, list[np.ndarray]], b: tuple[np.ndarray, list[np.ndarray]]) -> bool:
    return a[0].tobytes() == b[0].tobytes() and all(u.tobytes() == v.tobytes() for u, v in zip(a[1], b[1]))


@pytest.mark.parametrize(
    "name,count", [("mlp", STEPS), ("cnn", STEPS), ("inverted_residual", 60), ("separable", 8), ("residual", 4)]
)
def test_full_selection_equals_dense_bit_for_bit(name, count):
    dense = run(name, "parity", "dense", count)
    topk = run(name, "parity", "static-topk", count, ratio=1.0)
    adaptive = run(name, "parity", "tinyprop", count, s_min=1.0, s_max=1.0, damping=1.0)
    assert same_bits(dense, topk)
    assert same_bits(dense, adaptive)


@pytest.mark.parametrize(
    "name,count", [("mlp", STEPS), ("cnn", STEPS), ("inverted_residual", 60), ("separable", 8), ("residual", 4)]
)
def test_zero_skip_changes_no_bit(name, count):
    assert same_bits(run(name, "parity", "dense", count), run(name, "parity", "dense", count, zero_skip=False))


@pytest.mark.parametrize("build", ["release", "parity"])
@pytest.mark.parametrize("selector", ["dense", "static-topk", "tinyprop"])
def test_two_runs_are_equal_bit_for_bit(build, selector):
    assert same_bits(run("cnn", build, selector), run("cnn", build, selector))


@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_release_follows_parity(name):
    release, parity = run(name, "release", "dense"), run(name, "parity", "dense")
    assert (np.abs(release[0] - parity[0]) <= 1e-4 * np.maximum(1.0, parity[0])).all()


def test_sparse_training_does_less_work_and_learns():
    data = networks.cnn()
    x, labels = networks.samples(data, 300)
    counters, last = {}, {}
    for selector in ("dense", "tinyprop"):
        trainer = open_trainer(convert(data, TrainingConfig(selector=selector, learning_rate=0.02)))
        losses = np.concatenate([train(trainer, x, labels) for _ in range(3)])
        counters[selector], last[selector] = trainer.counters(), losses[-100:].mean()
        assert last[selector] < losses[:100].mean() / 2
    assert counters["tinyprop"]["weight_gradient"] < 0.8 * counters["dense"]["weight_gradient"]
    assert counters["tinyprop"]["input_error"] < 0.9 * counters["dense"]["input_error"]
    assert counters["dense"]["selection"] == 0 < counters["tinyprop"]["selection"]


@pytest.mark.parametrize("name", networks.ALL)
@pytest.mark.parametrize("config", [{}, {"selector": "tinyprop"}, {"accumulate": 4}, {"layers": "last:1"}])
def test_the_planned_arena_is_exact(name, config):
    result = convert(networks.ALL[name](), TrainingConfig(**config))
    size = arena_bytes(result)
    NativeTrainer(result.data, size)
    with pytest.raises(NativeError) as failure:
        NativeTrainer(result.data, size - 1)
    assert failure.value.required_bytes == size


@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_accumulation_is_the_mean_of_the_gradients(name):
    data = networks.ALL[name]()
    x, labels = networks.samples(data, 7)
    trainer = open_trainer(convert(data, TrainingConfig(accumulate=3, learning_rate=0.1)))
    train(trainer, x, labels)
    trainer.flush()  # the last group has one sample
    result = convert(data, TrainingConfig())
    reference = TensorFlowModel(result.graph, result.layers)
    for begin in range(0, 7, 3):
        group = range(begin, min(begin + 3, 7))
        gradients = [reference.gradients(x[i], labels[i], "cross-entropy")[1] for i in group]
        for tensor, variable in reference.variables.items():
            variable.assign_sub(0.1 * np.mean([g[tensor].reshape(variable.shape) for g in gradients], axis=0))
    for tensor, values in trainer.parameters():
        assert error_measure(values, reference.variables[tensor].numpy()) <= 1e-5
