"""How well and how cheaply a model adapts to shifted data: accuracy and whole-run work, dense against sparse.

The model and the data are given by path; the shift is applied here, so training and test samples are shifted alike::

    python benchmarks/adaptation.py --data mnist.npz --lenet --shift rotate --samples 1000 --epochs 8 --lr 0.01
    python benchmarks/adaptation.py --data cifar10.npz --model resnet8.tflite --shift contrast --lr 1e-4
    python benchmarks/adaptation.py --data mnist.npz --lenet --updates int16-master stochastic nearest

With ``--updates`` the model is also quantised to int8, by the first training samples before the shift, and trained so:
another line of the table for each update, with the selector ``--int8-selector``.

``D.npz`` holds ``x, y, x_test, y_test`` (or ``x_train, y_train``), scaled as the model wants its inputs unless
``--scale`` is given. Every seed draws other training samples and another order; the methods see the same ones.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from tflm_train.converters.files import write_atomically
from tflm_train.converters.macs import dense_step_macs

import tflm_train as tt
from tflm_train.bench.confidence import mean_and_interval

QUANTISED_BY = 300  # samples
Arrays = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def rotate(x: np.ndarray, degrees: float) -> np.ndarray:
    """Images [n, h, w, c] turned about their centre, bilinear, zero outside."""
    n, h, w, c = x.shape
    angle = np.deg2rad(degrees)
    i, j = np.mgrid[:h, :w].astype(np.float64)
    i, j = i - (h - 1) / 2, j - (w - 1) / 2
    si = np.cos(angle) * i - np.sin(angle) * j + (h - 1) / 2
    sj = np.sin(angle) * i + np.cos(angle) * j + (w - 1) / 2
    i0, j0 = np.floor(si).astype(int), np.floor(sj).astype(int)
    out = np.zeros(x.shape, np.float64)
    for di in (0, 1):
        for dj in (0, 1):
            weight = (1 - np.abs(si - i0 - di)) * (1 - np.abs(sj - j0 - dj))
            inside = (i0 + di >= 0) & (i0 + di < h) & (j0 + dj >= 0) & (j0 + dj < w)
            pick = x[:, np.clip(i0 + di, 0, h - 1), np.clip(j0 + dj, 0, w - 1), :]
            out += (weight * inside)[None, :, :, None] * pick
    return out.astype(np.float32)


def shift(name: str, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The world after the change. ``rng`` draws what differs from sample to sample."""
    if name == "none":
        return x
    if name == "rotate":
        return rotate(x, 45.0)
    low, high = float(x.min()), float(x.max())
    if name == "contrast":
        return (0.3 * (x - x.mean()) + 0.5 * x.mean()).astype(np.float32)
    if name == "noise":
        return np.clip(x + 0.15 * (high - low) * rng.normal(size=x.shape), low, high).astype(np.float32)
    if name == "microphone":  # another frequency response: an offset per coefficient; and noise
        response = np.random.default_rng(7).normal(size=x.shape[2])[None, None, :, None]
        spread = x.std(axis=(0, 1), keepdims=True)
        return (x + spread * (0.8 * response + 0.3 * rng.normal(size=x.shape))).astype(np.float32)
    raise SystemExit(f"--shift {name}: one of none, rotate, contrast, noise, microphone")


def load(path: Path, scale: float) -> Arrays:
    data = np.load(path)
    x, y = (data[k] if k in data else data[f"{k}_train"] for k in ("x", "y"))
    x, x_test = ((a if a.ndim == 4 else a[..., None]).astype(np.float32) * scale for a in (x, data["x_test"]))
    return x, y.astype(np.int32), x_test, data["y_test"].astype(np.int32)


