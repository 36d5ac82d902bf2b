from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_schemas import validate

import tflm_train as tt
from tflm_train.data import load_npz
from tflm_train.demo import digits


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("demo")
    command = [sys.executable, "-m", "tflm_train", "demo", "--json", "--output", str(folder)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=180)
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    return json.loads(run.stdout)


def test_accuracy_is_lost_and_won_back(demo: dict[str, Any]) -> None:
    validate(demo)
    assert demo["accuracy_clean"] > 0.9
    assert [r["selector"] for r in demo["results"]] == ["dense", "tinyprop"]
    for result in demo["results"]:
        print(result["selector"], result["accuracy_before"], result["accuracy_after"], sum(result["macs"].values()))
        assert result["accuracy_before"] < 0.5
        assert result["accuracy_after"] > result["accuracy_before"] + 0.3
        assert result["accuracy_after"] == result["accuracy_per_epoch"][-1]


def test_tinyprop_costs_less_than_dense(demo: dict[str, Any]) -> None:
    dense, tinyprop = (sum(r["macs"].values()) for r in demo["results"])
    without_skipping = sum(demo["results"][0]["dense_macs"].values())
    assert tinyprop < dense < without_skipping


def test_plot_is_a_picture(demo: dict[str, Any]) -> None:
    data = Path(demo["plot"]).read_bytes()
    assert data.startswith(b"\x89PNG") and len(data) > 10_000


def test_saved_models_hold_the_reported_accuracy(demo: dict[str, Any]) -> None:
    data = digits.load_digits(0)
    for result, path in zip(demo["results"], demo["models"][1:]):
        assert tt.Trainer(path).evaluate(data.x_test, data.y_test)["accuracy"] == result["accuracy_after"]
    saved = load_npz(demo["data"])
    assert np.array_equal(saved.x, data.x) and np.array_equal(saved.held_out[0], data.x_test)


def test_digits_are_split_without_overlap() -> None:
    data = digits.load_digits(3)
    assert (len(data.factory_x), len(data.x), len(data.x_test)) == (600, 380, 817)
    assert not np.array_equal(data.x_test, digits.load_digits(4).x_test)
    np.testing.assert_array_equal(data.x_test, digits.shift(data.clean_test))


def test_shift_rotates_and_dims() -> None:
    image = np.zeros((1, 8, 8, 1), np.float32)
    image[0, 1, 3:5] = 1.0  # a bar above the centre
    shifted = digits.shift(image)[0, :, :, 0]
    assert shifted.max() <= 0.5 and shifted.sum() == pytest.approx(1.0, rel=0.3)
    rows, columns = np.indices((8, 8))
    angle = np.degrees(
        np.arctan2(3.5 - (shifted * rows).sum() / shifted.sum(), (shifted * columns).sum() / shifted.sum() - 3.5)
    )
    assert abs(abs(angle - 90) - digits.ROTATION) < 10
