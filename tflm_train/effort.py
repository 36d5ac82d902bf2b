"""What a run has cost, against dense training."""

from __future__ import annotations

import warnings
from typing import Any

from .converters.policies import Align, Gate, Recipe, Replay, Schedule, Selector
from .errors import TrainingWarning
from .history import History
from .trainer import Trainer


def zero_skip_macs(trainer: Trainer, history: History, x: Any, y: Any, **run: Any) -> int | None:
    """Work of dense training that skips exact zeros and nothing else, on the same samples in the same order.

    It is measured by such a run in this process, unless `history` is of one.

    Parameters
    ----------
    trainer : Trainer
        With the options of the run.
    history : History
        Of the run.
    x, y
        Its samples.
    **run
        What else ``fit`` was given: epochs, shuffle, seed.

    Returns
    -------
    int or None
        None where one of the runs ended early.
    """
    options = trainer.options
    dense = {kind.field(): kind(0).word for kind in (Selector, Gate) if kind.field() in options} | {"zero_skip": True}
    if history.stopped:
        return None
    aligned = history.alignment is not None and history.alignment.accepted
    replaced = history.left_out or history.replayed or history.recipe or aligned
    if not replaced and all(options[name] == value for name, value in dense.items()):
        return sum(history.counters.values()) - history.extra_macs
    plain: dict[str, Any] = {kind.field(): kind(0).word for kind in (Schedule, Replay, Recipe, Align)}
    with Trainer(trainer.model) as other, warnings.catch_warnings():
        warnings.simplefilter("ignore", TrainingWarning)
        other.device.set_options(**{**options, **dense})
        found = other.fit(x, y, verbose=0, **plain, **run)
    return None if found.stopped else sum(found.counters.values())