def lenet(x: np.ndarray, y: np.ndarray, seed: int) -> bytes:
    """A LeNet-like CNN trained on clean data."""
    from tensorflow import keras
    from tflm_train.converters.keras_export import export_keras

    keras.utils.set_random_seed(seed)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input(x.shape[1:]),
            layers.Conv2D(6, 5, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(16, 5, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=2, batch_size=64, verbose=0)
    return export_keras(model)[0]


def convert(
    model: bytes | Path, method: str, rate: float, options: argparse.Namespace, clean: np.ndarray
) -> tt.TrainableModel:
    """The model with the plan of a method: a selector in float32, or an update in int8."""
    if not method.startswith("int8 "):
        return tt.convert(model, tt.TrainingConfig(layers=options.layers, selector=method, learning_rate=rate))
    config = tt.TrainingConfig(
        layers=options.layers, selector=options.int8_selector, learning_rate=rate, update=method.split()[1]
    )
    return tt.convert(model, config, quantize="int8", representative=clean)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--model", type=Path)
    source.add_argument(
        "--lenet", action="store_true", help="train a LeNet-like CNN with Keras on the clean data first"
    )
    parser.add_argument("--shift", default="rotate")
    parser.add_argument("--scale", type=float, default=1.0, help="factor of the inputs")
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--test-samples", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--lr", type=float, nargs="+", default=[0.01], help="one for all methods, or one per method")
    parser.add_argument("--layers", default="all")
    parser.add_argument("--selectors", nargs="+", default=["dense", "tinyprop"])
    parser.add_argument("--updates", nargs="*", default=[], help="of int8 weights: int16-master, stochastic, nearest")
    parser.add_argument("--int8-selector", default="dense")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()

    console = Console(stderr=True)
    x, y, x_test, y_test = load(options.data, options.scale)
    methods = [*options.selectors, *(f"int8 {update}" for update in options.updates)]
    rates = options.lr * len(methods) if len(options.lr) == 1 else options.lr
    rows: list[dict] = []
    for seed in range(options.seeds):
        model = lenet(x, y, seed) if options.lenet else options.model
        rng = np.random.default_rng(seed)
        chosen = rng.choice(len(x), min(options.samples, len(x)), replace=False)
        tested = np.random.default_rng(1).permutation(len(x_test))[: options.test_samples]
        xs, xt = shift(options.shift, x[chosen], rng), shift(options.shift, x_test[tested], np.random.default_rng(2))
        for selector, rate in zip(methods, rates):
            trainable = convert(model, selector, rate, options, x[:QUANTISED_BY])
            trainer = tt.Trainer(trainable)
            before = trainer.evaluate(xt, y_test[tested])["accuracy"]
            history = trainer.fit(xs, y[chosen], epochs=options.epochs, seed=seed, verbose=0)
            history.require_end()
            after = trainer.evaluate(xt, y_test[tested])["accuracy"]
            dense = sum(dense_step_macs(trainable.plan).values()) * len(xs) * options.epochs
            rows.append(
                dict(
                    seed=seed,
                    selector=selector,
                    lr=rate,
                    before=before,
                    after=after,
                    macs=history.counters,
                    dense_macs=dense,
                    stopped=history.stopped,
                    loss=history.history["loss"],
                )
            )
            console.print(f"seed {seed} {selector}: {before:.3f} -> {after:.3f}")
    table = Table(
        "method",
        "lr",
        "accuracy before",
        "after",
        "work (M)",
        "less than dense",
        "less than dense with zero-skip",
        "backward only",
    )
    totals = {s: [sum(r["macs"].values()) for r in rows if r["selector"] == s] for s in methods}
    for selector, rate in zip(methods, rates):
        mine = [r for r in rows if r["selector"] == selector]
        work = np.mean(totals[selector])
        backward = np.mean([sum(r["macs"].values()) - r["macs"]["forward"] for r in mine])
        dense_backward = np.mean([r["dense_macs"] - r["macs"]["forward"] for r in mine])
        table.add_row(
            selector,
            f"{rate:g}",
            mean_and_interval([r["before"] for r in mine], 3),
            mean_and_interval([r["after"] for r in mine], 3),
            f"{work / 1e6:.0f}",
            f"{np.mean([r['dense_macs'] for r in mine]) / work:.2f}x",
            f"{np.mean(totals.get('dense', [work])) / work:.2f}x",
            f"{dense_backward / backward:.1f}x",
        )
    Console().print(table)
    if options.json:
        write_atomically(options.json, json.dumps(rows).encode())


if __name__ == "__main__":
    sys.exit(main())
