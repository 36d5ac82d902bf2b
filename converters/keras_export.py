"""Keras models to float32 ``.tflite`` files with batch size 1.

The only module that imports TensorFlow, and only when called.
"""

from __future__ import annotations

import contextlib
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


def export_keras(model: Any) -> tuple[bytes, str, frozenset[int]]:
    """Export a Keras model.

    Parameters
    ----------
    model : str, path or keras.Model
        A ``.keras`` or ``.h5`` file (Keras 2 files are read where Keras 3 knows their layers), or the object.

    Returns
    -------
    data : bytes
        The ``.tflite`` file. Batch normalisation is folded where it follows a layer directly; an operator is named
        after its Keras layer (``conv2d/Relu``).
    name : str
        The file's or the model's name, for messages.
    with_bias : frozenset of int
        Operators whose layers have a bias, or a batch normalisation folded into them: see ``keras_bias``.

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
    if is_path and not os.path.isfile(model):
        raise UserError(f"{os.fspath(model)} does not exist or is no file")
    with quiet():
        tensorflow, keras = _import_tensorflow()
        if is_path:
            name = os.path.basename(os.fspath(model))
            model = _load(keras, os.fspath(model), name)
        elif not isinstance(model, keras.Model):
            raise UserError(f"a Keras model or the path of one is expected, not {type(model).__name__}")
        else:
            name = model.name
        data = _convert(tensorflow, model, name)
        with_bias = operators_with_bias(model, data, lambda: _convert(tensorflow, model, name))
    return _name_after_layers(data, model, name), name, with_bias


def _import_tensorflow() -> tuple[Any, Any]:
    try:
        import keras
        import tensorflow
    except ImportError as error:
        raise MissingToolError(
            f"reading Keras models needs TensorFlow ({_first_line(error)}); install it with: "
            + install_command("keras")
        ) from None
    if keras.backend.backend() != "tensorflow":
        raise UserError(
            f"Keras runs on {keras.backend.backend()}, exporting needs its TensorFlow backend; set "
            "KERAS_BACKEND=tensorflow"
        )
    return tensorflow, keras


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:200].rstrip(" .:")


def _load(keras: Any, path: str, name: str) -> Any:
    class DepthwiseConv2D(keras.layers.DepthwiseConv2D):
        """Keras 2 stored ``groups``, which Keras 3 refuses although 1 is the only value it could have."""

        def __init__(self, *args: Any, groups: int = 1, **options: Any) -> None:
            super().__init__(*args, **options)

    # The replacement is tried second: a model that loads without it keeps Keras' own classes.
    failure: Exception | None = None
    for custom_objects in (None, {"DepthwiseConv2D": DepthwiseConv2D}):
        try:
            return keras.models.load_model(path, compile=False, custom_objects=custom_objects)
        except Exception as error:  # Keras raises many types for files that it does not understand
            failure = failure or error
    assert failure is not None
    raise ConversionError(
        f"{name} cannot be loaded by Keras {keras.__version__}: {_first_line(failure)}; load the model in Python "
        "and pass the object"
    ) from failure


def _convert(tensorflow: Any, model: Any, name: str) -> bytes:
    if not getattr(model, "built", False) or not getattr(model, "inputs", None):
        raise ConversionError(f"{name} has no input shape yet; add keras.Input(shape) or call the model once on data")
    specs = []
    for tensor in model.inputs:
        shape = list(tensor.shape[1:])
        if None in shape:
            raise ConversionError(
                f"{name} has dynamic shapes (input {tensor.name!r} is {tuple(tensor.shape)}), memory on the "
                "device is planned "
                "at conversion; give keras.Input all sizes but the batch"
            )
        specs.append(tensorflow.TensorSpec([1, *shape], tensor.dtype, name=re.sub(r"\W", "_", tensor.name) or "input"))

    def forward(*inputs: Any) -> Any:
        return model(inputs[0] if len(inputs) == 1 else list(inputs), training=False)

    try:
        # A concrete function with a fixed batch: with a free one, the converter writes shape arithmetic for Flatten,
        # and SPACE_TO_BATCH_ND for dilated Conv1D. Without a trackable object the variables become constants.
        function = tensorflow.function(forward).get_concrete_function(*specs)
        return bytes(tensorflow.lite.TFLiteConverter.from_concrete_functions([function]).convert())
    except Exception as error:  # the converter raises what MLIR, TensorFlow or a custom layer raise
        raise ConversionError(f"{name} cannot be exported to TensorFlow Lite: {_first_line(error)}") from error


def _all_layers(model: Any) -> Iterator[Any]:
    for layer in getattr(model, "layers", ()):
        yield layer
        yield from _all_layers(layer)


def _name_after_layers(data: bytes, model: Any, name: str) -> bytes:
    """Give tensors the names of their Keras layers.

    Tracing names scopes ``model_1/layer_1/Relu`` for the layer ``layer`` and calls the output ``Identity``. The
    model's part and the suffix that the trace added are removed.
    """
    layers = {layer.name for layer in _all_layers(model)}
    traced = re.compile(rf"{re.escape(model.name)}_\d+")

    def rename(path: str) -> str:
        first, *rest = path.split("/")
        if not rest or not (first == model.name or traced.fullmatch(first)):
            return path
        if first == model.name:
            return "/".join(rest)
        parts = [re.sub(r"_\d+$", "", part) if re.sub(r"_\d+$", "", part) in layers else part for part in rest]
        return "/".join(parts)

    flat = load(data, name)
    graph = flat.subgraphs[0]
    for tensor in graph.tensors:
        tensor.name = ";".join(rename(path) for path in text(tensor.name).split(";")).encode()
    last = {int(op.outputs[0]): op for op in graph.operators or () if len(op.outputs)}
    for i, t in enumerate(graph.outputs):
        history = getattr(model.outputs[i], "_keras_history", None) if i < len(model.outputs) else None
        if history is not None and int(t) in last and text(graph.tensors[t].name).startswith("Identity"):
            kind = builtin_name(flat, last[int(t)]).title().replace("_", "")
            graph.tensors[t].name = f"{history.operation.name}/{kind}".encode()
    return dump(flat)


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
