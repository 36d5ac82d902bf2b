"""The examples of docs/fewer_passes.md run as they stand there."""

from __future__ import annotations

import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import networks
import numpy as np
import pytest
from tflm_train.converters.c_array import c_array

import tflm_train as tt
from tflm_train import sources
from tflm_train.sizes import native_arena_bytes

PAGE = Path(__file__).resolve().parent.parent / "docs" / "fewer_passes.md"

MAIN = """
#include <cstdio>
#include "model.h"
int main() {
  alignas(16) static uint8_t arena[ARENA_BYTES];
  static const tflm_train::AllOperators operators;
  static tflm_train::Trainer trainer;
  if (trainer.Init(model, model_size, operators, arena, sizeof arena) != tflm_train::Status::kOk) return 1;
  std::printf("%u\\n", static_cast<unsigned>(CALL));
  const float* output = nullptr;
  if (trainer.Infer(samples[0], &output) != tflm_train::Status::kOk) return 1;
  for (uint32_t i = 0; i < 10; ++i) std::printf("%.9g\\n", static_cast<double>(output[i]));
}
"""
SAMPLES = 200


@pytest.fixture
def data(blobs: tuple) -> tuple[np.ndarray, np.ndarray]:
    return blobs[0][:SAMPLES], blobs[1][:SAMPLES]


FLAGS = ["-std=c++17", "-Wall", "-Wextra", "-Werror", f"-I{sources.micro_kernels() / 'src'}", "-I."]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Objects of the C++ library."""
    folder, source = tmp_path_factory.mktemp("library"), sources.micro_kernels() / "src" / "tflm_train"
    files = [p for p in source.rglob("*.cpp") if p.relative_to(source).parts[0] not in ("tflm", "agent")]

    def compiled(number: int, file: Path) -> str:
        target = str(folder / f"{number}.o")
        subprocess.run(["c++", *FLAGS, "-c", str(file), "-o", target], check=True, capture_output=True)
        return target

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(compiled, range(len(files)), files))


def run(
    folder: Path, library: list[str], code: str, call: str, model: tt.TrainableModel, data: tuple, *defines: str
) -> list[float]:
    """What a program around an example prints."""
    (folder / "model.h").write_text(c_array(model.data, "model", "a test"))
    rows = ",\n".join("{" + ",".join(f"{float(v)!r}f" for v in row) + "}" for row in data[0])
    arrays = f"static const float samples[{SAMPLES}][64] = {{{rows}}};\n"
    arrays += f"static const int32_t digits[{SAMPLES}] = {{{','.join(map(str, data[1]))}}};\n"
    (folder / "main.cpp").write_text(code + arrays + MAIN)
    defined = [f"-D{define}" for define in (f"CALL={call}", f"ARENA_BYTES={native_arena_bytes(model.plan)}", *defines)]
    command = ["c++", *FLAGS, *defined, "main.cpp", *library, "-o", "main"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return [float(line) for line in subprocess.check_output(["./main"], cwd=folder, text=True).split()]


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def test_the_board_leaves_out_as_many_as_fit_does(tmp_path: Path, library: list[str], data: tuple) -> None:
    model = tt.convert(networks.mlp(), tt.TrainingConfig(learning_rate=0.02))
    steps, *output = run(tmp_path, library, blocks("cpp")[0], "Learn(trainer,samples,digits,12)", model, data)
    with tt.Trainer(model) as trainer:
        history = trainer.fit(*data, epochs=12, shuffle=False, schedule="remembered-loss")
        assert steps == history.steps and history.left_out > 0
        np.testing.assert_allclose(output, trainer.predict(data[0][:1])[0], atol=1e-4)


@pytest.mark.parametrize("kind", ["int8", "float32"])
def test_the_board_replays_in_exactly_the_stated_memory(
    tmp_path: Path, library: list[str], data: tuple, kind: str
) -> None:
    config = tt.TrainingConfig(learning_rate=0.02, replay="latent", slots=50, replay_type=kind)
    model = tt.convert(networks.mlp(), config)
    stated = model.sizes.replay_bytes
    call = f"LearnAgain(trainer,samples,digits,{SAMPLES},3)"
    steps, *output = run(tmp_path, library, blocks("cpp")[1], call, model, data, f"REPLAY_BYTES={stated}")
    assert steps == 3 * 50
    with tt.Trainer(model) as trainer:
        trainer.remember(*data)
        for _ in range(3):
            trainer.device.replay(np.arange(50, dtype=np.uint32))
        np.testing.assert_allclose(output, trainer.predict(data[0][:1])[0], atol=1e-4)
    assert run(tmp_path, library, blocks("cpp")[1], call, model, data, f"REPLAY_BYTES={stated - 1}")[0] == 0


def test_the_board_aligns_as_python_does(tmp_path: Path, library: list[str], data: tuple) -> None:
    x, y = data
    with tt.Trainer(tt.convert(networks.mlp(), tt.TrainingConfig(learning_rate=0.02))) as trainer:
        trainer.fit(x, y, epochs=5)
        learned = trainer.trained_model().data
    model = tt.convert(learned, tt.TrainingConfig(align="guarded"), statistics=x)
    shifted = (0.1 * x + 1).astype(np.float32), y
    call, stated = "Align(trainer,samples,digits,64)", model.sizes.align_bytes
    accepted, *output = run(tmp_path, library, blocks("cpp")[2], call, model, shifted, f"ALIGN_BYTES={stated}")
    with tt.Trainer(model) as trainer:
        assert trainer.align(shifted[0][:64], (shifted[0][64:128], y[64:128])).accepted and accepted == 1
        np.testing.assert_allclose(output, trainer.predict(shifted[0][:1])[0], atol=1e-5)
    assert run(tmp_path, library, blocks("cpp")[2], call, model, shifted, f"ALIGN_BYTES={stated - 1}")[0] == 0


def test_the_python_examples(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, blobs: tuple
) -> None:
    x, y = blobs
    (tmp_path / "model.tflite").write_bytes(networks.mlp())
    monkeypatch.chdir(tmp_path)
    exec(blocks("python")[0], {"tt": tt, "x": x, "y": y})
    said = capsys.readouterr().out
    assert all(option in said for option in ("selector", "schedule", "replay", "learning_rate"))
    with tt.Trainer(tt.convert(networks.mlp(), tt.TrainingConfig(learning_rate=0.02))) as trainer:
        exec(blocks("python")[1], {"trainer": trainer, "x": x, "y": y})
    steps, left_out = map(int, capsys.readouterr().out.split())
    assert steps + left_out == 10 * len(x) and left_out > 0
    config = tt.TrainingConfig(learning_rate=0.02, replay="latent", slots=20)
    with tt.Trainer(tt.convert(networks.mlp(), config)) as trainer:
        exec(
            blocks("python")[2],
            {"trainer": trainer, "x_old": x[:50], "y_old": y[:50], "stream": zip(x[50:60], y[50:60])},
        )
        assert trainer.evaluate(x[50:60], y[50:60])["accuracy"] > 0
    exec(blocks("python")[3], {"tt": tt, "x_clean": x, "x_new": 0.1 * x + 1, "y_new": y})
    assert "AlignmentOutcome" in capsys.readouterr().out
