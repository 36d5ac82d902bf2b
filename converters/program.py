"""Programs: the steps of a forward or training pass, before they have addresses.

Values and steps are symbolic here; ``memory_planner`` gives values their offsets, ``plan_builder`` writes the records.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .graph import Quantization
from .operators.spec import KernelSpec
from .plan_format import NONE_INDEX, ForwardKind, Phase, Place, ProgramKind, Role, ScalarType


@dataclass(eq=False)
class Value:
    """A buffer of a program. ``alias`` shares its memory with another value; ``quantization``: see
    ``quantization.stated``."""

    dims: tuple[int, ...]
    type: ScalarType = ScalarType.FLOAT32
    place: Place = Place.ARENA
    role: Role = Role.ACTIVATION
    tensor: int = -1
    offset: int = 0
    alias: "Value | None" = None
    first: int = -1
    last: int = -1
    quantization: Quantization | None = None

    @property
    def elements(self) -> int:
        return int(np.prod(self.dims, dtype=np.int64))

    @property
    def bytes(self) -> int:
        return self.elements * self.type.dtype.itemsize

    @property
    def root(self) -> "Value":
        value = self
        while value.alias is not None:
            value = value.alias
        return value

    def view(self, dims: tuple[int, ...], role: Role | None = None, tensor: int = -1) -> "Value":
        """The same memory under another shape."""
        return Value(dims, self.type, self.place, self.role if role is None else role, tensor, self.offset, self)


@dataclass(eq=False)
class Step:
    """``values`` in the order of the kernel's arguments; None where absent."""

    kernel: KernelSpec
    phase: Phase
    values: list[Value | None]
    words: list[int | float] = field(default_factory=list)
    operators: list[int] = field(default_factory=list)
    layer: int = NONE_INDEX
    accumulate_mask: int = 0


@dataclass(eq=False)
class Program:
    """One pass, from the operator ``first_operator`` of the model on. Time counts steps: forward, then the loss as one
    step, then backward."""

    kind: ProgramKind
    forward_kind: ForwardKind
    forward: list[Step]
    backward: list[Step]
    input: Value
    output: Value
    loss_error: Value | None = None
    loss_input: Value | None = None  # what the loss reads
    arena_bytes: int = 0
    first_operator: int = 0

    @property
    def steps(self) -> list[Step]:
        return self.forward + self.backward

    def values(self) -> list[Value]:
        """Every value in order of first mention, roots before their aliases."""
        found: dict[Value, None] = {}

        def add(value: Value) -> None:
            if value.alias is not None:
                add(value.alias)
            found.setdefault(value)

        add(self.input)
        for step in self.steps:
            for value in step.values:
                if value is not None:
                    add(value)
        for extra in (self.output, self.loss_input, self.loss_error):
            if extra is not None:
                add(extra)
        return list(found)

    def compute_lifetimes(self) -> None:
        """Set ``first`` and ``last`` of every value; an alias's life counts for its root too."""
        values = self.values()
        for value in values:
            value.first, value.last = -1, -1

        def use(value: Value | None, time: int) -> None:
            while value is not None:
                value.first = time if value.first < 0 else min(value.first, time)
                value.last = max(value.last, time)
                value = value.alias

        loss_time = len(self.forward)
        for time, step in enumerate(self.forward):
            for v in step.values:
                use(v, time)
        use(self.input, 0)
        # the output is read after the last forward step: by the loss, or by the caller of infer
        use(self.output, loss_time)
        use(self.loss_input, loss_time)
        use(self.loss_error, loss_time)
        for time, step in enumerate(self.backward, loss_time + 1):
            for v in step.values:
                use(v, time)
