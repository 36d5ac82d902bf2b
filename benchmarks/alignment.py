"""What guarded alignment gains on shifted data before anything trains, and what it costs.

The model and the data are given by path; the shift is applied here::

    python benchmarks/alignment.py --data mnist.npz --network mlp --scale 0.00392157 --shift faded rotate
    python benchmarks/alignment.py --data cifar10.npz --model resnet8.tflite --shift contrast noise rotate

``D.npz`` holds ``x, y, x_test, y_test`` (or ``x_train, y_train``), scaled as the model wants its inputs unless
``--scale`` is given. Statistics are those of samples from before the shift. Every seed draws other samples to measure
with, others to judge by and, with ``--network``, another network. ``forced`` is what accuracy would be if it were never
refused; work is in forward passes of the model.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from adaptation import NETWORKS, Data, load, pretrained, rotate
from rich.console import Console
from rich.table import Table
from tflm_train.converters.files import write_atomically
from tflm_train.converters.macs import dense_step_macs

import tflm_train as tt
from tflm_train.bench.confidence import mean_and_interval

SHIFTS = ("none", "faded", "contrast", "noise", "rotate")
STATISTICS = 500  # samples


def shifted(name: str, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Pictures [n, h, w, c] after the change."""
    low, high = float(x.min()), float(x.max())
    if name == "faded":  # a dim, grey picture with noise
        x = 0.35 * x + 0.2 * (high - low) + 0.1 * (high - low) * rng.normal(size=x.shape)
    elif name == "contrast":
        x = 0.2 * (x - x.mean()) + 0.5 * x.mean()
    elif name == "noise":
        x = np.clip(x + 0.08 * (high - low) * rng.normal(size=x.shape), low, high)
    elif name == "rotate":
        x = rotate(x, 45.0)
    return x.astype(np.float32)


def fed(x: np.ndarray, options: argparse.Namespace) -> np.ndarray:
    """Pictures as the model takes them."""
    return x.reshape(len(x), -1) if options.model is None and options.network == "mlp" else x


def run(data: Data, model: Path | bytes, shift: str, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """One seed of one shift."""
    rng = np.random.default_rng([seed, SHIFTS.index(shift)])
    clean = fed(data.clean[0][rng.permutation(len(data.clean[0]))[:STATISTICS]], options)
    config = tt.TrainingConfig(align="guarded", align_samples=options.samples, align_margin=options.margin)
    converted = tt.convert(model, config, statistics=clean)
    drawn = rng.permutation(len(data.training[0]))[: 2 * options.samples]
    x, y = fed(shifted(shift, data.training[0][drawn], rng), options), data.training[1][drawn]
    count = min(options.test, len(data.test[0]))
    test = fed(shifted(shift, data.test[0][:count], rng), options), data.test[1][:count]
    n = options.samples
    with tt.Trainer(converted) as trainer:
        before = trainer.evaluate(*test)["accuracy"]
        outcome = trainer.align(x[:n], (x[n:], y[n:]))
        after = trainer.evaluate(*test)["accuracy"]
    with tt.Trainer(converted) as trainer:
        trainer.device.measure(trainer._fed(trainer._samples(x[:n], y[:n])).x)
        judged = trainer._fed(trainer._samples(x[n:], y[n:]))
        trainer.device.judge_alignment(judged.x, judged.labels)
        trainer.device.accept_alignment(-1.0)
        forced = trainer.evaluate(*test)["accuracy"]
    return {
        "shift": shift,
        "seed": seed,
        "before": before,
        "after": after,
        "forced": forced,
        "accepted": outcome.accepted,
        "judged_before": outcome.accuracy_before,
        "judged_after": outcome.accuracy_after,
        "passes": outcome.macs / dense_step_macs(converted.plan)["forward"],
    }


def table(rows: list[dict[str, Any]]) -> Table:
    """Means and 95 % intervals over the seeds."""
    found = Table("shift", "before", "after", "accepted", "forced", "work, forward passes")
    for shift in dict.fromkeys(row["shift"] for row in rows):
        own = [row for row in rows if row["shift"] == shift]
        shown = [mean_and_interval([100 * row[key] for row in own], 1) for key in ("before", "after", "forced")]
        accepted = f"{sum(row['accepted'] for row in own)} of {len(own)}"
        found.add_row(shift, *shown[:2], accepted, shown[2], f"{np.mean([row['passes'] for row in own]):.0f}")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path, help="a .tflite; else --network")
    parser.add_argument("--network", choices=NETWORKS, default="mlp")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--shift", nargs="+", choices=SHIFTS, default=["none"])
    parser.add_argument("--samples", type=int, default=64)
    parser.add_argument("--margin", type=float, default=0.03)
    parser.add_argument("--test", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    data = load(options.data, options.scale, "none", pictures=True)
    rows: list[dict[str, Any]] = []
    for seed in range(options.seeds):
        model = options.model or pretrained(options.network, (fed(data.clean[0], options), data.clean[1]), seed)
        for shift in options.shift:
            rows.append(run(data, model, shift, seed, options))
            print(
                {key: value if isinstance(value, (str, bool)) else round(value, 3) for key, value in rows[-1].items()}
            )
            if options.json is not None:
                write_atomically(options.json, json.dumps(rows, indent=1).encode())
    Console().print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
