"""A ``.tflite`` model as a ``Graph``, or a refusal that says why not and what to do.

Keys of ``Operator.options`` are the schema's field names (``stride_w``, ``filter_height``,
``fused_activation_function``, ``keep_dims``, ...). Enumerations hold their names: ``padding`` "SAME" or "VALID";
``fused_activation_function`` "NONE", "RELU", "RELU_N1_TO_1", "RELU6", "TANH" or "SIGN_BIT"; ``weights_format``
"DEFAULT" or "SHUFFLED4x16INT8". Vectors (``new_shape``, ``squeeze_dims``) are tuples of int, None where the file has
none. An operator of ``EXPECTED_OPTIONS`` whose file omits the options has their defaults.
"""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

from .constant_folding import FOLDED_OPTIONS, fold_shapes
from .errors import ConversionError
from .flatbuffer import (
    ACTIVATION_NAMES,
    OPTIONS_NAMES,
    PADDING_NAMES,
    TENSOR_TYPE_NAMES,
    WEIGHTS_FORMAT_NAMES,
    buffer_bytes,
    builtin_name,
    schema,
    text,
)
from .graph import Graph, Operator, Tensor
from .index_correction import find_corrections
from .model_limits import refuse_batches, refuse_compiled, refuse_unsupported
from .operators import OPERATORS
from .quantization import stored_quantization
from .shape_check import check_shapes

EXPECTED_OPTIONS = {
    name: options.table
    for name, options in ({name: spec.options for name, spec in OPERATORS.items()} | FOLDED_OPTIONS).items()
    if options is not None
}

_ENUMERATIONS = {
    "padding": PADDING_NAMES,
    "fused_activation_function": ACTIVATION_NAMES,
    "weights_format": WEIGHTS_FORMAT_NAMES,
}

_NUMPY_TYPES = frozenset(
    ("float32", "float16", "float64", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "bool")
)


def read_graph(model: Any, name: str) -> Graph:
    """Read a model's main subgraph.

    Parameters
    ----------
    model : ModelT
        As ``flatbuffer.load`` returns it.
    name : str
        What messages call the model.

    Returns
    -------
    Graph
        Shape arithmetic is folded. Operators that this project does not know are listed like any other.

    Raises
    ------
    ConversionError
        The model is damaged, or of a kind that this release does not train (see ``model_limits``).
    """
    subgraph = model.subgraphs[0]
    operators = tuple(_operator(model, i, name) for i in range(len(subgraph.operators or ())))
    refuse_compiled(name, operators)
    computed = {t for op in operators for t in op.outputs}
    inputs, outputs = _indices(subgraph.inputs), _indices(subgraph.outputs)
    tensors = [_tensor(model, i, i in computed or i in inputs, name) for i in range(len(subgraph.tensors))]
    graph = Graph(name, tuple(tensors), operators, inputs, outputs)
    _check_order(model, graph)
    refuse_unsupported(model, graph)
    tensors, folded = fold_shapes(name, tensors, operators)
    same, needless = find_corrections(tensors, operators)
    graph = Graph(name, tuple(tensors), operators, inputs, outputs, folded | needless, same)
    check_shapes(graph)
    refuse_batches(graph)
    return graph


def _indices(values: Any) -> tuple[int, ...]:
    return () if values is None else tuple(int(v) for v in values)


def _tensor(model: Any, index: int, computed: bool, name: str) -> Tensor:
    stored = model.subgraphs[0].tensors[index]
    shape = _indices(stored.shape)
    dtype = TENSOR_TYPE_NAMES[stored.type]
    data = None
    if not computed and dtype in _NUMPY_TYPES:
        raw = buffer_bytes(model, stored.buffer)
        if len(raw) == math.prod(shape) * np.dtype(dtype).itemsize:
            data = np.frombuffer(raw, dtype).reshape(shape)
        elif raw and stored.sparsity is None:
            raise ConversionError(
                f"{name} is damaged: tensor {index} ({text(stored.name)}) of shape {list(shape)} holds {len(raw)} "
                "bytes; export it again"
            )
    return Tensor(index, text(stored.name), shape, dtype, int(stored.buffer), data, stored_quantization(stored))


def _operator(model: Any, index: int, name: str) -> Operator:
    stored = model.subgraphs[0].operators[index]
    kind = builtin_name(model, stored)
    inputs, outputs = _indices(stored.inputs), _indices(stored.outputs)
    if not outputs and (kind in OPERATORS or kind in EXPECTED_OPTIONS):
        raise ConversionError(f"{name} is damaged: operator {index} ({kind}) has no output; export it again")
    found, expected = OPTIONS_NAMES[stored.builtinOptionsType], EXPECTED_OPTIONS.get(kind)
    options = stored.builtinOptions
    if expected is not None:
        if found not in (expected, "NONE"):
            raise ConversionError(f"{name} is damaged: operator {index} ({kind}) has {found}; export it again")
        if options is None:
            options = getattr(schema, f"{expected}T")()
    return Operator(index, kind, inputs, outputs, _options(options, f"{name} is damaged: operator {index} ({kind})"))


def _options(options: Any, subject: str) -> dict[str, Any]:
    """The fields of an options object under their schema names."""
    out: dict[str, Any] = {}
    for field, value in vars(options).items() if options is not None else ():
        key = re.sub(r"([A-Z])([A-Z][a-z])", r"\1_\2", re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", field)).lower()
        if isinstance(value, np.ndarray):
            value = tuple(value.tolist())
        elif key in _ENUMERATIONS:
            if value not in _ENUMERATIONS[key]:
                raise ConversionError(f"{subject} has the unknown {key} {value}; export it again")
            value = _ENUMERATIONS[key][value]
        out[key] = value
    return out


def _check_order(model: Any, graph: Graph) -> None:
    """Each tensor is computed once, and before it is read."""
    subgraph = model.subgraphs[0]
    ready = set(graph.inputs)
    for tensor, stored in zip(graph.tensors, subgraph.tensors):
        holds_data = tensor.data is not None or stored.isVariable or len(buffer_bytes(model, tensor.buffer)) > 0
        if holds_data:
            ready.add(tensor.index)
    written = set(graph.inputs)
    for op in graph.operators:
        for t in op.inputs:
            if t >= 0 and t not in ready:
                raise ConversionError(
                    f"{graph.name} is damaged: operator {op.index} ({op.type}) reads tensor {t} before it is computed"
                )
        for t in op.outputs:
            if t in written:
                raise ConversionError(
                    f"{graph.name} is damaged: tensor {t} ({graph.tensors[t].name}) is computed twice"
                )
        written.update(op.outputs)
        ready.update(op.outputs)
    for t in graph.outputs:
        if t not in written:
            raise ConversionError(
                f"{graph.name} is damaged: its output {t} ({graph.tensors[t].name}) is computed by no operator"
            )
