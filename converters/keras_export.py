"""Keras models and SavedModel folders to float32 ``.tflite`` files with batch size 1.

This module and those that it calls import TensorFlow, and only when called.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import sys
import warnings
from collections.abc import Iterator
from typing import Any

from .errors import ConversionError, MissingToolError, UserError
from .flatbuffer import builtin_name, dump, load, text
from .install_hint import install_command
from .keras_bias import operators_with_bias
from .keras_frozen import frozen_operators
from .keras_load import load_keras, reason
from .keras_loss import compiled_loss
from .model_source import ModelSource
from .saved_model import check_folder, layer_paths, read_signature, was_saved_by_keras_2


def export_keras(model: Any) -> ModelSource:
    """Export a Keras model, or the function that a SavedModel serves.

    Parameters
    ----------
    model : str, path, keras.Model or tf_keras.Model
        A ``.keras`` or ``.h5`` file, a SavedModel folder, or the object.

    Returns
    -------
    ModelSource
        Batch normalisation is folded where it follows a layer directly; an operator is named after its Keras layer
        (``conv2d/Relu``).

    Raises
    ------
    UserError
        No such file, or not a Keras model.
    MissingToolError
        TensorFlow is not installed.
    ConversionError
        The file cannot be loaded, or the model cannot be exported.
    """
    is_path = isinstance(model, (str, os.PathLike))
    name = os.path.basename(os.path.abspath(model)) if is_path else ""
    if is_path and not os.path.exists(model):
        raise UserError(f"{os.fspath(model)} does not exist")
    if is_path and os.path.isdir(model):
        check_folder(model)
    with quiet():
        tensorflow = _import_tensorflow(model)
        if is_path:
            model, path = None, os.fspath(model)
            if os.path.isdir(path):
                return _export_folder(tensorflow, path, name)
            model = load_keras(path, name)
        elif not is_keras_model(model):
            raise UserError(f"a Keras model or the path of one is expected, not {type(model).__name__}")
        return _export_model(tensorflow, model, name or model.name)


def _export_folder(tensorflow: Any, path: str, name: str) -> ModelSource:
    if was_saved_by_keras_2(path) and importlib.util.find_spec("tf_keras") is not None:
        try:
            return _export_model(tensorflow, load_keras(path, name), name)
        except ConversionError:  # layers of the user's own: the function that is served needs none of them
            pass
    served = read_signature(tensorflow, path, name)
    specs = [_spec(tensorflow, key, spec.shape, spec.dtype, name) for key, spec in served.inputs.items()]

    def forward(*values: Any) -> Any:
        return list(served.function(**dict(zip(served.inputs, values))).values())

    def export() -> bytes:
        return _convert(tensorflow, forward, specs, name)

    data = export()
    with_bias = operators_with_bias(served, data, export)
    root, layers = layer_paths(served.variables)
    return ModelSource(_name_after_layers(data, root, layers, [], name), name, with_bias)


def _export_model(tensorflow: Any, model: Any, name: str) -> ModelSource:
    if not getattr(model, "built", False) or not getattr(model, "inputs", None):
        raise ConversionError(f"{name} has no input shape yet; add keras.Input(shape) or call the model once on data")
    specs = [_spec(tensorflow, tensor.name, tensor.shape, tensor.dtype, name) for tensor in model.inputs]

    def forward(*inputs: Any) -> Any:
        return model(inputs[0] if len(inputs) == 1 else list(inputs), training=False)

    def export() -> bytes:
        return _convert(tensorflow, forward, specs, name)

    data = export()
    with_bias = operators_with_bias(model, data, export)
    frozen = frozen_operators(model, data, export)
    layers = {layer.name for layer in all_layers(model)}
    loss, compiled_with = compiled_loss(model)
    data = _name_after_layers(data, model.name, layers, _output_layers(model), name)
    return ModelSource(data, name, with_bias, frozen, loss, compiled_with)


def is_keras_model(model: Any) -> bool:
    """Whether an object is a model of Keras 3, or of Keras 2 (``tf_keras``)."""
    modules = [sys.modules.get(module) for module in ("keras", "tf_keras")]
    return any(isinstance(model, module.Model) for module in modules if module is not None)


def _import_tensorflow(model: Any) -> Any:
    try:
        import keras
        import tensorflow
    except ImportError as error:
        raise MissingToolError(
            f"reading Keras models needs TensorFlow ({reason(error)}); install it with: " + install_command("keras")
        ) from None
    if keras.backend.backend() != "tensorflow" and not type(model).__module__.startswith("tf_keras."):
        raise UserError(
            f"Keras runs on {keras.backend.backend()}, exporting needs its TensorFlow backend; set "
            "KERAS_BACKEND=tensorflow"
        )
    return tensorflow


def _spec(tensorflow: Any, key: str, free: Any, dtype: Any, name: str) -> Any:
    """Of one input, with batch size 1."""
    shape = tensorflow.TensorShape(free)
    if not shape.rank or None in shape.as_list()[1:]:
        raise ConversionError(
            f"{name} has dynamic shapes (input {key!r} is {free}), memory on the device is planned at conversion; give "
            "keras.Input all sizes but the batch"
        )
    return tensorflow.TensorSpec([1, *shape.as_list()[1:]], dtype, name=re.sub(r"\W", "_", key) or "input")


def _convert(tensorflow: Any, forward: Any, specs: list[Any], name: str) -> bytes:
    try:
        # A concrete function with a fixed batch: with a free one, the converter writes shape arithmetic for Flatten,
        # and SPACE_TO_BATCH_ND for dilated Conv1D. Without a trackable object the variables become constants.
        function = tensorflow.function(forward).get_concrete_function(*specs)
        return bytes(tensorflow.lite.TFLiteConverter.from_concrete_functions([function]).convert())
    except Exception as error:  # the converter raises what MLIR, TensorFlow or a custom layer raise
        raise ConversionError(f"{name} cannot be exported to TensorFlow Lite: {reason(error)}") from error


def all_layers(model: Any) -> Iterator[Any]:
    """The layers of a Keras model and of those that are part of it."""
    for layer in getattr(model, "layers", ()):
        yield layer
        yield from all_layers(layer)


def _output_layers(model: Any) -> list[str | None]:
    """Names of the layers that compute the outputs."""
    histories = [getattr(output, "_keras_history", None) for output in model.outputs]
    layers = [getattr(history, "operation", None) or getattr(history, "layer", None) for history in histories]
    return [None if layer is None else layer.name for layer in layers]


def _name_after_layers(data: bytes, root: str, layers: set[str], outputs: list[str | None], name: str) -> bytes:
    """Give tensors the names of their Keras layers.

    Tracing names scopes ``model_1/layer_1/Relu`` for the layer ``layer`` and calls the output ``Identity``. The
    model's part (`root`) and the suffix that the trace added are removed.
    """
    traced = re.compile(rf"{re.escape(root)}_\d+")

    def rename(path: str) -> str:
        first, *rest = path.split("/")
        if not root or not rest or not (first == root or traced.fullmatch(first)):
            return path
        if first == root:
            return "/".join(rest)
        parts = [re.sub(r"_\d+$", "", part) if re.sub(r"_\d+$", "", part) in layers else part for part in rest]
        return "/".join(parts)

    flat = load(data, name)
    graph = flat.subgraphs[0]
    for tensor in graph.tensors:
        tensor.name = ";".join(rename(path) for path in text(tensor.name).split(";")).encode()
    last = {int(op.outputs[0]): op for op in graph.operators or () if len(op.outputs)}
    for i, t in enumerate(graph.outputs):
        if int(t) not in last or not text(graph.tensors[t].name).startswith("Identity"):
            continue
        layer = outputs[i] if i < len(outputs) else _layer_of_inputs(graph, last[int(t)])
        if layer:
            kind = builtin_name(flat, last[int(t)]).title().replace("_", "")
            graph.tensors[t].name = f"{layer}/{kind}".encode()
    return dump(flat)


def _layer_of_inputs(graph: Any, operator: Any) -> str:
    """What the names of an operator's weights, or else of its input, say of its layer (``dense/MatMul``)."""
    given = [int(t) for t in operator.inputs[:2] if t >= 0]
    return text(graph.tensors[given[-1]].name).split(";")[0].rpartition("/")[0] if given else ""


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep TensorFlow's and MLIR's log lines, which C++ code writes to the file descriptor, off stderr."""
    if "tensorflow" not in sys.modules:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        saved = os.dup(2)
    except OSError:  # a process without stderr
        yield
        return
    sink = os.open(os.devnull, os.O_WRONLY)
    sys.stderr.flush()
    os.dup2(sink, 2)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        sys.stderr.flush()
        os.dup2(saved, 2)
        os.close(saved)
        os.close(sink)
