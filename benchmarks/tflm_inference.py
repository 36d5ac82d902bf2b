"""Inference under TensorFlow Lite Micro on an emulated Cortex-M4: its float32 kernels and this library's.

python benchmarks/tflm_inference.py --tflm-dir DIR --tflm-lib LIB [--flags=-DTF_LITE_STATIC_MEMORY] [model.tflite ...]

DIR is the root of TFLM's headers (third_party/ or TFLM's downloads beside them), LIB its library for a Cortex-M4 with
hard floats, flags the definitions that it was built with. Without models, those of docs/tflm.md.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from tflm_train import sources
from tflm_train.devices import build, qemu

BOARD = "m4"
TIMEOUT = 300.0  # seconds
THIRD_PARTY = ("flatbuffers/include", "gemmlowp", "ruy")


def guide_models() -> dict[str, bytes]:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
    import networks

    return {
        "MLP 64-32-10": networks.mlp(),
        "CNN 12x12x1": networks.cnn(size=12),
        "CNN 28x28x1": networks.cnn(size=28),
        "residual 12x12x3": networks.residual(size=12, widths=(8, 16)),
        "separable 25x5x1": networks.separable(size=(25, 5), width=16, blocks=2),
        "inverted residual 16x16x3": networks.inverted_residual(),
    }


def compile_program(data: bytes, options: argparse.Namespace, folder: Path) -> Path:
    """The measuring program with one model in it (an ELF file)."""
    header = f"alignas(16) constexpr unsigned char kModel[] = {{{','.join(map(str, data))}}};\n"
    (folder / "model_data.h").write_text(header)
    target, project = build.target_module(), sources.pio_project()
    agent = project / "src" / "agent" / "qemu"
    files = [project / "bench" / "tflm_inference" / "main.cpp", agent / "instruction_meter.cpp"]
    files += sorted(Path(target.SUPPORT).glob("*.cpp"))
    library = build.emulated_library(BOARD, "tuned", count_work=False)
    roots = (options.tflm_dir / "third_party", options.tflm_dir / "tensorflow/lite/micro/tools/make/downloads")
    system = [options.tflm_dir, *(root / name for root in roots for name in THIRD_PARTY if (root / name).is_dir())]
    includes = [folder, sources.micro_kernels() / "src", Path(target.SUPPORT), agent]
    output = folder / "program.elf"
    command = [
        build.arm_compiler(),
        *build.emulated_flags(BOARD, "tuned", count_work=False),
        *options.flags.split(),
        *(f"-I{include}" for include in includes),
        *(f"-isystem{include}" for include in system),
        *map(str, files),
        str(options.tflm_lib),
        str(library),
        *target.link_flags(target.load_board(build.BOARDS[BOARD])),
        "-o",
        str(output),
    ]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"the program cannot be built with this TFLM:\n{result.stderr[-2000:]}")
    return output


def measure(data: bytes, options: argparse.Namespace) -> tuple[int, int, float]:
    """Instructions of TFLM's kernels and of this library's, and the largest difference of an output."""
    with tempfile.TemporaryDirectory() as folder:
        program = compile_program(data, options, Path(folder))
        run = subprocess.run(qemu.command(BOARD, program), capture_output=True, text=True, timeout=TIMEOUT)
    if run.returncode:
        sys.exit(f"the program ended with status {run.returncode}: {run.stdout} {run.stderr}")
    theirs, ours, difference = run.stdout.split()[-3:]
    return int(theirs), int(ours), float(difference)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tflm-dir", type=Path, required=True)
    parser.add_argument("--tflm-lib", type=Path, required=True)
    parser.add_argument("--flags", default="")
    parser.add_argument("models", type=Path, nargs="*")
    options = parser.parse_args()
    models = {path.name: path.read_bytes() for path in options.models} or guide_models()
    print("| model | TFLM's kernels | these | ratio |\n|---|---|---|---|")
    for name, data in models.items():
        theirs, ours, difference = measure(data, options)
        print(f"| {name} | {theirs:,} | {ours:,} | {theirs / ours:.1f} |", flush=True)
        if difference > 1e-5:
            sys.exit(f"{name}: the outputs differ by {difference}")


if __name__ == "__main__":
    main()
