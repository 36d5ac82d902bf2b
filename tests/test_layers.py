"""Who may know whom: folders of the C++ library in one order, and no circle among Python modules."""

from __future__ import annotations

import ast
import re
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIBRARY = ROOT / "micro_kernels" / "src" / "tflm_train"
# each folder includes those in front of it: kernels know nothing of plans, a plan's reader nothing of operators
LAYERS = ("base", "kernels", "model", "plan", "policies", "train", "operators", "tflm", "agent")
APART = {"model": {"kernels"}, "plan": {"kernels"}, "agent": {"kernels", "policies", "operators", "tflm"}}
INCLUDE = re.compile(r'^\s*#\s*include\s+"tflm_train/(\w+)/', re.MULTILINE)


def test_a_folder_includes_those_in_front_of_it() -> None:
    assert {path.name for path in LIBRARY.iterdir() if path.is_dir()} == set(LAYERS)
    for position, folder in enumerate(LAYERS):
        allowed = set(LAYERS[: position + 1]) - APART.get(folder, set())
        for path in sorted((LIBRARY / folder).rglob("*.[hc]*")):
            found = set(INCLUDE.findall(path.read_text())) - allowed
            assert not found, f"{path.relative_to(LIBRARY)} includes {', '.join(sorted(found))}"


def _modules() -> dict[str, Path]:
    """Modules by their names; ``converters/`` is a package of ``tflm_train``."""
    found = {}
    for top, prefix in (("converters", "tflm_train."), ("tflm_train", "")):
        for path in (ROOT / top).rglob("*.py"):
            parts = list(path.relative_to(ROOT).with_suffix("").parts)
            if top == "tflm_train" and "converters" in parts:
                continue
            found[prefix + ".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def _imports(name: str, path: Path, modules: dict[str, Path]) -> set[str]:
    """Modules of this project that a module imports when it is imported itself."""
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    found: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ImportFrom) and node.level > 0:
            base = package[: len(package) - node.level + 1] + (node.module.split(".") if node.module else [])
            for alias in node.names:
                inner = ".".join([*base, alias.name])
                found.add(inner if inner in modules else ".".join(base))
    return found & set(modules)


def test_python_modules_import_each_other_in_no_circle() -> None:
    modules = _modules()
    assert len(modules) > 80
    list(TopologicalSorter({name: _imports(name, path, modules) for name, path in modules.items()}).static_order())


def test_what_measures_a_step_does_not_train() -> None:
    modules = _modules()
    reached: set[str] = set()
    waiting = [name for name in modules if name.startswith("tflm_train.measure.")]
    assert waiting
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += _imports(name, modules[name], modules)
    assert not {"tflm_train.trainer", "tflm_train.training_run"} & reached
