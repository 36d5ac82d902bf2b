"""Which operators of an exported Keras model belong to layers with a bias.

The file does not tell: the TFLite converter drops the zero biases of dense layers, and gives convolutions without a
bias one of zeros. So the model is exported a second time with vectors of ones in place of vectors of zeros (biases,
and what batch normalisation adds): where a bias is not zero then, the layer has one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .flatbuffer import buffer_bytes, builtin_name, load
from .operators import OPERATORS


def operators_with_bias(model: Any, data: bytes, export: Callable[[], bytes]) -> frozenset[int]:
    """Indices of operators with weights whose layer has a bias.

    Parameters
    ----------
    model : keras.Model
        Some of its variables have other values while ``export`` runs.
    data : bytes
        The model's export as it is.
    export : callable
        Exports the model.

    Returns
    -------
    frozenset of int
        All operators with weights, where the second export has others than the first.
    """
    operators = _biases(data)
    if all(operators.values()) or not _zeros(model):
        return frozenset(index for index, biased in operators.items() if biased)
    with _ones_for_zeros(model):
        biased = _biases(export())
    if len(biased) != len(operators):
        return frozenset(operators)
    return frozenset(index for index, found in zip(operators, biased.values()) if found)


def _biases(data: bytes) -> dict[int, bool]:
    """Operator with weights -> whether it has a bias that is not zero."""
    model = load(data)
    graph = model.subgraphs[0]
    found = {}
    for index, operator in enumerate(graph.operators or ()):
        spec = OPERATORS.get(builtin_name(model, operator))
        if spec is not None and spec.channel_axis is not None:
            position = spec.position("b")
            tensor = int(operator.inputs[position]) if len(operator.inputs) > position else -1
            found[index] = tensor >= 0 and any(buffer_bytes(model, graph.tensors[tensor].buffer))
    return found


def _zeros(model: Any) -> list[Any]:
    """Variables that are vectors of zeros."""
    vectors = [variable for variable in model.variables if len(variable.shape) == 1]
    return [v for v in vectors if "float" in str(v.dtype) and not np.any(np.asarray(v.numpy()))]


@contextlib.contextmanager
def _ones_for_zeros(model: Any) -> Iterator[None]:
    variables = _zeros(model)
    try:
        for variable in variables:
            variable.assign(np.ones(variable.shape))
        yield
    finally:
        for variable in variables:
            variable.assign(np.zeros(variable.shape))
