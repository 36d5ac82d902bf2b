"""One training run on an emulated board: instructions by phase, modelled cycles, memory and accuracy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..data import Dataset
from ..history import History
from ..measure.block_counts import Cost, read_cost
from ..measure.board import open_board, phases
from ..model import TrainableModel
from ..trainer import Trainer


@dataclass(frozen=True)
class Measurement:
    """Of one run.

    Attributes
    ----------
    instructions : dict
        Of one step by phase, and ``total``: means over the first epoch.
    cost : Cost or None
        Blocks and modelled cycles of the first epoch; None without a plugin.
    steps : int
        Of the first epoch.
    ram_bytes : int
        Arena and ``Trainer`` object.
    accuracy : float or None
        On test samples after the last epoch.
    """

    instructions: dict[str, int]
    cost: Cost | None
    steps: int
    ram_bytes: int
    accuracy: float | None


def _fit(trainer: Trainer, data: Dataset, epochs: int, seed: int) -> History:
    history = trainer.fit(data.x, data.y, epochs=epochs, seed=seed, verbose=0)
    history.require_end(lambda reason: f"{trainer.model.name}: {reason}")
    return history


def measure(
    board: str,
    variant: str,
    model: TrainableModel,
    data: Dataset,
    *,
    options: dict[str, Any],
    epochs: int,
    seed: int,
    plugin: Path | None,
    folder: Path,
    advance: Callable[[int], None],
) -> Measurement:
    """Train on an emulated board.

    Parameters
    ----------
    board, variant : str
        Keys of ``devices.build.BOARDS`` and ``BUILDS``.
    model : TrainableModel
    data : Dataset
    options : dict
        Training options to change.
    epochs : int
        The first is measured; the accuracy is that after the last.
    seed : int
        Of the order of samples.
    plugin : Path or None
        Of ``block_counts.build_plugin``.
    folder : Path
        For temporary files.
    advance : callable
        Told of finished steps.

    Raises
    ------
    MissingToolError
        A tool is not installed.
    DeviceError
        The board has not enough memory, and the like.
    """
    counts = folder / "counts"
    device, listing = open_board(
        board, variant, model, plugin=plugin, counts=counts, steps=len(data.x), advance=advance
    )
    with Trainer(model, device) as trainer:
        trainer.set_options(**options)
        first = _fit(trainer, data, 1, seed)
        if epochs > 1:
            _fit(trainer, data, epochs - 1, seed + 1)
        accuracy = None
        if data.x_test is not None and data.y_test is not None:
            accuracy = trainer.evaluate(data.x_test, data.y_test).get("accuracy")
        ram_bytes = device.arena_bytes + device.trainer_bytes
    executed = read_cost(counts, listing) if plugin is not None else None
    return Measurement(phases(first.instructions, first.steps), executed, first.steps, ram_bytes, accuracy)
