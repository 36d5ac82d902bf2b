"""The demo from beginning to end."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..config import TrainingConfig
from ..converters.files import write_atomically
from ..errors import UserError
from ..history import PHASES
from ..model import TrainableModel, convert
from ..progress import TrainingProgress
from ..reports import dense_macs, report
from ..trainer import Trainer
from . import digits, network, plot

EPOCHS = 10
LEARNING_RATE = 0.01
SELECTORS = ("dense", "tinyprop")


@dataclass
class Run:
    """One training run on the device: accuracy on shifted test digits and work so far, first and after each epoch."""

    selector: str
    accuracy: list[float]
    work: list[int]
    macs: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PHASES, 0))
    dense_macs: dict[str, int] = field(default_factory=dict)


def adapt(
    model: TrainableModel, data: digits.Digits, selector: str, seed: int, output: Path, progress: TrainingProgress
) -> Run:
    """Train from the file's weights on shifted digits, and save the result."""
    with Trainer(model) as trainer:
        trainer.set_options(selector=selector)
        run = Run(selector, [trainer.evaluate(data.x_test, data.y_test)["accuracy"]], [0])
        steps = 0
        for epoch in range(EPOCHS):
            history = trainer.fit(data.x, data.y, seed=seed + epoch, verbose=0)
            history.require_end(lambda reason: f"the demo's training stopped: {reason}; choose another --seed")
            steps += history.steps
            run.macs = {phase: run.macs[phase] + history.counters[phase] for phase in PHASES}
            run.work.append(sum(run.macs.values()))
            run.accuracy.append(trainer.evaluate(data.x_test, data.y_test)["accuracy"])
            progress.advance(history.steps)
        run.dense_macs = dense_macs(model.plan, steps)
        trainer.save(output / f"digits_{selector}.tflite")
    return run


def _save_data(path: Path, data: digits.Digits) -> None:
    """What the device trains and is tested on, for the other commands."""
    archive = io.BytesIO()
    np.savez_compressed(archive, x=data.x, y=data.y, x_test=data.x_test, y_test=data.y_test)
    write_atomically(path, archive.getvalue())


def run_demo(output: Path, seed: int) -> dict[str, Any]:
    """Train a CNN on clean digits, convert it, let the device meet shifted digits.

    Parameters
    ----------
    output : Path
        Folder for ``demo.png``, the data ``digits.npz`` and the models: ``digits.tflite`` (with its plan),
        ``digits_dense.tflite``, ``digits_tinyprop.tflite``.
    seed : int

    Returns
    -------
    dict
        JSON of ``demo``.

    Raises
    ------
    MissingToolError
        An optional dependency is missing.
    UserError
        The folder cannot be written.
    """
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{output}: cannot be made a folder ({error.strerror}); choose another --output") from None
    data = digits.load_digits(seed)
    keras_model = network.train_on_clean_digits(data.factory_x, data.factory_y, seed)
    model = convert(keras_model, TrainingConfig(selector="tinyprop", learning_rate=LEARNING_RATE, seed=seed))
    model.save(output / "digits.tflite")
    _save_data(output / "digits.npz", data)
    with Trainer(model) as trainer:
        clean = trainer.evaluate(data.clean_test, data.y_test)["accuracy"]
    with TrainingProgress("auto", EPOCHS * len(SELECTORS), len(data.x), "the device trains") as progress:
        runs = [adapt(model, data, selector, seed, output, progress) for selector in SELECTORS]
    picture = output / "demo.png"
    plot.draw(picture, data, runs, clean)
    results = [
        {
            "selector": run.selector,
            "accuracy_before": run.accuracy[0],
            "accuracy_after": run.accuracy[-1],
            "accuracy_per_epoch": run.accuracy[1:],
            "macs": run.macs,
            "dense_macs": run.dense_macs,
        }
        for run in runs
    ]
    return report(
        "demo",
        seed=seed,
        samples=len(data.x),
        test_samples=len(data.x_test),
        epochs=EPOCHS,
        learning_rate=LEARNING_RATE,
        accuracy_clean=clean,
        results=results,
        plot=str(picture),
        data=str(output / "digits.npz"),
        models=[str(output / name) for name in ("digits.tflite", *(f"digits_{s}.tflite" for s in SELECTORS))],
    )
