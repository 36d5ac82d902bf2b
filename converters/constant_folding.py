"""Integer arithmetic on shapes that a model does at run time although its result is known at conversion.

Keras' Flatten and Reshape with a free batch size become SHAPE, STRIDED_SLICE and PACK in the file. With batch size 1
their results are constants.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from .errors import ConversionError
from .graph import Operator, Tensor
from .operators.spec import OptionField, Options

Values = list[np.ndarray]


def _strided_slice(op: Operator, values: Values) -> np.ndarray | None:
    data, begin, end, strides = values
    options = op.options
    if options["ellipsis_mask"] or options["new_axis_mask"] or options["offset"] or (strides == 0).any():
        return None
    index: list[int | slice] = []
    for axis, (first, last, step) in enumerate(zip(begin.tolist(), end.tolist(), strides.tolist())):
        bit = 1 << axis
        if options["shrink_axis_mask"] & bit:
            index.append(first)
        else:
            index.append(
                slice(None if options["begin_mask"] & bit else first, None if options["end_mask"] & bit else last, step)
            )
    return np.asarray(data[tuple(index)])


def _squeeze(op: Operator, values: Values) -> np.ndarray:
    axes = tuple(op.options.get("squeeze_dims") or ())
    return values[0].squeeze(axes) if axes else values[0].squeeze()


def _product(op: Operator, values: Values) -> np.ndarray:
    axes = tuple(int(axis) for axis in np.ravel(values[1]))
    product = np.asarray(np.prod(values[0], axis=axes))
    return np.expand_dims(product, axes) if op.options["keep_dims"] else product


def _without_activation(
    function: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> Callable[[Operator, Values], np.ndarray | None]:
    return lambda op, v: function(v[0], v[1]) if op.options["fused_activation_function"] == "NONE" else None


_FOLDERS: dict[str, Callable[[Operator, Values], np.ndarray | None]] = {
    "STRIDED_SLICE": _strided_slice,
    "PACK": lambda op, v: np.stack(v, op.options["axis"]),
    "CONCATENATION": lambda op, v: np.concatenate(v, op.options["axis"]),
    "GATHER": lambda op, v: np.take(v[0], v[1], op.options["axis"]) if not op.options["batch_dims"] else None,
    "REDUCE_PROD": _product,
    "CAST": lambda op, v: v[0],
    "RESHAPE": lambda op, v: v[0].reshape(v[1]) if len(v) > 1 else None,
    "EXPAND_DIMS": lambda op, v: np.expand_dims(v[0], int(v[1])),
    "SQUEEZE": _squeeze,
    "ADD": _without_activation(np.add),
    "SUB": _without_activation(np.subtract),
    "MUL": _without_activation(np.multiply),
}


FOLDED_OPTIONS: dict[str, Options] = {
    "SHAPE": Options("ShapeOptions", (OptionField("outType", 0, 1),)),
    "REDUCE_PROD": Options("ReducerOptions", (OptionField("keepDims", 0, 1),)),
}  # of operators that are only evaluated here


def _is_integer(dtype: str) -> bool:
    return dtype in ("int32", "int64")


def _evaluate(op: Operator, tensors: Sequence[Tensor]) -> np.ndarray | None:
    if len(op.outputs) != 1 or not _is_integer(tensors[op.outputs[0]].dtype):
        return None
    if op.type == "SHAPE":
        return np.asarray(tensors[op.inputs[0]].shape)
    if op.type not in _FOLDERS or any(t < 0 for t in op.inputs):
        return None
    values = [tensors[t].data for t in op.inputs]
    known = [value for value in values if value is not None]
    if len(known) != len(values) or not all(_is_integer(tensors[t].dtype) for t in op.inputs):
        return None
    return _FOLDERS[op.type](op, known)


def fold_shapes(
    name: str, tensors: Sequence[Tensor], operators: Sequence[Operator]
) -> tuple[list[Tensor], frozenset[int]]:
    """Evaluate integer operators whose inputs are constants.

    Parameters
    ----------
    name : str
        Of the model, for messages.
    tensors, operators
        As in ``Graph``, operators in execution order.

    Returns
    -------
    tensors : list of Tensor
        Results stand in ``data``.
    folded : frozenset of int
        Indices of the evaluated operators.

    Raises
    ------
    ConversionError
        The stored shape of a result is not the shape that its operator computes.
    """
    tensors = list(tensors)
    folded = set()
    for op in operators:
        try:
            value = _evaluate(op, tensors)
        except (ValueError, IndexError, TypeError, KeyError, OverflowError, MemoryError) as error:
            raise ConversionError(
                f"{name} is damaged: operator {op.index} ({op.type}) cannot be computed ({error})"
            ) from None
        if value is None:
            continue
        result = tensors[op.outputs[0]]
        if value.shape != result.shape:
            raise ConversionError(
                f"{name} is damaged: operator {op.index} ({op.type}) computes shape {list(value.shape)}, the file says "
                f"{list(result.shape)}; export it again"
            )
        data = value.astype(result.dtype)
        data.setflags(write=False)
        tensors[result.index] = replace(result, data=data)
        folded.add(op.index)
    return tensors, frozenset(folded)
