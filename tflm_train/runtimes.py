"""Evaluation in stock runtimes: proof that a trained file is an ordinary one."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from .commands import plan_of
from .converters import flatbuffer, model_reader, model_writer
from .converters.dequantize import dequantize_constants
from .converters.graph import Graph, sample_shape
from .converters.install_hint import install_command
from .converters.loss_end import choose_loss
from .converters.model_source import read_model
from .converters.operators.lookup import input_limit
from .data import check_inputs
from .data_range import range_warning
from .errors import DataWarning, MissingToolError, NonFiniteError, UserError
from .input_type import InputType
from .losses import Objective
from .spare_classes import of_classes, refuse_all_untaught, untaught_in_file, untaught_sentence

RUNTIMES = ("native", "litert", "tflm")
Infer = Callable[[np.ndarray], np.ndarray]


@contextmanager
def _named(runtime: str) -> Iterator[None]:
    """What a runtime raises, also when it describes or runs a file that it has loaded, is its refusal."""
    try:
        yield
    except (RuntimeError, ValueError) as error:
        raise UserError(f"{runtime} refuses the file: {' '.join(str(error).split())}") from None


def litert(data: bytes) -> Infer:
    """One inference in ai-edge-litert's reference kernels, on a sample as the input stores it; states of recurrent
    layers start from zero.

    Raises
    ------
    MissingToolError
        The package is not installed.
    UserError
        The runtime refuses the file; so does what is returned.
    """
    try:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType
    except ImportError:
        raise MissingToolError("runtime litert needs ai-edge-litert: " + install_command()) from None
    with _named("litert"):
        interpreter = Interpreter(model_content=data, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
        interpreter.allocate_tensors()
        source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]["index"]

    @_named("litert")
    def infer(x: np.ndarray) -> np.ndarray:
        interpreter.reset_all_variables()
        interpreter.set_tensor(source["index"], x.reshape(source["shape"]))
        interpreter.invoke()
        return np.asarray(interpreter.get_tensor(target))

    return infer


def tflm(data: bytes) -> Infer:
    """One inference in the genuine TensorFlow Lite Micro interpreter, on a sample as the input stores it; states of
    recurrent layers start from zero.

    Raises
    ------
    MissingToolError
        The package is not installed.
    UserError
        The runtime refuses the file; so does what is returned.
    """
    try:
        from tflite_micro import runtime
    except ImportError:
        raise MissingToolError("runtime tflm needs tflite-micro: " + install_command("runtimes")) from None
    with _named("tflite-micro"):
        interpreter = runtime.Interpreter.from_bytes(data)
        shape = interpreter.get_input_details(0)["shape"]

    @_named("tflite-micro")
    def infer(x: np.ndarray) -> np.ndarray:
        interpreter.reset()
        interpreter.set_input(x.reshape(shape), 0)
        interpreter.invoke()
        return np.asarray(interpreter.get_output(0))

    return infer


def _objective(data: bytes, graph: Graph) -> Objective:
    """Of the plan; without a plan, what the model's end suggests."""
    shape = sample_shape(graph.tensors[graph.outputs[0]].shape)
    plan = model_writer.load_plan(data, graph.name)
    if plan is not None:
        return Objective.of_plan(plan, shape)
    end = choose_loss(graph, "auto")
    return Objective(end.loss, shape, end.classes)


def _ending_at(data: bytes, name: str, tensor: int) -> bytes:
    """The same file with another tensor as its output."""
    model = flatbuffer.load(model_writer.strip_plan(data), name)
    model.subgraphs[0].outputs = [tensor]
    model.signatureDefs = None  # they name outputs that are no more
    return flatbuffer.dump(model)


def evaluate_file(model: Any, runtime: str, x: Any, y: Any) -> dict[str, Any]:
    """Accuracy (None for regression), metric and mean loss of a file in a stock runtime.

    Parameters
    ----------
    model : path, bytes or Keras model
        As ``convert`` takes it; with a training plan or without. Its output is float32.
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
    found = read_model(model)
    data, name = found.data, found.name
    stored = flatbuffer.load(data, name)
    dequantize_constants(stored)
    graph = model_reader.read_graph(stored, name)
    shape, limit = graph.tensors[graph.inputs[0]].shape, input_limit(graph)
    with plan_of(model):
        objective = _objective(data, graph)
    samples = check_inputs(x, sample_shape(tuple(shape)), limit=limit)
    source = InputType.of_file(data, name)
    raw = source.is_raw(x)
    labels = objective.check(y, len(samples))
    run = {"litert": litert, "tflm": tflm}[runtime]
    output, read = graph.outputs[0], choose_loss(graph, objective.loss.word).input
    infer = run(data)
    infer_read = infer if read == output else run(_ending_at(data, name, read))  # logits of an int8 softmax

    def numbers(values: np.ndarray, infer: Infer, tensor: int) -> np.ndarray:
        integers = np.stack([infer(sample).reshape(-1) for sample in source.stored(values, raw)])
        results = InputType.of_tensor(stored.subgraphs[0].tensors[tensor]).numbers(integers)
        if not np.isfinite(results).all():
            raise NonFiniteError(f"{name}: outputs are NaN or infinite in {runtime}")
        return results

    def what_the_loss_reads(values: np.ndarray) -> np.ndarray:
        return numbers(values, infer_read, read)

    range_sentence = None if raw or limit else range_warning(what_the_loss_reads, samples, labels, objective)
    for sentence in (objective.label_warning(labels), range_sentence):
        if sentence is not None:
            warnings.warn(sentence, DataWarning, stacklevel=2)
    count = len(samples)
    silent = untaught_in_file(model_writer.load_plan(data, name), graph)
    out = of_classes(labels, silent, objective.outputs) if silent else np.zeros(count, bool)
    if out.all():
        raise refuse_all_untaught()
    if out.any():
        warnings.warn(untaught_sentence(int(out.sum()), count), DataWarning, stacklevel=2)
        samples, labels = samples[~out], labels[~out]
    loss, correct = objective.judge(what_the_loss_reads(samples), labels)
    if read != output:
        _, correct = objective.with_end.judge(numbers(samples, infer, output), labels)
    accuracy = objective.accuracy(correct, labels)
    return {
        "samples": count,
        "accuracy": None if accuracy is None else accuracy * len(samples) / count,  # the others are wrong
        "metric": objective.metric_name(labels),
        "loss": loss,
    }
