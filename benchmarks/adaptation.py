"""How well and how cheaply a model adapts to shifted data: accuracy and whole-run work, dense against sparse.

The model and the data are given by path; the shift is applied here, so training and test samples are shifted alike::

    python benchmarks/adaptation.py --data mnist.npz --network lenet --shift rotate --samples 1000 --epochs 8 --lr 0.01
    python benchmarks/adaptation.py --data cifar10.npz --model resnet8.tflite --shift contrast --lr 1e-4
    python benchmarks/adaptation.py --data ecg.npz --network conv1d --updates int16-master stochastic nearest

With ``--updates`` the model is also trained in int8, another line of the table for each update, with the selector
``--int8-selector``. It is quantised by samples from before the shift, or given by ``--int8-model``. The last column is
the difference to the first line in points of accuracy, of runs of the same seed.

``D.npz`` holds ``x, y, x_test, y_test`` (or ``x_train, y_train``), scaled as the model wants its inputs unless
``--scale`` is given. Where the shift is other people or another time, the file holds what came after it too, as
``x_shifted, y_shifted, x_shifted_test, y_shifted_test``, and ``--shift`` is left out. Every seed draws other training
samples, another order and, with ``--network``, another network; the methods see the same ones. ``--json`` is written
after every seed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table
from tflm_train.converters.files import write_atomically
from tflm_train.converters.macs import dense_step_macs

import tflm_train as tt
from tflm_train.bench.confidence import mean_and_interval

QUANTISED_BY = 300  # samples
INT8 = "int8 "  # begins the names of methods that train in int8
SHIFTS = ("none", "rotate", "contrast", "noise", "microphone")
NETWORKS = ("lenet", "conv1d", "mlp")
Samples = tuple[np.ndarray, np.ndarray]
Row = dict[str, Any]


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
    raise SystemExit(f"--shift {name}: one of {', '.join(SHIFTS)}")


class Data(NamedTuple):
    """Samples from before the shift, and what is drawn from to train and test after it."""

    clean: Samples
    training: Samples
    test: Samples


def load(path: Path, scale: float, shift_name: str, pictures: bool) -> Data:
    """``pictures`` without an axis of channels get one."""
    arrays = np.load(path)

    def samples(suffix: str) -> Samples:
        x, y = arrays[f"x{suffix}"], arrays[f"y{suffix}"]
        x = x[..., None] if pictures and x.ndim == 3 else x
        return x.astype(np.float32) * np.float32(scale), y.astype(np.int32)

    clean = samples("" if "x" in arrays else "_train")
    if "x_shifted" not in arrays:
        return Data(clean, clean, samples("_test"))
    if shift_name != "none":
        raise SystemExit(f"--shift {shift_name}: {path.name} holds its own shift, x_shifted; leave the option out")
    return Data(clean, samples("_shifted"), samples("_shifted_test"))


def network_layers(name: str, classes: int) -> tuple[list[Any], int]:
    """A network's layers, and in how many epochs it learns the clean data."""
    from tensorflow.keras import layers

    head = layers.Dense(classes, activation="softmax")
    if name == "lenet":
        return [
            layers.Conv2D(6, 5, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(16, 5, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            head,
        ], 2
    if name == "conv1d":
        return [
            layers.Conv1D(16, 5, padding="same", activation="relu"),
            layers.MaxPooling1D(),
            layers.Conv1D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling1D(),
            layers.Flatten(),
            head,
        ], 8
    return [layers.Dense(64, activation="relu"), layers.Dense(32, activation="relu"), head], 20


def pretrained(name: str, clean: Samples, seed: int) -> bytes:
    """A network trained on clean data; the same bits for the same seed."""
    import tensorflow as tf
    from tflm_train.converters.keras_export import export_keras

    x, y = clean
    tf.keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    layers, epochs = network_layers(name, int(y.max()) + 1)
    model = tf.keras.Sequential([tf.keras.Input(x.shape[1:]), *layers])
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x, y, epochs=epochs, batch_size=64, verbose=0)
    return export_keras(model).data


def convert(model: Path | bytes, int8_model: Path | bytes | None, method: str, **words: Any) -> tt.TrainableModel:
    """The model with the plan of a method: a selector in float32, or an update, perhaps with its errors, in int8."""
    if int8_model is None or not method.startswith(INT8):
        return tt.convert(model, tt.TrainingConfig(**{**words, "selector": method}))
    update = dict(zip(("update", "errors"), method.removeprefix(INT8).split("/")))
    return tt.convert(int8_model, tt.TrainingConfig(**words, **update))


def paired_differences(rows: list[Row], method: str, reference: str) -> np.ndarray:
    """In points of accuracy after training, for each seed that both have run."""
    after = [{r["seed"]: r["after"] for r in rows if r["selector"] == name} for name in (method, reference)]
    return 100 * np.array([after[0][seed] - after[1][seed] for seed in sorted(after[0].keys() & after[1].keys())])


def run_seed(seed: int, data: Data, methods: dict[str, float], options: argparse.Namespace) -> Iterator[Row]:
    """All methods from the same network, with the same samples in the same order."""
    model = pretrained(options.network, data.clean, seed) if options.network else options.model
    int8_model = options.int8_model
    if int8_model is None and options.updates:
        int8_model = tt.convert(model, quantize="int8", representative=data.clean[0][:QUANTISED_BY]).data
    rng = np.random.default_rng(seed)
    x, y = data.training
    chosen = rng.choice(len(x), min(options.samples, len(x)), replace=False)
    xs, ys = shift(options.shift, x[chosen], rng), y[chosen]
    x, y = data.test
    tested = np.random.default_rng(1).permutation(len(x))[: options.test_samples]
    xt, yt = shift(options.shift, x[tested], np.random.default_rng(2)), y[tested]
    for method, rate in methods.items():
        words = dict(layers=options.layers, selector=options.int8_selector, learning_rate=rate)
        trainable = convert(model, int8_model, method, **words)
        with tt.Trainer(trainable) as trainer:
            before = trainer.evaluate(xt, yt)["accuracy"]
            history = trainer.fit(xs, ys, epochs=options.epochs, seed=seed, verbose=0)
            history.require_end()
            after = trainer.evaluate(xt, yt)["accuracy"]
        yield dict(
            seed=seed,
            selector=method,
            lr=rate,
            before=before,
            after=after,
            macs=history.counters,
            dense_macs=sum(dense_step_macs(trainable.plan).values()) * len(xs) * options.epochs,
            stopped=history.stopped,
            loss=history.history["loss"],
        )


def table(rows: list[Row]) -> Table:
    """A line for each method; all are compared with the first."""
    columns = ("method", "lr", "accuracy before", "after", "difference", "work (M)", "less than dense")
    result = Table(*columns, "less than dense with zero-skip", "backward only")
    methods = list(dict.fromkeys(r["selector"] for r in rows))
    totals = {s: [sum(r["macs"].values()) for r in rows if r["selector"] == s] for s in methods}
    for method in methods:
        mine = [r for r in rows if r["selector"] == method]
        work = np.mean(totals[method])
        backward = np.mean([sum(r["macs"].values()) - r["macs"]["forward"] for r in mine])
        dense_backward = np.mean([r["dense_macs"] - r["macs"]["forward"] for r in mine])
        result.add_row(
            method,
            f"{mine[0]['lr']:g}",
            mean_and_interval([r["before"] for r in mine], 3),
            mean_and_interval([r["after"] for r in mine], 3),
            mean_and_interval(paired_differences(rows, method, methods[0])),
            f"{work / 1e6:.0f}",
            f"{np.mean([r['dense_macs'] for r in mine]) / work:.2f}x",
            f"{np.mean(totals.get('dense', [work])) / work:.2f}x",
            f"{dense_backward / backward:.1f}x",
        )
    return result


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--model", type=Path)
    source.add_argument("--network", choices=NETWORKS, help="train such a network with Keras on the clean data first")
    parser.add_argument("--shift", default="none", help=", ".join(SHIFTS))
    parser.add_argument("--scale", type=float, default=1.0, help="factor of the inputs")
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--test-samples", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--lr", type=float, nargs="+", default=[0.01], help="one for all methods, or one per method")
    parser.add_argument("--layers", default="all")
    parser.add_argument("--selectors", nargs="*", default=["dense", "tinyprop"])
    parser.add_argument(
        "--updates",
        nargs="*",
        default=[],
        metavar="UPDATE[/ERRORS]",
        help="of int8 weights: int16-master, stochastic, nearest; errors as `convert --errors` names them",
    )
    parser.add_argument("--int8-model", type=Path, help="the int8 form of --model")
    parser.add_argument("--int8-selector", default="dense")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--with", dest="earlier", type=Path, help="JSON of an earlier run whose lines come first")
    options = parser.parse_args(arguments)
    if options.int8_model and options.network:
        parser.error("--int8-model is the int8 form of --model; a --network is quantised by itself")

    data = load(options.data, options.scale, options.shift, options.network == "lenet" or options.shift != "none")
    names = [*options.selectors, *(INT8 + update for update in options.updates)]
    methods = dict(zip(names, options.lr * len(names) if len(options.lr) == 1 else options.lr))
    rows: list[Row] = json.loads(options.earlier.read_text()) if options.earlier else []
    console = Console(stderr=True)
    for seed in range(options.seeds):
        for row in run_seed(seed, data, methods, options):
            console.print(f"seed {seed} {row['selector']}: {row['before']:.3f} -> {row['after']:.3f}")
            rows.append(row)
        if options.json:
            write_atomically(options.json, json.dumps(rows).encode())
    Console().print(table(rows))


if __name__ == "__main__":
    sys.exit(main())
