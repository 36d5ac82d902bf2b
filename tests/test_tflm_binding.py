"""The C++ tests of the TFLM binding, against the TFLM that TFLM_DIR and TFLM_LIB name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.skipif(
    not (os.environ.get("TFLM_DIR") and os.environ.get("TFLM_LIB")),
    reason="TFLM_DIR (root of TensorFlow Lite Micro's headers) and TFLM_LIB (its library) are not set",
)
def test_the_binding_passes_its_tests():
    command = ["make", "-f", "tools/tflm_tests.mk", f"PYTHON={sys.executable}"]
    command += [f"{name}={os.environ[name]}" for name in ("TFLM_DIR", "TFLM_LIB", "TFLM_FLAGS", "TFLM_RTTI") if name in os.environ]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    print(result.stdout[-10000:])
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]


def test_without_tflm_the_target_says_why_it_skips():
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TFLM_")}
    result = subprocess.run(
        ["make", "-f", "tools/tflm_tests.mk"], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert "skipped" in result.stdout and "TFLM_DIR" in result.stdout and "TFLM_LIB" in result.stdout
