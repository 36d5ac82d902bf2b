"""What kinds of model this release reads. Each limit is a function that returns the reason for refusing, or None."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .errors import ConversionError
from .graph import Graph, Operator
from .operators import OPERATORS, PARAMETER_OPERATORS

CONTROL_FLOW = frozenset(
    {"IF", "WHILE", "CALL", "CALL_ONCE", "STABLEHLO_WHILE", "STABLEHLO_CASE", "STABLEHLO_COMPOSITE"}
)
RECURRENT = frozenset(
    {
        "LSTM",
        "RNN",
        "SVDF",
        "UNIDIRECTIONAL_SEQUENCE_LSTM",
        "UNIDIRECTIONAL_SEQUENCE_RNN",
        "BIDIRECTIONAL_SEQUENCE_LSTM",
        "BIDIRECTIONAL_SEQUENCE_RNN",
    }
)
NO_RECURRENCE = (
    "which do not train in this release; build them with unroll=True in Keras, or use convolutions over time (Conv1D) "
    "in their place"
)
COMPILERS = {"CUSTOM:ethos-u": "Vela, for an Ethos-U", "CUSTOM:edgetpu-custom-op": "the Edge TPU compiler"}
VARIABLES = frozenset({"VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE"})
WEIGHT_OPERATORS = frozenset(
    {
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "FULLY_CONNECTED",
        "TRANSPOSE_CONV",
        "CONV_3D",
        "BATCH_MATMUL",
        "EMBEDDING_LOOKUP",
        *RECURRENT,
    }
)
_INTEGER_WEIGHTS = frozenset({"int2", "int4", "int8", "uint4", "uint8", "int16"})
_HALF_FLOATS = frozenset({"float16", "bfloat16"})

Limit = Callable[[Any, Graph], "str | None"]


def _layer(graph: Graph, op: Operator) -> str:
    return f"{op.type} {graph.layer_name(op).split(';')[0]!r}" if op.outputs else f"{op.type} (operator {op.index})"


def _first(graph: Graph, types: frozenset[str]) -> str | None:
    return next((_layer(graph, op) for op in graph.operators if op.type in types), None)


def no_control_flow(model: Any, graph: Graph) -> str | None:
    layer = _first(graph, CONTROL_FLOW)
    return layer and f"has control flow ({layer}), as Keras' LSTM and GRU layers become, {NO_RECURRENCE}"


def no_recurrent_layers(model: Any, graph: Graph) -> str | None:
    layer = _first(graph, RECURRENT)
    return layer and (
        f"holds {layer}: recurrent layers (LSTM, GRU, SVDF), {NO_RECURRENCE}, or put a "
        "float32 layer (Dense) behind them, which trains while they stay as they are"
    )


def no_variables(model: Any, graph: Graph) -> str | None:
    layer = _first(graph, VARIABLES)
    return layer and f"keeps its weights in variables ({layer}) instead of constants; export it with frozen weights"


def no_states(model: Any, graph: Graph) -> str | None:
    """States of operators that the library does not run itself are their own business."""
    readers = (op for op in graph.operators if op.type in OPERATORS or op.type in CONTROL_FLOW)
    used = {*graph.inputs, *graph.producers, *(t for op in readers for t in op.inputs)}
    for tensor, stored in zip(graph.tensors, model.subgraphs[0].tensors):
        if stored.isVariable and tensor.index in used:
            return (
                f"keeps a state from one inference to the next (variable tensor {tensor.name!r}), which training does "
                "not follow; export it without state"
            )
    return None


def no_space_to_batch(model: Any, graph: Graph) -> str | None:
    layer = _first(graph, frozenset({"SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND"}))
    return layer and (
        f"holds {layer}: with a free batch size the TFLite converter writes a dilated convolution as "
        "SPACE_TO_BATCH_ND, a convolution on smaller images and BATCH_TO_SPACE_ND; convert the Keras model itself, or "
        "export it with batch size 1, so that it becomes one dilated CONV_2D"
    )


def no_sparse_tensors(model: Any, graph: Graph) -> str | None:
    for tensor, stored in zip(graph.tensors, model.subgraphs[0].tensors):
        if stored.sparsity is not None:
            return f"stores tensor {tensor.name!r} sparsely; export it without the sparsity optimisation"
    return None


def no_half_floats(model: Any, graph: Graph) -> str | None:
    """Float16 constants behind DEQUANTIZE have become float32 (``dequantize``)."""
    for tensor in graph.tensors:
        if tensor.dtype in _HALF_FLOATS:
            return (
                f"computes in {tensor.dtype} (tensor {tensor.name!r}), which microcontrollers and training do not; "
                "export it in float32"
            )
    return None


def no_hybrid_weights(model: Any, graph: Graph) -> str | None:
    """Those that stand for numbers of their own have become float32 (``dequantize``)."""
    for op in graph.operators:
        constants = [
            graph.tensors[t] for t in op.inputs if t >= 0 and t not in graph.producers and t not in graph.inputs
        ]
        packed = next((tensor.dtype for tensor in constants if tensor.dtype in _INTEGER_WEIGHTS), None)
        gives_floats = bool(op.outputs) and graph.tensors[op.outputs[0]].dtype == "float32"
        if packed and gives_floats and (op.type in WEIGHT_OPERATORS or op.type == "DEQUANTIZE"):
            return (
                f"is hybrid: {_layer(graph, op)} has {packed} weights for float32 activations (dynamic range "
                "quantisation), and they cannot be dequantised: they lack a scale, have one for each block or a zero "
                "point, or integer arithmetic reads them too; export it without optimisations"
            )
    return None


def no_converted_ends(model: Any, graph: Graph) -> str | None:
    """A float32 model is not quantised because its input or output is converted from or to integers."""
    if any(graph.tensors[t].dtype != "float32" for op in graph.operators for t in _weighted(op)):
        return None
    for verb, t in [("takes", t) for t in graph.inputs] + [("gives", t) for t in graph.outputs]:
        tensor, end = graph.tensors[t], "input" if verb == "takes" else "output"
        beside = [op for op in graph.operators if t in op.inputs or t in op.outputs]
        converter = next((op for op in beside if op.type in ("CAST", "DEQUANTIZE", "QUANTIZE")), None)
        if tensor.dtype == "float32" or converter is None:
            continue
        scale = ""
        if tensor.quantization is not None and converter.type != "CAST":
            step, zero = float(tensor.quantization.scales[0]), int(tensor.quantization.zero_points[0])
            scale = f"; where it had the number n, the float32 {end} is {step:g} * (n - {zero})"
        return (
            f"computes in float32 but {verb} {tensor.dtype} ({end} {tensor.name!r}, converted by {converter.type}); "
            f"export it with a float32 {end} (Keras: keras.Input without dtype, TFLiteConverter: without "
            f"inference_{end}_type): whole numbers in your data become float32 by themselves{scale}"
        )
    return None


def _weighted(op: Operator) -> tuple[int, ...]:
    """What an operator multiplies: data and weights."""
    return tuple(t for t in op.inputs[:2] if t >= 0) if op.type in WEIGHT_OPERATORS else ()


def no_uint8_arithmetic(model: Any, graph: Graph) -> str | None:
    """What was quantised before TensorFlow 2: zero points in the weights, too."""
    for op in graph.operators:
        if any(graph.tensors[t].dtype == "uint8" for t in _weighted(op)):
            return (
                f"was quantised to uint8 ({_layer(graph, op)}), as TensorFlow 1 did, which TensorFlow Lite Micro no "
                "longer runs; convert the float32 model that it was made from, with --quantize int8"
            )
    return None


def known_integers(model: Any, graph: Graph) -> str | None:
    """int8 is what the library trains besides float32; uint8 may be what a model takes and gives."""
    ends = {*graph.inputs, *graph.outputs}
    for t in (*graph.inputs, *graph.producers):
        tensor = graph.tensors[t]
        if tensor.dtype in _INTEGER_WEIGHTS - {"int8"} and not (tensor.dtype == "uint8" and t in ends):
            return (
                f"is quantised to {tensor.dtype} (tensor {tensor.name!r}), this release trains float32 and int8; "
                "convert the float32 model that it was made from, as it is or with --quantize int8, or give it a last "
                "layer in float32 behind a DEQUANTIZE, which then trains on the quantised layers"
            )
    return None


def _batch(graph: Graph, verb: str, end: str, tensors: Sequence[int]) -> str | None:
    for t in tensors:
        tensor = graph.tensors[t]
        if len(tensor.shape) > 1 and tensor.shape[0] != 1:
            return (
                f"{verb} batches of {tensor.shape[0]} ({end} {tensor.name!r} has shape {list(tensor.shape)}), the "
                "device trains one sample at a time; export it with batch size 1"
            )
    return None


def batch_of_one(model: Any, graph: Graph) -> str | None:
    return _batch(graph, "takes", "input", graph.inputs)


def static_shapes(model: Any, graph: Graph) -> str | None:
    """A free batch size is accepted where the stored shape says 1."""
    used = {*graph.inputs, *graph.outputs, *graph.producers}
    for tensor, stored in zip(graph.tensors, model.subgraphs[0].tensors):
        signature = stored.shapeSignature
        if tensor.index not in used or signature is None:
            continue
        free = [axis for axis, size in enumerate(signature) if int(size) < 0]
        if [axis for axis in free if axis != 0] or (free and tensor.shape[:1] != (1,)):
            return (
                f"has dynamic shapes (tensor {tensor.name!r} is {[int(size) for size in signature]}), memory on "
                "the device is planned at conversion; export it with fixed input shapes and batch size 1"
            )
    return None


def refuse_compiled(name: str, operators: Sequence[Operator]) -> None:
    """Raise ``ConversionError`` for a file whose layers a compiler has made into commands of an accelerator.

    Such a file breaks other rules too; what it is must be said first.
    """
    for op in operators:
        if op.type in COMPILERS:
            raise ConversionError(
                f"{name} was compiled by {COMPILERS[op.type]} (operator {op.index}): its layers are commands of an "
                "accelerator, which cannot be trained; convert the .tflite that the compiler was given"
            )


def _needs_another_interpreter(graph: Graph, op: Operator) -> bool:
    """Recurrent or quantised: what the library does not run, and a frozen body may hold."""
    computed = [t for t in op.inputs if t in graph.producers or t in graph.inputs]
    integers = any(graph.tensors[t].dtype in _INTEGER_WEIGHTS for t in (*computed, *op.outputs))
    return integers or op.type in RECURRENT


def _has_float_head(graph: Graph) -> bool:
    """Whether float32 weights lie behind all that only a frozen body may hold."""
    for op in reversed(graph.operators):
        if _needs_another_interpreter(graph, op):
            return False
        if op.type in PARAMETER_OPERATORS and op.input(1) >= 0 and graph.tensors[op.input(1)].dtype == "float32":
            return True
    return False


# of what a frozen body may hold, not the head that trains on it
HEAD_LIMITS: tuple[Limit, ...] = (no_recurrent_layers, known_integers)

LIMITS: tuple[Limit, ...] = (
    no_sparse_tensors,
    no_hybrid_weights,
    no_converted_ends,
    no_uint8_arithmetic,
    known_integers,
    no_recurrent_layers,
    no_control_flow,
    no_variables,
    no_states,
    no_space_to_batch,
    no_half_floats,
    batch_of_one,
    static_shapes,
)


def refuse_unsupported(model: Any, graph: Graph) -> None:
    """Raise ``ConversionError`` for the first limit that the model breaks."""
    may_cut = _has_float_head(graph)
    for limit in LIMITS:
        if may_cut and limit in HEAD_LIMITS:
            continue
        reason = limit(model, graph)
        if reason:
            raise ConversionError(f"{graph.name} {reason}")


def refuse_batches(graph: Graph) -> None:
    """Raise ``ConversionError`` for outputs of several samples; call it when the shapes have been checked."""
    reason = _batch(graph, "gives", "output", graph.outputs)
    if reason:
        raise ConversionError(f"{graph.name} {reason}")
