"""``.tflite`` bytes to the schema's object form and back.

The object form (``ModelT`` and its parts) comes from ``ai_edge_litert``'s schema; all access to that schema's names
goes through this module.
"""

from __future__ import annotations

import copy
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from .errors import ConversionError
from .flatbuffer_verifier import Damaged, verify
from .plan_format import ALIGNMENT

IDENTIFIER = b"TFL3"
SCHEMA_VERSION = 3


def _names(enumeration: type) -> dict[int, str]:
    return {value: name for name, value in vars(enumeration).items() if isinstance(value, int)}


BUILTIN_NAMES = _names(schema.BuiltinOperator)
TENSOR_TYPE_NAMES = {value: name.lower() for value, name in _names(schema.TensorType).items()}
OPTIONS_NAMES = _names(schema.BuiltinOptions)
OPTIONS_2_NAMES = _names(schema.BuiltinOptions2)
PADDING_NAMES = _names(schema.Padding)
ACTIVATION_NAMES = _names(schema.ActivationFunctionType)
WEIGHTS_FORMAT_NAMES = _names(schema.FullyConnectedOptionsWeightsFormat)


def text(name: bytes | str | None) -> str:
    """A name of the file as text; bytes that are no UTF-8 are replaced."""
    if name is None:
        return ""
    return name if isinstance(name, str) else bytes(name).decode("utf-8", "replace")


def builtin_name(model: Any, operator: Any) -> str:
    """The operator's builtin name ("CONV_2D"); custom ones as "CUSTOM:Name", unknown ones by number."""
    code = model.operatorCodes[operator.opcodeIndex]
    number = max(code.deprecatedBuiltinCode, code.builtinCode)
    if number == schema.BuiltinOperator.CUSTOM:
        return f"CUSTOM:{text(code.customCode)}"
    return BUILTIN_NAMES.get(number, f"BUILTIN_{number}")


def buffer_bytes(model: Any, index: int) -> bytes:
    """A buffer's content, empty if it has none."""
    data = model.buffers[index].data
    return b"" if data is None else np.asarray(data, np.uint8).tobytes()


def add_buffer(model: Any, array: np.ndarray) -> int:
    """Append a buffer with an array's bytes; returns its index."""
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(np.ascontiguousarray(array).tobytes(), np.uint8)
    model.buffers.append(buffer)
    return len(model.buffers) - 1


def load(data: bytes, name: str = "the model") -> Any:
    """Read a ``.tflite`` file.

    Parameters
    ----------
    data : bytes
        The whole file.
    name : str
        What error messages call it.

    Returns
    -------
    ModelT
        With one subgraph; all indices in it (tensors, buffers, operator codes) are valid.

    Raises
    ------
    ConversionError
        No TensorFlow Lite model, truncated or damaged, several subgraphs, data outside the flatbuffer.
    """
    data = bytes(data)
    if not data:
        raise ConversionError(f"{name} is empty; a .tflite file is expected")
    if len(data) < 8 or data[4:8] != IDENTIFIER:
        raise ConversionError(f"{name} is no TensorFlow Lite model (its bytes 4 to 7 are not 'TFL3'); export it again")
    try:
        verify(data)
        model = schema.ModelT.InitFromPackedBuf(data, 0)
        _check_header(model)
        if len(model.subgraphs) != 1:
            raise ConversionError(
                f"{name} has {len(model.subgraphs)} subgraphs (several functions, or control flow, as Keras' LSTM and "
                "GRU layers become), this project trains models of one; export a single function, and build recurrent "
                "layers with unroll=True in Keras, or use convolutions over time (Conv1D) in their place"
            )
        _refuse_external_data(model, name)
        _check_indices(model)
    except ConversionError:
        raise
    except Damaged as error:
        raise ConversionError(f"{name} is truncated or damaged: {error}; export it again") from None
    except Exception as error:  # what the schema's reader makes of damaged option tables is not specified
        raise ConversionError(f"{name} is truncated or damaged ({type(error).__name__}); export it again") from error
    return model


def _check_header(model: Any) -> None:
    if model.version != SCHEMA_VERSION:
        raise Damaged(f"its schema version is {model.version}, not {SCHEMA_VERSION}")
    for part in ("operatorCodes", "subgraphs", "buffers"):
        if not getattr(model, part):
            raise Damaged(f"it has no {part}")


