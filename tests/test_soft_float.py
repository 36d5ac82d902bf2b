"""Cores without a floating-point unit train on errors of integers without routines for floats.

What is left of them is where numbers of the outside come in: samples that become integers, the loss of a few logits,
how many elements TinyProp keeps of a layer, and the buffers of ``accumulate``.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import int8_networks
import pytest

import tflm_train as tt
from tflm_train import sources
from tflm_train.devices import build
from tflm_train.measure.footprint import footprint

compiled_for_arm = pytest.mark.skipif(
    shutil.which(build.ARM_COMPILER) is None, reason="needs the package gcc-arm-none-eabi"
)

ROUTINES = re.compile(
    r"(?:__aeabi_(?:[fd]\w+|c[fd]\w+|u?[il]2[fd]|u?l2[fd]|ui2[fd])|__\w+[sd]f[23]|(?:exp|log|pow|lrint)f?)$"
)
ENDS = (
    "Quantize(",  # samples
    "Dequantize(",  # logits
    "AllBelow(",  # limits of samples
    "Loss", "CrossEntropy", "WriteVectorError", "ExpAndSum", "tflm_train::Exp(", "ClampedLog", "ArgMax", "AreProb",
    "EndGroup(",  # accumulate
    "Int16Sink::Accumulate",
    "FloatGradient", "IntegerParameter::Run(", "AddToMasters(float",  # gradients of floats, for accumulate
    "ScaledWeights", "ScaledRow", "ShiftedInput", "WindowRow",  # errors of floats
    "LayerError", "GatherKeys",  # sizes of selections
    "FloatsFromErrors",  # where an operator has no kernel for integers
)  # fmt: skip


def callers(listing: str, call: re.Pattern[str]) -> dict[str, set[str]]:
    """Function -> routines for floats that it calls, from a disassembly."""
    found: dict[str, set[str]] = {}
    function = ""
    for line in listing.splitlines():
        head = re.match(r"[0-9a-f]+ <(.*)>:$", line)
        if head:
            function = head[1]
        target = call.search(line)
        if target and ROUTINES.match(target[1]) and "tflm_train" in function:
            found.setdefault(function, set()).add(target[1])
    return found


def disassembly(flags: list[str], file: Path) -> str:
    tool = build.binary_tool(build.arm_compiler(), "objdump")
    return subprocess.run([tool, *flags, str(file)], capture_output=True, text=True, check=True).stdout


def unexpected(found: dict[str, set[str]]) -> dict[str, set[str]]:
    return {name: calls for name, calls in found.items() if not any(end in name for end in ENDS)}


@compiled_for_arm
@pytest.mark.parametrize("selector", ["dense", "tinyprop"])
def test_a_firmware_for_the_m3_calls_them_at_its_ends_only(selector: str, tmp_path: Path) -> None:
    config = tt.TrainingConfig(errors="int16", selector=selector)
    footprint(tt.convert(int8_networks.cnn(), config).plan, "m3", "tuned", tmp_path)
    found = callers(
        disassembly(["-dC"], tmp_path / "program.elf"), re.compile(r"\bb(?:l|\.w|\.n)?\s+[0-9a-f]+ <(\w+)>")
    )
    assert any("Quantize" in name for name in found)  # they are seen
    assert not unexpected(found)


@compiled_for_arm
@pytest.mark.parametrize("core", ["cortex-m0", "cortex-m3"])
def test_kernels_of_integers_call_none(core: str, tmp_path: Path) -> None:
    library = sources.micro_kernels() / "src"
    folder = library / "tflm_train"
    files = [
        *sorted((folder / "kernels").rglob("s8/**/*.cpp")),
        *sorted((folder / "operators").glob("*int16*.cpp")),
        folder / "operators" / "errors_conversion.cpp",
        *sorted((folder / "policies" / "update").glob("*.cpp")),
        folder / "policies" / "update.cpp",
    ]
    assert len(files) > 15
    found: dict[str, set[str]] = {}
    for file in files:
        target = tmp_path / f"{file.stem}.o"
        flags = [f"-mcpu={core}", "-mthumb", "-O2", "-std=gnu++17", "-fno-exceptions", "-fno-rtti", f"-I{library}"]
        subprocess.run([build.arm_compiler(), *flags, "-c", str(file), "-o", str(target)], check=True)
        found |= callers(disassembly(["-drC"], target), re.compile(r"R_ARM_THM_(?:CALL|JUMP24|JUMP11)\s+(\w+)"))
    assert any("FloatGradient" in name for name in found)  # they are seen
    assert not unexpected(found)
