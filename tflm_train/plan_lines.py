"""Readable lines about a training plan."""

from __future__ import annotations

from typing import Any

from .converters.plan_format import DEFAULT_ZERO_SKIP, Loss, Plan, Selector


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
