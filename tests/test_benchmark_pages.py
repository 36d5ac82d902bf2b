"""The measured numbers in docs/benchmarks.md and README.md, and the script that writes them."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tflm_train.bench.peers import PEERS

ROOT = Path(__file__).resolve().parent.parent
PAGE, README = ROOT / "docs" / "benchmarks.md", ROOT / "README.md"


def part(file: Path, name: str) -> str:
    """What the script has written."""
    (found,) = re.findall(rf"<!-- {name} -->\n\n(.*?)\n\n<!-- /{name} -->", file.read_text(), re.DOTALL)
    return found


def test_the_readme_s_table_is_the_measured_one() -> None:
    own = part(README, "sparse")
    assert own == part(PAGE, "sparse")
    measured = part(PAGE, "workloads")
    rows = [re.findall(r"\d[\d,]{3,}", row) for row in own.splitlines() if row.startswith("|")][2:]
    assert len(rows) == 4
    for row in rows:
        assert len(row) == 3 and all(f"**{number}**" in measured for number in row), row


def test_the_peers_are_those_of_bench() -> None:
    table = part(PAGE, "peers")
    for peer in (peer for peers in PEERS.values() for peer in peers):
        assert f"| {peer.name} | {peer.version} | {peer.instructions:,} |" in table


@pytest.fixture(scope="module")
def tables() -> ModuleType:
    spec = importlib.util.spec_from_file_location("benchmark_tables", ROOT / "benchmarks" / "tables.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def result(workload: str, selector: str, ratio: float | None, total: int) -> dict[str, Any]:
    phases = {"forward": 0, "loss": 0, "selection": 0, "backward": total, "total": total}
    known = {"build": "tuned", "instructions": phases, "cycles_model": None, "accuracy": 0.5}
    return {"workload": workload, "selector": selector, "ratio": ratio, "ram_bytes": 2048, "flash_bytes": 1024, **known}


def test_new_numbers_take_the_place_of_old_ones_and_of_nothing_else(tables: ModuleType) -> None:
    results = [
        result(workload, selector, 0.1 if workload == "conv" and selector == "tinyprop" else None, total)
        for workload in ("mlp", "cnn", "conv", tables.DEMO)
        for selector, total in (("dense-noskip", 4000), ("dense", 2000), ("tinyprop", 2100))
    ]
    versions = {"package": "9.9", "compiler": "cc", "qemu": "emulator"}
    peers = {"mlp": [PEERS["mlp"][0]._asdict()]}
    parts = tables.blocks({"versions": versions, "results": results, "peers": peers})
    for file, names in ((PAGE, set(parts)), (README, {"sparse"})):
        before = file.read_text()
        after = tables.filled(before, parts)
        assert tables.filled(after, parts) == after
        for name in names:
            assert f"<!-- {name} -->\n\n{parts[name]}\n\n<!-- /{name} -->" in after
        emptied = [
            re.sub(r"(<!-- (\w+) -->).*?(<!-- /\2 -->)", r"\1\3", text, flags=re.DOTALL) for text in (before, after)
        ]
        assert emptied[0] == emptied[1]
    assert "| 4,000 | 2,000 | 2,100 | 1.05 |" in parts["sparse"] and "5 % more on `mlp`" in parts["sparse"]
