"""The assembly of the tuned kernels: optimisation levels, both compilers, and jumps that hold at every placement."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tflm_train.devices import build

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted((ROOT / "micro_kernels/src/tflm_train/kernels/fast/cortex_m").glob("*.cpp"))
TARGET = "-mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16".split()
FLAGS = [*TARGET, "-std=c++17", "-Wall", "-Wextra", "-Werror", f"-I{ROOT / 'micro_kernels/src'}", "-c"]
OPTIONS = ["-O0", "-Og", "-Os", "-O2", "-O3", "-O2 -fno-omit-frame-pointer", "-Os -g -fno-omit-frame-pointer"]

pytestmark = pytest.mark.skipif(
    shutil.which(build.ARM_COMPILER) is None,
    reason=f"{build.ARM_COMPILER} is not installed: apt-get install {build.ARM_PACKAGES}",
)


def run(*command: object) -> str:
    result = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout + result.stderr


@pytest.mark.parametrize("options", [*OPTIONS, "-O2 -flto -ffat-lto-objects"])
def test_gcc_compiles_the_kernels(options, tmp_path):
    for source in SOURCES:
        run(build.ARM_COMPILER, *FLAGS, *options.split(), source, "-o", tmp_path / "kernel.o")


@pytest.mark.skipif(shutil.which("clang++") is None, reason="clang is not installed: apt-get install clang")
@pytest.mark.parametrize("options", OPTIONS)
def test_clang_compiles_the_kernels(options, tmp_path):
    listing = run(build.ARM_COMPILER, *TARGET, "-xc++", "-E", "-v", "/dev/null")
    folders = re.findall(r"^ (/\S+)$", listing.split("search starts here:")[-1], re.MULTILINE)
    include = [flag for folder in folders for flag in ("-isystem", folder)]
    for source in SOURCES:
        clang = ["clang++", "--target=arm-none-eabi", "-nostdinc++", *include]
        run(*clang, *FLAGS, *options.split(), source, "-o", tmp_path / "kernel.o")


@pytest.mark.parametrize("options", ["-O2", "-Os", "-O2 -ffunction-sections"])
def test_code_that_computes_addresses_is_aligned_for_it(options, tmp_path):
    """``adr`` counts from a multiple of 4: in a section aligned to 2 the linker may place it where that is wrong."""
    computing = [source for source in SOURCES if '"adr' in source.read_text()]
    assert computing
    for source in computing:
        run(build.ARM_COMPILER, *FLAGS, *options.split(), source, "-o", tmp_path / "kernel.o")
        headers = run("arm-none-eabi-objdump", "-h", tmp_path / "kernel.o")
        code = run("arm-none-eabi-objdump", "-d", tmp_path / "kernel.o")
        for section in re.split(r"Disassembly of section ", code)[1:]:
            name, text = section.split(":", 1)
            if re.search(r"\badd\.w\s+\w+, pc, |\badr\.w|\baddw\s+\w+, pc", text):
                alignment = re.search(rf" {re.escape(name)} +\w+ +\w+ +\w+ +\w+ +2\*\*(\d+)", headers)
                assert alignment and int(alignment[1]) >= 2, f"{source.name}, {name}"
                break
        else:
            pytest.fail(f"{source.name} has no code that computes an address")


@pytest.mark.parametrize("pieces", ['"3", "56"', '"6", "24"', '"3", "72"'])
def test_a_piece_of_another_length_does_not_assemble(pieces, tmp_path):
    source = next(source for source in SOURCES if "TFLM_TRAIN_PIECE_ENDS" in source.read_text())
    label, length = re.findall(r"\w+", pieces)
    changed = source.read_text().replace(f"({pieces})", f'("{label}", "{int(length) - 4}")')
    assert changed != source.read_text()
    (tmp_path / "changed.cpp").write_text(changed)
    command = [build.ARM_COMPILER, *FLAGS, "-O2", tmp_path / "changed.cpp", "-o", tmp_path / "kernel.o"]
    result = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    assert result.returncode != 0 and "another length than jumps trust" in result.stderr


def test_the_library_links_with_link_time_optimisation(tmp_path):
    """There all assembly of a part lands in one section."""
    sources = ROOT / "micro_kernels" / "src" / "tflm_train"
    objects = []
    for number, source in enumerate(sorted(sources.rglob("*.cpp"))):
        objects.append(tmp_path / f"{number}.o")
        run(build.ARM_COMPILER, *FLAGS, "-O2", "-flto", source, "-o", objects[-1])
    link = [build.ARM_COMPILER, *TARGET, "-O2", "-flto", "-r", "-flinker-output=nolto-rel", *objects]
    run(*link, "-o", tmp_path / "library.o")
