"""Which samples take part in a run, and whether it is aligned: what the options of ``fit`` and of the plan make of
them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .alignment import Alignment
from .converters.options import checked, refuse_idle
from .converters.plan_format import Plan
from .converters.policies import Align, Replay, Schedule
from .errors import PlanOptionError, UserError
from .losses import Objective


@dataclass(frozen=True)
class Sampling:
    """
    Attributes
    ----------
    threshold : float or None
        Samples whose error 1 - p is below it sit out epochs; None: all take part in all.
    freeze : int or None
        After so many epochs the layers behind the cut train alone, on what the last of these epochs has kept; None:
        all train in all epochs, and nothing is kept.
    alignment : Alignment or None
        Comes in front of the run; None: nothing does.
    """

    threshold: float | None = None
    freeze: int | None = None
    alignment: Alignment | None = None

    @classmethod
    def chosen(cls, plan: Plan, objective: Objective, labels: np.ndarray, epochs: int, **given: Any) -> "Sampling":
        """By the options of a call, those of the plan where they are None.

        Raises
        ------
        UserError
            An option out of range or without effect; a schedule for a loss that knows no probability, replay by a plan
            without memory for it (``PlanOptionError``) or of other labels than class numbers; alignment by a plan
            without statistics (``PlanOptionError``), of labels without accuracy or of too few samples.
        """
        named = {name: value for name, value in given.items() if value is not None}
        options = {**plan.run_options, **checked(named)}
        refuse_idle(named, options)
        return cls(
            cls._threshold(options, objective, labels),
            cls._freeze(options, plan, labels, epochs),
            cls._alignment(options, plan, objective, labels),
        )

    @staticmethod
    def _threshold(options: dict[str, Any], objective: Objective, labels: np.ndarray) -> float | None:
        if options["schedule"] == Schedule.NONE.word:
            return None
        if not objective.is_cross_entropy(labels):
            raise UserError(
                f"schedule {options['schedule']} (--schedule) knows easy samples by the probability of their labels, "
                f"and the loss {objective.resolve(labels).word} has none; leave it out"
            )
        return float(options["schedule_threshold"])

    @staticmethod
    def _freeze(options: dict[str, Any], plan: Plan, labels: np.ndarray, epochs: int) -> int | None:
        if options["replay"] == Replay.NONE.word:
            return None
        check_replay(plan, labels)
        return int(options["freeze_epoch"]) or max(1, epochs // 4)

    @staticmethod
    def _alignment(options: dict[str, Any], plan: Plan, objective: Objective, labels: np.ndarray) -> Alignment | None:
        if options["align"] == Align.NONE.word:
            return None
        check_align(plan, objective, labels)
        samples = int(options["align_samples"])
        if len(labels) < 2 * samples:
            raise UserError(
                f"align {options['align']} (--align) measures with {samples} samples and judges by as many others, and "
                f"there are {len(labels)}: give more, fewer to measure with (align_samples, --align-samples), or "
                f"--align {Align.NONE.word}"
            )
        return Alignment(samples, float(options["align_margin"]))


def check_align(plan: Plan, objective: Objective, labels: np.ndarray) -> None:
    """Raises ``UserError`` where activations cannot be aligned: by the plan (``PlanOptionError``), or for such
    labels."""
    if not plan.aligned:
        raise PlanOptionError(
            "align guarded (--align) needs a plan with statistics of activations", align=Align.GUARDED.word
        )
    if not objective.is_classification(labels):
        raise UserError(
            f"align guarded (--align) judges by accuracy, and for these labels the loss is "
            f"{objective.resolve(labels).word}, which has none; leave it out"
        )


def check_replay(plan: Plan, labels: np.ndarray | None = None) -> None:
    """Raises ``UserError`` where activations cannot be kept: by the plan (``PlanOptionError``), or for such labels."""
    if not plan.replay_options:
        raise PlanOptionError(
            "replay latent (--replay) needs a plan with programs from a cut and memory for activations",
            replay=Replay.LATENT.word,
        )
    if labels is not None and (labels.ndim != 1 or labels.dtype.kind != "i"):
        raise UserError(
            "replay latent (--replay) keeps one class number for each sample: give y as class numbers, or leave it out"
        )
