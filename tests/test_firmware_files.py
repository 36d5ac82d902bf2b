"""What `convert` writes for firmware besides the model: the file as a C array, and operators.h with its arena."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import networks
import pytest

from tflm_train import sources
from tflm_train.cli import main
from tflm_train.devices import build

LIBRARY = sources.micro_kernels() / "src"


def compile_source(folder: Path, source: str, *flags: str, compiler: str = "g++") -> subprocess.CompletedProcess[str]:
    suffix = "c" if compiler == "gcc" else "cpp"
    (folder / f"main.{suffix}").write_text(source)
    command = [compiler, *flags, f"-I{LIBRARY}", f"main.{suffix}", "-o", "program"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``my-model.h``, ``operators.h`` and the file that they describe."""
    path = tmp_path_factory.mktemp("firmware")
    (path / "plain.tflite").write_bytes(networks.mlp())
    words = ["convert", path / "plain.tflite", "-o", path / "m.tflite", "--c-array", path / "my-model.h"]
    assert main([*map(str, words), "--operators-header", str(path / "operators.h")]) == 0
    return path


@pytest.mark.parametrize(("compiler", "standard"), [("gcc", "-std=c11"), ("g++", "-std=c++11"), ("g++", "-std=c++17")])
def test_the_array_is_the_file(folder, compiler, standard):
    if shutil.which(compiler) is None:
        pytest.fail("a C and C++ compiler is needed, as for the extension module")
    source = (
        '#include "my-model.h"\n#include <stdio.h>\n#include <stdint.h>\n'
        "int main(void) {\n  if ((uintptr_t)my_model % 16 != 0) return 1;\n"
        "  return fwrite(my_model, 1, my_model_size, stdout) == my_model_size ? 0 : 2;\n}\n"
    )
    done = compile_source(folder, source, standard, "-Wall", "-Wextra", "-Werror", compiler=compiler)
    assert done.returncode == 0, done.stderr
    written = subprocess.run([folder / "program"], capture_output=True)
    assert written.returncode == 0 and written.stdout == (folder / "m.tflite").read_bytes()


@pytest.mark.parametrize(("missing", "compiles"), [(0, True), (1, False)])
def test_an_arena_that_is_too_small_does_not_compile(folder, missing, compiles):
    source = (
        '#include "operators.h"\n'
        f"alignas(16) uint8_t arena[ModelOperators::kArenaBytes - {missing}];\n"
        'static_assert(sizeof arena >= ModelOperators::kArenaBytes, "the model needs a larger arena");\n'
    )
    done = compile_source(folder, source, "-std=c++17", "-fsyntax-only")
    assert (done.returncode == 0) == compiles
    assert compiles or "the model needs a larger arena" in done.stderr


@pytest.mark.parametrize("header", ["tflm_train.h", "tflm_train/operators/operators.h"])
def test_an_old_standard_is_refused_in_a_sentence(tmp_path, header):
    done = compile_source(tmp_path, f'#include "{header}"\n', "-std=c++14", "-fsyntax-only")
    first = next(line for line in done.stderr.splitlines() if "error:" in line)
    assert done.returncode != 0 and "tflm-train needs C++17" in first


def test_a_big_endian_target_is_refused_in_a_sentence(tmp_path):
    flags = ["-std=c++17", "-fsyntax-only", "-U__BYTE_ORDER__", "-D__BYTE_ORDER__=__ORDER_BIG_ENDIAN__"]
    done = compile_source(tmp_path, '#include "tflm_train/requirements.h"\n', *flags)
    assert done.returncode != 0 and "little-endian targets only" in done.stderr


@pytest.mark.parametrize("compiler", ["g++", "clang++", build.ARM_COMPILER])
@pytest.mark.parametrize("level", ["-O0", "-O2"])
def test_sets_and_trainer_are_there_before_any_code_runs(folder, compiler, level):
    """No constructor runs at the start: nothing of the order of static objects can go wrong, and sets lie in flash."""
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    objects = "{0}::AllOperators all; const {0}::AllOperators in_flash; {0}::Trainer trainer;".format("tflm_train")
    source = f'#include "operators.h"\n#include "tflm_train.h"\n{objects}\nModelOperators of_the_model;\n'
    done = compile_source(folder, source + "int main() {}\n", "-std=c++17", level, "-S", compiler=compiler)
    assert done.returncode == 0, done.stderr
    assembly = (folder / "program").read_text()
    assert "of_the_model:" in assembly and "trainer:" in assembly
    assert ".init_array" not in assembly and "_GLOBAL__sub_I" not in assembly
