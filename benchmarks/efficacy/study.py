"""The runs of the study, in processes."""

from __future__ import annotations

import argparse
import csv
import multiprocessing
import os
import warnings
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from .methods import METHODS
from .rows import COLUMNS, Row, best_rate, read_rows
from .tasks import TASKS, Folders

RATE_SEEDS = (1000, 1001)  # of no run that counts


def prepare(task: str, folders: Folders, output: Path) -> str:
    """Trains the network of a task on its first world."""
    TASKS[task].model(folders, output)
    return task


def run(
    task_name: str, method_name: str, seed: int, rate: float, folders: Folders, output: Path, given: int | None
) -> Row | None:
    """One training run, of so many epochs where they are given; None where the method has nothing to do in the task."""
    from tflm_train.converters.macs import dense_step_macs

    import tflm_train as tt

    task, method = TASKS[task_name], METHODS[method_name]
    model = task.model(folders, output).read_bytes()
    config = method.config(task, model, rate)
    if config is None:
        return None
    drawn = task.draw(folders, seed)
    epochs = (task.trial_epochs if seed in RATE_SEEDS else None) or given or task.epochs
    dense = dense_step_macs(tt.convert(model).plan)
    known = task.known(folders) if config.recipe == "auto" else None
    with tt.Trainer(tt.convert(model, config, statistics=known)) as trainer, warnings.catch_warnings():
        warnings.simplefilter("ignore", tt.TrainingWarning)
        before = trainer.evaluate(drawn.x_test, drawn.y_test)["accuracy"]
        history = trainer.fit(drawn.x, drawn.y, epochs=epochs, seed=seed, verbose=0)
        after = trainer.evaluate(drawn.x_test, drawn.y_test)["accuracy"]
        steps = len(drawn.x) * epochs
        return {
            "task": task_name,
            "method": method_name,
            "seed": seed,
            "learning_rate": float(f"{history.learning_rate or rate:.6g}"),
            "before": before,
            "after": after,
            "forward_passes": history.forward_passes - history.replayed + history.remembered,
            "forward": history.counters["forward"],
            "work": sum(history.counters.values()),
            "dense_forward": dense["forward"] * steps,
            "dense_work": sum(dense.values()) * steps,
            "arena_bytes": trainer.device.arena_bytes,
            "replay_bytes": trainer.model.sizes.replay_bytes,
            "stopped": history.stopped or "",
        }


class Study:
    """Runs what is not there yet, in processes.

    Parameters
    ----------
    options : argparse.Namespace
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self.folders, self._output = Folders(options.data, options.models), options.output
        self._jobs, self._seeds, self._epochs = options.jobs, range(options.seeds), options.epochs
        self._console = Console(stderr=True)
        self.tasks = [name for name in options.tasks or TASKS if self._is_there(name)]
        self._methods = options.methods or list(METHODS)
        self._file = options.output / "efficacy.csv"
        self.rows = read_rows(self._file)

    def _is_there(self, name: str) -> bool:
        lacks = TASKS[name].missing(self.folders)
        if lacks is not None:
            self._console.print(f"{name}: left out, there is no {lacks}")
        return lacks is None

    def _done(self) -> set[tuple[Any, ...]]:
        return {(r["task"], r["method"], r["seed"], _kept_rate(r["method"], r["learning_rate"])) for r in self.rows}

    def _add(self, row: Row) -> None:
        new = not self._file.exists()
        with self._file.open("a", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            if new:
                writer.writeheader()
            writer.writerow(row)
        self.rows.append(row)

    def _run_all(self, pool: ProcessPoolExecutor, wanted: list[tuple[str, str, int, float]], title: str) -> None:
        waiting = {pool.submit(run, *one, self.folders, self._output, self._epochs): one for one in wanted}
        columns = (TextColumn("{task.description}"), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self._console) as progress:
            shown = progress.add_task(title, total=len(waiting))
            for future in as_completed(waiting):
                row, (task, method, *_) = future.result(), waiting[future]
                if row is not None:
                    self._add(row)
                progress.update(shown, advance=1, description=f"{title}: {task}, {method}")

    def _rate(self, task: str, method: str) -> float | None:
        """The best of those tried, 0 where the method finds it; None where it has nothing to do."""
        return 0.0 if METHODS[method].finds_rate else best_rate(self.rows, task, method, RATE_SEEDS)

    def rates(self, method: str) -> dict[str, float]:
        """Task -> the learning rate of a method's runs, its task's own where none was tried."""
        return {task: self._rate(task, method) or TASKS[task].learning_rate for task in self.tasks}

    def results(self) -> list[Row]:
        """The runs that count: those at the best rate."""
        return [
            r
            for r in self.rows
            if r["seed"] not in RATE_SEEDS
            and _kept_rate(r["method"], r["learning_rate"]) == self._rate(r["task"], r["method"])
        ]

    def run(self) -> None:
        """All that is missing: networks, learning rates, runs."""
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(self._jobs, context, initializer=_quiet) as pool:
            for future in [pool.submit(prepare, task, self.folders, self._output) for task in self.tasks]:
                self._console.print(f"{future.result()}: the network is there")
            pairs = [(task, method) for task in self.tasks for method in self._methods]
            done = self._done()
            rates = [
                (task, method, seed, rate)
                for task, method in pairs
                for rate in METHODS[method].rates(TASKS[task])
                for seed in RATE_SEEDS
                if (task, method, seed, rate) not in done
            ]
            self._run_all(pool, rates, "learning rates")
            runs = [
                (task, method, seed, rate)
                for seed in self._seeds
                for task, method in pairs
                if (rate := self._rate(task, method)) is not None and (task, method, seed, rate) not in done
            ]
            self._run_all(pool, runs, "runs")


def _kept_rate(method: str, rate: float) -> float:
    """What tells runs of a method apart."""
    return 0.0 if METHODS[method].finds_rate else rate


def _quiet() -> None:
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
