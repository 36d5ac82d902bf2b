"""What commands print: one dictionary per command, the very content of its JSON."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from .converters.macs import PHASES, dense_step_macs
from .converters.plan_format import Plan

if TYPE_CHECKING:
    from .history import History
    from .measure.step_cost import StepCost
    from .model import TrainableModel
    from .trainer import Trainer

SCHEMA_VERSION = 1


def report(command: str, **content: Any) -> dict[str, Any]:
    """A command's JSON object."""
    return {"schema_version": SCHEMA_VERSION, "command": command, **content}


def convert_report(model: "TrainableModel", output: str) -> dict[str, Any]:
    """Of ``convert``."""
    return report(
        "convert", model=model.name, output=output, **asdict(model.sizes), edits=model.edits, notes=model.notes
    )


def dense_macs(plan: Plan, steps: int) -> dict[str, int]:
    """Analytic work of dense training without any skipping, by phase."""
    per_step = dense_step_macs(plan)
    return {phase: per_step[phase] * steps for phase in PHASES}


def updated_fraction(history: "History", trainable_parameters: int) -> float:
    """Mean over steps of changed / trainable weights."""
    possible = history.training_passes * trainable_parameters
    return history.counters["update"] / possible if possible else 0.0


def train_report(
    trainer: "Trainer",
    history: "History",
    *,
    samples: int,
    epochs: int,
    seed: int,
    metric: str,
    before: dict[str, float],
    after: dict[str, float],
    evaluated_on: str,
    output: str | None,
    warnings: list[str],
    sampling: dict[str, Any],
    zero_skip: int | None,
    cost: "StepCost | None" = None,
) -> dict[str, Any]:
    """Of ``train``; `cost` on emulated devices.

    `sampling`: the options of the run; `zero_skip`: work of dense training that skips zeros.
    """
    sizes, update = trainer.model.sizes, trainer.model.plan.update
    dense, work = dense_macs(trainer.model.plan, history.steps + history.left_out), sum(history.counters.values())
    return report(
        "train",
        device=trainer.device.name,
        samples=samples,
        epochs=epochs,
        seed=seed,
        selector=trainer.options["selector"],
        update=update.word if update.has_object else None,
        errors=trainer.model.plan.errors,
        saturated_fraction=trainer.saturated_fraction if update.has_object else None,
        loss=history.history.get("loss", []),
        metric=metric,
        accuracy_before=before.get("accuracy"),
        accuracy_after=after.get("accuracy"),
        loss_before=before["loss"],
        loss_after=after["loss"],
        evaluated_on=evaluated_on,
        macs=dict(history.counters),
        dense_macs=dense,
        learning_rate=history.learning_rate,
        learning_rates_tried=[
            {"learning_rate": one["learning_rate"], "loss": one["loss"] if math.isfinite(one["loss"]) else None}
            for one in history.tried
        ],
        forward_passes=history.forward_passes - history.replayed + history.remembered,
        replayed=history.replayed,
        effort_ratio=sum(dense.values()) / work if work else None,
        effort_ratio_zero_skip=zero_skip / work if work and zero_skip is not None else None,
        schedule=sampling["schedule"],
        replay=sampling["replay"],
        recipe=history.recipe or None,
        align=sampling["align"],
        alignment=_alignment(history),
        updated_fraction=updated_fraction(history, trainer.trainable_parameters),
        skipped_fraction=history.skipped / history.steps if history.steps else 0.0,
        clipped_fraction=history.clipped_fraction,
        arena_bytes=trainer.device.arena_bytes,
        weight_bytes=sizes.weight_bytes,
        replay_bytes=sizes.replay_bytes,
        align_bytes=sizes.align_bytes,
        stopped=history.stopped,
        output=output,
        warnings=warnings,
        **_step_cost(history, cost),
    )


def _alignment(history: "History") -> dict[str, Any] | None:
    outcome = history.alignment
    if outcome is None:
        return None
    content = asdict(outcome) | {"layers": list(outcome.layers), "macs": outcome.macs}
    del content["work"]
    return content


def _step_cost(history: "History", cost: "StepCost | None") -> dict[str, Any]:
    if cost is not None:
        return {
            "instructions_per_step": cost.instructions,
            "measured_steps": cost.steps,
            "cycles_model": cost.cycles_model,
            "cycles_model_reason": cost.cycles_model_reason,
            "flash_bytes": cost.flash_bytes,
            "ram_bytes": cost.ram_bytes,
        }
    if not history.instructions or not history.steps:
        return {}
    return {
        "instructions_per_step": {
            phase: round(n / history.training_passes) for phase, n in history.instructions.items()
        }
    }
