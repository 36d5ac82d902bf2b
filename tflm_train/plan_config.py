"""The options that a plan was made with, to make another one for the same model."""

from __future__ import annotations

from .config import TrainingConfig
from .converters.layer_choice import BIAS
from .converters.options import OPTIONS, in_effect
from .converters.plan_format import NONE_INDEX, Plan
from .converters.policies import Gradient
from .converters.surrogates import surrogates_of


def plan_layers(plan: Plan) -> tuple[int | str, ...]:
    """What the plan trains, as ``TrainingConfig.layers`` says it, by indices."""
    return tuple(
        f"{layer['operator']}:{BIAS}" if layer["weight"] == NONE_INDEX else int(layer["operator"])
        for layer in plan.layers
    )


def plan_config(plan: Plan) -> TrainingConfig:
    """Options from which ``convert`` makes the same plan again; layers by their indices."""
    defaults = plan.defaults
    options = {**plan.options, **plan.run_options, **plan.replay_options, "optimizer": plan.optimizer.word}
    if plan.update.has_object:
        options |= {"update": plan.update.word, "errors": plan.errors}
    surrogates = surrogates_of(plan)
    options |= {
        "gradient": ",".join(f"{index}={each.word}" for index, each in surrogates.items()) or Gradient.EXACT.word,
        "stride_normalised": all(each.normalised for each in surrogates.values()),
    }
    constants = {name: value for name, value in options.items() if name in OPTIONS and in_effect(name, options)}
    return TrainingConfig(
        layers=plan_layers(plan),
        cut="auto" if plan.cut is None else plan.cut[1] - 1,
        loss=plan.loss.word,
        seed=int(defaults["seed"]),
        **constants,
    )
