"""What `train` and ``Trainer.step_cost`` tell of an emulated board."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import networks
import numpy as np
import pytest
from test_schemas import validate

import tflm_train as tt
from tflm_train.bench.session import measure
from tflm_train.data import Dataset
from tflm_train.devices import build, qemu
from tflm_train.measure import step_cost
from tflm_train.measure.block_counts import PluginFolder

for tool, package in {build.ARM_COMPILER: build.ARM_PACKAGES, qemu.QEMU: "qemu-system-arm"}.items():
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed: apt-get install {package}", allow_module_level=True)

FIELDS = {"instructions_per_step", "measured_steps", "cycles_model", "cycles_model_reason", "flash_bytes", "ram_bytes"}


def train(capfd: pytest.CaptureFixture[str], folder: Path, *words: object) -> str:
    from tflm_train.cli import main

    arguments = ["train", folder / "model.tflite", "--data", folder / "data.npz", *words]
    assert main([str(argument) for argument in arguments]) == 0
    return capfd.readouterr().out


def test_train_tells_what_bench_measures(
    mlp_model: tt.TrainableModel, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    content = json.loads(train(capfd, folder, "--device", "qemu:m4", "--epochs", 2, "--seed", 3, "--json"))
    validate(content)
    with np.load(folder / "data.npz") as arrays:
        data = Dataset(arrays["x"], arrays["y"])
    with PluginFolder() as (scratch, plugin):
        assert plugin is not None, "the plugin cannot be built: install gcc"
        bench = measure("m4", "tuned", mlp_model, data, options={}, epochs=1, seed=3, plugin=plugin, folder=scratch,
                        advance=lambda steps: None)  # fmt: skip
    assert bench.cost is not None
    assert content["instructions_per_step"] == bench.instructions
    assert content["cycles_model"] == round(bench.cost.cycles / bench.steps)
    assert content["cycles_model_reason"] is None
    assert content["measured_steps"] == bench.steps == 200
    assert content["ram_bytes"] == bench.ram_bytes == content["arena_bytes"] + mlp_model.sizes.trainer_bytes
    assert 8 * 1024 < content["flash_bytes"] < 40 * 1024


def test_a_device_in_this_process_has_no_instructions(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert not FIELDS & set(json.loads(train(capfd, folder, "--json")))
    with tt.Trainer(folder / "model.tflite") as trainer, pytest.raises(tt.DeviceError, match="native .* qemu:m4"):
        trainer.step_cost(np.zeros((1, 64)), [0])


@pytest.mark.parametrize("board", ["m3", "m55"])  # the plainest and the richest set of instructions
def test_a_board_is_measured_within_the_budget(
    mlp_model: tt.TrainableModel, blobs: tuple, board: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, y = blobs
    with tt.Trainer(mlp_model, device=f"qemu:{board}") as trainer:
        weights = [values.tobytes() for _, values in trainer.device.parameters()]
        monkeypatch.setattr(step_cost, "INSTRUCTION_BUDGET", 1)
        first = trainer.step_cost(x, y)
        monkeypatch.setattr(step_cost, "INSTRUCTION_BUDGET", 5 * first.instructions["total"] + 1)
        more = trainer.step_cost(x, y)
        assert weights == [values.tobytes() for _, values in trainer.device.parameters()]
    assert (first.steps, more.steps) == (1, 5)
    for cost in (first, more):
        print(board, cost)
        parts = {phase: count for phase, count in cost.instructions.items() if phase != "total"}
        assert list(parts) == ["forward", "loss", "selection", "backward"]
        assert sum(parts.values()) == cost.instructions["total"]
        assert cost.cycles_model is not None and cost.cycles_model > cost.instructions["total"]


def test_a_trainer_of_activations_is_measured_from_the_cut() -> None:
    model = tt.convert(networks.cnn(), tt.TrainingConfig(cut="reshape_4"))
    rng = np.random.default_rng(0)
    x, y = np.abs(rng.normal(size=(4, *model.cut_shape))), np.arange(4) % 3
    with tt.Trainer(model, device="qemu:m4", from_cut=True) as trainer:
        head = trainer.step_cost(x, y)
    with tt.Trainer(model, device="qemu:m4") as trainer:
        whole = trainer.step_cost(rng.normal(size=(4, *model.input_shape)), y)
    assert head.steps == 4 and head.instructions["forward"] < whole.instructions["forward"]
    assert head.ram_bytes < whole.ram_bytes


def test_training_that_diverges_is_measured_up_to_there(mlp_model: tt.TrainableModel, blobs: tuple) -> None:
    x, y = blobs
    with tt.Trainer(mlp_model, device="qemu:m4") as trainer:
        trainer.set_options(learning_rate=1e38)
        assert 1 <= trainer.step_cost(x, y).steps < 10


def test_without_a_compiler_the_table_says_why_there_are_no_cycles(
    folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    which = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name, **at: None if name in ("gcc", "cc") else which(name, **at))
    content: dict[str, Any] = json.loads(train(capfd, folder, "--device", "qemu:m4", "--json"))
    validate(content)
    assert content["cycles_model"] is None and "apt-get install gcc" in content["cycles_model_reason"]
    text = train(capfd, folder, "--device", "qemu:m4")
    for words in ("apt-get install gcc", f"{content['instructions_per_step']['total']:,}", "flash", "200 steps"):
        assert words in text, text
