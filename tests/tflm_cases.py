"""Writes the models of the tests of the TFLM binding: ``python tests/tflm_cases.py FOLDER``."""

from __future__ import annotations

import sys
from pathlib import Path

import networks
import numpy as np
from tflite_builder import ModelBuilder
from tflm_train.converters.convert import convert

from tflm_train.config import TrainingConfig

NETWORKS = {
    "mlp": networks.mlp,
    "cnn": networks.cnn,
    "residual": lambda: networks.residual(size=12, widths=(8, 16)),
    "separable": lambda: networks.separable(size=(25, 5), width=16, blocks=2),
    "inverted_residual": networks.inverted_residual,
}


def dense_int8() -> bytes:
    """A fully connected layer of int8 tensors."""
    b = ModelBuilder()
    x = b.tensor((1, 8), "int8", "input")
    b.graph.inputs.append(x)
    y = b.dense(x, np.ones((4, 8), np.int8), np.zeros(4, np.int32))
    b.graph.tensors[y].type = b.graph.tensors[x].type
    return b.finish(y)


def cases() -> dict[str, bytes]:
    """File name without ending -> content."""
    files = {}
    for name, build in NETWORKS.items():
        data = build()
        for selector in ("dense", "tinyprop"):
            files[f"{name}_{selector}"] = convert(data, TrainingConfig(learning_rate=0.01, selector=selector)).data
    files["cnn_last"] = convert(networks.cnn(), TrainingConfig(learning_rate=0.01, layers="last:1")).data
    files["residual_last"] = convert(NETWORKS["residual"](), TrainingConfig(layers="last:1")).data
    files["mlp_accumulate"] = convert(networks.mlp(), TrainingConfig(accumulate=4)).data
    files["mlp_native_only"] = convert(networks.mlp(), TrainingConfig(), tflm=False).data
    files["mlp_plain"] = networks.mlp()
    files["dense_int8"] = dense_int8()
    return files


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for case, content in cases().items():
        (folder / f"{case}.tflite").write_bytes(content)
