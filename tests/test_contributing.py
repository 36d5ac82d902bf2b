"""The examples of CONTRIBUTING.md, applied to a copy of the tree: they add what they say, where they say."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pybind11
import pytest
from tflm_train.converters.operators import KERNELS

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(
    r"^ *(?:In|New file) `(?P<path>[^`]+)`(?:, (?P<where>behind|in front of) `(?P<anchor>[^`]+)`)?:\n\n"
    r" *```\w+\n(?P<text>.*?)^ *```$",
    re.DOTALL | re.MULTILINE,
)
PARTS = ("converters", "tflm_train", "micro_kernels", "tests")


def apply(example: str, root: Path) -> list[str]:
    """Make the changes of a section; the files that it names."""
    paths = []
    for block in BLOCK.finditer(example):
        # the code stands three columns to the right, as the text of a list does
        text = re.sub(r"^ {1,3}", "", block["text"], flags=re.MULTILINE).replace("NEXT", str(len(KERNELS)))
        path = root / block["path"]
        paths.append(block["path"])
        if block["anchor"] is None:
            assert not path.exists()
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
            continue
        content = path.read_text()
        assert block["anchor"] in content, f"{block['path']} has no {block['anchor']!r}"
        place = content.rindex(block["anchor"])
        if block["where"] == "behind":
            place = content.index("\n", place) + 1
        path.write_text(content[:place] + text + content[place:])
    return paths


def build(root: Path) -> None:
    """Both compiled modules, without optimisation."""
    library = root / "micro_kernels" / "src"
    sources = [p for p in library.rglob("*.cpp") if "tflm" not in p.relative_to(library / "tflm_train").parts]
    flags = ["-std=c++17", "-O0", "-fPIC", "-shared", "-DTFLM_TRAIN_COUNTERS=1", f"-I{library}"]
    flags += [f"-I{pybind11.get_include()}", *subprocess.check_output([_config(), "--includes"], text=True).split()]
    compiler = os.environ.get("CXX", "c++")

    def compiled(source: Path) -> str:
        target = source.with_suffix(".o")
        subprocess.run([compiler, *flags, "-c", str(source), "-o", str(target)], check=True)
        return str(target)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        objects = list(pool.map(compiled, sources))
    for name in ("_native", "_native_parity"):
        module = root / "tflm_train" / f"{name}.so"
        bindings = sorted(str(path) for path in (root / "tflm_train").glob("native_*.cpp"))
        named = [f"-DTFLM_TRAIN_MODULE={name}", "-o", str(module)]
        subprocess.run([compiler, *flags, *named, *bindings, *objects], check=True)


def _config() -> str:
    return str(Path(sys.base_prefix) / "bin" / f"python{sys.version_info[0]}.{sys.version_info[1]}-config")


# a file whose gate has no number of this release: nobody looks for the state of one before its number is checked
NO_GATE = """
import networks
from tflm_train.converters import flatbuffer, plan_format
from tflm_train.converters.convert import convert
from tflm_train.converters.model_writer import add_plan
import tflm_train as tt
from tflm_train import _native

result = convert(networks.mlp(sizes=(4, 6, 3)), tt.TrainingConfig(gate="loss-threshold"))
result.plan.defaults["gate"] = 0x7FFFFFFF
file = add_plan(flatbuffer.load(result.data), plan_format.encode(result.plan))
try:
    _native.NativeTrainer(file, 1 << 16)
except RuntimeError as error:
    print(error)
"""


@pytest.mark.skipif(not Path(_config()).exists(), reason="Python has no headers here")
def test_the_examples_add_an_operator_and_policies(tmp_path: Path) -> None:
    ignored = shutil.ignore_patterns("*.so", "__pycache__")
    for part in PARTS:
        shutil.copytree(ROOT / part, tmp_path / part, ignore=ignored)
    for name in ("README.md", "setup.cfg", "conftest.py"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "tflm_train" / "converters").symlink_to(tmp_path / "converters")
    sections = dict(re.findall(r"^## (An? [\w ]+)\n(.*?)(?=^## |\Z)", _document(), re.DOTALL | re.MULTILINE))

    for section, files in (("An operator", 3), ("A selector", 2), ("A loss", 2), ("A gate", 3), ("An update rule", 3)):
        named = apply(sections[section], tmp_path)
        assert len([path for path in named if not path.startswith("tests/")]) == files, section

    installed = tmp_path / "installed"  # tests do not import from the checkout's own folder
    installed.mkdir()
    (installed / "tflm_train").symlink_to(tmp_path / "tflm_train")
    environment = {**os.environ, "PYTHONPATH": str(installed)}

    def run(*arguments: str) -> str:
        command = [sys.executable, "-P", *arguments] if sys.version_info >= (3, 11) else [sys.executable, *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, textwrap.indent(done.stdout + done.stderr, "  ")
        return done.stdout

    assert str(tmp_path) in run("-c", "import tflm_train; print(tflm_train.__file__)")
    run("-m", "tflm_train.converters.generate")
    assert "RELU_0_TO_1" in (tmp_path / "README.md").read_text()
    build(tmp_path)
    added = ["every_second", "log_cosh", "loss_threshold", "rmsprop"]
    tests = ["tests/test_gradients.py::test_relu_0_to_1", *(f"tests/test_{name}.py" for name in added)]
    assert "22 passed" in run("-m", "pytest", "-q", "-p", "no:cacheprovider", *tests)
    (tmp_path / "tests" / "no_gate.py").write_text(NO_GATE)
    environment["PYTHONPATH"] += os.pathsep + str(tmp_path / "tests")
    assert "[defaults]" in run("tests/no_gate.py")


def _document() -> str:
    return (ROOT / "CONTRIBUTING.md").read_text()
