"""The C++ tests of the TFLM binding, against the TFLM that TFLM_DIR and TFLM_LIB name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tflm_example_model import committed_model, example_model, windows
from tflm_train.converters.model_writer import read_plan
from tflm_train.converters.plan_format import decode

from tflm_train import _native
from tflm_train.sizes import native_arena_bytes

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.skipif(
    not (os.environ.get("TFLM_DIR") and os.environ.get("TFLM_LIB")),
    reason="TFLM_DIR (root of TensorFlow Lite Micro's headers) and TFLM_LIB (its library) are not set",
)
def test_the_binding_passes_its_tests():
    command = ["make", "-f", "tools/tflm_tests.mk", f"PYTHON={sys.executable}"]
    command += [
        f"{name}={os.environ[name]}"
        for name in ("TFLM_DIR", "TFLM_LIB", "TFLM_FLAGS", "TFLM_RTTI")
        if name in os.environ
    ]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    print(result.stdout[-10000:])
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]


def test_without_tflm_the_target_says_why_it_skips():
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TFLM_")}
    result = subprocess.run(
        ["make", "-f", "tools/tflm_tests.mk"], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert "skipped" in result.stdout and "TFLM_DIR" in result.stdout and "TFLM_LIB" in result.stdout


def test_the_examples_model_is_current():
    """Its plan is the one that conversion writes today, and it trains."""
    committed, fresh = decode(read_plan(committed_model())), decode(read_plan(example_model()))
    assert {k: v.tobytes() for k, v in committed.sections.items()} == {
        k: v.tobytes() for k, v in fresh.sections.items()
    }
    size = native_arena_bytes(committed)
    trainer = _native.NativeTrainer(committed_model(), size)
    x, labels = windows(np.random.default_rng(2), 200)
    loss, correct = trainer.evaluate(np.ascontiguousarray(x, np.float32), labels.astype(np.int32))
    assert correct > 0.95 * len(x), "the model does not know upright windows"


def test_the_guide_shows_the_example_as_it_is_compiled():
    guide = (ROOT / "docs/tflm.md").read_text()
    for name in ("before/before.cpp", "after/after.cpp"):
        assert (ROOT / "micro_kernels/examples/tflm_addon" / name).read_text() in guide, (
            f"docs/tflm.md differs from {name}"
        )
