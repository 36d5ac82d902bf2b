"""Writes the models of the tests of the TFLM binding: ``python tests/tflm_cases.py FOLDER``."""

from __future__ import annotations

import sys
from pathlib import Path

import bodies
import int8_networks
import networks
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from int8_builder import Int8Builder
from tflite_builder import ModelBuilder
from tflm_train.converters import flatbuffer, model_writer
from tflm_train.converters.convert import convert

from tflm_train.config import TrainingConfig

NETWORKS = {
    "mlp": networks.mlp,
    "cnn": networks.cnn,
    "residual": lambda: networks.residual(size=12, widths=(8, 16)),
    "separable": lambda: networks.separable(size=(25, 5), width=16, blocks=2),
    "inverted_residual": networks.inverted_residual,
}


def views() -> bytes:
    """A tensor with several shapes at a time, from the input to the output."""
    rng, b = np.random.default_rng(2), ModelBuilder()
    x = b.reshape(b.input(1, 4, 4, 2), 1, 32)
    x = b.dense(x, rng.normal(size=(24, 32)) * 0.2, rng.normal(size=24) * 0.1, "RELU")
    image = b.reshape(x, 1, 2, 3, 4)
    flat = b.reshape(b.conv(image, rng.normal(size=(4, 1, 1, 4)) * 0.4, np.zeros(4)), 1, 24)
    x = b.op("ADD", [b.op("TANH", [x], (1, 24)), flat], (1, 24))
    x = b.op("EXPAND_DIMS", [x, b.constant(np.array([1], np.int32))], (1, 1, 24))
    x = b.op("SQUEEZE", [x], (1, 24), squeezeDims=np.array([1], np.int32))
    x = b.dense(x, rng.normal(size=(6, 24)) * 0.2, np.zeros(6))
    return b.finish(b.reshape(b.op("SOFTMAX", [x], (1, 6), beta=1.0), 1, 1, 6))


def flatten() -> bytes:
    """A shape that TFLM computes at run time, in tensors that no plan knows."""
    rng, b = np.random.default_rng(3), ModelBuilder()
    x = b.conv(b.input(1, 6, 6, 2), rng.normal(size=(4, 3, 3, 2)) * 0.3, rng.normal(size=4) * 0.1, activation="RELU")
    x = b.dense(b.flatten(x), rng.normal(size=(5, 144)) * 0.1, np.zeros(5))
    return b.finish(b.op("SOFTMAX", [x], (1, 5), beta=1.0))


def with_offline_plan(data: bytes) -> bytes:
    """TFLM's own metadata for memory: every tensor at offset 0, which would ruin any model of two tensors."""
    model = flatbuffer.load(data)
    constant = [len(flatbuffer.buffer_bytes(model, tensor.buffer)) > 0 for tensor in model.subgraphs[0].tensors]
    offsets = [-1 if is_constant else 0 for is_constant in constant]
    entry, buffer = schema.MetadataT(), schema.BufferT()
    buffer.data = np.frombuffer(np.array([1, 0, len(offsets), *offsets], np.int32).tobytes(), np.uint8)
    entry.name, entry.buffer = b"OfflineMemoryAllocation", len(model.buffers)
    model.buffers.append(buffer)
    model.metadata = [*(model.metadata or []), entry]
    return flatbuffer.dump(model)


def with_variable_activation(data: bytes) -> bytes:
    """The first activation is called variable, after the plan was made."""
    model = flatbuffer.load(data)
    graph = model.subgraphs[0]
    graph.tensors[int(graph.operators[0].outputs[0])].isVariable = True
    return flatbuffer.dump(model)


def with_plan_of(data: bytes, other: bytes) -> bytes:
    """A model with the plan of another one."""
    plan = model_writer.read_plan(other)
    assert plan is not None
    return model_writer.add_plan(flatbuffer.load(data), plan)


def dense_int8() -> bytes:
    """A fully connected layer of int8 tensors."""
    b = ModelBuilder()
    x = b.tensor((1, 8), "int8", "input")
    b.graph.inputs.append(x)
    y = b.dense(x, np.ones((4, 8), np.int8), np.zeros(4, np.int32))
    b.graph.tensors[y].type = b.graph.tensors[x].type
    return b.finish(y)


def dense_int8_network() -> bytes:
    """Two layers that train in int8, behind an int8 input."""
    b = Int8Builder(np.random.default_rng(4))
    x = b.int8_dense(b.int8_input(1, 16, scale=0.03, zero_point=-4), 24, fused=1)
    return b.finish(b.int8_dense(b.quantise(x, 0.02, -128), 4, per_channel=False))


def cases() -> dict[str, bytes]:
    """File name without ending -> content."""
    files = {}
    for name, build in NETWORKS.items():
        data = build()
        for selector in ("dense", "tinyprop"):
            files[f"{name}_{selector}"] = convert(data, TrainingConfig(learning_rate=0.01, selector=selector)).data
    files["cnn_last"] = convert(networks.cnn(), TrainingConfig(learning_rate=0.01, layers="last:1")).data
    files["cnn_cut"] = convert(networks.cnn(), TrainingConfig(learning_rate=0.01, cut="reshape_4")).data
    head = TrainingConfig(learning_rate=0.05, layers="last:2")
    files["lstm"] = convert(bodies.lstm(), head).data
    files["int8"] = convert(bodies.int8(), head).data
    files["int8_input"] = convert(bodies.int8(float_input=False), head).data
    for update in ("int16-master", "stochastic"):
        files[f"int8_dense_{update}"] = convert(dense_int8_network(), TrainingConfig(update=update)).data
    for errors in ("float32", "int16"):
        config = TrainingConfig(errors=errors, learning_rate=0.0002)
        files[f"int8_cnn_{errors}"] = convert(int8_networks.cnn(), config).data
    files["mlp_accumulate"] = convert(networks.mlp(), TrainingConfig(accumulate=4)).data
    files["mlp_native_only"] = convert(networks.mlp(), TrainingConfig(), tflm=False).data
    files["mlp_plain"] = networks.mlp()
    files["views_dense"] = convert(views(), TrainingConfig(learning_rate=0.01)).data
    files["flatten_dense"] = convert(flatten(), TrainingConfig(learning_rate=0.01)).data
    files["mlp_offline"] = convert(with_offline_plan(networks.mlp()), TrainingConfig(learning_rate=0.01)).data
    files["mlp_variable"] = with_variable_activation(files["mlp_dense"])
    files["mlp_foreign_plan"] = with_plan_of(networks.mlp(sizes=(64, 24, 10)), files["mlp_dense"])
    files["dense_int8"] = dense_int8()
    return files


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for case, content in cases().items():
        (folder / f"{case}.tflite").write_bytes(content)
