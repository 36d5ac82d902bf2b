"""Classes that a device is taught: accuracy on old and new ones after some samples of each new class.

    python benchmarks/new_classes.py
    python benchmarks/new_classes.py --keywords kws.npz --keyword-model ds_cnn.tflite
    python benchmarks/new_classes.py --gestures imu.npz --gesture-model wand.tflite

Digits are those of scikit-learn: a small network (dense, ReLU) learns 0 to 4, and is taught 5 to 9. Keywords (``x`` or
``mfcc_int8`` with its ``mfcc_scale`` and ``mfcc_zero``) and gestures (``x`` [n, 119, 6]: acceleration, angular rate)
have a model whose body knows all classes; its last layer is made anew for the first classes and trained on those. Every
seed draws the split and the samples. Ways to learn, from the same model:

* imprinting: ``Trainer.teach``, with the bias that it sets, or with the mean bias of the other classes,
* then ``fit`` on the new samples alone, or ``replay`` of kept activations of old and new samples (the layers in front
  of the cut stay as they are); the last also without imprinting.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tflm_train.converters import flatbuffer, model_reader, model_writer
from tflm_train.converters.dequantize import dequantize_constants
from tflm_train.converters.spare_classes import find_head

import tflm_train as tt

COUNTS = (1, 5, 20)  # samples of a new class
EPOCHS, SLOTS = 10, 200
WAYS = ("imprinting, mean bias", "imprinting", "and fit", "and replay", "replay, not imprinted")


class Task(NamedTuple):
    """Samples of a seed, and the model that knows the first classes.

    Attributes
    ----------
    model : bytes
    x, y, x_test, y_test : ndarray
    old, classes : int
        Number of classes that the model knows, and of all.
    rate : float
    """

    model: bytes
    x: np.ndarray
    y: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    old: int
    classes: int
    rate: float


def split(x: np.ndarray, y: np.ndarray, seed: int, training: float) -> tuple[np.ndarray, ...]:
    order = np.random.default_rng(seed).permutation(len(x))
    first, last = np.split(order, [int(training * len(x))])
    return x[first], y[first], x[last], y[last]


def digits(seed: int) -> Task:
    from sklearn.datasets import load_digits

    data = load_digits()
    x, y, x_test, y_test = split((data.data / 16).astype(np.float32), data.target, seed, 0.5)
    model = trained(network(seed, (64, 32, 5)), x[y < 5], y[y < 5], epochs=15, rate=0.05, seed=seed, layers="all")
    return Task(model, x, y, x_test, y_test, 5, 10, 0.01)


def network(seed: int, sizes: tuple[int, ...]) -> bytes:
    import os

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras
    from tflm_train.converters.keras_export import export_keras

    keras.utils.set_random_seed(seed)
    hidden = [keras.layers.Dense(size, activation="relu") for size in sizes[1:-1]]
    end = keras.layers.Dense(sizes[-1], activation="softmax")
    return export_keras(keras.Sequential([keras.Input((sizes[0],)), *hidden, end])).data


def trained(model: bytes, x: np.ndarray, y: np.ndarray, *, epochs: int, rate: float, seed: int, layers: str) -> bytes:
    with tt.Trainer(tt.convert(model, tt.TrainingConfig(learning_rate=rate, layers=layers, add_bias=True))) as trainer:
        trainer.fit(x, y, epochs=epochs, seed=seed, verbose=0).require_end()
        return trainer.trained_model().data


def with_new_end(file: Path, classes: int, seed: int) -> bytes:
    """The model with another number of classes and random weights in its last layer."""
    model = flatbuffer.load(model_writer.strip_plan(file.read_bytes()), file.name)
    dequantize_constants(model)
    graph = model_reader.read_graph(model, file.name)
    head = find_head(graph)
    op = graph.operators[head.operator]
    weights = graph.tensors[op.inputs[1]].data
    assert weights is not None
    values = np.random.default_rng(seed).normal(size=(classes, weights.shape[1])) / np.sqrt(weights.shape[1])
    for position, array in ((1, values), (2, np.zeros(classes))):
        tensor = model.subgraphs[0].tensors[op.inputs[position]]
        tensor.shape = np.asarray(array.shape, np.int32)
        tensor.buffer = flatbuffer.add_buffer(model, array.astype(np.float32))
    for index in (head.operator, *head.following):
        output = model.subgraphs[0].tensors[graph.operators[index].outputs[0]]
        for name in ("shape", "shapeSignature"):
            shape = getattr(output, name)
            if shape is not None:
                setattr(output, name, np.where(np.asarray(shape) == head.classes, classes, shape).astype(np.int32))
    return flatbuffer.dump(model)


def keywords(seed: int, data: Path, model: Path) -> Task:
    arrays = np.load(data)
    if "x" in arrays:
        x = arrays["x"]
    else:
        x = (arrays["mfcc_int8"].astype(np.float32) - arrays["mfcc_zero"]) * arrays["mfcc_scale"]
    return of_file(seed, x.reshape(len(x), 49, 10, 1), arrays["y"], model, 8, 0.5)


def gestures(seed: int, data: Path, model: Path) -> Task:
    arrays = np.load(data)
    low, span = np.repeat([4, 2000], 3), np.repeat([8, 4000], 3)  # +-4 g, +-2000 degrees a second
    return of_file(seed, ((arrays["x"] + low) / span).astype(np.float32), arrays["y"], model, 3, 0.64)


def of_file(seed: int, x: np.ndarray, y: np.ndarray, model: Path, old: int, training: float) -> Task:
    x, y, x_test, y_test = split(x.astype(np.float32), y.astype(np.int64), seed, training)
    known, end = y < old, with_new_end(model, old, seed)
    base = trained(end, x[known], y[known], epochs=20, rate=0.02, seed=seed, layers="last:1")
    return Task(base, x, y, x_test, y_test, old, int(y.max()) + 1, 0.01)


def accuracies(trainer: tt.Trainer, task: Task) -> tuple[float, float]:
    """On old and on new classes."""
    right = trainer.predict(task.x_test).reshape(len(task.x_test), -1).argmax(axis=1) == task.y_test
    return float(right[task.y_test < task.old].mean()), float(right[task.y_test >= task.old].mean())


def few_samples(task: Task, count: int) -> np.ndarray:
    return np.concatenate([np.flatnonzero(task.y == label)[:count] for label in range(task.old, task.classes)])


def learn(task: Task, way: str, count: int, seed: int) -> tuple[float, float]:
    """Accuracy on old and new classes after `count` samples of each new one."""
    spare = task.classes - task.old
    options: dict[str, Any] = dict(spare_classes=spare, replay="latent", slots=SLOTS, learning_rate=task.rate)
    few = few_samples(task, count)
    x, y, known = task.x[few], task.y[few], task.y < task.old
    with tt.Trainer(tt.convert(task.model, tt.TrainingConfig(**options))) as trainer:
        trainer.remember(task.x[known], task.y[known])
        if way.endswith("not imprinted"):
            _random_rows(trainer, task, seed)
        else:
            trainer.teach(x, y)
        if way == "imprinting, mean bias":
            _mean_bias(trainer, task)
        if "fit" in way:
            trainer.fit(x, y, epochs=EPOCHS, replay="none", seed=seed, verbose=0)
        if "replay" in way:
            trainer.remember(x, y)
            trainer.replay(EPOCHS * (len(x) + SLOTS // 2))
        return accuracies(trainer, task)


def _end(trainer: tt.Trainer) -> tuple[str, list[np.ndarray]]:
    return list(trainer.layer_weights().items())[-1]


def _mean_bias(trainer: tt.Trainer, task: Task) -> None:
    name, (kernel, bias) = _end(trainer)
    bias[task.old :] = bias[: task.old].mean()
    trainer.set_weights({name: [kernel, bias]})


def _random_rows(trainer: tt.Trainer, task: Task, seed: int) -> None:
    """As a layer starts: small random weights, bias 0."""
    name, (kernel, bias) = _end(trainer)
    new = (kernel.shape[0], task.classes - task.old)
    kernel[:, task.old :] = np.random.default_rng(seed).normal(size=new) / np.sqrt(new[0])
    bias[task.old :] = 0
    trainer.set_weights({name: [kernel, bias]})


def table(name: str, make: Callable[[int], Task], seeds: int) -> str:
    """Markdown: old / new accuracy in percent, means over seeds."""
    found: dict[tuple[str, int], list[tuple[float, float]]] = {}
    before = []
    for seed in range(seeds):
        task = make(seed)
        with tt.Trainer(tt.convert(task.model)) as trainer:
            before.append(accuracies(trainer, task)[0])
        for way in WAYS:
            for count in COUNTS:
                if len(few_samples(task, count)) == count * (task.classes - task.old):
                    found.setdefault((way, count), []).append(learn(task, way, count, seed))
    lines = [f"| {name}, before: {100 * np.mean(before):.1f} / 0 |" + "".join(f" {n} |" for n in COUNTS)]
    lines += ["| --- |" + " ---: |" * len(COUNTS)]
    for way in WAYS:
        cells = []
        for count in COUNTS:
            values = found.get((way, count))
            cells.append("-" if values is None else " / ".join(f"{100 * v:.1f}" for v in np.mean(values, axis=0)))
        lines.append(f"| {way} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("keyword", "gesture"):
        parser.add_argument(f"--{name}s", type=Path, metavar="D.npz")
        parser.add_argument(f"--{name}-model", type=Path, metavar="M.tflite")
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args(arguments)
    tasks: dict[str, Callable[[int], Task]] = {"digits": digits}
    for name, make in (("keywords", keywords), ("gestures", gestures)):
        data, model = getattr(options, name), getattr(options, f"{name[:-1]}_model")
        if (data is None) != (model is None):
            parser.error(f"--{name} and --{name[:-1]}-model go together")
        if data is not None:
            tasks[name] = lambda seed, make=make, data=data, model=model: make(seed, data, model)  # type: ignore[misc]
    for name, make in tasks.items():
        print(table(name, make, options.seeds), flush=True)
        print()


if __name__ == "__main__":
    main()
