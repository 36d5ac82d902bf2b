"""Float32 models to full-integer int8 ones, by TensorFlow's post-training quantisation."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from . import quantizer_process as process
from .dequantize import dequantize_constants
from .edits import add_missing_biases
from .errors import ConversionError, MissingToolError
from .flatbuffer import TENSOR_TYPE_NAMES, builtin_name, dump, load, schema, text
from .graph import Graph, Operator
from .install_hint import install_command
from .model_reader import read_graph
from .model_source import ModelSource
from .operators import OPERATORS, PARAMETER_OPERATORS

MOST_SAMPLES = 300
_QUANTISED = frozenset({"int4", "int8", "uint8", "int16"})
_NEED_BIAS = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D"})  # for TensorFlow's quantiser


def float_graph(source: ModelSource) -> Graph:
    """The model that is quantised.

    Raises
    ------
    ConversionError
        It cannot be read, or is quantised already.
    """
    model = load(source.data, source.name)
    dequantize_constants(model)
    for op in model.subgraphs[0].operators or ():
        for t in op.outputs if op.outputs is not None else ():
            tensor = model.subgraphs[0].tensors[t]
            kind = TENSOR_TYPE_NAMES[tensor.type]
            if kind in _QUANTISED:
                raise ConversionError(
                    f"{source.name} is quantised already (tensor {text(tensor.name)!r} is {kind}); leave out "
                    "--quantize, or give the float32 model"
                )
    return read_graph(model, source.name)


def quantize(source: ModelSource, samples: np.ndarray, add_bias: bool = False) -> ModelSource:
    """Make int8 of a float32 model: input, output, activations weights, these by channel.

    Parameters
    ----------
    source : ModelSource
        See ``float_graph``.
    samples : ndarray [n, ...]
        Inputs of the type and shape that the model takes; the scales follow from the ranges that activations have for
        them. Of more than ``MOST_SAMPLES`` as many are taken, evenly spaced.
    add_bias : bool
        Give layers without bias one of zeros.

    Returns
    -------
    ModelSource
        Layers have the names that they had; what was done is in its ``edits``.

    Raises
    ------
    MissingToolError
        TensorFlow is not installed.
    ConversionError
        A layer has no int8 form, or TensorFlow refuses the model; the message names the layer or the reason.
    """
    name, model = source.name, load(source.data, source.name)
    sentences = dequantize_constants(model)
    graph = read_graph(model, name)
    weighted = [op for op in graph.operators if op.type in PARAMETER_OPERATORS]
    with_bias = source.with_bias
    if with_bias is None:
        with_bias = frozenset(op.index for op in weighted if _bias(op) >= 0)
    sentences += add_missing_biases(model, {op.index for op in weighted} if add_bias else with_bias)
    add_missing_biases(model, {op.index for op in weighted if op.type in _NEED_BIAS})  # which do not train
    used = _spread(samples)
    data, version = _run(dump(model), used, name)
    quantised = load(data, name)
    _refuse_floats(quantised, name)
    places = _places(weighted, quantised)
    if places is None and source.frozen:
        raise ConversionError(
            f"{name}: the layers with trainable=False cannot be found in what TensorFlow's quantisation made of it; "
            "say what trains, with --layers"
        )
    for before, after in (places or {}).items():
        operator = quantised.subgraphs[0].operators[after]
        quantised.subgraphs[0].tensors[operator.outputs[0]].name = graph.layer_name(graph.operators[before]).encode()
    sentences.append(f"quantised to int8 by TensorFlow {version}, with the ranges of {len(used)} samples")
    return source._replace(
        data=dump(quantised),
        with_bias=None if places is None else frozenset(places[i] for i in with_bias),
        frozen=frozenset((places or {})[i] for i in source.frozen),
        edits=(*source.edits, *sentences),
    )


def _bias(op: Operator) -> int:
    """Tensor of an operator's bias, -1 without one."""
    spec = OPERATORS[op.type]
    return -1 if spec.channel_axis is None else op.input(spec.position("b"))


def _places(weighted: Sequence[Operator], quantised: Any) -> dict[int, int] | None:
    """Operators with weights by their index before -> their index in the int8 file; None if these are others."""
    kinds = [builtin_name(quantised, op) for op in quantised.subgraphs[0].operators]
    found = [i for i, kind in enumerate(kinds) if kind in PARAMETER_OPERATORS]
    if [op.type for op in weighted] != [kinds[i] for i in found]:
        return None
    return {op.index: i for op, i in zip(weighted, found)}


def _spread(samples: np.ndarray) -> np.ndarray:
    """As many samples as are used, evenly spaced: files are often sorted by class."""
    if len(samples) <= MOST_SAMPLES:
        return samples
    return samples[np.linspace(0, len(samples) - 1, MOST_SAMPLES).astype(int)]


def _run(data: bytes, samples: np.ndarray, name: str) -> tuple[bytes, str]:
    """The int8 file, and TensorFlow's version."""
    hint = "; install it with: " + install_command("keras")
    if importlib.util.find_spec("tensorflow") is None:
        raise MissingToolError("quantising needs TensorFlow (it is not installed)" + hint)
    with tempfile.TemporaryDirectory(prefix="tflm_train_") as path:
        folder = Path(path)
        (folder / process.MODEL).write_bytes(data)
        np.save(folder / process.SAMPLES, samples)
        outcome = _in_own_process(folder)
        if "missing" in outcome:
            raise MissingToolError(f"quantising needs TensorFlow ({outcome['missing']}){hint}")
        if "refusal" in outcome:
            raise ConversionError(
                f"{name} cannot be quantised by TensorFlow: {outcome['refusal']}; train it in float32, without "
                "--quantize"
            )
        return (folder / process.RESULT).read_bytes(), outcome["version"]


def _in_own_process(folder: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", process.__name__, str(folder)]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    code = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, env=environment).returncode
    if code != 0:
        return {"refusal": "its quantiser crashed"}
    return dict(json.loads((folder / process.OUTCOME).read_text()))


def _refuse_floats(quantised: Any, name: str) -> None:
    """Everything between the model's ends is computed in integers."""
    graph = quantised.subgraphs[0]
    for op in graph.operators:
        kind, output = builtin_name(quantised, op), graph.tensors[op.outputs[0]]
        if output.type == schema.TensorType.FLOAT32 and kind != "DEQUANTIZE":
            layer = text(output.name).split(";")[0]
            raise ConversionError(
                f"{name}: layer {layer} ({kind}) would compute in float32 still, as TensorFlow's quantisation has no "
                "int8 form of it; train the model in float32, without --quantize"
            )
