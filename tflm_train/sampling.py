"""Which samples take part in a run: what the options of ``fit`` and of the plan make of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .converters.options import checked, refuse_idle
from .converters.plan_format import Plan
from .converters.policies import Schedule
from .errors import UserError
from .losses import Objective


@dataclass(frozen=True)
class Sampling:
    """
    Attributes
    ----------
    threshold : float or None
        Samples whose error 1 - p is below it sit out epochs; None: all take part in all.
    """

    threshold: float | None = None

    @classmethod
    def chosen(cls, plan: Plan, objective: Objective, labels: np.ndarray, **given: Any) -> "Sampling":
        """By the options of a call, those of the plan where they are None.

        Raises
        ------
        UserError
            An option out of range or without effect; a schedule for a loss that knows no probability.
        """
        named = {name: value for name, value in given.items() if value is not None}
        options = {**plan.run_options, **checked(named)}
        refuse_idle(named, options)
        if options["schedule"] == Schedule.NONE.word:
            return cls()
        if not objective.is_cross_entropy(labels):
            raise UserError(
                f"schedule {options['schedule']} (--schedule) knows easy samples by the probability of their labels, "
                f"and the loss {objective.resolve(labels).word} has none; leave it out"
            )
        return cls(float(options["schedule_threshold"]))
