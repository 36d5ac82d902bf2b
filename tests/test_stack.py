"""The stack that training takes on an emulated board, measured by paint."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import bodies
import int8_cases
import int8_networks
import networks
import numpy as np
import pytest
from bodies import quantised
from int8_builder import Int8Builder
from tflite_builder import PADDINGS, TYPES, ModelBuilder
from tflm_train.converters.operators import OPERATORS

import tflm_train as tt
from tflm_train.devices import build, qemu
from tflm_train.measure.disassembly import Disassembly, disassemble
from tflm_train.measure.stack import Stack, measure_stack

for tool, package in {build.ARM_COMPILER: build.ARM_PACKAGES, qemu.QEMU: "qemu-system-arm"}.items():
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed: apt-get install {package}", allow_module_level=True)


def stack(folder: Path, data: bytes, board: str = "m4", variant: str = "tuned", **options: Any) -> Stack:
    (folder / "plain.tflite").write_bytes(data)
    model = tt.convert(folder / "plain.tflite", tt.TrainingConfig(layers="all", **options))
    return measure_stack(board, variant, model, np.abs(networks.samples(data, 2)[0]), folder)


def frames(listing: Disassembly, function: str) -> list[int]:
    """Bytes that a function takes from the stack at once, saved registers aside."""
    return [
        int(size[1])
        for address, name in listing.functions.items()
        if function in name
        and listing.instructions[address].mnemonic.startswith("sub")
        and (size := re.fullmatch(r"sp, (?:sp, )?#(\d+)", listing.instructions[address].operands))
    ]


def test_the_deepest_call_is_found(tmp_path):
    measured = stack(tmp_path, networks.cnn())
    largest = max(frames(disassemble(tmp_path / "program.elf"), "Conv2DWeightGradient"))
    print(measured, largest)
    assert largest < measured.train < largest + 1536  # callers and inner loops besides


MOST = 1536  # bytes that a call may take on a Cortex-M4


def stated(data: bytes, **options: Any) -> int:
    return tt.convert(data, tt.TrainingConfig(layers="all", **options)).sizes.stack_bytes


def wide_cnn() -> bytes:
    """A convolution of eight channels in front of a max-pool: eight of its sums are gathered at once."""
    rng, b = np.random.default_rng(0), ModelBuilder()
    x = b.conv(b.input(1, 8, 8, 1), rng.normal(size=(8, 3, 3, 1)) * 0.3, np.zeros(8), activation="RELU")
    x = b.conv(x, rng.normal(size=(16, 3, 3, 8)) * 0.1, np.zeros(16), activation="RELU")
    x = b.flatten(b.pool("MAX", x, (2, 2), (2, 2)))
    return b.finish(b.dense(x, rng.normal(size=(10, 256)) * 0.1, np.zeros(10)))


def int8_convolutions() -> bytes:
    """Convolutions of every kind in int8."""
    rng = np.random.default_rng(0)
    b = Int8Builder(rng)
    x = int8_cases.front(b)
    for name in ("conv-True-True-0-SAME", "grouped-False-False-0-VALID", "depthwise-True-True-0-SAME"):
        y = int8_cases.CASES[name](b, x)
        x = int8_cases.same_reshape(b, y, 1, int(np.prod(b.graph.tensors[y].shape)))
        x = int8_cases.same_reshape(b, b.int8_dense(x, 120), *int8_cases.SHAPE)
    y = int8_cases.CASES["transpose-conv-True-SAME"](b, x)
    return b.finish(b.int8_dense(int8_cases.same_reshape(b, y, 1, 360), 3))


NETWORKS = {
    "cnn": networks.cnn,
    "wide cnn": wide_cnn,
    "residual": networks.residual,
    "separable": networks.separable,
    "inverted residual": networks.inverted_residual,
    "int8 cnn": int8_networks.cnn,
    "int8 convolutions": int8_convolutions,
}


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("variant", ["tuned", "portable"])
@pytest.mark.parametrize("board", ["m3", "m4", "m55"])
def test_a_call_takes_at_most_what_convert_states(tmp_path, network, variant, board):
    data = NETWORKS[network]()
    measured = stack(tmp_path, data, board, variant)
    print(network, variant, board, measured)
    most = max(measured.init, measured.train, measured.infer)
    assert most <= stated(data)
    assert most <= MOST or board != "m4"


@pytest.mark.parametrize("variant", ["tuned", "portable"])
@pytest.mark.parametrize("board", ["m3", "m4", "m55"])
def test_errors_of_integers_take_at_most_what_convert_states(tmp_path, variant, board):
    """Every kernel that has such errors, and the steps that convert."""
    for data in (int8_networks.cnn(), int8_convolutions()):
        measured = stack(tmp_path, data, board, variant, errors="int16")
        print(variant, board, measured)
        assert max(measured.init, measured.train, measured.infer) <= stated(data, errors="int16")


@pytest.mark.parametrize("gradient", ["filter", "centre-tap"])
@pytest.mark.parametrize("variant", ["tuned", "portable"])
@pytest.mark.parametrize("board", ["m3", "m4", "m55"])
def test_gradients_between_patches_take_at_most_what_their_specs_say(tmp_path, board, variant, gradient):
    for kind in ("CONV_2D", "DEPTHWISE_CONV_2D"):
        data = of_operator(kind)
        measured = stack(tmp_path, data, board, variant, gradient=gradient)
        print(kind, board, variant, gradient, measured)
        assert max(measured.init, measured.train, measured.infer) <= stated(data, gradient=gradient)


@pytest.mark.parametrize("kind", bodies.BODIES)
def test_a_head_on_a_body_that_only_tflm_runs_is_measured(tmp_path, kind):
    model = tt.convert(bodies.BODIES[kind](), tt.TrainingConfig(layers="last:2"))
    measured = measure_stack("m4", "tuned", model, bodies.samples(kind, 4)[0], tmp_path)
    print(kind, measured)
    assert 0 < max(measured.init, measured.train, measured.infer) <= model.sizes.stack_bytes


def of_operator(kind: str) -> bytes:
    """A network in which errors pass an operator, if any do, of one argument in any case that is not listed."""
    rng, b = np.random.default_rng(0), ModelBuilder()

    def dense(x: int, units: int) -> int:
        inputs = int(b.graph.tensors[x].shape[-1])
        return b.dense(x, rng.normal(size=(units, inputs)) * 0.1, np.full(units, 0.1))

    if kind in ("CONV_2D", "DEPTHWISE_CONV_2D"):
        x = b.conv(b.input(1, 9, 8, 2), rng.normal(size=(8, 3, 3, 2)) * 0.1, np.zeros(8), activation="RELU6")
        w = rng.normal(size=(8 if kind == "CONV_2D" else 1, 3, 3, 8)) * 0.1
        x = b.conv(x, w, np.zeros(8), stride=(2, 1), multiplier=0 if kind == "CONV_2D" else 1)
        return b.finish(dense(b.flatten(x), 3))
    if kind in ("GATHER", "CAST"):  # indices, as floats
        x = b.op("CAST", [b.input(1, 6)], (1, 6), inDataType=TYPES["float32"], outDataType=TYPES["int32"])
        b.graph.tensors[x].type = TYPES["int32"]
        y = b.op("GATHER", [b.constant(rng.normal(size=(9, 20))), x], (1, 6, 20))
        return b.finish(dense(b.reshape(y, 1, 120), 3))
    shape: tuple[int, ...] = (1, 4, 6, 3)
    kernel = OPERATORS[kind].kernel
    if kernel is not None and not kernel.backward:
        return b.finish(dense(b.flatten(b.op(kind, [b.input(*shape)], shape)), 3))
    flat = dense(b.input(1, 10), 72)
    x = b.reshape(b.op("LOGISTIC", [flat], (1, 72)), *shape)
    others: dict[str, list[Any]] = {
        "MEAN": [(1, 3), [1, 2]],
        "SUM": [(1, 3), [1, 2]],
        "REDUCE_MAX": [(1, 3), [1, 2]],
        "PAD": [(1, 5, 9, 4), [[0, 0], [1, 0], [2, 1], [0, 1]]],
        "TRANSPOSE": [(1, 6, 3, 4), [0, 2, 3, 1]],
        "STRIDED_SLICE": [(1, 3, 3, 3), [0, 1, 0, 0], [1, 4, 6, 3], [1, 1, 2, 1]],
        "TILE": [(1, 8, 6, 6), [1, 2, 1, 2]],
        "RESIZE_NEAREST_NEIGHBOR": [(1, 8, 6, 3), [8, 6]],
        "SLICE": [(1, 3, 3, 3), [0, 1, 2, 0], [1, 3, 3, 3]],
    }
    parts: dict[str, tuple[list[int], dict[str, int]]] = {
        "SPLIT": ([b.constant(np.array(2, np.int32)), x], {"numSplits": 3}),
        "SPLIT_V": ([x, *(b.constant(np.array(v, np.int32)) for v in ([2, 1, 3], 2))], {"numSplits": 3}),
        "UNPACK": ([x], {"num": 6, "axis": 2}),
    }
    if kind == "FULLY_CONNECTED":
        return b.finish(dense(flat, 3))
    if kind in others:
        shape, *settings = others[kind]
        y = b.op(kind, [x, *(b.constant(np.array(setting, np.int32)) for setting in settings)], shape)
    elif kind in ("ADD", "SUB", "MUL", "DIV", "SQUARED_DIFFERENCE", "MAXIMUM", "MINIMUM"):
        y = b.op(kind, [x, b.reshape(dense(flat, 3), 1, 1, 1, 3)], shape)
    elif kind in ("MAX_POOL_2D", "AVERAGE_POOL_2D"):
        y = b.pool(kind.split("_")[0], b.op("TANH", [x], shape), (3, 2), (2, 1), "SAME")
    elif kind == "TRANSPOSE_CONV":
        size, w = b.constant(np.array([1, 8, 12, 4], np.int32)), b.constant(rng.normal(size=(4, 3, 3, 3)) * 0.1)
        inputs = [size, w, x, b.constant(np.zeros(4))]
        y = b.op(kind, inputs, (1, 8, 12, 4), strideH=2, strideW=2, padding=PADDINGS["SAME"])
    elif kind == "BATCH_MATMUL":
        y = b.op(kind, [b.reshape(x, 1, 9, 8), b.reshape(x, 1, 8, 9)], (1, 9, 9))
    elif kind == "PRELU":
        y = b.op(kind, [x, b.constant(np.full((1, 1, 3), 0.1))], shape)
    elif kind == "PACK":
        y = b.op(kind, [x, x], (1, 2, 4, 6, 3), valuesCount=2, axis=1)
    elif kind in parts:
        inputs, options = parts[kind]
        widths = {"SPLIT": [2, 2, 2], "SPLIT_V": [2, 1, 3]}.get(kind)
        shapes = [(1, 4, 3)] * 6 if widths is None else [(1, 4, width, 3) for width in widths]
        found = b.ops(kind, inputs, shapes, **options)
        flats = [b.reshape(part, 1, int(np.prod(part_shape))) for part, part_shape in zip(found, shapes)]
        y = b.op("CONCATENATION", flats, (1, 72), axis=1)
    elif kind in ("QUANTIZE", "DEQUANTIZE"):
        y = b.op("DEQUANTIZE", [quantised(b, b.op("QUANTIZE", [x], shape), "int8", 0.05)], shape)
    elif kind == "CONCATENATION":
        y = b.op(kind, [x, x], (1, 4, 6, 6), axis=-1)
    else:
        y = b.op(kind, [x], shape, **({"beta": 1.0} if kind == "SOFTMAX" else {}))
    return b.finish(dense(b.flatten(y), 3))


@pytest.mark.parametrize("kind", [kind for kind, spec in OPERATORS.items() if spec.kernel is not None])
def test_every_operator_takes_at_most_what_its_spec_says(tmp_path, kind):
    data = of_operator(kind)
    measured = stack(tmp_path, data)
    print(kind, measured)
    most = max(measured.init, measured.train, measured.infer)
    assert most <= stated(data) and most <= MOST


@pytest.mark.parametrize("board", ["m3", "m4", "m55"])
def test_dense_layers_take_little(tmp_path, board):
    measured = stack(tmp_path, networks.mlp(), board)
    print(board, measured)
    assert max(measured.init, measured.train, measured.infer) <= 1536


def test_a_measurement_repeats(tmp_path):
    assert stack(tmp_path, networks.mlp()) == stack(tmp_path, networks.mlp())
