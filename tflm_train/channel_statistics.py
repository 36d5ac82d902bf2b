"""Mean and deviation of each channel of the layers that ``align`` brings back, measured at conversion."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from .converters import flatbuffer, model_writer
from .converters.alignment import write_statistics
from .converters.layer_names import layer_names
from .converters.model_reader import read_graph
from .converters.plan_format import decode, encode
from .converters.policies import Align
from .data import check_inputs
from .errors import UserError
from .input_type import InputType
from .streams import as_arrays

if TYPE_CHECKING:
    from .config import TrainingConfig
    from .model import TrainableModel

FEWEST = 16  # samples
CHUNK = 256  # samples whose sums are of float32


def check_statistics(config: "TrainingConfig", statistics: Any) -> None:
    """Raises ``UserError`` where samples are given without ``align``, or the other way round."""
    aligns = Align.chosen(config) != Align.NONE
    if aligns and statistics is None:
        raise UserError(
            f"align={config.align!r} (--align) needs samples, by whose statistics others are aligned; give them with "
            "statistics=x (--statistics D.npz): some hundred of those that the model was trained on, labels are not "
            "needed"
        )
    if statistics is not None and not aligns:
        raise UserError("statistics (--statistics) has no effect alone; give align='guarded' (--align guarded) with it")


def aligned_names(model: "TrainableModel") -> tuple[str, ...]:
    """Names of the layers that the plan aligns, in execution order."""
    names = layer_names(read_graph(flatbuffer.load(model.data, model.name), model.name))
    return tuple(names[model.plan.step_operators(step)[0]] for step in model.plan.aligned)


def with_statistics(model: "TrainableModel", x: Any) -> "TrainableModel":
    """The model, its plan with the statistics of samples.

    Parameters
    ----------
    model : TrainableModel
        With a plan that aligns.
    x : array_like or tf.data.Dataset
        Samples as for ``Trainer.predict``.

    Raises
    ------
    UserError
        Samples of another shape, too few, or such that give NaN or infinity.
    """
    samples = _samples(model, x)
    means = _moments(model, samples)
    centred = _written(model, {index: (mean, np.zeros_like(mean)) for index, (mean, _) in means.items()})
    found = {}
    for index, (distance, square) in _moments(centred, samples).items():
        mean = means[index][0] + distance
        found[index] = mean, np.sqrt(np.maximum(square - distance**2, 0))
    return _written(model, found)


def _samples(model: "TrainableModel", x: Any) -> np.ndarray:
    name = "the statistics' x"
    array = as_arrays(x, None, model.input_shape, name)[0]
    samples = check_inputs(array, model.input_shape, name, model.input_limit)
    if len(samples) < FEWEST:
        raise UserError(
            f"{name} holds {len(samples)} samples, too few for means and deviations: give {FEWEST} or more, some "
            "hundred at best"
        )
    kind = InputType.of_file(model.data, model.name)
    return kind.numbers(samples) if kind.is_raw(array) else samples


def _written(model: "TrainableModel", statistics: dict[int, tuple[np.ndarray, np.ndarray]]) -> "TrainableModel":
    plan = decode(encode(model.plan))
    write_statistics(plan, statistics)
    return replace(model, data=model_writer.add_plan(flatbuffer.load(model.data, model.name), encode(plan)), plan=plan)


def _moments(model: "TrainableModel", samples: np.ndarray) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Of each layer's channels the mean distance from the plan's mean, and that of its square: as deviations are 0 in
    the plan, nothing is corrected on the way."""
    from .devices.native import NativeDevice  # not above: devices hold models

    device, total = NativeDevice(model), np.zeros(model.plan.align_bytes // 4)
    for begin in range(0, len(samples), CHUNK):
        device.forget_alignment()
        device.measure(samples[begin : begin + CHUNK])
        total += device.alignment_sums().astype(np.float64)
    device.close()
    found, begin = {}, 0
    for step in model.plan.aligned:
        channels = int(step["word_count"]) // 2
        part = total[begin : begin + 2 * channels] / len(samples)
        found[model.plan.step_operators(step)[0]] = part[:channels], part[channels:]
        begin += 2 * channels
    return found
