"""Which operators of an exported Keras model belong to layers with ``trainable=False``.

Names in the file do not tell reliably. So the model is exported a second time with other kernels in the layers that
train: an operator whose weights are the same then belongs to one that does not. A layer's own kernel counts, not the
batch normalisation that is folded into it: that is often left frozen when all else is tuned.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .flatbuffer import buffer_bytes, builtin_name, load
from .operators import OPERATORS, PARAMETER_OPERATORS


def frozen_operators(model: Any, data: bytes, export: Callable[[], bytes]) -> frozenset[int]:
    """Indices of operators with weights whose layer does not train.

    Parameters
    ----------
    model : keras.Model
        Some of its variables have other values while ``export`` runs.
    data : bytes
        The model's export as it is.
    export : callable
        Exports the model.
    """
    kernels = [variable for variable in model.variables if _is_kernel(variable)]
    trainable = {id(variable) for variable in model.trainable_variables}
    trained = [variable for variable in kernels if id(variable) in trainable]
    if len(trained) == len(kernels):
        return frozenset()
    weights = _weights(data)
    if not trained:
        return frozenset(weights)
    same = _same(weights, trained, export)
    zeros = {index for index in same if not any(weights[index])}
    if zeros:  # of a frozen layer, or of one that trains and whose normalisation scales by 0
        same -= zeros & _same(weights, [v for v in kernels if id(v) not in trainable], export)
    return frozenset(same)


def _same(weights: dict[int, bytes], changed: list[Any], export: Callable[[], bytes]) -> set[int]:
    """Operators whose weights stay when variables are changed; none where the export has others than before."""
    with _other_values(changed):
        found = _weights(export())
    if len(found) != len(weights):
        return set()
    return {index for index, other in zip(weights, found.values()) if weights[index] == other and other}


def _is_kernel(variable: Any) -> bool:
    """Vectors are biases and what normalisations have, but for the slopes of a PReLU."""
    is_slope = variable.name.removesuffix(":0").split("/")[-1] == "alpha"
    return "float" in str(variable.dtype) and (len(variable.shape) > 1 or is_slope)


def _weights(data: bytes) -> dict[int, bytes]:
    """Operator with weights -> their bytes, empty where they are computed."""
    model = load(data)
    graph = model.subgraphs[0]
    return {
        index: buffer_bytes(model, graph.tensors[int(operator.inputs[OPERATORS[name].position("w")])].buffer)
        for index, operator in enumerate(graph.operators or ())
        if (name := builtin_name(model, operator)) in PARAMETER_OPERATORS
    }


@contextlib.contextmanager
def _other_values(variables: list[Any]) -> Iterator[None]:
    values = [np.array(variable.numpy()) for variable in variables]
    try:
        for variable, value in zip(variables, values):
            variable.assign(value + 1)
        yield
    finally:
        for variable, value in zip(variables, values):
            variable.assign(value)
