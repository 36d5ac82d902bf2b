"""The options that a plan was made with, to make another one for the same model."""

from __future__ import annotations

from typing import Any

from .config import TrainingConfig
from .converters.options import in_effect
from .converters.plan_format import DEFAULT_OUTPUT_SPARSE, DEFAULT_ZERO_SKIP, Loss, Plan, Selector
from .losses import option_name


def plan_config(plan: Plan) -> TrainingConfig:
    """Options from which ``convert`` makes the same plan again; layers by their indices."""
    defaults = plan.defaults
    selector = Selector(int(defaults["selector"])).name.lower().replace("_", "-")
    constants: dict[str, Any] = {
        name: float(defaults[name])
        for name in ("ratio", "s_min", "s_max", "damping", "decay")
        if in_effect(name, selector)
    }
    return TrainingConfig(
        layers=[int(layer["operator"]) for layer in plan.layers],
        loss=option_name(Loss(int(defaults["loss"]))),
        selector=selector,
        output_sparse=in_effect("output_sparse", selector) and bool(int(defaults["flags"]) & DEFAULT_OUTPUT_SPARSE),
        zero_skip=bool(int(defaults["flags"]) & DEFAULT_ZERO_SKIP),
        accumulate=int(defaults["accumulate"]),
        seed=int(defaults["seed"]),
        learning_rate=float(defaults["learning_rate"]),
        **constants,
    )
