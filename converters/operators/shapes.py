"""What the rules of specs share: the output's shape from the inputs', or what is wrong with them; the constants."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..graph import Graph, Operator, Tensor
from .spec import Shape, Word


class Wrong(ValueError):
    """The operator's inputs do not fit together; the text says how."""


def require(condition: bool, what: str) -> None:
    """
    Raises
    ------
    Wrong
        The condition does not hold.
    """
    if not condition:
        raise Wrong(what)


def _input(inputs: Sequence[Tensor | None], position: int) -> Tensor:
    require(position < len(inputs), f"fewer than {position + 1} inputs")
    tensor = inputs[position]
    if tensor is None:
        raise Wrong(f"no input {position}")
    return tensor


def shape_of(inputs: Sequence[Tensor | None], position: int) -> Shape:
    """Shape of an input that must be there."""
    return _input(inputs, position).shape


def integers(inputs: Sequence[Tensor | None], position: int) -> np.ndarray | None:
    """Values of an integer input, None if they are not known at conversion."""
    tensor = _input(inputs, position)
    require(tensor.dtype in ("int32", "int64"), f"an input {position} that is not integer")
    return tensor.data


def constant(graph: Graph, tensor: int) -> np.ndarray:
    """Values of a tensor whose operator runs only where they are constant."""
    data = graph.tensors[tensor].data
    assert data is not None
    return data


def same(op: Operator, inputs: Sequence[Tensor | None]) -> Shape:
    """The shape of the input."""
    return shape_of(inputs, 0)


def no_words(graph: Graph, op: Operator) -> list[Word]:
    """Of a kernel without constants."""
    return []


def check_bias(inputs: Sequence[Tensor | None], channels: int, position: int = 2) -> None:
    """One element for each output channel, if there is a bias."""
    bias = inputs[position] if len(inputs) > position else None
    require(bias is None or bias.elements == channels, f"a bias that has not {channels} elements")
