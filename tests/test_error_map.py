"""Error-map pruning: whole channels go on, by the sizes of their errors and weights."""

from __future__ import annotations

import shutil
from typing import Any

import int8_networks
import networks
import numpy as np
import pytest
from tflite_builder import ModelBuilder

import tflm_train as tt
from tflm_train.devices import build, open_device, qemu

RATE = 0.01


def trained(device: str, source: bytes, steps: int, **options: Any) -> tuple[bytes, list[np.ndarray]]:
    x, y = networks.samples(source, 100)
    opened = open_device(device, tt.convert(source, tt.TrainingConfig(learning_rate=RATE, **options)))
    try:
        losses = opened.train(x.reshape(100, -1), y.astype(np.int32), np.arange(steps, dtype=np.uint32)).losses
        return losses.tobytes(), [values.copy() for _, values in opened.parameters()]
    finally:
        opened.close()


@pytest.mark.parametrize("network", ["mlp", "cnn", "separable"])
def test_all_channels_are_dense(network):
    source = {
        "mlp": networks.mlp,
        "cnn": lambda: networks.cnn(size=8),
        "separable": lambda: networks.separable(size=(14, 6), width=4, blocks=1),
    }[network]()
    dense = trained("native-parity", source, 100)
    every = trained("native-parity", source, 100, selector="error-map", ratio=1.0, output_sparse=True)
    assert every[0] == dense[0]
    assert all(a.tobytes() == b.tobytes() for a, b in zip(every[1], dense[1]))
    half = trained("native-parity", source, 100, selector="error-map", ratio=0.5, output_sparse=True)
    assert half[0] != dense[0]


def layer(kind: str) -> bytes:
    """One layer of eight channels, with one output each, and a dense end."""
    rng, b = np.random.default_rng(1), ModelBuilder()
    if kind == "dense":
        x = b.dense(b.input(1, 6), rng.normal(size=(8, 6)), rng.normal(size=8))
    elif kind == "conv":
        x = b.conv(b.input(1, 2, 3, 1), rng.normal(size=(8, 2, 3, 1)), rng.normal(size=8), padding="VALID")
    else:
        x = b.conv(
            b.input(1, 2, 3, 8), rng.normal(size=(1, 2, 3, 8)), rng.normal(size=8), padding="VALID", multiplier=1
        )
    x = x if kind == "dense" else b.reshape(x, 1, 8)
    return b.finish(b.op("SOFTMAX", [b.dense(x, rng.normal(size=(3, 8)), np.zeros(3))], (1, 3), beta=1.0))


@pytest.mark.parametrize("device", ["native", "native-parity"])
@pytest.mark.parametrize("kind", ["dense", "conv", "depthwise"])
@pytest.mark.parametrize("ratio", [0.05, 0.4, 0.8])
def test_the_channels_are_those_of_the_formula(kind, ratio, device):
    """An error of each channel: dense training moves its bias by -rate times it."""
    source = layer(kind)
    before = trained(device, source, 0)[1]
    dense, pruned = (trained(device, source, 1, **more)[1] for more in ({}, {"selector": "error-map", "ratio": ratio}))
    filters = before[0].reshape(-1, 8).T if kind == "depthwise" else before[0].reshape(8, -1)
    errors = np.abs(dense[1] - before[1]) / RATE
    scores = (2 * errors + np.abs(filters).sum(axis=1)).astype(np.float32).view(np.uint32) >> 16
    kept = sorted(np.argsort(-scores.astype(np.int64), kind="stable")[: max(1, int(ratio * 8))].tolist())
    assert np.flatnonzero(pruned[1] != before[1]).tolist() == kept
    moved = np.abs(pruned[0] - before[0])
    moved = moved.reshape(-1, 8).T if kind == "depthwise" else moved.reshape(8, -1)
    assert np.flatnonzero(moved.any(axis=1)).tolist() == kept


def test_int8_weights_are_refused_by_name():
    with pytest.raises(tt.UserError, match="error-map .*float32 weights.*int8; use tinyprop or static-topk"):
        tt.convert(int8_networks.cnn(), tt.TrainingConfig(selector="error-map"))
    trainer = tt.Trainer(tt.convert(int8_networks.cnn(), tt.TrainingConfig(selector="tinyprop")))
    with pytest.raises(tt.UserError):
        trainer.set_options(selector="error-map")
    assert trainer.options["selector"] == "tinyprop"


@pytest.mark.skipif(
    any(shutil.which(tool) is None for tool in (build.ARM_COMPILER, qemu.QEMU)),
    reason=f"no emulated board: apt-get install {build.ARM_PACKAGES} qemu-system-arm",
)
def test_a_board_has_the_bits_of_the_host():
    source = networks.separable(size=(14, 6), width=4, blocks=1)
    runs = [trained(name, source, 60, selector="error-map", ratio=0.5) for name in ("native-parity", "qemu:m4-parity")]
    assert runs[0][0] == runs[1][0]
    assert all(a.tobytes() == b.tobytes() for a, b in zip(runs[0][1], runs[1][1]))
