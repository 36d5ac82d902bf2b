"""The examples of the README run as they stand there."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import networks
import numpy as np
import pytest
from tflite_builder import ModelBuilder

from tflm_train import sources
from tflm_train.cli import main

README = Path(__file__).resolve().parent.parent / "README.md"


def _block(language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```$", README.read_text(), re.MULTILINE | re.DOTALL)
    assert found, f"README.md has no {language} example"
    return found[1]


def _digits_model() -> bytes:
    rng, b = np.random.default_rng(0), ModelBuilder()
    flat = b.reshape(b.input(1, 8, 8, 1), 1, 64)
    y = b.dense(flat, rng.normal(size=(10, 64)) * 0.1, np.zeros(10))
    return b.finish(b.op("SOFTMAX", [y], (1, 10), beta=1.0))


def test_python_example(tmp_path: Path) -> None:
    (tmp_path / "model.tflite").write_bytes(_digits_model())
    code = _block("python")
    assert len(code.splitlines()) <= 12
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "trained.tflite").exists()


def test_cpp_example_compiles_without_a_warning(tmp_path: Path) -> None:
    compiler = shutil.which("c++") or shutil.which("g++")
    if compiler is None:
        pytest.fail("a C++ compiler is needed, as for the extension module")
    (tmp_path / "plain.tflite").write_bytes(networks.cnn())
    arguments = ["convert", tmp_path / "plain.tflite", "-o", tmp_path / "m.tflite"]
    arguments += ["--operators-header", tmp_path / "operators.h", "--c-array", tmp_path / "model.h"]
    assert main([str(a) for a in arguments]) == 0
    (tmp_path / "example.cpp").write_text(_block("cpp"))
    flags = ["-std=c++17", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", f"-I{sources.micro_kernels() / 'src'}"]
    result = subprocess.run([compiler, *flags, "example.cpp"], cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_commands_of_the_readme_exist() -> None:
    text = README.read_text()
    makefile = README.with_name("Makefile").read_text()
    for target in re.findall(r"`make ([a-z-]+)`", text):
        assert f"\n{target}:" in makefile
    for picture in re.findall(r"\]\(([^)]+)\)", text):
        assert (README.parent / picture).exists(), picture
