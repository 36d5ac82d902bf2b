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
from .operators import PARAMETER_OPERATORS


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
    kernels = [v for v in model.variables if len(v.shape) > 1 and "float" in str(v.dtype)]
    trainable = {id(variable) for variable in model.trainable_variables}
    trained = [variable for variable in kernels if id(variable) in trainable]
    if len(trained) == len(kernels):
        return frozenset()
    weights = _weights(data)
    if not trained:
        return frozenset(weights)
    with _other_values(trained):
        changed = _weights(export())
    if len(changed) != len(weights):
        return frozenset()
    return frozenset(i for i, other in zip(weights, changed.values()) if weights[i] == other and any(other))


def _weights(data: bytes) -> dict[int, bytes]:
    """Operator with weights -> their bytes."""
    model = load(data)
    graph = model.subgraphs[0]
    return {
        index: buffer_bytes(model, graph.tensors[int(operator.inputs[1])].buffer)
        for index, operator in enumerate(graph.operators or ())
        if builtin_name(model, operator) in PARAMETER_OPERATORS
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
