"""The distribution: sdist, wheel, and that the checkout never shadows an install."""

from __future__ import annotations

import configparser
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import tflm_train
from tflm_train import sources

ROOT = Path(__file__).resolve().parent.parent
NOT_SOURCES = shutil.ignore_patterns(
    ".git",
    ".venv",
    "build",
    "dist",
    "*.so",
    "*.egg-info",
    "__pycache__",
    ".pio",
    ".*_cache",
    ".hypothesis",
    "demo_output",
)


def run(*command: object, cwd: Path, **environment: str) -> str:
    """Standard output of a command that must succeed."""
    env = {**os.environ, **environment}
    result = subprocess.run([str(c) for c in command], cwd=cwd, env=env, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an sdist, and the wheel that was built from that sdist."""
    folder = tmp_path_factory.mktemp("dist")
    checkout = folder / "checkout"
    shutil.copytree(ROOT, checkout, ignore=NOT_SOURCES)
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, checkout, cwd=folder)
    return folder


@pytest.fixture(scope="module")
def installed(distributions: Path) -> Path:
    """A folder that holds the installed wheel and nothing else."""
    target = distributions / "site"
    wheel = next(distributions.glob("*.whl"))
    run(
        sys.executable,
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--no-index",
        "--target",
        target,
        wheel,
        cwd=target.parent,
    )
    return target


def _files(folder: str, *suffixes: str) -> set[str]:
    return {
        p.relative_to(ROOT).as_posix()
        for p in (ROOT / folder).rglob("*")
        if p.suffix in suffixes and not {".pio", "__pycache__", "build"} & set(p.parts)
    }


def test_all_packages_are_listed() -> None:
    config = configparser.ConfigParser(interpolation=None)
    config.read(ROOT / "setup.cfg")
    listed = set(config["options"]["packages"].split())
    folders = {p.parent.relative_to(ROOT) for p in (ROOT / "tflm_train").rglob("__init__.py")}
    assert {".".join(f.parts) for f in folders} | {"tflm_train.converters"} <= listed


def test_wheel_carries_the_c_library_and_the_project(distributions: Path) -> None:
    names = set(zipfile.ZipFile(next(distributions.glob("*.whl"))).namelist())
    expected = _files("micro_kernels", ".h", ".cpp", ".json", ".properties", ".txt") | _files(
        "pio_project", ".h", ".cpp", ".ini", ".py"
    )
    assert expected and {f"tflm_train/{name}" for name in expected} <= names
    assert {f"tflm_train/{name}" for name in _files("converters", ".py")} <= names
    assert _files("tflm_train", ".py", ".json") | {"tflm_train/py.typed"} <= names
    assert not [n for n in names if "__pycache__" in n or n.endswith((".o", ".d")) or "/.pio/" in n]
    tops = {n.split("/")[0] for n in names}
    assert tops == {"tflm_train", f"tflm_train-{tflm_train.__version__}.dist-info"}


def test_sdist_carries_tests_and_documentation(distributions: Path) -> None:
    with tarfile.open(next(distributions.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert _files("tests", ".py") | _files("docs", ".md") <= names
    assert {"LICENSE", "Makefile", "README.md", "conftest.py", "setup.cfg", "setup.py"} <= names
    assert not [n for n in names if n.endswith((".so", ".o", ".pyc"))]


WHERE = """
import pathlib, tflm_train as tt
from tflm_train import sources, trainer, _native, _native_parity
from tflm_train.converters import plan_format
for module in (trainer, _native, _native_parity, plan_format):
    print(module.__file__)
print(sources.micro_kernels())
print(sources.pio_project())
"""


@pytest.mark.parametrize("inside_checkout", [False, True])
def test_an_install_is_used_wherever_python_starts(installed: Path, tmp_path: Path, inside_checkout: bool) -> None:
    cwd = ROOT if inside_checkout else tmp_path
    lines = run(sys.executable, "-c", WHERE, cwd=cwd, PYTHONPATH=str(installed)).splitlines()
    assert len(lines) == 6
    for line in lines:
        assert line.startswith(str(installed)), lines


def test_pytest_in_the_checkout_tests_the_install(installed: Path, tmp_path: Path) -> None:
    probe = tmp_path / "test_probe.py"
    probe.write_text(
        "import tflm_train\n"
        "def test_origin():\n"
        f"    assert tflm_train.__file__.startswith({str(installed)!r}), tflm_train.__file__\n"
    )
    arguments = (
        "-q",
        "-p",
        "no:cacheprovider",
        "-c",
        ROOT / "setup.cfg",
        "--rootdir",
        ROOT,
        probe,
        "tests/test_data.py",
    )
    assert "passed" in run(sys.executable, "-m", "pytest", *arguments, cwd=ROOT, PYTHONPATH=str(installed))


def test_an_installed_wheel_trains(installed: Path, folder: Path, tmp_path: Path) -> None:
    arguments = ("train", folder / "model.tflite", "--data", folder / "data.npz", "-o", "t.tflite", "--json")
    out = run(sys.executable, "-m", "tflm_train", *arguments, cwd=tmp_path, PYTHONPATH=str(installed))
    assert '"command": "train"' in out and (tmp_path / "t.tflite").exists()


TYPED = """
import tflm_train as tt
history: tt.History = tt.Trainer("m.tflite").fit([[0.0]], [0], batch_size=2)
reveal_type(tt.convert("m.tflite").sizes.weight_bytes)
tt.Trainer("m.tflite").fit([[0.0]], [0], batch_size="two")
"""


def test_an_install_is_typed(installed: Path, tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    (tmp_path / "user.py").write_text(TYPED)
    command = [sys.executable, "-m", "mypy", "--no-incremental", "--follow-imports=silent", "user.py"]
    environment = {**os.environ, "MYPYPATH": "", "PYTHONPATH": str(installed)}
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert 'user.py:4: note: Revealed type is "int"' in result.stdout.replace("builtins.int", "int"), result.stdout
    assert 'user.py:5: error: Argument "batch_size" to "fit" of "Trainer"' in result.stdout


def test_dir_names_what_users_need() -> None:
    code = (
        "import tflm_train as tt, tflm_train.cli\n"
        "assert dir(tt) == sorted(tt.__all__), dir(tt)\n"
        "assert all(getattr(tt, name) is not None for name in tt.__all__)\n"
        "from tflm_train import *\n"
        "assert Trainer is tt.Trainer\n"
    )
    run(sys.executable, "-c", code, cwd=ROOT / "tests")


def test_sources_lie_where_they_are_said_to() -> None:
    assert (sources.micro_kernels() / "src" / "tflm_train" / "status.h").exists()
    assert (sources.pio_project() / "platformio.ini").exists()
    assert sources.pio_project().parent == sources.micro_kernels().parent


def test_tensorflow_is_not_needed_to_import() -> None:
    code = (
        "import sys; sys.modules['tensorflow'] = sys.modules['keras'] = None\n"
        "import tflm_train as tt, tflm_train.cli\n"
        "print(tt.convert, tt.Trainer, tt.TrainingConfig)\n"
        "assert not [m for m in sys.modules if m.split('.')[0] in ('matplotlib', 'sklearn', 'pybind11')]\n"
    )
    run(sys.executable, "-c", code, cwd=ROOT / "tests")


def test_a_missing_tensorflow_is_exit_code_3(tmp_path: Path) -> None:
    (tmp_path / "m.h5").write_bytes(b"x")
    code = (
        "import sys; sys.modules['tensorflow'] = sys.modules['keras'] = None\n"
        "from tflm_train.cli import main; sys.exit(main(['convert', 'm.h5', '-o', 'o.tflite']))\n"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (3, "")
    assert "pip install '" in result.stderr and len(result.stderr.splitlines()) == 1
