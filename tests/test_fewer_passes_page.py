"""The examples of docs/fewer_passes.md run as they stand there."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import networks
import pytest
from tflm_train.converters.c_array import c_array

import tflm_train as tt
from tflm_train import sources

PAGE = Path(__file__).resolve().parent.parent / "docs" / "fewer_passes.md"

MAIN = """
#include <cstdio>
#include "model.h"
int main() {
  alignas(16) static uint8_t arena[64 * 1024];
  static const tflm_train::AllOperators operators;
  static tflm_train::Trainer trainer;
  if (trainer.Init(model, model_size, operators, arena, sizeof arena) != tflm_train::Status::kOk) return 1;
  std::printf("%u\\n", static_cast<unsigned>(Learn(trainer, samples, digits, 12)));
}
"""


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def test_the_board_leaves_out_as_many_as_fit_does(tmp_path: Path, blobs: tuple) -> None:
    compiler = shutil.which("c++") or shutil.which("g++")
    if compiler is None:
        pytest.fail("a C++ compiler is needed, as for the extension module")
    x, y = blobs[0][:200], blobs[1][:200]
    model = tt.convert(networks.mlp(), tt.TrainingConfig(learning_rate=0.02, seed=0))
    (tmp_path / "model.h").write_text(c_array(model.data, "model", "a test"))
    rows = ",\n".join("{" + ",".join(f"{float(v)!r}f" for v in row) + "}" for row in x)
    arrays = f"static const float samples[200][64] = {{{rows}}};\n"
    arrays += f"static const int32_t digits[200] = {{{','.join(map(str, y))}}};\n"
    (tmp_path / "main.cpp").write_text(blocks("cpp")[0] + arrays + MAIN)
    library = sources.micro_kernels() / "src"
    files = [p for p in library.rglob("*.cpp") if "tflm" not in p.relative_to(library / "tflm_train").parts]
    flags = ["-std=c++17", "-O1", "-Wall", "-Wextra", "-Werror", f"-I{library}", "-I."]
    command = [compiler, *flags, "main.cpp", *map(str, files), "-o", "main"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    found = int(subprocess.run(["./main"], cwd=tmp_path, check=True, capture_output=True, text=True).stdout)
    history = tt.Trainer(model).fit(x, y, epochs=12, shuffle=False, schedule="remembered-loss")
    assert found == history.steps and history.left_out > 0


def test_the_python_example(capsys: pytest.CaptureFixture[str], blobs: tuple) -> None:
    x, y = blobs
    with tt.Trainer(tt.convert(networks.mlp(), tt.TrainingConfig(learning_rate=0.02))) as trainer:
        exec(blocks("python")[0], {"trainer": trainer, "x": x, "y": y})
    steps, left_out = map(int, capsys.readouterr().out.split())
    assert steps + left_out == 10 * len(x) and left_out > 0
