"""Gradient filtering on an emulated Cortex-M4: the backward pass of a convolution, exact and between patches.

python benchmarks/gradient_filtering.py

Layers as MobileNetV2 and ResNet-18 have them at the end for images of 224 x 224, with fewer channels, so that a board
holds them. Cycles are modelled (docs/benchmarks.md): a step's that trains the convolution and passes its error on minus
those of one that trains what lies behind alone. Kept: of its input, for the weight gradient.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import tflm_train as tt
from tflm_train.inspection import inspect_report
from tflm_train.measure.step_cost import measure_steps

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from tflite_builder import ModelBuilder

# name -> map, input channels, output channels (0: depthwise), filter, stride
LAYERS = {
    "ResNet-18, 3x3, 7x7x512 / 16": (7, 32, 32, 3, 1),
    "ResNet-18, 3x3 stride 2, 14x14x256 / 16": (14, 16, 32, 3, 2),
    "MobileNetV2, 1x1, 7x7x960 to 320 / 8": (7, 120, 40, 1, 1),
    "MobileNetV2, 1x1, 7x7x320 to 1280 / 8": (7, 40, 160, 1, 1),
    "MobileNetV2, depthwise 3x3, 7x7x960 / 8": (7, 120, 0, 3, 1),
}
GRADIENTS = ("exact", "filter:2", "filter:4", "filter:7", "centre-tap")


def network(size: int, inputs: int, outputs: int, window: int, stride: int) -> bytes:
    """The convolution between one that makes its input from a channel, and a mean and a dense layer."""
    rng, b = np.random.default_rng(0), ModelBuilder()
    x = b.conv(b.input(1, size, size, 1), rng.normal(size=(inputs, 1, 1, 1)), rng.normal(size=inputs))
    shape = (outputs, window, window, inputs) if outputs else (1, window, window, inputs)
    w = rng.normal(size=shape) / np.sqrt(np.prod(shape[1:3]) * (inputs if outputs else 1))
    y = b.conv(x, w, np.zeros(outputs or inputs), (stride, stride), multiplier=0 if outputs else 1)
    y = b.op("MEAN", [y, b.constant(np.array([1, 2], np.int32))], (1, outputs or inputs))
    return b.finish(b.dense(y, rng.normal(size=(10, outputs or inputs)) / 10, np.zeros(10)))


def cost(data: bytes, layers: list[int | str], gradient: str) -> tuple[int, int, int]:
    """Modelled cycles and instructions of the backward phase of a step, and the bytes kept of the input."""
    model = tt.convert(data, tt.TrainingConfig(layers=layers, gradient=gradient, loss="mse"))
    size = int(np.prod(model.input_shape))
    x = np.random.default_rng(1).normal(size=(2, size)).astype(np.float32)
    measured = measure_steps("m4", "tuned", model, x, np.zeros((2, 10), np.float32), tt.Trainer(model).options)
    assert measured.cycles_model is not None, measured.cycles_model_reason
    return (
        measured.cycles_model,
        measured.instructions["backward"],
        inspect_report(model.data)["operators"][1]["saved_bytes"],
    )


def main() -> None:
    print("| layer | gradient | kept, B | cycles | times less | instructions, backward |\n|---|---|---|---|---|---|")
    for name, layer in LAYERS.items():
        data = network(*layer)
        base, _, _ = cost(data, [3], "exact")
        exact = 0
        for gradient in GRADIENTS:
            cycles, instructions, kept = cost(data, ["0:bias", 1, 3], f"1={gradient}")
            exact = exact or cycles - base
            times = exact / (cycles - base)
            print(
                f"| {name} | {gradient} | {kept:,} | {cycles - base:,} | {times:.1f} | {instructions:,} |", flush=True
            )


if __name__ == "__main__":
    main()
