"""What ``recipe="auto"`` makes of one run: its samples, labels and epochs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from .converters.options import RECIPE_OPTIONS
from .converters.plan_format import Plan
from .converters.policies import Align, Recipe, Replay, Schedule, Selector
from .devices import Device
from .errors import DeviceError
from .losses import Objective
from .rate_search import FEWEST
from .recipe import WHY, Decision
from .sampling import Sampling

FEWEST_KEPT = 0.5  # part of a run's samples whose activations are worth a replay


class RunRecipe:
    """Decides for one call of ``fit`` what nobody gave.

    Parameters
    ----------
    plan : Plan
    device : Device
    objective : Objective
    labels : ndarray
    epochs : int
    from_cut : bool
        The samples are activations at the plan's cut.
    given : set of str
        Options in force that somebody set.
    """

    def __init__(
        self,
        plan: Plan,
        device: Device,
        objective: Objective,
        labels: np.ndarray,
        epochs: int,
        from_cut: bool,
        given: set[str],
    ) -> None:
        self._plan, self._device, self._objective, self._given = plan, device, objective, given
        self._labels, self._epochs, self._from_cut = labels, epochs, from_cut
        self._decisions: list[Decision] = []

    def decisions(self, learning_rate: float) -> list[dict[str, Any]]:
        """Each with ``option``, ``value`` and ``reason``; of the learning rate the one in force, however found."""
        return [asdict(d) | ({"value": learning_rate} if d.option == "learning_rate" else {}) for d in self._decisions]

    def _decide(self, option: str, value: Any, reason: str) -> Any:
        self._decisions.append(Decision(option, value, reason))
        return value

    def options(self) -> dict[str, str]:
        """Changes of the device's options for the run."""
        clip = float(self._device.options()["clip"])
        if clip or "clip" in self._given:
            by_recipe = clip == RECIPE_OPTIONS["clip"] and "clip" not in self._given
            self._decide("clip", clip, WHY["clip"] if by_recipe else "it is the option in force")
        current = self._device.options()[Selector.field()]
        if Selector.field() in self._given:
            self._decide("selector", current, "it was given")
        elif current == RECIPE_OPTIONS["selector"]:
            self._decide("selector", current, WHY["selector"])
        elif current != Selector.DENSE.word or self._plan.run_options["recipe"] == Recipe.AUTO.word:
            self._decide("selector", current, "it is the option in force")
        elif self._can_select():
            return {"selector": self._decide("selector", RECIPE_OPTIONS["selector"], WHY["selector"])}
        else:
            self._decide("selector", current, "the plan has no memory for a selection, or the device no code for it")
        return {}

    def _can_select(self) -> bool:
        """Whether plan and device have the recipe's selector: options are afterwards as before."""
        before = self._device.options()[Selector.field()]
        try:
            self._device.set_options(selector=RECIPE_OPTIONS["selector"])
        except DeviceError:
            return False
        self._device.set_options(selector=before)
        return True

    def sampling(self, given: dict[str, Any]) -> Sampling:
        """Which samples take part and whether the run is aligned, by options that are None where nobody gave them.

        Raises
        ------
        UserError
            As ``Sampling.chosen`` of what was given.
        """
        chosen = dict(given)
        for option, choose in (("schedule", self._schedule), ("replay", self._replay)):
            chosen[option] = self._decide(
                option, *(choose() if given[option] is None else (given[option], "it was given"))
            )
        chosen["align"] = self._decide("align", *self._align(given))
        return Sampling.chosen(self._plan, self._objective, self._labels, self._epochs, **chosen)

    def _schedule(self) -> tuple[str, str]:
        if not self._objective.is_cross_entropy(self._labels):
            return Schedule.NONE.word, "this loss knows no probability, by which samples are easy"
        if self._epochs == 1:
            return Schedule.NONE.word, "in a single epoch nobody can sit out the next"
        options = self._plan.run_options
        if options["recipe"] == Recipe.AUTO.word and options["schedule"] == Schedule.NONE.word:
            return Schedule.NONE.word, "the plan was made without"
        try:
            self._device.begin_schedule(len(self._labels), options["schedule_threshold"])
            self._device.begin_schedule(0, options["schedule_threshold"])
        except DeviceError as error:
            return Schedule.NONE.word, f"the device refuses it: {error}"
        return RECIPE_OPTIONS["schedule"], WHY["schedule"]

    def _replay(self) -> tuple[str, str]:
        samples, why_not = len(self._labels), None
        slots = self._plan.replay_options.get("slots", 0)
        if self._from_cut:
            why_not = "the samples are activations already"
        elif not slots:
            why_not = "the plan has no memory for activations"
        elif self._labels.ndim != 1 or self._labels.dtype.kind != "i":
            why_not = "activations are kept with one class number for each sample, and these labels are others"
        elif self._epochs == 1:
            why_not = "the layers in front of the cut train in the only epoch"
        elif slots < FEWEST_KEPT * samples:
            why_not = f"of {samples:,} samples {slots:,} would go on training, which is as many as there are slots"
        if why_not is not None:
            return Replay.NONE.word, why_not
        kept = f"the activations of {min(slots, samples):,} of {samples:,} samples"
        return RECIPE_OPTIONS["replay"], f"after some epochs the later layers train on {kept} alone"

    def _align(self, given: dict[str, Any]) -> tuple[str, str]:
        if given["align"] is not None:
            return given["align"], "it was given"
        samples, needed = len(self._labels), 2 * int(given["align_samples"] or self._plan.run_options["align_samples"])
        why_not = None
        if self._from_cut:
            why_not = "the samples are activations"
        elif not self._plan.aligned:
            why_not = "the plan has no statistics of activations"
        elif not self._objective.is_classification(self._labels):
            why_not = "it is judged by accuracy, and for these labels there is none"
        elif samples < needed:
            why_not = f"it measures and is judged with {needed} samples, and there are {samples}"
        return (Align.GUARDED.word, WHY["align"]) if why_not is None else (Align.NONE.word, why_not)

    def learning_rate(self, given: float | str | None) -> float | str | None:
        """A number, or ``auto``."""
        samples = len(self._labels)
        if given is not None or "learning_rate" in self._given:
            return self._decide("learning_rate", given, "it was given")
        if samples < FEWEST:
            return self._decide("learning_rate", None, f"{samples} samples are too few to search for another")
        return self._decide("learning_rate", "auto", "short runs are judged on samples held back from them")
