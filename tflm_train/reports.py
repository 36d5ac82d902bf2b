"""What commands print: one dictionary per command, the very content of its JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from .converters.macs import PHASES, dense_step_macs
from .converters.plan_format import DEFAULT_ZERO_SKIP, Loss, Plan, Selector

if TYPE_CHECKING:
    from .history import History
    from .model import TrainableModel
    from .trainer import Trainer

SCHEMA_VERSION = 1


def report(command: str, **content: Any) -> dict[str, Any]:
    """A command's JSON object."""
    return {"schema_version": SCHEMA_VERSION, "command": command, **content}


def convert_report(model: "TrainableModel", output: str) -> dict[str, Any]:
    """Of ``convert``."""
    return report("convert", model=model.name, output=output, **asdict(model.sizes), edits=model.edits)


def dense_macs(plan: Plan, steps: int) -> dict[str, int]:
    """Analytic work of dense training without any skipping, by phase."""
    per_step = dense_step_macs(plan)
    return {phase: per_step[phase] * steps for phase in PHASES}


def updated_fraction(history: "History", trainable_parameters: int) -> float:
    """Mean over steps of changed / trainable weights."""
    possible = history.steps * trainable_parameters
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
) -> dict[str, Any]:
    """Of ``train``. No sample is skipped as a whole: there is no gate, so ``skipped_fraction`` is 0."""
    sizes = trainer.model.sizes
    return report(
        "train",
        device=trainer.device.name,
        samples=samples,
        epochs=epochs,
        seed=seed,
        selector=trainer.options["selector"],
        loss=history.history.get("loss", []),
        metric=metric,
        accuracy_before=before.get("accuracy"),
        accuracy_after=after.get("accuracy"),
        loss_before=before["loss"],
        loss_after=after["loss"],
        evaluated_on=evaluated_on,
        macs=dict(history.counters),
        dense_macs=dense_macs(trainer.model.plan, history.steps),
        updated_fraction=updated_fraction(history, trainer.trainable_parameters),
        skipped_fraction=0.0,
        arena_bytes=trainer.device.arena_bytes,
        weight_bytes=sizes.weight_bytes,
        stopped=history.stopped,
        output=output,
        **_instructions_per_step(history),
    )


def _instructions_per_step(history: "History") -> dict[str, dict[str, int]]:
    if not history.instructions or not history.steps:
        return {}
    return {"instructions_per_step": {phase: round(n / history.steps) for phase, n in history.instructions.items()}}


def size_lines(sizes: dict[str, Any]) -> list[tuple[str, str]]:
    """Label and value of every size."""
    arenas = [(f"arena, {name}", f"{size:,} B") for name, size in sizes["arena_bytes"].items()]
    return [
        ("trainable parameters", f"{sizes['trainable_parameters']:,}"),
        *arenas,
        ("  of it trained weights", f"{sizes['weight_bytes']:,} B"),
        ("  of it gradients and state", f"{sizes['state_bytes']:,} B"),
        ("trainer object", f"{sizes['trainer_bytes']:,} B"),
        ("plan in the file", f"{sizes['metadata_bytes']:,} B"),
    ]


def option_lines(plan: Plan) -> list[tuple[str, str]]:
    """Label and value of the plan's training options."""
    defaults = plan.defaults
    selector = Selector(int(defaults["selector"]))
    text = selector.name.lower().replace("_", "-")
    if selector == Selector.STATIC_TOPK:
        text += f" (ratio {defaults['ratio']:g})"
    if selector == Selector.TINYPROP:
        text += f" (s_min {defaults['s_min']:g}, s_max {defaults['s_max']:g}, damping {defaults['damping']:g}, "
        text += f"decay {defaults['decay']:g})"
    return [
        ("loss", Loss(int(defaults["loss"])).name.lower().replace("_", " ")),
        ("selector", text),
        ("zero-skip", "on" if int(defaults["flags"]) & DEFAULT_ZERO_SKIP else "off"),
        ("learning rate", f"{defaults['learning_rate']:g}"),
        ("samples per update", str(int(defaults["accumulate"]))),
    ]


def summary_lines(model: "TrainableModel") -> list[str]:
    """Readable text about a trainable model."""
    pairs = option_lines(model.plan) + size_lines(asdict(model.sizes))
    width = max(len(label) for label, _ in pairs)
    lines = [f"{model.name}: {len(model.data):,} B", *(f"  {label:<{width}}  {value}" for label, value in pairs)]
    return lines + [f"  edit: {edit}" for edit in model.edits]
