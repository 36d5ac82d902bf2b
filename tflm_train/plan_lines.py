"""Readable lines about a training plan."""

from __future__ import annotations

from typing import Any

from .converters.options import DEVICE_OPTIONS
from .converters.plan_format import Plan
from .converters.policies import Align, Loss, Policy, Schedule
from .converters.surrogates import surrogates_of


def size_lines(sizes: dict[str, Any]) -> list[tuple[str, str]]:
    """Label and value of every size."""
    arenas = [(f"arena, {name}", f"{size:,} B") for name, size in sizes["arena_bytes"].items()]
    return [
        ("trainable parameters", f"{sizes['trainable_parameters']:,}"),
        *arenas,
        ("  of it trained weights", f"{sizes['weight_bytes']:,} B"),
        ("  of it gradients and state", f"{sizes['state_bytes']:,} B"),
        ("trainer object", f"{sizes['trainer_bytes']:,} B"),
        *([("memory of replay", f"{sizes['replay_bytes']:,} B")] if sizes["replay_bytes"] else []),
        *([("memory of alignment", f"{sizes['align_bytes']:,} B")] if sizes["align_bytes"] else []),
        ("stack of a call, at most", f"{sizes['stack_bytes']:,} B"),
        ("plan in the file", f"{sizes['metadata_bytes']:,} B"),
    ]


def _policy_line(policy: Policy, options: dict[str, Any]) -> str:
    """A policy and its constants."""
    if isinstance(policy, Loss):
        return policy.name.lower().replace("_", " ")
    owned = {name: option for name, option in DEVICE_OPTIONS.items() if policy in option.policies}
    constants = [f"{name} {options[name]:g}" for name, option in owned.items() if option.code == "<f4"]
    return policy.word + (f" ({', '.join(constants)})" if constants else "")


def _schedule_lines(plan: Plan) -> list[tuple[str, str]]:
    chosen = plan.run_options
    constants = f" (threshold {chosen['schedule_threshold']:g})"
    return [("schedule", chosen["schedule"] + constants)] if chosen["schedule"] != Schedule.NONE.word else []


def _gradient_lines(plan: Plan) -> list[tuple[str, str]]:
    """Forms other than the exact one, and the operators that have them."""
    found: dict[str, list[str]] = {}
    for index, surrogate in sorted(surrogates_of(plan).items()):
        found.setdefault(surrogate.word, []).append(str(index))
    return [(f"gradient {word}", f"operators {', '.join(operators)}") for word, operators in found.items()]


def _replay_lines(plan: Plan) -> list[tuple[str, str]]:
    options, chosen = plan.replay_options, plan.run_options
    if not options:
        return []
    freeze = chosen["freeze_epoch"] or "a quarter"
    return [
        ("replay", f"{chosen['replay']} ({options['slots']:,} slots, {options['replay_type']}, freeze_epoch {freeze})")
    ]


def _align_lines(plan: Plan) -> list[tuple[str, str]]:
    chosen = plan.run_options
    if chosen["align"] == Align.NONE.word:
        return []
    constants = f"samples {chosen['align_samples']:,}, margin {chosen['align_margin']:g}"
    return [("align", f"{chosen['align']} ({constants}, {len(plan.aligned)} layers)")]


def option_lines(plan: Plan) -> list[tuple[str, str]]:
    """Label and value of the plan's training options."""
    options = plan.options
    return [
        *((policy.field(), _policy_line(policy, options)) for policy in plan.policies if len(type(policy)) > 1),
        *_schedule_lines(plan),
        *_gradient_lines(plan),
        *_replay_lines(plan),
        *_align_lines(plan),
        ("zero-skip", "on" if options["zero_skip"] else "off"),
        ("learning rate", f"{options['learning_rate']:g}"),
        ("samples per update", str(options["accumulate"])),
    ]
