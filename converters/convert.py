"""From a model to an augmented ``.tflite``."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import edits, fingerprint, flatbuffer, model_reader, model_writer
from .errors import ConversionError, UserError
from .graph import Graph
from .plan_builder import PlanBuilder
from .plan_format import Plan, encode
from .trainability import TrainedLayers, choose_layers

if TYPE_CHECKING:
    from ..config import TrainingConfig

KERAS_SUFFIXES = (".keras", ".h5", ".hdf5")


@dataclass(frozen=True)
class Result:
    """An augmented model.

    Attributes
    ----------
    data : bytes
        The ``.tflite`` file.
    name : str
        Of the model, for messages.
    plan : Plan
    edits : list of str
        One sentence for every change of the model besides the added metadata.
    notes : list of str
        One sentence for every option that does less than it seems to.
    graph : Graph
    layers : TrainedLayers
    """

    data: bytes
    name: str
    plan: Plan
    edits: list[str]
    notes: list[str]
    graph: Graph
    layers: TrainedLayers


def read_model(model: Any) -> tuple[bytes, str, frozenset[int] | None]:
    """Bytes of a ``.tflite``, the model's name, and of a Keras model the operators whose layers have a bias.

    Parameters
    ----------
    model : path, bytes or Keras model

    Raises
    ------
    UserError
        The file does not exist or cannot be read.
    """
    if isinstance(model, (bytes, bytearray, memoryview)):
        return bytes(model), "model", None
    if isinstance(model, (str, os.PathLike)):
        path = Path(model)
        if path.suffix.lower() not in KERAS_SUFFIXES:
            try:
                return path.read_bytes(), path.name, None
            except OSError as error:
                raise UserError(
                    f"{path}: cannot be read ({error.strerror}); give an existing .tflite, .keras or .h5 file"
                ) from None
        if not path.exists():
            raise UserError(f"{path}: no such file; give an existing .tflite, .keras or .h5 file")
    from .keras_export import export_keras

    return export_keras(model)


def convert(model: Any, config: "TrainingConfig", tflm: bool = True) -> Result:
    """Add a training plan to a model.

    Parameters
    ----------
    model : path, bytes or Keras model
        A float32 ``.tflite`` or a Keras model.
    config : TrainingConfig
    tflm : bool
        Also plan training under TensorFlow Lite Micro's forward pass.

    Raises
    ------
    UserError
        The model cannot be read or trained as asked; the message names the layer, the reason and the way out.
    """
    data, name, with_bias = read_model(model)
    source = flatbuffer.load(data, name)
    layers = choose_layers(model_reader.read_graph(source, name), config.layers)
    if with_bias is not None and not config.add_bias:  # a Keras layer has the bias that it says, whatever the file has
        layers = replace(layers, without_bias=layers.trained - with_bias)
    changes = edits.unshare_constants(source, layers.trained, layers.without_bias)
    if with_bias is not None or config.add_bias:
        changes += edits.add_missing_biases(source, layers.trained - layers.without_bias)
    graph = model_reader.read_graph(source, name)
    builder = PlanBuilder(graph, layers, config, tflm)
    plan = builder.build()
    tensors = plan.parameters["tensor"].tolist()
    if not tensors:
        raise ConversionError(f"{name} has no trainable parameters")
    plan.fingerprint = fingerprint.fingerprint(source, tensors)
    plan.weights_crc = fingerprint.weights_crc(source, tensors)
    return Result(model_writer.add_plan(source, encode(plan)), name, plan, changes, builder.notes, graph, layers)
