"""The study of training methods in ``benchmarks/efficacy``: what it compares with what, and that it goes on where it
stopped."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"
TASK, METHODS = "gas sensors, drift", ("dense", "remembered loss", "gradient filtering, last block", "auto")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set of the sensors' form, whose classes lie elsewhere in later batches."""
    folder, rng = tmp_path_factory.mktemp("sets"), np.random.default_rng(0)
    y, batch = rng.integers(0, 6, 3000).astype(np.uint8), rng.integers(1, 6, 3000).astype(np.uint8)
    x = rng.normal(size=(2, 6, 128))[(batch > 2).astype(int), y] + 0.5 * rng.normal(size=(3000, 128))
    np.savez(folder / "gas_drift.npz", x=x.astype(np.float32), y=y, batch=batch)
    return folder


def study(data: Path, output: Path, *options: str) -> str:
    command = [sys.executable, str(BENCHMARKS / "efficacy"), "--data", str(data), "--output", str(output)]
    words = ["--tasks", TASK, "--methods", *METHODS, "--seeds", "2", "--jobs", "1", *options]
    done = subprocess.run([*command, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return (output / "report.md").read_text()


def lines(output: Path) -> list[dict[str, str]]:
    with (output / "efficacy.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_study_is_reported_and_goes_on_where_it_stopped(data: Path, tmp_path: Path) -> None:
    report = study(data, tmp_path)
    rows = lines(tmp_path)
    runs = [r for r in rows if int(r["seed"]) < 2]
    # two methods with three rates and two seeds each to find one, auto without; nothing to filter in this network
    assert len(rows) == 2 * 3 * 2 + 3 * 2 and {r["method"] for r in rows} == {"dense", "remembered loss", "auto"}
    assert all(float(r["after"]) > float(r["before"]) for r in runs), runs
    assert len({r["learning_rate"] for r in runs if r["method"] == "dense"}) == 1
    work = {(r["method"], r["seed"]): int(r["dense_work"]) / int(r["work"]) for r in runs}
    assert work["auto", "0"] > work["remembered loss", "0"] > work["dense", "0"] > 1
    mean = np.mean([work["auto", seed] for seed in "01"])
    assert f"| {mean:.2f} |" in report and (tmp_path / "efficacy.png").stat().st_size > 1000

    kept = rows[:-1]
    with (tmp_path / "efficacy.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(kept)
    assert study(data, tmp_path) == report
    assert lines(tmp_path) == rows


def test_a_set_that_is_missing_is_said(tmp_path: Path) -> None:
    command = [sys.executable, str(BENCHMARKS / "efficacy"), "--data", str(tmp_path), "--output", str(tmp_path / "out")]
    done = subprocess.run([*command, "--report-only"], capture_output=True, text=True)
    assert done.returncode == 0 and f"{TASK}: left out" in done.stderr.replace("\n", " ")
