"""Models that carry a training plan."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePath
from typing import Any

from .channel_statistics import check_statistics, with_statistics
from .commands import convert_command, plan_of
from .config import TrainingConfig
from .contribution import layers_within
from .converters import flatbuffer, model_writer
from .converters.c_array import C_SUFFIXES
from .converters.convert import convert as add_plan
from .converters.errors import ConversionError, PlanError, UserError
from .converters.files import write_atomically
from .converters.graph import sample_shape
from .converters.layer_choice import parameter_operators
from .converters.model_reader import read_graph
from .converters.model_source import check_model_name, needs_export, read_model
from .converters.options import OPTIONS, POLICY_OPTIONS
from .converters.plan_format import ForwardKind, Plan, ProgramKind
from .converters.quantize import float_graph
from .converters.quantize import quantize as quantize_source
from .errors import DeviceError
from .plan_lines import option_lines, size_lines
from .recipe import settle, with_alignment
from .representative import check_quantize, representative_samples
from .sizes import Sizes, native_arena_bytes, plan_sizes


@dataclass(frozen=True, repr=False)
class TrainableModel:
    """A ``.tflite`` file with a training plan; every stock runtime still runs it.

    Attributes
    ----------
    data : bytes
        The file.
    name : str
        Of the model, for messages.
    plan : Plan
    path : str, optional
        Of its file, where it came from one.
    edits : list of str
        What ``convert`` changed besides adding the plan, one sentence each.
    notes : list of str
        What an option does less than it seems to, and what a Keras model chose where no option did, one sentence each.
    """

    data: bytes
    name: str
    plan: Plan
    edits: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    path: str | None = None

    def __repr__(self) -> str:
        sizes = self.sizes
        selector = self.plan.options["selector"]
        trained = f"{sizes.trainable_parameters:,} trainable parameters in {len(self.plan.layers)} layers"
        arena = native_arena_bytes(self.plan, self.has_external_body)
        return f"<TrainableModel {self.name}: {len(self.data):,} bytes, {trained}, {selector}, arena {arena:,} bytes>"

    @property
    def sizes(self) -> Sizes:
        """What training needs on the device, in bytes."""
        return plan_sizes(self.plan, len(model_writer.read_plan(self.data) or b""))

    @property
    def has_external_body(self) -> bool:
        """Whether the library runs only what lies behind the plan's cut."""
        return self.plan.has_external_body

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Of one sample, without the batch dimension."""
        if not self.has_external_body:
            return self._value_shape("input", ProgramKind.INFER)
        graph = flatbuffer.load(self.data, self.name).subgraphs[0]
        return sample_shape(tuple(int(d) for d in graph.tensors[graph.inputs[0]].shape))

    @property
    def cut_shape(self) -> tuple[int, ...]:
        """Of the activation at the cut, without the batch dimension.

        Raises
        ------
        PlanError
            The plan has no cut.
        """
        return self._value_shape("input", ProgramKind.INFER_FROM_CUT)

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Of one sample's output, without the batch dimension."""
        kind = ProgramKind.INFER_FROM_CUT if self.has_external_body else ProgramKind.INFER
        return self._value_shape("output", kind)

    @property
    def input_limit(self) -> int:
        """Rows of the table that the input is looked up in: samples are indices below it. 0: any numbers."""
        return int(self.plan.defaults["input_limit"])

    def _value_shape(self, which: str, kind: ProgramKind) -> tuple[int, ...]:
        program = self.plan.program(kind, ForwardKind.NATIVE)
        record = self.plan.values(program)[int(program[which])]
        return sample_shape(tuple(int(d) for d in record["dims"][: record["rank"]]))

    def convert_again(self, **changes: Any) -> str:
        """The command that gives this file a plan with other options, for messages.

        Parameters
        ----------
        **changes
            Options by their names in ``TrainingConfig``; the others stay as the plan has them.
        """
        from .plan_config import plan_config  # not above: the command line's `convert` needs none of it

        config = plan_config(self.plan)
        if config.layers == tuple(parameter_operators(read_graph(flatbuffer.load(self.data, self.name), self.name))):
            config = config.changed(layers=OPTIONS["layers"].default)
        config = config.with_policies(**{name: word for name, word in changes.items() if name in POLICY_OPTIONS})
        path = self.path or self.name
        output = str(PurePath(path).with_suffix(".tflite")) if PurePath(path).suffix.lower() in C_SUFFIXES else path
        return convert_command(path, config.changed(**changes), output)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the file, whole or not at all.

        Raises
        ------
        UserError
            The path cannot be written, or ends as files of C or Keras do.
        """
        check_model_name(path)
        write_atomically(path, self.data)

    def summary(self) -> str:
        """Sizes, training options and edits as readable lines."""
        pairs = option_lines(self.plan) + size_lines(asdict(self.sizes))
        width = max(len(label) for label, _ in pairs)
        lines = [f"{self.name}: {len(self.data):,} B", *(f"  {label:<{width}}  {value}" for label, value in pairs)]
        lines += [f"  edit: {edit}" for edit in self.edits] + [f"  note: {note}" for note in self.notes]
        return "\n".join(lines)


def convert(
    model: Any,
    config: TrainingConfig | None = None,
    quantize: str | None = None,
    representative: Any = None,
    probe: tuple[Any, Any] | None = None,
    statistics: Any = None,
) -> TrainableModel:
    """Add a training plan to a model.

    Parameters
    ----------
    model : path, bytes or Keras model
        A ``.tflite``, ``.keras`` or ``.h5`` file, a SavedModel folder, a C file that holds the bytes of a ``.tflite``,
        such bytes, or a model of Keras 3 or Keras 2 (``tf_keras``).
    config : TrainingConfig, optional
        What to train and how. Where loss or layers are ``auto``, a Keras model's ``compile`` and ``trainable`` count.
    quantize : {"int8"}, optional
        Make a full-integer model of a float32 one first, by TensorFlow's post-training quantisation.
    representative : array_like or tf.data.Dataset, optional
        Samples for ``quantize``, as for ``Trainer.predict``: the ranges of activations are taken from them. Some
        hundred of the training samples do, and no more are used.
    probe : tuple of array_like, optional
        Labelled samples ``(x, y)`` for ``layers="auto:BYTES"``, which trains the layers that gain most on them in so
        much RAM.
    statistics : array_like or tf.data.Dataset, optional
        Samples for ``align="guarded"``, as for ``Trainer.predict``, some hundred of those that the model was trained
        on: their means and deviations, channel by channel, are what others are brought back to.

    Returns
    -------
    TrainableModel

    Raises
    ------
    ConversionError
        The model cannot be read or trained, or the device library refuses it; the message names the layer, the reason
        and an alternative.
    MissingToolError
        A Keras model, or ``quantize``, without TensorFlow installed.
    UserError
        One of ``quantize`` and ``representative``, or of ``align`` and ``statistics``, without the other, or samples
        that do not fit.
    """
    config = config or TrainingConfig()
    config = with_alignment(config, statistics is not None)
    check_statistics(config, statistics)
    if check_quantize(quantize, representative):
        source = read_model(model)
        samples = representative_samples(float_graph(source), representative)
        model = quantize_source(source, samples, config.add_bias)
    source = read_model(model)
    config, chosen = layers_within(source, config, probe)
    config, decisions = settle(source, config)
    result = add_plan(source, config)
    notes = [*chosen, *map(str, decisions), *result.notes]
    converted = TrainableModel(result.data, result.name, result.plan, list(result.edits), notes)
    _check_on_device(converted)
    return with_statistics(converted, statistics) if converted.plan.aligned else converted


def _check_on_device(model: TrainableModel) -> None:
    """No file leaves that its own device refuses: the library loads it as every device will."""
    from .devices.native import NativeDevice  # not above: devices hold models

    try:
        for from_cut in {model.has_external_body, model.plan.cut is not None}:
            NativeDevice(model, from_cut=from_cut).close()
    except DeviceError as error:
        raise ConversionError(
            f"{error}: the device refuses what was made of this model, which is a fault of the converter; train fewer "
            "layers (--layers), or report it with the file"
        ) from None
    except MemoryError:
        needed = max(model.sizes.arena_bytes.values())
        raise ConversionError(
            f"training {model.name} needs an arena of {needed} bytes, more than this computer has; train fewer layers "
            "(--layers)"
        ) from None


def load_model(model: TrainableModel | str | os.PathLike[str] | bytes) -> TrainableModel:
    """A model with its plan, from a file, from its bytes or as it is.

    Raises
    ------
    UserError
        The file cannot be read, or it has no training plan.
    """
    if isinstance(model, TrainableModel):
        return model
    if isinstance(model, (bytes, bytearray, memoryview)):
        data, name, path = bytes(model), "the model", None
    elif isinstance(model, (str, os.PathLike)):
        path = os.fspath(model)
        if needs_export(model) and os.path.exists(path):
            raise PlanError(_no_plan(path))
        data, name = read_model(model).data, Path(model).name
    else:
        raise UserError(
            f"a model must be a TrainableModel, a path or bytes, not {type(model).__name__}; convert it first"
        )
    with plan_of(path):
        plan = model_writer.load_plan(data, name)
    if plan is None:
        raise PlanError(_no_plan(path or name))
    return TrainableModel(data, name, plan, path=path)


def _no_plan(path: str) -> str:
    return f"{Path(path).name} has no training plan; add one with `{convert_command(path)}`"
