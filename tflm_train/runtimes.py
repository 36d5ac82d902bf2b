"""Evaluation in stock runtimes: proof that a trained file is an ordinary one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import losses
from .converters import flatbuffer, model_reader, model_writer
from .converters.graph import Graph
from .converters.plan_format import Loss
from .data import check_inputs, check_labels
from .errors import MissingToolError, NonFiniteError, UserError

RUNTIMES = ("native", "litert", "tflm")
Infer = Callable[[np.ndarray], np.ndarray]


def litert(data: bytes) -> Infer:
    """One inference in ai-edge-litert's reference kernels.

    Raises
    ------
    MissingToolError
        The package is not installed.
    UserError
        The runtime refuses the file.
    """
    try:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType
    except ImportError:
        raise MissingToolError("runtime litert needs ai-edge-litert: pip install ai-edge-litert") from None
    try:
        interpreter = Interpreter(model_content=data, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
        interpreter.allocate_tensors()
    except (RuntimeError, ValueError) as error:
        raise UserError(f"litert refuses the file: {' '.join(str(error).split())}") from None
    source, target = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]

    def infer(x: np.ndarray) -> np.ndarray:
        interpreter.set_tensor(source, x)
        interpreter.invoke()
        return np.asarray(interpreter.get_tensor(target))

    return infer


def tflm(data: bytes) -> Infer:
    """One inference in the genuine TensorFlow Lite Micro interpreter.

    Raises
    ------
    MissingToolError
        The package is not installed.
    UserError
        The runtime refuses the file.
    """
    try:
        from tflite_micro import runtime
    except ImportError:
        raise MissingToolError("runtime tflm needs tflite-micro: pip install 'tflm-train[runtimes]'") from None
    try:
        interpreter = runtime.Interpreter.from_bytes(data)
    except (RuntimeError, ValueError) as error:
        raise UserError(f"tflite-micro refuses the file: {' '.join(str(error).split())}") from None

    def infer(x: np.ndarray) -> np.ndarray:
        interpreter.set_input(x, 0)
        interpreter.invoke()
        return np.asarray(interpreter.get_output(0))

    return infer


def _loss_of(data: bytes, graph: Graph) -> Loss:
    """The plan's loss; without a plan, what the last operator suggests."""
    plan = model_writer.load_plan(data, graph.name)
    if plan is not None:
        return Loss(int(plan.defaults["loss"]))
    last = graph.producers[graph.outputs[0]].type
    known = {"SOFTMAX": Loss.SOFTMAX_CROSS_ENTROPY, "LOGISTIC": Loss.BINARY_CROSS_ENTROPY}
    return known.get(last, Loss.AUTO_LINEAR)


def evaluate_file(data: bytes, name: str, runtime: str, x: Any, y: Any) -> dict[str, Any]:
    """Accuracy (None for regression), metric and mean loss of a file in a stock runtime.

    Parameters
    ----------
    data : bytes
        Any float32 ``.tflite``, with a training plan or without.
    name : str
        For messages.
    runtime : {"litert", "tflm"}
    x, y : array_like
        Samples and labels as for ``Trainer.evaluate``.

    Raises
    ------
    UserError
        The file or the data do not fit, or an output is NaN or infinite.
    MissingToolError
        The runtime is not installed.
    """
    graph = model_reader.read_graph(flatbuffer.load(data, name), name)
    shape, output_shape = graph.tensors[graph.inputs[0]].shape, graph.tensors[graph.outputs[0]].shape[1:]
    outputs = int(np.prod(output_shape, dtype=np.int64))
    loss = _loss_of(data, graph)
    samples = check_inputs(x, shape[1:])
    labels = check_labels(y, len(samples), output_shape, classes=losses.class_count(loss, outputs))
    infer = {"litert": litert, "tflm": tflm}[runtime](data)
    results = np.stack([infer(sample.reshape(shape)).reshape(-1) for sample in samples])
    if not np.isfinite(results).all():
        raise NonFiniteError(f"{name}: outputs are NaN or infinite in {runtime}")
    return {
        "samples": len(samples),
        "accuracy": losses.count_correct(loss, results, labels) / len(samples)
        if losses.is_classification(loss, labels, outputs)
        else None,
        "metric": losses.metric_name(loss, labels, outputs),
        "loss": losses.mean_loss(loss, results, labels),
    }
