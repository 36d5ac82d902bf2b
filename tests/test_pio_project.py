"""The PlatformIO project: generated files are current, and its test runner never passes what has no verdict."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tflm_train import sources

pytest.importorskip("platformio", reason="PlatformIO is not installed: pip install platformio")

PROJECT = sources.pio_project()
DOCTEST = Path("/usr/include/doctest/doctest.h")
LOCAL_SETTINGS = {"PLATFORMIO_SETTING_ENABLE_TELEMETRY": "No", "PLATFORMIO_DISABLE_UPGRADE_CHECK": "true"}


def load(path: Path) -> ModuleType:
    """A script of the project as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PlatformIO folder of its own, prepared: no other use of PlatformIO on this machine gets in the way."""
    folder = tmp_path_factory.mktemp("core")
    prepare(folder)
    return folder


def prepare(core: Path) -> str:
    """Output of the preparation."""
    command = [sys.executable, PROJECT / "tools" / "prepare.py"]
    env = {**os.environ, "PLATFORMIO_CORE_DIR": str(core)}
    result = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def pio(*arguments: str, core: Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs PlatformIO."""
    command = [sys.executable, "-m", "platformio", *arguments]
    env = {**os.environ, **LOCAL_SETTINGS, "PLATFORMIO_CORE_DIR": str(core), **environment}
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=600)


SUITES = {
    "good": 'TEST_CASE("true") { CHECK(1 + 1 == 2); }',
    "failing": 'TEST_CASE("false") { CHECK(1 + 1 == 3); }',
    "empty": "",
    "silent": "[[maybe_unused]] static const int quits = (std::exit(0), 0);",
    "status": 'TEST_CASE("quits") { std::exit(3); }',
    "abort": 'TEST_CASE("aborts") { std::abort(); }',
}
EMULATED_SUITES = SUITES | {
    "fault": 'TEST_CASE("faults") { *reinterpret_cast<volatile int*>(0xF0000000u) = 1; }',
    "hang": 'TEST_CASE("hangs") { for (volatile int i = 0;; i = i + 1) { } }',
}
OURS = ("test_agent*", "test_fast*", "test_kernels*", "test_runtime*", "emulated")


def run_suites(core: Path, folder: Path, environment: str, suites: dict[str, str]) -> dict[str, str]:
    """Status of each suite, in a project of its own with this project's runner, platforms and environments."""
    project = folder / "pio_project"
    shutil.copytree(PROJECT, project, ignore=shutil.ignore_patterns(".pio", *OURS))
    library = folder / "micro_kernels"
    (library / "src").mkdir(parents=True)
    (library / "library.json").write_text('{"name": "tflm-train", "version": "0.0.0"}')
    (library / "src" / "tflm_train.h").write_text("")
    for name, code in suites.items():
        (project / "test" / f"test_{name}").mkdir()
        source = f"#include <doctest.h>\n#include <cstdlib>\n{code}\n"
        (project / "test" / f"test_{name}" / "test.cpp").write_text(source)
    result = pio("test", "-e", environment, core=core, cwd=project, QEMU_TIMEOUT="4")
    output = result.stdout + result.stderr
    assert result.returncode == 1, output
    assert "Building stage has failed" not in output, output
    found = dict(re.findall(rf"^{environment} +test_(\w+) +(\w+) +\d", output, re.MULTILINE))
    assert set(found) == set(suites), output
    return found


needs_doctest = pytest.mark.skipif(not DOCTEST.exists(), reason="doctest is not installed: apt-get install doctest-dev")


@needs_doctest
def test_the_native_runner_passes_no_suite_without_verdict(core: Path, tmp_path: Path) -> None:
    found = run_suites(core, tmp_path, "native", SUITES)
    assert found.pop("good") == "PASSED"
    assert found.pop("failing") == "FAILED"
    assert set(found.values()) <= {"FAILED", "ERRORED"}, found


@needs_doctest
def test_the_emulated_runner_passes_no_suite_without_verdict(core: Path, tmp_path: Path) -> None:
    for tool, package in {"arm-none-eabi-g++": "gcc-arm-none-eabi", "qemu-system-arm": "qemu-system-arm"}.items():
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed: apt-get install {package}")
    found = run_suites(core, tmp_path, "qemu_m4", EMULATED_SUITES)
    assert found.pop("good") == "PASSED"
    assert found.pop("failing") == "FAILED"
    assert set(found.values()) <= {"FAILED", "ERRORED"}, found


def test_the_digits_are_current() -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed: pip install 'tflm-train[demo]'")
    generator = load(PROJECT / "tools" / "generate_digits.py")
    for name, text in generator.sources(train=False).items():
        path = PROJECT / "src" / "digits" / name
        assert path.read_text() == text, f"{path} is not current; run pio_project/tools/generate_digits.py"


def test_every_environment_is_well_formed(core: Path) -> None:
    result = pio("project", "config", "--lint", core=core, cwd=PROJECT)
    assert "is free from linting errors" in result.stdout, result.stdout


@pytest.mark.parametrize(
    ("environment", "missing"), [("native_tflm", ("TFLM_DIR", "TFLM_LIB")), ("qemu_m4_tflm", ("TFLM_LIBRARY",))]
)
def test_without_tensorflow_lite_micro_its_environments_say_why_they_skip(
    environment: str, missing: tuple[str, ...], core: Path
) -> None:
    nothing = {name: "" for name in ("TFLM_DIR", "TFLM_LIB", "TFLM_LIBRARY")}
    result = pio("run", "-d", str(PROJECT), "-e", environment, core=core, cwd=core, **nothing)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "skipped" in result.stderr and all(name in result.stderr for name in missing)


def test_scons_releases() -> None:
    script = load(PROJECT / "tools" / "prepare.py")
    assert script.scons_release("4.41101.0") == "4.11.1"
    assert script.scons_release("4.40502.0") == "4.5.2"


def test_a_prepared_folder_builds_and_is_left_alone(core: Path, tmp_path: Path) -> None:
    words = prepare(core)
    assert "has what this project needs" in words or "registry answers" in words
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "main.cpp").write_text("int main() { return 0; }\n")
    (tmp_path / "platformio.ini").write_text("[env:native]\nplatform = native\n")
    result = pio("run", "-e", "native", "-t", "exec", core=core, cwd=tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
