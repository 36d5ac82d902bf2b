"""``layers="auto:BYTES"``: the layers that gain most on labelled samples, in so much RAM."""

from __future__ import annotations

from typing import Any

import int8_networks
import networks
import numpy as np
import pytest
from command_line import assert_refused
from tf_reference import TensorFlowModel
from tflm_train.converters.convert import convert
from tflm_train.converters.model_source import read_model

import tflm_train as tt
from tflm_train.config import TrainingConfig
from tflm_train.contribution import contributions, ram_budget


def ram(model: tt.TrainableModel) -> int:
    sizes = model.sizes
    return max(sizes.arena_bytes[name] for name in ("infer", "train")) + sizes.trainer_bytes


def test_scores_are_squared_norms_of_tensorflow_s_mean_gradients():
    data = networks.cnn()
    x, y = networks.samples(data, 12)
    scores = contributions(read_model(data), TrainingConfig(), x, y)
    result = convert(data, TrainingConfig())
    reference = TensorFlowModel(result.graph, result.layers)
    each = [reference.gradients(sample, int(label), "cross-entropy")[1] for sample, label in zip(x, y)]
    mean = {t: np.mean([gradients[t] for gradients in each], axis=0) for t in each[0]}
    for score in scores:
        inputs = result.graph.operators[score.operator].inputs
        assert score.weights == pytest.approx(float((mean[inputs[1]] ** 2).sum()), rel=1e-4)
        assert score.bias == pytest.approx(float((mean[inputs[2]] ** 2).sum()), rel=1e-4)


@pytest.mark.parametrize("data", [networks.cnn(), int8_networks.cnn()], ids=["float32", "int8"])
def test_any_budget_is_kept_and_more_gains_no_less(data: bytes):
    rng = np.random.default_rng(0)
    shape = tt.convert(data).input_shape
    x, y = rng.normal(size=(20, *shape)).astype(np.float32), rng.integers(0, 4, 20)
    scores = {s.operator: s for s in contributions(read_model(data), TrainingConfig(), x, y)}
    whole, least = ram(tt.convert(data)), min(s.bias_ram_bytes for s in scores.values())
    gains, chosen = [], []
    for budget in np.linspace(least, whole, 6).astype(int):
        model = tt.convert(data, tt.TrainingConfig(layers=f"auto:{budget}"), probe=(x, y))
        assert ram(model) <= budget
        trained = [(scores[int(layer["operator"])], layer["weight"] != 0xFFFF) for layer in model.plan.layers]
        gains.append(sum(s.score if full else s.bias for s, full in trained))
        chosen.append([(s.operator, full) for s, full in trained])
        assert sum("gain most" in note for note in model.notes) == 1
    assert gains[-1] == pytest.approx(sum(s.score for s in scores.values()))
    assert len(chosen[-1]) == len(scores) and len(chosen[0]) >= 1 and gains[0] < gains[-1]


@pytest.mark.parametrize(
    "options",
    [
        {"gradient": "filter", "filter_size": 4},
        {"selector": "tinyprop", "s_min": 0.2, "gate": "loss", "gate_threshold": 0.5},
        {"optimizer": "momentum", "momentum": 0.5},
        {"schedule": "remembered-loss", "schedule_threshold": 0.1, "replay": "latent", "slots": 20},
    ],
)
def test_scores_are_those_of_exact_gradients_of_all_samples(options: dict[str, Any]):
    data = networks.cnn()
    x, y = networks.samples(data, 6)
    plain = contributions(read_model(data), TrainingConfig(), x, y)
    found = contributions(read_model(data), TrainingConfig(**options), x, y)
    assert [(s.weights, s.bias) for s in found] == [(s.weights, s.bias) for s in plain]


def test_the_ram_of_one_layer_is_what_it_takes():
    data = networks.cnn()
    x, y = networks.samples(data, 4)
    for score in contributions(read_model(data), TrainingConfig(), x, y):
        assert ram(tt.convert(data, tt.TrainingConfig(layers=[score.operator]))) == score.weights_ram_bytes
        assert ram(tt.convert(data, tt.TrainingConfig(layers=[f"{score.operator}:bias"]))) == score.bias_ram_bytes


def test_budgets():
    assert ram_budget("auto:1000") == 1000 and ram_budget("auto:2KB") == 2048
    assert ram_budget("auto") is None and ram_budget(["auto"]) is None
    for words in ("auto:", "auto:x", "auto:-5", "auto:1MB"):
        with pytest.raises(tt.UserError, match="in bytes"):
            ram_budget(words)


def test_what_is_missing_is_said():
    data = networks.mlp()
    x, y = networks.samples(data, 4)
    for config, probe, words in (
        (tt.TrainingConfig(layers="auto:9000"), None, "--probe D.npz"),
        (tt.TrainingConfig(), (x, y), "no effect"),
        (tt.TrainingConfig(layers="auto:100"), (x, y), "bytes of RAM at the least"),
    ):
        with pytest.raises(tt.UserError, match=words):
            tt.convert(data, config, probe=probe)


def test_no_weight_changes_while_gradients_are_taken():
    data = networks.mlp()
    x, y = networks.samples(data, 6)
    trainer = tt.Trainer(tt.convert(data, tt.TrainingConfig(accumulate=8)))
    trainer.fit(x[:2], y[:2], verbose=0)
    before = trainer.device.state()
    trainer.mean_gradients(x, y)
    assert trainer.device.state() == before
    with pytest.raises(tt.UserError, match="accumulate"):
        trainer.mean_gradients(np.tile(x, (2, 1)), np.tile(y, 2))


def test_on_the_command_line(run: Any, tmp_path: Any):
    data = networks.mlp()
    x, y = networks.samples(data, 30)
    (tmp_path / "m.tflite").write_bytes(data)
    np.savez(tmp_path / "d.npz", x=x, y=y)
    file, samples = str(tmp_path / "m.tflite"), str(tmp_path / "d.npz")
    shown = run("inspect", file, "--why", "--data", samples, "--json").json
    assert [layer["operator"] for layer in shown["contributions"]] == [0, 1]
    table = run("inspect", file, "--why", "--data", samples).out
    assert "What training a layer gains" in table
    output = str(tmp_path / "t.tflite")
    done = run("convert", file, "-o", output, "--layers", "auto:4KB", "--probe", samples, "--json")
    assert "gain most in 4096 bytes of RAM" in "".join(done.json["notes"])
    for arguments, words in (
        (("inspect", file, "--why"), "--data D.npz"),
        (("inspect", file, "--data", samples), "--why"),
        (("convert", file, "-o", output, "--layers", "auto:4KB"), "--probe D.npz"),
    ):
        assert_refused(run(*arguments), words)