def _refuse_external_data(model: Any, name: str) -> None:
    external = (
        bool(getattr(model, "externalBuffers", None))  # newer schemas only
        or any(buffer.offset or buffer.size for buffer in model.buffers)
        or any(op.largeCustomOptionsOffset or op.largeCustomOptionsSize for op in model.subgraphs[0].operators or ())
        or any(getattr(tensor, "externalBuffer", 0) for tensor in model.subgraphs[0].tensors or ())
    )
    if external:
        raise ConversionError(
            f"{name} keeps data outside its flatbuffer (a model above 2 GB, or exported with external buffers), "
            "which no microcontroller can read; export it with the data inside"
        )


def _check_indices(model: Any) -> None:
    graph = model.subgraphs[0]
    if not graph.tensors:
        raise Damaged("its subgraph has no tensors")
    tensor_count, buffer_count = len(graph.tensors), len(model.buffers)

    def check_tensors(indices: Any, lowest: int, owner: str) -> None:
        if indices is not None and any(not lowest <= int(t) < tensor_count for t in indices):
            raise Damaged(f"{owner} refers to a tensor that does not exist")

    check_tensors(graph.inputs, 0, "the list of inputs")
    check_tensors(graph.outputs, 0, "the list of outputs")
    for i, tensor in enumerate(graph.tensors):
        if tensor.buffer >= buffer_count:
            raise Damaged(f"tensor {i} refers to a buffer that does not exist")
        if tensor.type not in TENSOR_TYPE_NAMES:
            raise Damaged(f"tensor {i} has the unknown type {tensor.type}")
        if tensor.shape is not None and any(int(d) < 0 for d in tensor.shape):
            raise Damaged(f"tensor {i} has a negative dimension")
    for i, operator in enumerate(graph.operators or ()):
        if operator.opcodeIndex >= len(model.operatorCodes):
            raise Damaged(f"operator {i} refers to an operator code that does not exist")
        check_tensors(operator.inputs, -1, f"operator {i}")
        check_tensors(operator.outputs, 0, f"operator {i}")
        if operator.builtinOptionsType not in OPTIONS_NAMES or operator.builtinOptions2Type not in OPTIONS_2_NAMES:
            raise Damaged(f"operator {i} has options of an unknown type")
    for metadata in model.metadata or ():
        if metadata.buffer >= buffer_count:
            raise Damaged(f"metadata {text(metadata.name)!r} refers to a buffer that does not exist")
    for signature in model.signatureDefs or ():
        for entry in (*(signature.inputs or ()), *(signature.outputs or ())):
            if entry.tensorIndex >= tensor_count:
                raise Damaged("a signature refers to a tensor that does not exist")


class _AlignedBuffer:
    """Packs a buffer as the schema asks for it; the schema's own ``BufferT.Pack`` ignores ``force_align``."""

    def __init__(self, data: bytes | None) -> None:
        self.data = data

    def Pack(self, builder: flatbuffers.Builder) -> int:
        vector = None
        if self.data is not None:
            builder.StartVector(1, len(self.data), ALIGNMENT)
            builder.head -= len(self.data)
            builder.Bytes[builder.head : builder.head + len(self.data)] = self.data
            vector = builder.EndVector()
        schema.BufferStart(builder)
        if vector is not None:
            schema.BufferAddData(builder, vector)
        return schema.BufferEnd(builder)


def dump(model: Any) -> bytes:
    """Write a ``.tflite`` file: every buffer's data aligned to 16 bytes, the same bytes for the same model.

    Parameters
    ----------
    model : ModelT
        Not changed.
    """
    packed = copy.copy(model)
    contents = [None if b.data is None else np.asarray(b.data, np.uint8).tobytes() for b in model.buffers]
    packed.buffers = [_AlignedBuffer(data) for data in contents]
    builder = flatbuffers.Builder(sum(len(data or b"") + 2 * ALIGNMENT for data in contents) + 65536)
    builder.Finish(packed.Pack(builder), file_identifier=IDENTIFIER)
    return bytes(builder.Output())
