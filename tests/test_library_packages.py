"""The C++ library in other build systems: a program is built from what each of them gets, alone."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from tflm_example_model import HEADERS

import tflm_train

ROOT = Path(__file__).resolve().parent.parent
LIBRARY = ROOT / "micro_kernels"
MAIN = """#include <tflm_train.h>
int main() {
  static tflm_train::Trainer trainer;
  return trainer.Reset() == tflm_train::Status::kNotInitialized ? 0 : 1;
}
"""
needs_cmake = pytest.mark.skipif(shutil.which("cmake") is None, reason="CMake is not installed: apt-get install cmake")


def run(*command: object, cwd: Path) -> str:
    result = subprocess.run([str(c) for c in command], cwd=cwd, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the library, without the checkout around it."""
    return Path(shutil.copytree(LIBRARY, tmp_path_factory.mktemp("library") / "tflm_train"))


def build_with_cmake(folder: Path, lines: str, *options: object) -> None:
    """Configure, build and run a program whose CMakeLists.txt links ``tflm_train::tflm_train``."""
    (folder / "main.cpp").write_text(MAIN)
    (folder / "CMakeLists.txt").write_text(
        f"cmake_minimum_required(VERSION 3.16)\nproject(program CXX)\n{lines}\n"
        "add_executable(program main.cpp)\ntarget_link_libraries(program tflm_train::tflm_train)\n"
    )
    run("cmake", "-S", folder, "-B", folder / "build", *options, cwd=folder)
    run("cmake", "--build", folder / "build", "--parallel", "2", cwd=folder)
    run(folder / "build" / "program", cwd=folder)


@needs_cmake
def test_a_cmake_project_adds_the_folder(library, tmp_path):
    build_with_cmake(tmp_path, f'add_subdirectory("{library}" library)')


@needs_cmake
def test_a_cmake_project_finds_what_was_installed(library, tmp_path):
    prefix, build = tmp_path / "prefix", tmp_path / "library"
    run("cmake", "-S", library, "-B", build, f"-DCMAKE_INSTALL_PREFIX={prefix}", cwd=tmp_path)
    run("cmake", "--build", build, "--parallel", "2", cwd=tmp_path)
    run("cmake", "--install", build, cwd=tmp_path)
    program = tmp_path / "program"
    program.mkdir()
    build_with_cmake(program, "find_package(tflm_train 0.1 REQUIRED)", f"-DCMAKE_PREFIX_PATH={prefix}")


@needs_cmake
def test_esp_idf_reads_the_component_in_script_mode(library, tmp_path):
    """IDF first runs every component's CMakeLists.txt with ``cmake -P``, where there are no targets."""
    (tmp_path / "script.cmake").write_text(
        "function(idf_component_register)\n"
        '  cmake_parse_arguments(ARG "" "" "SRCS;INCLUDE_DIRS" ${ARGN})\n'
        "  list(LENGTH ARG_SRCS count)\n"
        '  message(STATUS "sources ${count} include ${ARG_INCLUDE_DIRS}")\n'
        "endfunction()\n"
        "macro(target_compile_features)\nendmacro()\n"
        "set(ESP_PLATFORM 1)\n"
        f'include("{library}/CMakeLists.txt")\n'
    )
    output = run("cmake", "-P", tmp_path / "script.cmake", cwd=tmp_path)
    count = len(list((library / "src").rglob("*.cpp")))
    assert f"sources {count} include src" in output


def test_all_registries_are_told_the_same():
    version = tflm_train.__version__
    assert json.loads((LIBRARY / "library.json").read_text())["version"] == version
    properties = dict(line.split("=", 1) for line in (LIBRARY / "library.properties").read_text().splitlines())
    assert properties["version"] == version and properties["url"].startswith("https://")
    assert f'version: "{version}"' in (LIBRARY / "idf_component.yml").read_text()
    assert f"VERSION {version}" in (LIBRARY / "CMakeLists.txt").read_text()
    assert (LIBRARY / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()


def test_the_arduino_examples_are_those_that_the_ide_shows():
    """One sketch in a folder of its name, and no other program beside it."""
    sketches = list((LIBRARY / "examples").rglob("*.ino"))
    assert sketches
    for sketch in sketches:
        assert sketch.stem == sketch.parent.name
        assert [p.name for p in sketch.parent.iterdir() if p.suffix in (".ino", ".cpp", ".c")] == [sketch.name]


def test_no_folder_of_examples_holds_two_programs():
    for folder in {p.parent for p in (LIBRARY / "examples").rglob("*") if p.suffix in (".cpp", ".ino")}:
        programs = [p for p in folder.iterdir() if p.suffix in (".cpp", ".ino") and has_main(p.read_text())]
        assert len(programs) <= 1, folder


def has_main(source: str) -> bool:
    return re.search(r"^(int main\(|void setup\(\))", source, re.MULTILINE) is not None


ARDUINO = """#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
using std::sin;
inline long random(long limit) { return std::rand() % limit; }
struct {
  void begin(long) {}
  void print(const char* text) { std::printf("%s", text); }
  void println(const char* text) { std::puts(text); }
  void println(unsigned long number) { std::printf("%lu\\n", number); }
  void println(unsigned number) { std::printf("%u\\n", number); }
} Serial;
"""


def test_the_arduino_example_learns(tmp_path):
    """Compiled with a stand-in for the core, it sees 3,000 windows."""
    (tmp_path / "Arduino.h").write_text(ARDUINO)
    sketch = LIBRARY / "examples" / "LearnOnline" / "LearnOnline.ino"
    (tmp_path / "main.cpp").write_text(
        f'#include "Arduino.h"\n#include "{sketch}"\n'
        "int main() {\n  setup();\n  for (int i = 0; i < 3000; ++i) loop();\n}\n"
    )
    library = LIBRARY / "src" / "tflm_train"
    sources = [p for p in library.rglob("*.cpp") if "tflm" not in p.relative_to(library).parts]
    flags = ["-std=c++17", "-O1", "-Wall", "-Wextra", "-Werror", f"-I{LIBRARY / 'src'}", f"-I{sketch.parent}"]
    run("g++", *flags, tmp_path / "main.cpp", *sources, "-o", tmp_path / "sketch", cwd=tmp_path)
    right = [int(line.split()[-1]) for line in run(tmp_path / "sketch", cwd=tmp_path).splitlines()]
    assert len(right) == 120
    assert sum(right[-4:]) >= 99 and right[0] < 23, right


def test_the_examples_share_one_model():
    assert len({header.read_text() for header in HEADERS}) == 1
