"""Readable lines about a training plan."""

from __future__ import annotations

from typing import Any

from .converters.options import DEVICE_OPTIONS
from .converters.plan_format import Loss, Plan


def size_lines(sizes: dict[str, Any]) -> list[tuple[str, str]]:
    """Label and value of every size."""
    arenas = [(f"arena, {name}", f"{size:,} B") for name, size in sizes["arena_bytes"].items()]
    return [
        ("trainable parameters", f"{sizes['trainable_parameters']:,}"),
        *arenas,
        ("  of it trained weights", f"{sizes['weight_bytes']:,} B"),
        ("  of it gradients and state", f"{sizes['state_bytes']:,} B"),
        ("trainer object", f"{sizes['trainer_bytes']:,} B"),
        ("stack of a call, at most", f"{sizes['stack_bytes']:,} B"),
        ("plan in the file", f"{sizes['metadata_bytes']:,} B"),
    ]


def option_lines(plan: Plan) -> list[tuple[str, str]]:
    """Label and value of the plan's training options."""
    options = plan.options
    selector = options["selector"]
    constants = [
        f"{name} {options[name]:g}"
        for name, option in DEVICE_OPTIONS.items()
        if selector in option.selectors and option.code == "<f4"
    ]
    return [
        ("loss", Loss(int(plan.defaults["loss"])).name.lower().replace("_", " ")),
        ("selector", selector + (f" ({', '.join(constants)})" if constants else "")),
        ("zero-skip", "on" if options["zero_skip"] else "off"),
        ("learning rate", f"{options['learning_rate']:g}"),
        ("samples per update", str(options["accumulate"])),
    ]
