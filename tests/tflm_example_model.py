"""The model of the library's examples: it knows motions as an upright sensor shows them.

``python tests/tflm_example_model.py`` writes their model_data.h anew.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from tflite_builder import ModelBuilder
from tflm_train.converters.convert import convert

from tflm_train.config import TrainingConfig

WINDOW, MOTIONS, HIDDEN = 16, 3, 24
EXAMPLES = Path(__file__).resolve().parent.parent / "micro_kernels/examples"
HEADERS = [EXAMPLES / name / "model_data.h" for name in ("tflm_addon", "LearnOnline")]


def windows(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Windows [count, 16] of a sine, a square wave or a saw tooth, and which of them it is."""
    motion = rng.integers(0, MOTIONS, count)
    t = (np.arange(WINDOW) / WINDOW + rng.random((count, 1))) % 1
    shapes = np.stack([np.sin(2 * np.pi * t), np.where(t < 0.5, 1, -1), 2 * t - 1])
    gain = 0.8 + 0.4 * rng.random((count, 1))
    return gain * shapes[motion, np.arange(count)] + 0.1 * (rng.random((count, WINDOW)) - 0.5), motion


def example_model() -> bytes:
    """An augmented 16-24-3 network, trained on upright windows."""
    rng = np.random.default_rng(1)
    w1, b1 = rng.normal(size=(HIDDEN, WINDOW)) * 0.35, np.zeros(HIDDEN)
    w2, b2 = rng.normal(size=(MOTIONS, HIDDEN)) * 0.3, np.zeros(MOTIONS)
    for _ in range(3000):
        x, motion = windows(rng, 64)
        hidden = np.maximum(x @ w1.T + b1, 0)
        logits = hidden @ w2.T + b2
        scores = np.exp(logits - logits.max(1, keepdims=True))
        error = (scores / scores.sum(1, keepdims=True) - np.eye(MOTIONS)[motion]) / len(x)
        hidden_error = (error @ w2) * (hidden > 0)
        for weights, gradient in (
            (w2, error.T @ hidden),
            (b2, error.sum(0)),
            (w1, hidden_error.T @ x),
            (b1, hidden_error.sum(0)),
        ):
            weights -= 0.2 * gradient
    b = ModelBuilder()
    x_tensor = b.input(1, WINDOW)
    y = b.dense(b.dense(x_tensor, w1, b1, "RELU"), w2, b2)
    data = b.finish(b.op("SOFTMAX", [y], (1, MOTIONS), beta=1.0))
    return convert(data, TrainingConfig(learning_rate=0.02)).data


def c_header(data: bytes) -> str:
    """The file as an aligned array."""
    rows = (", ".join(f"0x{byte:02x}" for byte in data[i : i + 16]) for i in range(0, len(data), 16))
    array = ",\n    ".join(rows)
    return (
        "// Written by `python tests/tflm_example_model.py`.\n"
        "#ifndef TFLM_ADDON_MODEL_DATA_H_\n#define TFLM_ADDON_MODEL_DATA_H_\n\n"
        "#include <cstddef>\n#include <cstdint>\n\n"
        f"alignas(16) inline constexpr uint8_t model_data[] = {{\n    {array}}};\n"
        "inline constexpr size_t model_data_size = sizeof model_data;\n\n#endif  // TFLM_ADDON_MODEL_DATA_H_\n"
    )


def committed_model() -> bytes:
    """The file in model_data.h."""
    return bytes(int(byte, 16) for byte in re.findall(r"0x([0-9a-f]{2})", HEADERS[0].read_text()))


if __name__ == "__main__":
    for header in HEADERS:
        header.write_text(c_header(example_model()))
