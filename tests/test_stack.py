"""The stack that training takes on an emulated board, measured by paint."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import networks
import pytest

import tflm_train as tt
from tflm_train.bench.disassembly import Disassembly, disassemble
from tflm_train.bench.stack import Stack, measure_stack
from tflm_train.devices import build, qemu

for tool, package in {build.ARM_COMPILER: build.ARM_PACKAGES, qemu.QEMU: "qemu-system-arm"}.items():
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed: apt-get install {package}", allow_module_level=True)


def stack(folder: Path, data: bytes, board: str = "m4", variant: str = "tuned") -> Stack:
    (folder / "plain.tflite").write_bytes(data)
    model = tt.convert(folder / "plain.tflite", tt.TrainingConfig(layers="all"))
    return measure_stack(board, variant, model, networks.samples(data, 2)[0], folder)


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


@pytest.mark.parametrize("network", ["cnn", "residual", "separable", "inverted_residual"])
@pytest.mark.parametrize("variant", ["tuned", "portable"])
def test_a_call_takes_at_most_one_and_a_half_kilobytes(tmp_path, network, variant):
    measured = stack(tmp_path, getattr(networks, network)(), "m4", variant)
    print(network, variant, measured)
    assert max(measured.init, measured.train, measured.infer) <= 1536


@pytest.mark.parametrize("board", ["m3", "m4", "m55"])
def test_dense_layers_take_little(tmp_path, board):
    measured = stack(tmp_path, networks.mlp(), board)
    print(board, measured)
    assert max(measured.init, measured.train, measured.infer) <= 1536


def test_a_measurement_repeats(tmp_path):
    assert stack(tmp_path, networks.mlp()) == stack(tmp_path, networks.mlp())
