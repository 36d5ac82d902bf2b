"""A small, read-only view of a ``.tflite`` model's main subgraph."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np


def sample_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Of one sample: without the batch dimension of 1, which models of vectors may lack."""
    return shape[1:] if shape[:1] == (1,) else shape


@dataclass(frozen=True)
class Quantization:
    """Affine quantisation: real = scale * (stored - zero_point), per tensor or along ``axis``."""

    scales: np.ndarray
    zero_points: np.ndarray
    axis: int


@dataclass(frozen=True)
class Tensor:
    """``data`` holds a constant's values (shape ``shape``), None for what is computed at run time."""

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str  # "float32", "int8", "int32", ...
    buffer: int
    data: np.ndarray | None = None
    quantization: Quantization | None = None

    @property
    def elements(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64))


@dataclass(frozen=True)
class Operator:
    """``inputs`` holds -1 for an omitted optional input; ``options`` the builtin options by their schema names."""

    index: int
    type: str  # builtin name: "CONV_2D"
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: dict[str, Any] = field(default_factory=dict)

    def input(self, position: int) -> int:
        """Tensor index of an input, -1 if it is omitted or not listed."""
        return self.inputs[position] if position < len(self.inputs) else -1


@dataclass(frozen=True)
class Graph:
    """Operators in execution order.

    ``folded``: operators without a step, as their outputs are known at conversion (shape arithmetic) or equal to
    another tensor; ``same``: such a tensor -> the other one.
    """

    name: str
    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    folded: frozenset[int] = frozenset()
    same: dict[int, int] = field(default_factory=dict)

    @cached_property
    def producers(self) -> dict[int, Operator]:
        """The operator that computes a tensor."""
        return {t: op for op in self.operators for t in op.outputs}

    @cached_property
    def consumers(self) -> dict[int, tuple[Operator, ...]]:
        """The operators that read a tensor (one entry per operator)."""
        found: dict[int, list[Operator]] = defaultdict(list)
        for op in self.operators:
            for t in dict.fromkeys(op.inputs):
                if t >= 0:
                    found[t].append(op)
        return {t: tuple(ops) for t, ops in found.items()}

    def layer_name(self, op: Operator) -> str:
        """What users call an operator: its output tensor's name, "" if it has none."""
        return self.tensors[op.outputs[0]].name if op.outputs else ""
