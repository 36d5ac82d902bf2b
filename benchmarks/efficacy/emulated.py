"""Whole runs on an emulated board: instructions, dense and by the recipe."""

from __future__ import annotations

import warnings
from pathlib import Path

import tflm_train as tt

from .methods import METHODS
from .report import markdown
from .tasks import TASKS, Folders

COLUMNS = ("task", "dense without zero-skip", "dense", "auto", "first / auto", "second / auto")


def instructions(task_name: str, folders: Folders, output: Path, board: str, rate: float, **options: object) -> int:
    """Of all training steps of seed 0, in millions."""
    task = TASKS[task_name]
    model, drawn = task.model(folders, output).read_bytes(), task.draw(folders, 0)
    config = tt.TrainingConfig(**{"learning_rate": rate, **options})
    known = task.known(folders) if config.recipe == "auto" else None
    with tt.Trainer(tt.convert(model, config, statistics=known), device=board) as trainer, warnings.catch_warnings():
        warnings.simplefilter("ignore", tt.TrainingWarning)
        history = trainer.fit(drawn.x, drawn.y, epochs=task.epochs, seed=0, verbose=0)
        return history.instructions["total"]


def emulated_table(tasks: list[str], rates: dict[str, float], folders: Folders, output: Path, board: str) -> str:
    """A line for each task; millions of instructions of a whole run, the search for a rate included.

    Parameters
    ----------
    tasks : list of str
    rates : dict
        Task -> learning rate of the dense runs.
    folders : Folders
    output : Path
        Where the networks are.
    board : str
        ``qemu:m4``, say.
    """
    lines = []
    for task in tasks:
        recipe = {**METHODS["auto"].options, "slots": TASKS[task].samples}
        counts = [
            instructions(task, folders, output, board, rates[task], **options)
            for options in ({"zero_skip": False}, {}, recipe)
        ]
        ratios = [f"{count / counts[-1]:.2f}" for count in counts[:-1]]
        lines.append([task, *(f"{count / 1e6:,.0f}" for count in counts), *ratios])
    return markdown(COLUMNS, lines)
