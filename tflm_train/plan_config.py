"""The options that a plan was made with, to make another one for the same model."""

from __future__ import annotations

from .config import TrainingConfig
from .converters.plan_format import DEFAULT_OUTPUT_SPARSE, DEFAULT_ZERO_SKIP, Loss, Plan, Selector
from .losses import option_name


def plan_config(plan: Plan) -> TrainingConfig:
    """Options from which ``convert`` makes the same plan again; layers by their indices."""
    defaults = plan.defaults
    return TrainingConfig(
        layers=[int(layer["operator"]) for layer in plan.layers],
        loss=option_name(Loss(int(defaults["loss"]))),
        selector=Selector(int(defaults["selector"])).name.lower().replace("_", "-"),
        output_sparse=bool(int(defaults["flags"]) & DEFAULT_OUTPUT_SPARSE),
        zero_skip=bool(int(defaults["flags"]) & DEFAULT_ZERO_SKIP),
        accumulate=int(defaults["accumulate"]),
        seed=int(defaults["seed"]),
        learning_rate=float(defaults["learning_rate"]),
        ratio=float(defaults["ratio"]),
        s_min=float(defaults["s_min"]),
        s_max=float(defaults["s_max"]),
        damping=float(defaults["damping"]),
        decay=float(defaults["decay"]),
    )
