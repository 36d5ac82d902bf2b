"""Small files that many tests start from, made once per run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import networks
import numpy as np
import pytest
from command_line import Outcome
from hypothesis import settings

import tflm_train as tt
from tflm_train.cli import main

# Continuous integration judges a change by the same examples as the run before; a run by hand looks for new ones.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")


@pytest.fixture(scope="session")
def blobs() -> tuple[np.ndarray, np.ndarray]:
    """Ten well separated clusters in 64 dimensions: float32 [300, 64], int64 [300]."""
    rng = np.random.default_rng(5)
    centres = rng.normal(size=(10, 64))
    y = rng.integers(0, 10, 300)
    return (centres[y] + 0.3 * rng.normal(size=(300, 64))).astype(np.float32), y


@pytest.fixture(scope="session")
def mlp_model() -> tt.TrainableModel:
    """64-32-10, all layers, memory for every selector."""
    return tt.convert(networks.mlp(), tt.TrainingConfig(selector="tinyprop"))


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory, mlp_model: tt.TrainableModel, blobs: tuple) -> Path:
    """``plain.tflite``, ``model.tflite`` (with a plan) and ``data.npz`` (with a test part)."""
    path = tmp_path_factory.mktemp("files")
    x, y = blobs
    (path / "plain.tflite").write_bytes(networks.mlp())
    mlp_model.save(path / "model.tflite")
    np.savez(path / "data.npz", x=x[:200], y=y[:200], x_test=x[200:], y_test=y[200:])
    return path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    def call(*arguments: object) -> Outcome:
        code = main([str(a) for a in arguments])
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return call
