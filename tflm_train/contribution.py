"""What training a layer would gain, from one pass over labelled samples, and the layers that gain most in a budget.

The score of weights is the squared norm of their mean gradient: what a step of SGD takes from the loss for each unit of
learning rate, by the first term of its Taylor series (as the tensor importance of ElasticTrainer, MobiSys 2023, whose
step is SGD's here). It is measured on the weights as they are, and says nothing of later steps.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .converters import flatbuffer, model_reader, model_writer
from .converters.convert import convert as add_plan
from .converters.dequantize import dequantize_constants
from .converters.errors import ConversionError
from .converters.layer_choice import BIAS, parameter_operators
from .converters.layer_names import layer_names
from .converters.model_source import ModelSource, read_model
from .converters.plan_format import NONE_INDEX, TRAINER_BYTES, Plan
from .converters.trainability import choose_layers
from .errors import UserError
from .sizes import native_arena_bytes

if TYPE_CHECKING:
    from .config import TrainingConfig

SAMPLES = 256  # are enough: a mean gradient of more differs little

_BUDGET = re.compile(r"auto:(\d+)(KB)?")
_Progress = Callable[[str, int, int], None]


def _silent(what: str, done: int, total: int) -> None:
    """No progress is shown."""


@dataclass(frozen=True)
class Contribution:
    """Of a layer.

    Attributes
    ----------
    operator : int
    name : str
        As ``tflm-train inspect`` prints it.
    weights, bias : float
        Scores of either; 0 where there is none.
    weights_ram_bytes, bias_ram_bytes : int
        What a device needs to train this layer whole, or its bias, and no other: arena and ``Trainer`` object.
    """

    operator: int
    name: str
    weights: float
    bias: float
    weights_ram_bytes: int
    bias_ram_bytes: int

    @property
    def score(self) -> float:
        """Of the layer as a whole."""
        return self.weights + self.bias


def ram_budget(layers: Any) -> int | None:
    """Bytes of ``layers="auto:BYTES"``; None if it is something else.

    Raises
    ------
    UserError
        ``auto:`` without a number of bytes.
    """
    if not isinstance(layers, str) or not layers.startswith("auto:"):
        return None
    found = _BUDGET.fullmatch(layers)
    if found is None:
        raise UserError(f"--layers {layers}: give the RAM in bytes, as in auto:65536, or auto:64KB")
    return int(found[1]) * (1024 if found[2] else 1)


def contributions(
    source: ModelSource, config: "TrainingConfig", x: Any, y: Any, progress: _Progress = _silent
) -> list[Contribution]:
    """Scores of all layers that can train, in execution order.

    Parameters
    ----------
    source : ModelSource
    config : TrainingConfig
        Its ``layers`` are left aside.
    x, y : array_like
        As for ``Trainer.fit``; the first 256 samples count.
    progress : callable
        (what, done, total).

    Raises
    ------
    UserError
        The model cannot train, or the samples do not fit.
    """
    from .model import TrainableModel  # not above: it asks this module
    from .trainer import Trainer

    layers = _all_that_train(source, config)
    single = config.with_policies(replay="none", align="none")  # which take layers in front of those that train
    count = min(SAMPLES, len(x))
    plain = {"selector": "dense", "gate": "always", "optimizer": "sgd", "schedule": "none", "replay": "none"}
    plain["align"] = "none"
    probe = config.with_policies(**plain, gradient="exact").changed(layers=layers, accumulate=count + 1)
    result = add_plan(source, probe, tflm=False)
    trainer = Trainer(TrainableModel(result.data, result.name, result.plan))
    gradients = trainer.mean_gradients(x[:count], y[:count])
    progress("probing", 1, 1)
    parameters = [float((g.astype(np.float64) ** 2).sum()) for g in gradients]
    names = layer_names(result.graph)
    found = []
    for done, layer in enumerate(result.plan.layers):
        index = int(layer["operator"])
        weights, bias = (parameters[int(layer[k])] if layer[k] != NONE_INDEX else 0.0 for k in ("weight", "bias"))
        whole = _ram_bytes(source, single, [index])
        alone = _ram_bytes(source, single, [f"{index}:{BIAS}"]) if bias > 0 else whole
        found.append(Contribution(index, names[index], weights, bias, whole, alone))
        progress("planning", done + 1, len(result.plan.layers))
    return found


def contributions_of(model: Any, samples: tuple[Any, Any], progress: _Progress = _silent) -> list[dict[str, Any]]:
    """``contributions`` of a file as ``inspect`` prints them; of one with a plan under the plan's options.

    Parameters
    ----------
    model : path, bytes or Keras model
        As ``convert`` takes it.
    samples : tuple of array_like
        (x, y).
    progress : callable
    """
    from .config import TrainingConfig
    from .plan_config import plan_config

    source = read_model(model)
    plan = model_writer.load_plan(source.data, source.name)
    config = TrainingConfig() if plan is None else plan_config(plan)
    return [asdict(score) for score in contributions(source, config, samples[0], samples[1], progress)]


def choose_within(
    source: ModelSource, config: "TrainingConfig", scores: Sequence[Contribution], budget: int
) -> list[str | int]:
    """Layers as ``TrainingConfig.layers`` has them, whose training takes no more RAM than the budget.

    Layers are taken by their score for each byte that they need beyond the least of all, each where the plan of all
    together still fits; of one that does not fit whole the bias alone, where that does.

    Raises
    ------
    ConversionError
        Not even one layer fits.
    """
    least = min(score.bias_ram_bytes for score in scores)
    if least > budget:
        raise ConversionError(
            f"{source.name}: --layers auto:{budget}: training the bias of one layer takes {least} bytes of RAM "
            "at the least; give that much"
        )
    chosen: list[str | int] = []
    for score in sorted(scores, key=lambda s: -s.score / (s.weights_ram_bytes - least + 1)):
        for item in (score.operator, f"{score.operator}:{BIAS}"):
            if score.score > 0 and _fits(source, config, [*chosen, item], budget):
                chosen.append(item)
                break
    if not chosen:
        raise ConversionError(
            f"{source.name}: --layers auto:{budget}: all gradients of the samples are zero; give samples as those it "
            "will train on"
        )
    return sorted(chosen, key=_operator)


def layers_within(
    source: ModelSource, config: "TrainingConfig", probe: Any, progress: _Progress = _silent
) -> tuple["TrainingConfig", list[str]]:
    """The configuration with layers in the place of ``auto:BYTES``, and a sentence on the choice.

    Parameters
    ----------
    source : ModelSource
    config : TrainingConfig
    probe : tuple of array_like or None
        Labelled samples (x, y).
    progress : callable

    Raises
    ------
    UserError
        Samples without a budget, or a budget without samples; nothing fits.
    """
    budget = ram_budget(config.layers)
    if budget is None and probe is not None:
        raise UserError("probe (--probe) has no effect with these layers; give --layers auto:BYTES with it")
    if budget is None:
        return config, []
    if probe is None:
        raise UserError(
            f"layers={config.layers!r} (--layers) asks which layers gain most, and that needs labelled samples: give "
            "probe=(x, y) (--probe D.npz)"
        )
    scores = contributions(source, config, probe[0], probe[1], progress)
    chosen = choose_within(source, config, scores, budget)
    names = {score.operator: score.name for score in scores}
    listed = ", ".join(names[_operator(item)] + f":{BIAS}" * isinstance(item, str) for item in chosen)
    needed = _ram_bytes(source, config, chosen)
    config = config.changed(layers=chosen)
    return config, [f"layers that gain most in {budget} bytes of RAM: {listed} ({needed} bytes)"]


def _operator(item: str | int) -> int:
    """Of a layer as ``TrainingConfig.layers`` has it by index."""
    return int(str(item).split(":")[0])


def _ram_bytes(source: ModelSource, config: "TrainingConfig", layers: Sequence[str | int]) -> int:
    return _ram_of(add_plan(source, config.changed(layers=layers), tflm=False).plan)


def _ram_of(plan: Plan) -> int:
    return native_arena_bytes(plan, plan.has_external_body) + TRAINER_BYTES


def _fits(source: ModelSource, config: "TrainingConfig", layers: Sequence[str | int], budget: int) -> bool:
    try:
        return _ram_bytes(source, config, layers) <= budget
    except ConversionError:  # a layer that does not train together with the others
        return False


def _all_that_train(source: ModelSource, config: "TrainingConfig") -> list[str | int]:
    """All layers, or as many from the output as can train."""
    model = flatbuffer.load(source.data, source.name)
    dequantize_constants(model)
    graph = model_reader.read_graph(model, source.name)
    candidates = parameter_operators(graph)
    for first in range(len(candidates)):
        try:
            choose_layers(graph, candidates[first:], config.cut)
        except ConversionError:
            continue
        return list(candidates[first:])
    choose_layers(graph, "all", config.cut)  # says why not
    return []
