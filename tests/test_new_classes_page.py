"""The examples of docs/new_classes.md run as they stand there."""

from __future__ import annotations

import re
from pathlib import Path

import networks
import numpy as np
import pytest
from test_fewer_passes_page import SAMPLES, library, run

import tflm_train as tt

PAGE = Path(__file__).resolve().parent.parent / "docs" / "new_classes.md"
__all__ = ["library"]


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return found


def test_the_board_learns_as_python_does(tmp_path: Path, library: list[str], blobs: tuple) -> None:
    x, y = blobs[0][:SAMPLES], blobs[1][:SAMPLES]
    model = tt.convert(networks.mlp(sizes=(64, 32, 6)), tt.TrainingConfig(spare_classes=4, learning_rate=0.02))
    known, *output = run(
        tmp_path, library, block("cpp"), f"LearnAll(trainer,samples,digits,{SAMPLES},3)", model, (x, y)
    )
    assert known == 10
    with tt.Trainer(model) as trainer:
        first = [i for i in range(SAMPLES) if y[i] >= 6 and (y[:i] == y[i]).sum() < 2]
        trainer.teach(x[first], y[first])
        trainer.fit(x, y, epochs=3, shuffle=False)
        np.testing.assert_allclose(output, trainer.predict(x[:1])[0], atol=1e-4)


def test_the_python_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, blobs: tuple) -> None:
    x, y = blobs
    monkeypatch.chdir(tmp_path)
    Path("model.tflite").write_bytes(networks.mlp(sizes=(64, 32, 5)))
    old, few = y < 5, np.concatenate([np.flatnonzero(y == label)[:5] for label in range(5, 10)])
    exec(block("python"), {"tt": tt, "x_old": x[old], "y_old": y[old], "x_few": x[few], "y_few": y[few]})
    with tt.Trainer("taught.tflite") as trainer:
        assert trainer.untaught == ()
        assert trainer.evaluate(x, y)["accuracy"] > 0.6
