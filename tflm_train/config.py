"""What to train and how: the options of ``convert`` and of the command line, under the same names."""

from __future__ import annotations

import functools
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from .converters.errors import UserError
from .converters.options import (
    LOSSES,
    MAX_SLOTS,
    OPTIONS,
    RECIPE_OPTIONS,
    SELECTORS,
    checked,
    in_effect,
    refuse_idle,
)
from .converters.policies import Recipe

__all__ = ["LOSSES", "SELECTORS", "TrainingConfig"]

_Class = TypeVar("_Class")


def _with_options(cls: type[_Class]) -> type[_Class]:
    """A frozen dataclass that has the options of the table as its fields, in its documentation too."""
    cls.__annotations__ = {name: option.type for name, option in OPTIONS.items()}
    for name, option in OPTIONS.items():
        setattr(cls, name, option.default)
    wrapper = textwrap.TextWrapper(120, initial_indent=" " * 8, subsequent_indent=" " * 8)
    listed = (f"{name} : {o.rule}\n{wrapper.fill(o.details or o.help)}" for name, o in OPTIONS.items())
    cls.__doc__ = (cls.__doc__ or "").replace("OPTIONS", "\n    ".join(listed))
    made = dataclass(frozen=True)(cls)
    plain = made.__init__

    @functools.wraps(plain)
    def fill(self: Any, *values: Any, **options: Any) -> None:
        plain(self, *values, **{**_of_recipe(options), **options})

    made.__init__ = fill  # type: ignore[method-assign]
    return made


def _of_recipe(options: dict[str, Any]) -> dict[str, Any]:
    """What a recipe makes of options that are not given."""
    if options.get(Recipe.field()) != Recipe.AUTO.word:
        return {}
    limited = OPTIONS["ram"].check(options.get("ram", OPTIONS["ram"].default))
    slots = {"slots": MAX_SLOTS} if limited and options.get("replay", "latent") != "none" else {}
    return {**RECIPE_OPTIONS, **slots}


@_with_options
class TrainingConfig:
    """Training options written into the plan.

    Parameters
    ----------
    OPTIONS

    Raises
    ------
    UserError
        A value of another type or outside its range, which is that of the float32 that the device keeps; an option
        that has no effect with this selector or gate. The message names the option and the range.
    """

    if TYPE_CHECKING:

        def __init__(self, **options: Any) -> None: ...

        def __getattr__(self, name: str) -> Any: ...

    def __post_init__(self) -> None:
        for name, value in checked(vars(self)).items():
            object.__setattr__(self, name, value)
        refuse_idle([name for name in OPTIONS if getattr(self, name) != OPTIONS[name].default], vars(self))

    @classmethod
    def paper(cls, **changes: object) -> "TrainingConfig":
        """TinyProp as in the authors' demo: damping 0.5, no decay, sparse output layer."""
        preset: dict[str, object] = dict(
            selector="tinyprop", s_min=0.1, s_max=0.9, damping=0.5, decay=1.0, output_sparse=True
        )
        unknown = sorted(set(changes) - set(OPTIONS))
        if unknown:
            raise UserError(f"unknown option {unknown[0]!r}: TrainingConfig has {', '.join(sorted(OPTIONS))}")
        return cls(**{**preset, **changes})

    def changed(self, **changes: Any) -> "TrainingConfig":
        """The same with other values of some options."""
        return TrainingConfig(**{**vars(self), **changes})

    def with_policies(self, **policies: Any) -> "TrainingConfig":
        """The same under other policies (``selector="dense"``); options without effect there have their defaults."""
        chosen = {**vars(self), **policies}
        idle = {name: option.default for name, option in OPTIONS.items() if not in_effect(name, chosen)}
        return self.changed(**idle, **policies)
