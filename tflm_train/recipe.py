"""``recipe="auto"``: which policies a model and its samples allow, and why.

What saves work over a whole run are fewer forward passes (remembered losses, latent replay), then fewer errors that go
back (TinyProp). What a user gave stands; what cannot work is left out and said.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .converters.convert import convert as add_plan
from .converters.convert import replays
from .converters.errors import ConversionError
from .converters.model_source import ModelSource
from .converters.options import OPTIONS, RECIPE_OPTIONS
from .converters.plan_format import TRAINER_BYTES, Plan
from .converters.policies import Align, Recipe, Replay, Targets
from .sizes import native_arena_bytes

if TYPE_CHECKING:
    from .config import TrainingConfig

FEWEST_SLOTS = 32  # activations that are worth a replay


@dataclass(frozen=True)
class Decision:
    """
    Attributes
    ----------
    option : str
    value : str or float
    reason : str
    """

    option: str
    value: Any
    reason: str

    def __str__(self) -> str:
        return f"recipe: {self.option} {self.value}: {self.reason}"


WHY = {
    "selector": "TinyProp keeps the largest errors, as many as the loss deserves; the output layer stays dense",
    "schedule": "easy samples sit out epochs, forward pass included",
    "clip": "no sample's error is longer, be it a glitch or a wrong label",
    "align": "forward passes alone, kept where held-back samples gain",
}


def with_alignment(config: "TrainingConfig", has_statistics: bool) -> "TrainingConfig":
    """A recipe aligns where samples to measure statistics of are given."""
    aligns = Recipe.chosen(config) == Recipe.AUTO and has_statistics
    return config.changed(align=Align.GUARDED.word) if aligns else config


def settle(source: ModelSource, config: "TrainingConfig") -> tuple["TrainingConfig", list[Decision]]:
    """The options of a recipe that a model and its RAM allow.

    Parameters
    ----------
    source : ModelSource
    config : TrainingConfig
        Whose layers are settled.

    Returns
    -------
    TrainingConfig, list of Decision
        The same options and nothing decided where no recipe is chosen.

    Raises
    ------
    ConversionError
        The model does not train as asked without any policy either, or not in the RAM given.
    """
    if Recipe.chosen(config) == Recipe.NONE:
        return config, []
    plain: dict[str, Any] = {name: OPTIONS[name].default for name in (*RECIPE_OPTIONS, "align")}
    settled, decisions = config.with_policies(**plain), []
    smallest = add_plan(source, settled).plan
    _check_ram(source, config, smallest)
    for name, value in RECIPE_OPTIONS.items():
        if getattr(config, name) != value:
            decisions.append(Decision(name, getattr(config, name), "it was given"))
            settled = _adopt(settled, config, name)
            continue
        if name == "clip" and smallest.loss.targets not in (Targets.CLASSES, Targets.PARTS):
            decisions.append(Decision(name, plain[name], "errors of this loss are as large as its targets"))
            continue
        why_not = _why_not(source, config, _adopt(settled, config, name))
        if why_not is not None:
            decisions.append(Decision(name, plain[name], why_not))
            continue
        settled = _adopt(settled, config, name)
        decisions += [Decision(name, value, WHY[name])] if name in WHY else []
    settled, decision = _aligned(source, config, settled)
    return _with_slots(source, config, settled, [*decisions, decision])


def _why_not(source: ModelSource, config: "TrainingConfig", adopted: "TrainingConfig") -> str | None:
    """Why a model cannot take a policy, or its RAM; how many slots of replay there are is decided later."""
    try:
        if replays(adopted):
            add_plan(source, adopted.changed(slots=1))
        plan = add_plan(source, adopted.with_policies(replay=Replay.NONE.word)).plan
    except ConversionError as error:
        return str(error).removeprefix(f"{source.name}: ")
    needed = _needed(plan)
    if config.ram and needed > config.ram:
        return f"with it arena and Trainer take {needed:,} bytes, more than the {config.ram:,} of --ram"
    return None


def _needed(plan: Plan) -> int:
    """RAM of training, but for what replay keeps."""
    return native_arena_bytes(plan, plan.has_external_body) + TRAINER_BYTES + plan.align_bytes


def _check_ram(source: ModelSource, config: "TrainingConfig", plan: Plan) -> None:
    needed = _needed(plan)
    if config.ram and needed > config.ram:
        raise ConversionError(
            f"{source.name}: arena and Trainer take {needed:,} bytes, more than the {config.ram:,} of --ram; train "
            "fewer layers (--layers last:2, say, or --layers auto:BYTES with --probe), or give more"
        )


def _aligned(
    source: ModelSource, config: "TrainingConfig", settled: "TrainingConfig"
) -> tuple["TrainingConfig", Decision]:
    none = Align.NONE.word
    if Align.chosen(config) == Align.NONE:
        return settled, Decision("align", none, "no samples from before the change were given (--statistics)")
    aligned = _adopt(settled, config, "align")
    why_not = _why_not(source, config, aligned)
    if why_not is not None:
        return settled, Decision("align", none, why_not)
    return aligned, Decision("align", config.align, WHY["align"])


def _adopt(settled: "TrainingConfig", config: "TrainingConfig", name: str) -> "TrainingConfig":
    """With a policy of another configuration and the options that belong to it."""
    own = {option.name for option in OPTIONS.values() if any(p.field() == name for p in option.policies)}
    return settled.changed(**{each: getattr(config, each) for each in own | {name}})


def _with_slots(
    source: ModelSource, config: "TrainingConfig", settled: "TrainingConfig", decisions: list[Decision]
) -> tuple["TrainingConfig", list[Decision]]:
    """With as many slots of replay as the RAM leaves. Policies that were given count, too."""
    without = settled.with_policies(replay=Replay.NONE.word)
    _check_ram(source, config, add_plan(source, without).plan)
    if not replays(settled):
        return settled, decisions
    plan = add_plan(source, settled.changed(slots=1)).plan
    two = add_plan(source, settled.changed(slots=2)).plan
    slot = two.replay_bytes - plan.replay_bytes
    others = _needed(plan) + plan.replay_bytes - slot
    slots = min(settled.slots, (config.ram - others) // slot) if config.ram else settled.slots
    if slots < FEWEST_SLOTS and slots < settled.slots:
        reason = f"{config.ram:,} bytes (--ram) leave room for {max(slots, 0)} activations of {slot:,} bytes"
        return without, [*decisions, Decision("replay", Replay.NONE.word, reason)]
    reason = f"{slots:,} activations of {slot:,} bytes are kept, on which the later layers train by themselves"
    return settled.changed(slots=slots), [*decisions, Decision("replay", Replay.LATENT.word, reason)]
