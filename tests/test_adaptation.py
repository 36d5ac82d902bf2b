"""The study of adaptation in ``benchmarks/``: what it compares with what."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

SCRIPT = Path(__file__).resolve().parent.parent / "benchmarks" / "adaptation.py"


@pytest.fixture(scope="module")
def adaptation() -> ModuleType:
    spec = importlib.util.spec_from_file_location("adaptation", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_differences_are_those_of_the_same_seed(adaptation: ModuleType) -> None:
    rows = [dict(seed=s, selector="dense", after=a) for s, a in ((2, 0.5), (0, 0.75), (1, 0.25))]
    rows += [dict(seed=s, selector="int8 nearest", after=a) for s, a in ((0, 0.5), (2, 0.75), (7, 1.0))]
    assert adaptation.paired_differences(rows, "int8 nearest", "dense").tolist() == [-25.0, 25.0]
    assert adaptation.paired_differences(rows, "dense", "dense").tolist() == [0.0, 0.0, 0.0]


def test_the_interval_is_that_of_the_differences(adaptation: ModuleType) -> None:
    """Accuracies vary by many points from seed to seed; the differences do not."""
    macs = dict(forward=1, update=1)
    rows = [
        dict(seed=seed, selector=method, lr=0.1, before=0.1, after=after - loss, macs=macs, dense_macs=4)
        for seed, after, dropped in ((0, 0.9, 0.01), (1, 0.5, 0.02), (2, 0.1, 0.03))
        for method, loss in (("dense", 0.0), ("int8 nearest", dropped))
    ]
    (column,) = [c for c in adaptation.table(rows).columns if c.header == "difference"]
    # Student's t of two degrees of freedom: 4.3027 times the standard error, 1 / sqrt(3)
    assert list(column.cells) == ["0.00 ± 0.00", "-2.00 ± 2.48"]


def test_what_came_after_the_shift_is_trained_and_tested(adaptation: ModuleType, tmp_path: Path) -> None:
    arrays = {f"x{end}": np.full((2, 3), i) for i, end in enumerate(("", "_test", "_shifted", "_shifted_test"))}
    arrays |= {name.replace("x", "y", 1): np.zeros(2) for name in arrays}
    np.savez(tmp_path / "D.npz", **arrays)
    clean, training, test = adaptation.load(tmp_path / "D.npz", 10.0, "none", pictures=True)
    assert [part[0][0, 0] for part in (clean, training, test)] == [0.0, 20.0, 30.0]
    with pytest.raises(SystemExit, match="leave the option out"):
        adaptation.load(tmp_path / "D.npz", 10.0, "rotate", pictures=True)


def test_a_seed_stands_for_the_same_network_samples_and_order_in_every_run(
    adaptation: ModuleType, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 4))
    y = (x[:, 0] > x[:, 1]).astype(int)
    shifted = x[:, ::-1]  # the labels belong to other columns
    arrays = dict(x=x, x_test=x, x_shifted=shifted, x_shifted_test=shifted)
    np.savez(tmp_path / "D.npz", **arrays, **{name.replace("x", "y", 1): y for name in arrays})
    common = ["--data", f"{tmp_path}/D.npz", "--network", "mlp", "--seeds", "2", "--samples", "100", "--epochs", "2"]
    floats, both = tmp_path / "floats.json", tmp_path / "both.json"
    adaptation.main([*common, "--selectors", "dense", "--json", f"{floats}"])
    adaptation.main([*common, "--selectors", "--updates", "int16-master", "--with", f"{floats}", "--json", f"{both}"])
    rows = json.loads(both.read_text())
    assert [(r["selector"], r["seed"]) for r in rows] == [
        (method, seed) for method in ("dense", "int8 int16-master") for seed in range(2)
    ]
    losses = np.array([r["loss"] for r in rows])
    assert abs(losses[0] / losses[1] - 1).max() > 0.1  # of two seeds
    np.testing.assert_allclose(losses[2:], losses[:2], rtol=0.05)  # in int8 and in float32
