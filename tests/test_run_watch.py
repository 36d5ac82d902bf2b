"""A run that goes wrong without NaN or infinity says so in one sentence while it happens."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import networks
import numpy as np
import pytest
from tflite_builder import ModelBuilder

import tflm_train as tt


def regression(bias: float = 0.0) -> tt.TrainableModel:
    """Two layers towards one number; a bias far below zero kills every unit of the hidden one."""
    rng, b = np.random.default_rng(0), ModelBuilder()
    x = b.dense(b.input(1, 6), rng.normal(size=(8, 6)), np.full(8, bias), "RELU")
    return tt.convert(b.finish(b.dense(x, rng.normal(size=(1, 8)), np.zeros(1))), tt.TrainingConfig(loss="mse"))


def data(samples: int = 100) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(samples, 6)).astype(np.float32)
    return x, x[:, :1] - x[:, 1:2]


def told(model: tt.TrainableModel, x: np.ndarray, y: np.ndarray, **run: Any) -> tuple[tt.History, list[str]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        history = tt.Trainer(model).fit(x, y, verbose=0, **run)
    mine = [warning for warning in caught if issubclass(warning.category, tt.TrainingWarning)]
    assert all(warning.filename == __file__ for warning in mine)
    return history, [str(warning.message) for warning in mine]


def test_a_stuck_regression_is_told_once():
    history, sentences = told(regression(-1e3), *data(), epochs=8, learning_rate=0.01)
    assert len(sentences) == 1 and sentences[0] == history.noticed
    assert "has not moved for 3 epochs, and the outputs of 32 samples" in sentences[0]


def test_targets_that_are_all_the_same_are_not_stuck():
    x, y = data()
    history, sentences = told(regression(-1e3), x, np.ones_like(y), epochs=8, learning_rate=0.01)
    assert not sentences and history.noticed is None


def test_a_rising_loss_is_told_once():
    trainer = tt.Trainer(regression())

    def double(epoch: int, logs: dict[str, float]) -> None:
        trainer.device.set_parameters([2 * values for _, values in trainer.device.parameters()])

    with pytest.warns(tt.TrainingWarning) as told:
        history = trainer.fit(*data(), epochs=6, learning_rate=1e-9, callbacks=[double], verbose=0)
    assert [str(warning.message) for warning in told] == [history.noticed]
    losses = history.history["loss"]
    assert f"risen for 2 epochs, to {losses[2]:.3g} in epoch 3 from {losses[0]:.3g} in epoch 1: " in history.noticed
    assert "try a smaller learning rate" in history.noticed


@pytest.mark.parametrize("rate", [1e-6, 1e-3, 1e-2])
def test_healthy_and_slow_runs_say_nothing(rate: float, blobs: tuple):
    assert told(regression(), *data(), epochs=10, learning_rate=rate)[1] == []
    assert told(tt.convert(networks.mlp()), *blobs, epochs=10, learning_rate=rate)[1] == []


def test_the_command_line_says_it_too(run: Any, tmp_path: Path):
    x, y = data()
    np.savez(tmp_path / "data.npz", x=x, y=y)
    regression(-1e3).save(tmp_path / "model.tflite")
    outcome = run("train", tmp_path / "model.tflite", "--data", tmp_path / "data.npz", "--epochs", "4", "--json")
    assert outcome.err.count("has not moved") == 1
    assert any("has not moved" in sentence for sentence in outcome.json["warnings"])
