"""Samples that a model is quantised by."""

from __future__ import annotations

from typing import Any

import numpy as np

from .converters.graph import Graph, sample_shape
from .converters.operators.lookup import input_limit
from .data import check_inputs
from .errors import UserError
from .input_type import InputType
from .streams import as_arrays

QUANTIZATIONS = ("int8",)


def check_quantize(quantize: Any, representative: Any) -> bool:
    """Whether the model is to be quantised.

    Raises
    ------
    UserError
        An unknown kind, or one of the two options without the other.
    """
    if quantize is None and representative is None:
        return False
    if quantize is None:
        raise UserError("representative (--representative) has no effect alone; give quantize='int8' (--quantize int8)")
    if quantize not in QUANTIZATIONS:
        raise UserError(f"quantize={quantize!r} is out of range: {' or '.join(QUANTIZATIONS)}")
    if representative is None:
        raise UserError(
            f"quantize={quantize!r} (--quantize) needs samples, whose ranges give the scales; give them with "
            "representative=x (--representative D.npz): some hundred of those that the model will see"
        )
    return True


def representative_samples(graph: Graph, x: Any) -> np.ndarray:
    """Samples as the model's only input takes them.

    Parameters
    ----------
    graph : Graph
        The float32 model.
    x : array_like or tf.data.Dataset
        As for ``Trainer.predict``.

    Returns
    -------
    ndarray [n, ...]
        Each of the input's shape and type.

    Raises
    ------
    UserError
        Several inputs; samples of another shape or type, none, all numbers equal, NaN or infinity.
    """
    if len(graph.inputs) != 1:
        raise UserError(f"{graph.name} has {len(graph.inputs)} inputs; export the model with exactly one input")
    tensor = graph.tensors[graph.inputs[0]]
    shape = sample_shape(tensor.shape)
    name = "the representative x"
    samples = check_inputs(as_arrays(x, None, shape, name)[0], shape, name, input_limit(graph))
    if samples.min() == samples.max():
        raise UserError(
            f"{name} holds nothing but the number {samples.flat[0]:g}, whose range gives no scale; give samples as the "
            "model will see them"
        )
    stored = InputType(tensor.dtype).stored(samples, raw=False, name=name)
    return stored.reshape(len(samples), *tensor.shape)
