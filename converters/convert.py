"""From a model to an augmented ``.tflite``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from . import edits, fingerprint, flatbuffer, model_reader, model_writer, spare_classes
from .cut import named_cut
from .dequantize import dequantize_constants
from .errors import ConversionError
from .graph import Graph
from .layer_choice import layers_with_bias, parameter_operators
from .layer_names import layer_names
from .loss_end import choose_loss
from .model_source import ModelSource, read_model
from .plan_builder import PlanBuilder
from .plan_format import Plan, encode
from .policies import Replay
from .trainability import TrainedLayers, choose_layers

if TYPE_CHECKING:
    from ..config import TrainingConfig


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
        One sentence for every option that does less than it seems to, or that a Keras model chose.
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


def convert(model: Any, config: "TrainingConfig", tflm: bool = True) -> Result:
    """Add a training plan to a model.

    Parameters
    ----------
    model : path, bytes, Keras model or ModelSource
        See ``model_source``.
    config : TrainingConfig
    tflm : bool
        Also plan training under TensorFlow Lite Micro's forward pass.

    Raises
    ------
    UserError
        The model cannot be read or trained as asked; the message names the layer, the reason and the way out.
    """
    found = read_model(model)
    name, with_bias = found.name, found.with_bias
    source = flatbuffer.load(found.data, name)
    changes = [*found.edits, *dequantize_constants(source)]
    config, defaults = _with_keras_defaults(model_reader.read_graph(source, name), found, config)
    graph = model_reader.read_graph(source, name)
    if config.spare_classes:
        head = spare_classes.find_head(graph)
        changes += spare_classes.widen(source, graph, head, config.spare_classes)
        graph = model_reader.read_graph(source, name)
        with_bias = None if with_bias is None else with_bias | {head.operator}
    biased = layers_with_bias(graph, config.add_bias)
    if with_bias is not None and not config.add_bias:  # a Keras layer has the bias that it says, whatever the file has
        biased = layers_with_bias(graph, all_may=True) & with_bias
    layers = choose_layers(graph, config.layers, config.cut, biased, replays(config))
    if with_bias is not None and not config.add_bias:
        layers = replace(layers, without_bias=layers.trained - with_bias)
    changes += edits.unshare_constants(source, layers.trained, layers.without_bias, layers.only_bias)
    if with_bias is not None or config.add_bias:
        changes += edits.add_missing_biases(source, layers.trained - layers.without_bias)
    graph = model_reader.read_graph(source, name)
    builder = PlanBuilder(graph, layers, config, tflm)
    plan = builder.build()
    if plan.replay_bytes >> 32:
        raise ConversionError(
            f"{name}: {config.slots:,} slots (--slots) for activations take {plan.replay_bytes:,} bytes, more than a "
            "plan can count; give fewer, or cut where the tensor is smaller (--cut)"
        )
    tensors = plan.parameters["tensor"].tolist()
    if not tensors:
        raise ConversionError(f"{name} has no trainable parameters")
    plan.fingerprint = fingerprint.fingerprint(source, tensors)
    plan.weights_crc = fingerprint.weights_crc(source, tensors)
    return Result(
        model_writer.add_plan(source, encode(plan)), name, plan, changes, defaults + builder.notes, graph, layers
    )


def replays(config: "TrainingConfig") -> bool:
    """Whether the plan keeps activations at its cut."""
    return Replay.chosen(config) != Replay.NONE


def _with_keras_defaults(
    graph: Graph, found: ModelSource, config: "TrainingConfig"
) -> tuple["TrainingConfig", list[str]]:
    """Loss and layers as a Keras model has them, where no option says otherwise, and a sentence on each."""
    notes: list[str] = []
    changes: dict[str, Any] = {}
    if config.layers == "auto" and found.frozen:
        first = 0 if config.cut == "auto" or replays(config) else named_cut(graph, config.cut).first_operator
        names, candidates = layer_names(graph), [index for index in parameter_operators(graph) if index >= first]
        trained = [index for index in candidates if index not in found.frozen]
        frozen = ", ".join(names[index] for index in candidates if index in found.frozen)
        if candidates and not trained:
            where = f" behind --cut {config.cut}" if first else ""
            raise ConversionError(
                f"{found.name}: all layers{where} have trainable=False in the Keras model; say what trains: --layers "
                "all, or such as --layers last:1"
            )
        if frozen:
            changes["layers"] = trained
            notes.append(f"not trained, as trainable=False in the Keras model: {frozen} (--layers all trains them)")
    if config.loss == "auto" and found.compiled_with is not None:
        refusal = "this release has no such loss" if found.loss is None else _why_not(graph, found.loss)
        if refusal is None:
            changes["loss"] = found.loss
            notes.append(f"loss {found.loss}: the Keras model was compiled with {found.compiled_with}")
        else:
            notes.append(
                f"the Keras model was compiled with {found.compiled_with}, which does not train here ({refusal}): the "
                "loss is chosen by the model's end instead"
            )
    return config.changed(**changes), notes


def _why_not(graph: Graph, loss: str) -> str | None:
    try:
        choose_loss(graph, loss)
    except ConversionError as error:
        return str(error).split(";")[0]
    return None
