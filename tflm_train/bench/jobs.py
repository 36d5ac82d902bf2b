"""What ``bench`` is asked to measure, as training runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..config import TrainingConfig
from ..converters import model_writer
from ..converters.model_source import needs_export, read_model
from ..data import Dataset
from ..data_files import load_data
from ..model import TrainableModel, convert, load_model
from ..plan_config import plan_config
from . import workloads
from .selectors import SELECTORS

CONVOLUTION = "conv"
RATIO = 0.1  # of static-topk
SYNTHETIC_SAMPLES = 100


@dataclass(frozen=True)
class Settings:
    """What to measure.

    Attributes
    ----------
    names : sequence of str
        Workloads: ``mlp``, ``cnn``, ``ds-cnn``, ``resnet8``, their int8 twins, ``conv``.
    files : sequence of Path
        Models, with or without a plan.
    device : str
        ``qemu:BOARD``.
    builds, selectors : sequence of str
        Empty: all selectors, and the build that the device's name says.
    epochs : int
    seed : int
        The first one.
    seeds : int
        How many, one after the other.
    learning_rate : float or None
        None: the workload's, or as a file's plan says.
    layers : str or None
        As for ``TrainingConfig``; None: all, or as a file's plan says.
    errors : str or None
        As for ``TrainingConfig``; None: float32, or as a file's plan says.
    mnist : Path or None
        Data for ``cnn``; None: scaled digits.
    data : Path or None
        Data for `files`; None: random numbers.
    labels : Path or None
        Of `data` in an ``.npy`` file.
    profile : bool
        Tell which functions the instructions are spent in.
    """

    names: Sequence[str]
    files: Sequence[Path] = ()
    device: str = "qemu:m4"
    builds: Sequence[str] = ()
    selectors: Sequence[str] = ()
    epochs: int = 5
    seed: int = 0
    seeds: int = 1
    learning_rate: float | None = None
    layers: str | None = None
    errors: str | None = None
    mnist: Path | None = None
    data: Path | None = None
    labels: Path | None = None
    profile: bool = False

    @property
    def all_seeds(self) -> range:
        return range(self.seed, self.seed + self.seeds)

    @property
    def all_selectors(self) -> Sequence[str]:
        return list(dict.fromkeys(self.selectors)) or SELECTORS

    @property
    def changes(self) -> dict[str, Any]:
        """Options that are given for every network."""
        given = {"learning_rate": self.learning_rate, "layers": self.layers, "errors": self.errors}
        return {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True)
class Job:
    """A network with one selector: a training run for every seed.

    Attributes
    ----------
    workload : str
        Name of the workload or file.
    selector : str
    runs : list of (int, TrainableModel, Dataset)
        By seed.
    """

    workload: str
    selector: str
    runs: list[tuple[int, TrainableModel, Dataset]]

    @property
    def model(self) -> TrainableModel:
        """The first one; they differ in weights."""
        return self.runs[0][1]

    @property
    def samples(self) -> int:
        """Of one epoch of all runs."""
        return sum(len(data.x) for _, _, data in self.runs)


def policy(selector: str) -> str:
    """The selector's name for ``TrainingConfig``."""
    return "dense" if selector == "dense-noskip" else selector


def make_jobs(settings: Settings) -> list[Job]:
    """Jobs in the order of the settings.

    Raises
    ------
    UserError
        A file cannot be read, or not be trained as asked.
    MissingToolError
        The data of a workload are not installed.
    """
    jobs: list[Job] = []
    for name in settings.names:
        if name != CONVOLUTION:
            jobs += _workload_jobs(name, settings)
    for file in settings.files:
        jobs += _file_jobs(file, settings)
    return jobs


def _workload_jobs(name: str, settings: Settings) -> Iterator[Job]:
    made = [(seed, workloads.WORKLOADS[name](seed, settings.mnist)) for seed in settings.all_seeds]
    for selector in settings.all_selectors:
        runs = []
        for seed, workload in made:
            options = {"learning_rate": workload.learning_rate, **settings.changes}
            config = TrainingConfig(selector=policy(selector), ratio=RATIO, seed=seed, **options)
            runs.append((seed, convert(workload.network, config), workload.data))
        yield Job(name, selector, runs)


def _file_jobs(file: Path, settings: Settings) -> Iterator[Job]:
    """A file is converted for every selector, with all other options as its plan says, if it has one."""
    planned = _with_plan(file)
    config = TrainingConfig(ratio=RATIO, seed=settings.seed) if planned is None else plan_config(planned.plan)
    config = config.changed(**settings.changes)
    data: Callable[[TrainableModel, int], Dataset] = _random_data
    if settings.data is not None:
        loaded = load_data(settings.data, settings.labels)
        data = lambda model, seed: loaded  # noqa: E731
    for selector in settings.all_selectors:
        own = planned is not None and policy(selector) == config.selector and not settings.changes
        model = (
            planned if planned is not None and own else convert(file, config.with_policies(selector=policy(selector)))
        )
        yield Job(file.name, selector, [(seed, model, data(model, seed)) for seed in settings.all_seeds])


def _with_plan(file: Path) -> TrainableModel | None:
    if needs_export(file):
        return None
    found = read_model(file)
    return None if model_writer.load_plan(found.data, found.name) is None else load_model(file)


def _random_data(model: TrainableModel, seed: int) -> Dataset:
    outputs = int(np.prod(model.output_shape, dtype=np.int64))
    return workloads.synthetic(model.input_shape, outputs, SYNTHETIC_SAMPLES, seed, model.input_limit)
