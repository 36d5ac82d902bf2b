"""The training options, each in one place: type, range, default, name on the command line, and whom it serves.

``TrainingConfig``, the command line, ``Trainer.set_options`` and the plan's record of defaults all read this table.
Numbers are stored on the device as float32, so a value is judged as the float32 that it becomes: ``1e39`` is infinite
and ``1e-46`` zero there. What passes here passes the device's own check (``CheckOptions`` of the C++ library).
"""

from __future__ import annotations

import math
import numbers
import re
import reprlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .errors import UserError
from .gradients import LARGEST_FILTER, is_gradients
from .policies import Align, Gate, Gradient, Loss, Optimizer, Policy, Recipe, Replay, Schedule, Selector, Update

LOSSES = tuple(sorted(dict.fromkeys(loss.word for loss in Loss), key=lambda word: word != "auto"))
SELECTORS = tuple(selector.word for selector in Selector)
SIZE = re.compile(r"(\d+)(KB|MB)?")
UNITS = {None: 1, "KB": 1024, "MB": 1024 * 1024}
MAX_ACCUMULATE = 65535
MAX_SLOTS = 65535
MAX_ALIGN_SAMPLES = 65535
REPLAY_TYPES = ("int8", "float32")
ERRORS = ("float32", "int16", "auto")
UPDATES = tuple(update.word for update in Update if update.has_object)
_SPARSE = tuple(selector for selector in Selector if selector.has_object)
_TINYPROP = (Selector.TINYPROP,)
_GATES = tuple(gate for gate in Gate if gate.has_object)


@dataclass(frozen=True, kw_only=True)
class Option:
    """A training option.

    Attributes
    ----------
    name : str
        In ``TrainingConfig`` and ``Trainer.set_options``.
    flags : tuple of str
        On the command line.
    help : str
        For the command line.
    details : str
        What the documentation of ``TrainingConfig`` says in its place, if that is more.
    metavar : str or None
        What the command line calls its value.
    default : object
    rule : str
        Its type and range in words, for messages.
    read : callable
        Value -> the value as it is kept; TypeError where it is of another type.
    low, high : float
        Range of a number.
    words : tuple of str
        What a word may be; empty: anything.
    grammar : callable or None
        Whether a string is good, where no list of words says it.
    at_least : str or None
        Another option, which a number may not lie below.
    code : str or None
        NumPy's code of what the device keeps, and lets be changed between steps; None: it only shapes the plan.
    policies : tuple of Policy
        Those that it has an effect with, any of them; empty: with all.
    """

    name: str
    flags: tuple[str, ...]
    help: str
    details: str = ""
    metavar: str | None = None
    default: Any
    rule: str
    read: Callable[[Any], Any]
    low: float = 0
    high: float = 1
    words: tuple[str, ...] = ()
    grammar: Callable[[str], bool] | None = None
    at_least: str | None = None
    code: str | None = None
    policies: tuple[Policy, ...] = ()

    @property
    def type(self) -> type:
        """Of a value on the command line."""
        return _TYPES.get(self.read, str)

    def good(self, kept: Any) -> bool:
        """Whether a value lies in the range, which is judged on what the device keeps."""
        if isinstance(kept, str):
            return kept in self.words if self.words else self.grammar is None or self.grammar(kept)
        if isinstance(kept, tuple):
            return True
        return bool(self.low <= (stored(kept) if isinstance(kept, float) else kept) <= self.high)

    def device_number(self, value: Any) -> Any:
        """The number that the device keeps for a value."""
        return self.words.index(value) if self.words else value

    def from_device(self, number: Any) -> Any:
        """The value that a device's number stands for.

        Raises
        ------
        UserError
            It stands for none.
        """
        if self.words and 0 <= number < len(self.words):
            return self.words[number]
        return self.check(bool(number) if self.read is _switch and number in (0, 1) else number)

    def check(self, value: Any) -> Any:
        """The value as it is kept: a Python number, switch or string.

        Raises
        ------
        UserError
            Another type, or outside the range.
        """
        try:
            kept = self.read(value)
        except TypeError:
            kept = None
        if kept is None:
            raise UserError(f"{self.name}={reprlib.repr(value)} is of the wrong type: give {self.rule}")
        if not self.good(kept):
            raise UserError(f"{self.name}={reprlib.repr(value)} is out of range: {self.rule}{_as_stored(kept)}")
        return kept


def _as_stored(value: Any) -> str:
    if not isinstance(value, float) or not math.isfinite(value) or 0 < stored(value) < float("inf"):
        return ""
    return f" (the device keeps it as float32, where it is {stored(value):g})"


def stored(value: float) -> float:
    """A number as the device has it, in float32."""
    with np.errstate(over="ignore"):
        return float(np.float32(value))


def _number(value: Any) -> float:
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Real):
        raise TypeError
    try:
        number = float(value)
    except OverflowError:  # a whole number beyond double: as infinite as on the device
        return math.inf
    return 0.0 if number <= 0 and stored(number) == 0 else number  # not -0.0: devices compare bits


def _whole(value: Any) -> int:
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Integral):
        raise TypeError
    return int(value)


def _switch(value: Any) -> bool:
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError
    return bool(value)


def _word(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return str(value)


def _size(value: Any) -> int:
    """Bytes, as a whole number or as text with a unit."""
    if not isinstance(value, str):
        return _whole(value)
    found = SIZE.fullmatch(value)
    if found is None:
        raise TypeError
    return int(found[1]) * UNITS[found[2]]


def _layers(value: Any) -> str | tuple[str | int, ...]:
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Mapping) or not isinstance(value, Iterable):
        raise TypeError
    return tuple(item if isinstance(item, str) else _whole(item) for item in value)


def _one_of(words: tuple[str, ...]) -> str:
    return f"one of {', '.join(words)}"


def _layer(value: Any) -> str | int:
    return value if isinstance(value, str) else _whole(value)


def _policy(kind: type[Policy], help: str, code: str | None = "<u4", details: str = "") -> list[Option]:
    """The option that chooses a policy of a kind: none while there is only one."""
    words = tuple(policy.word for policy in kind)
    names = f"{', '.join(words[:-1])} or {words[-1]}: "
    option = Option(
        name=kind.field(),
        flags=(f"--{kind.field()}",),
        help=names + help,
        details=names + details if details else "",
        metavar=kind.__name__[0],
        default=words[0],
        rule=_one_of(words),
        read=_word,
        words=words,
        code=code,
    )
    return [option] if len(words) > 1 else []


_TYPES: dict[Any, type] = {_number: float, _whole: int, _switch: bool}
_PART = "a number above 0 and at most 1"
_ABOVE_0 = float(np.finfo(np.float32).smallest_subnormal)
_BELOW_1 = float(np.nextafter(np.float32(1), np.float32(0)))
_LARGEST = float(np.finfo(np.float32).max)
_YES_NO = "True or False"

OPTIONS: dict[str, Option] = {
    option.name: option
    for option in (
        Option(
            name="layers",
            flags=("--layers",),
            help="What trains; auto: all but layers that a Keras model has frozen.",
            metavar="auto|auto:BYTES|all|last:N|bias|NAME,...",
            details='"auto": all, but for those with trainable=False in a Keras model; "all", "last:N" (operators '
            "with parameters, counted from the output), or names or indices of operators as ``tflm-train "
            'inspect`` prints them. "bias" or "bias:N" trains of layers that nothing else names the bias alone, for '
            'which no activation is kept, "NAME:bias" that of one. A sequence, or one string with commas. '
            '"auto:BYTES" or "auto:64KB": what gains most on labelled samples (``convert``: probe) in so much RAM.',
            default="auto",
            rule="'auto', 'auto:BYTES', 'all', 'last:N', 'bias', or names or indices of operators",
            read=_layers,
        ),
        Option(
            name="cut",
            flags=("--cut",),
            help="Where the frozen body ends: programs that start there.",
            metavar="LAYER|TENSOR",
            details="Where the frozen body ends and the head begins: a layer or tensor by name, or an operator by "
            "index, whose output all of the head is computed from. The plan gets programs that start there, "
            'and all layers means all of the head. "auto": none, but in front of the trained layers where the '
            "library cannot run a layer of the body itself (recurrent, int8, custom): the body then runs in "
            "TensorFlow Lite Micro, on a PC in ai-edge-litert.",
            default="auto",
            rule="'auto', the name of a layer or tensor, or the index of an operator",
            read=_layer,
            low=0,
            high=65535,
        ),
        Option(
            name="loss",
            flags=("--loss",),
            help=f"auto (as a Keras model was compiled, else by the end), {', '.join(LOSSES[1:-1])} or {LOSSES[-1]}.",
            metavar="L",
            details='"auto": what a Keras model was compiled with, where that is one of these; else SOFTMAX at the '
            "end means cross entropy, LOGISTIC binary cross entropy; a linear end trains on cross entropy "
            "from logits for class labels and on mean squared error for vectors.",
            default="auto",
            rule=_one_of(LOSSES),
            read=_word,
            words=LOSSES,
        ),
        *_policy(Selector, "which elements of an error go on."),
        *_policy(Gate, "which samples train."),
        *_policy(
            Optimizer,
            "what a gradient makes of weights.",
            code=None,
            details="as Keras' of the same names, which keep none, one or two numbers beside each weight that trains "
            "(adam: beta_1 0.9, beta_2 0.999, epsilon 1e-7).",
        ),
        Option(
            name="momentum",
            flags=("--momentum",),
            help="momentum: part of the velocity that goes on.",
            metavar="F",
            details="momentum: part of the velocity that goes on: v <- momentum v - learning_rate gradient, w <- w + "
            "v.",
            default=0.9,
            rule="a number from 0 to 1",
            read=_number,
            code="<f4",
            policies=(Optimizer.MOMENTUM,),
        ),
        Option(
            name="update",
            flags=("--update",),
            help=f"{', '.join(UPDATES[:-1])} or {UPDATES[-1]}: how small steps reach int8 weights.",
            metavar="U",
            details='How a step that is smaller than a unit reaches an int8 weight: "int16-master" keeps a remainder '
            'beside it, one byte each; "stochastic" rounds up as often as the step is large; "nearest" rounds, and '
            "loses steps below half a unit. Nothing where weights are float32.",
            default=Update.INT16_MASTER.word,
            rule=_one_of(UPDATES),
            read=_word,
            words=UPDATES,
        ),
        Option(
            name="errors",
            flags=("--errors",),
            help=f"{', '.join(ERRORS[:-1])} or {ERRORS[-1]}: what the errors of int8 layers are.",
            metavar="E",
            details='What the errors of int8 layers are: "float32", or "int16", integers with one exponent for each '
            "tensor: half of the memory, and no floating-point unit is missed. An operator without a kernel for them "
            'converts. "auto": int16 where a command knows its board, and that has no such unit; else float32. Nothing '
            "where layers compute on float32.",
            default=ERRORS[0],
            rule=_one_of(ERRORS),
            read=_word,
            words=ERRORS,
        ),
        Option(
            name="gradient",
            flags=("--gradient",),
            help="exact, filter or centre-tap: gradient of convolutions; LAYER=filter:4, with commas, for single ones.",
            metavar="G|LAYER=G,...",
            details='How the gradient of a trained convolution is formed: "exact"; "filter" (gradient filtering: '
            "between patches of filter_size x filter_size outputs, whose inputs are kept summed, so that memory and "
            'work of the backward pass are a fraction; "filter:4" says the size too); or "centre-tap" (of one tap of a '
            'filter, which alone trains). Of single layers as "LAYER=filter:2", several with commas behind the form of '
            'the others: "filter,conv2d_3=exact".',
            default=Gradient.EXACT.word,
            rule=f"{', '.join(g.word for g in Gradient)}, filter:N, or LAYER=one of these, with commas",
            read=_word,
            grammar=is_gradients,
        ),
        Option(
            name="filter_size",
            flags=("--filter-size",),
            help="filter: outputs along a side of a patch, 2, 4 or 7 say.",
            metavar="N",
            default=2,
            rule=f"a whole number from 1 to {LARGEST_FILTER}",
            read=_whole,
            low=1,
            high=LARGEST_FILTER,
            policies=(Gradient.FILTER,),
        ),
        Option(
            name="stride_normalised",
            flags=("--stride-normalised/--stride-summed",),
            help="filter: sums of inputs are divided by a filter's strides; --stride-summed: the paper's form.",
            details="filter: sums over patches of the input are divided by stride_h * stride_w, so that the gradient "
            "of smooth inputs and errors is the exact one's; without it the paper's form, larger by that factor.",
            default=True,
            rule=_YES_NO,
            read=_switch,
            policies=(Gradient.FILTER,),
        ),
        Option(
            name="ratio",
            flags=("--ratio",),
            help="static-topk, error-map: part that is kept.",
            metavar="F",
            details="static-topk: part of a layer's errors that is kept; error-map: part of its output channels, those "
            "with the largest 2 |error| + |weights|, sums of magnitudes; weights that do not train count as 0.",
            default=0.1,
            rule=_PART,
            read=_number,
            low=_ABOVE_0,
            code="<f4",
            policies=(Selector.STATIC_TOPK, Selector.ERROR_MAP),
        ),
        Option(
            name="s_min",
            flags=("--s-min",),
            help="tinyprop: part kept at no error.",
            metavar="F",
            default=0.1,
            rule="a number from 0 to 1",
            read=_number,
            code="<f4",
            policies=_TINYPROP,
        ),
        Option(
            name="s_max",
            flags=("--s-max",),
            help="tinyprop: part kept at the largest error.",
            metavar="F",
            default=0.9,
            rule="a number from s_min to 1",
            read=_number,
            at_least="s_min",
            code="<f4",
            policies=_TINYPROP,
        ),
        Option(
            name="damping",
            flags=("--damping",),
            help="tinyprop: factor per layer below the loss.",
            metavar="F",
            default=0.9,
            rule=_PART,
            read=_number,
            low=_ABOVE_0,
            code="<f4",
            policies=_TINYPROP,
        ),
        Option(
            name="decay",
            flags=("--decay",),
            help="tinyprop, tinypropv2: factor of the running maximum.",
            metavar="F",
            details="tinyprop, tinypropv2: factor of the running maximum: S = (s_min + (s_max - s_min) Y / Ymax) "
            "damping^d, Ymax <- max(decay Ymax, Y).",
            default=0.99,
            rule=_PART,
            read=_number,
            low=_ABOVE_0,
            code="<f4",
            policies=(*_TINYPROP, Gate.TINYPROPV2),
        ),
        Option(
            name="output_sparse",
            flags=("--output-sparse/--output-dense",),
            help="Select in the output layer too.",
            details="Select in the output layer too (the paper's form; collapses with few classes).",
            default=False,
            rule=_YES_NO,
            read=_switch,
            code="<u4",
            policies=_SPARSE,
        ),
        Option(
            name="skip_threshold",
            flags=("--skip-threshold",),
            help="tinypropv2: largest part of the running maximum at which a sample is left out.",
            metavar="F",
            details="tinypropv2: a sample is left out where Y <= skip_threshold Ymax; Y is the sum of magnitudes of "
            "the error at the output, Ymax <- max(decay Ymax, Y).",
            default=0.5,
            rule="a number from 0 to 1",
            read=_number,
            code="<f4",
            policies=(Gate.TINYPROPV2,),
        ),
        Option(
            name="gate_threshold",
            flags=("--gate-threshold",),
            help="loss: a sample is left out where 1 - exp(-loss), 1 - p of its class for a cross entropy, is no more.",
            metavar="F",
            details="loss: a sample is left out where 1 - exp(-loss) <= gate_threshold. For a cross entropy that is "
            "1 - p, p being the probability of the sample's class, or the geometric mean of several; for any other "
            "loss, where it is small, the loss itself.",
            default=0.05,
            rule="a number from 0 to 1",
            read=_number,
            code="<f4",
            policies=(Gate.LOSS,),
        ),
        Option(
            name="gate_warmup",
            flags=("--gate-warmup",),
            help="Samples at the beginning that train whatever the gate says.",
            metavar="N",
            default=0,
            rule=f"a whole number from 0 to {MAX_ACCUMULATE}",
            read=_whole,
            high=MAX_ACCUMULATE,
            code="<u4",
            policies=_GATES,
        ),
        Option(
            name="gate_every",
            flags=("--gate-every",),
            help="Of so many samples in a row at least one trains; 0: as the gate says.",
            metavar="N",
            default=0,
            rule=f"a whole number from 0 to {MAX_ACCUMULATE}",
            read=_whole,
            high=MAX_ACCUMULATE,
            code="<u4",
            policies=_GATES,
        ),
        Option(
            name="learning_rate",
            flags=("--lr", "--learning-rate"),
            help="Learning rate.",
            metavar="F",
            default=0.01,
            rule="a positive finite number",
            read=_number,
            low=_ABOVE_0,
            high=_LARGEST,
            code="<f4",
        ),
        Option(
            name="clip",
            flags=("--clip",),
            help="Largest L2 norm of a sample's error at the output; 0: any.",
            metavar="F",
            details="Largest L2 norm of a sample's error at the output (of the logits, for a cross entropy): a larger "
            "one, its weight included, is scaled to it, in front of the gate. 0: none is.",
            default=0.0,
            rule="0, or a positive finite number",
            read=_number,
            high=_LARGEST,
            code="<f4",
        ),
        Option(
            name="accumulate",
            flags=("--accumulate",),
            help="Samples per update.",
            metavar="N",
            details="Samples per update; more than one reserves gradient buffers.",
            default=1,
            rule=f"a whole number from 1 to {MAX_ACCUMULATE}",
            read=_whole,
            low=1,
            high=MAX_ACCUMULATE,
            code="<u4",
        ),
        Option(
            name="zero_skip",
            flags=("--zero-skip/--no-zero-skip",),
            help="Errors that are exactly zero cost nothing.",
            details="Errors that are exactly zero cost nothing (same result).",
            default=True,
            rule=_YES_NO,
            read=_switch,
            code="<u4",
        ),
        *_policy(Schedule, "which samples take part in an epoch.", code=None),
        Option(
            name="schedule_threshold",
            flags=("--schedule-threshold",),
            help="remembered-loss: a sample is easy below this error 1 - p.",
            metavar="F",
            details="remembered-loss: a sample is easy while 1 - p is below it, with p the probability of its label "
            "(exp(-loss)): it sits out one epoch, then two, then four, forward pass included.",
            default=0.05,
            rule="a number from 0 to below 1",
            read=_number,
            high=_BELOW_1,
            policies=(Schedule.REMEMBERED_LOSS,),
        ),
        *_policy(Replay, "what is kept of samples to train on again.", code=None),
        Option(
            name="slots",
            flags=("--slots",),
            help="latent: activations that are kept.",
            metavar="N",
            details="latent: activations that are kept, at the cut: the narrowest tensor in front of the later half of "
            "the trained layers, behind which at most half of a forward pass lies, or the one that "
            "``cut`` names. Where there are more samples, a fair choice of each class stays.",
            default=256,
            rule=f"a whole number from 1 to {MAX_SLOTS}",
            read=_whole,
            low=1,
            high=MAX_SLOTS,
            policies=(Replay.LATENT,),
        ),
        Option(
            name="replay_type",
            flags=("--replay-type",),
            help="latent: int8 (with a scale for each activation) or float32.",
            metavar="T",
            default=REPLAY_TYPES[0],
            rule=_one_of(REPLAY_TYPES),
            read=_word,
            words=REPLAY_TYPES,
            policies=(Replay.LATENT,),
        ),
        Option(
            name="freeze_epoch",
            flags=("--freeze-epoch",),
            help="latent: epochs that train all layers; 0: a quarter of them.",
            metavar="N",
            details="latent: epochs that train all layers. Then those in front of the cut are frozen, activations are "
            "computed once more and kept, and the layers behind train on them. 0: a quarter of the epochs, at least "
            "one.",
            default=0,
            rule="a whole number from 0 to 65535",
            read=_whole,
            high=65535,
            policies=(Replay.LATENT,),
        ),
        *_policy(
            Recipe,
            "who chooses selector, schedule, replay and learning rate.",
            code=None,
            details='who chooses what no option says. "auto": TinyProp with a dense output layer, the schedule '
            "remembered-loss, latent replay if its memory fits ``ram``, and in ``fit`` a search for the learning rate; "
            "what cannot work with a model or its samples is left out, with a sentence that says why.",
        ),
        Option(
            name="ram",
            flags=("--ram",),
            help="recipe auto: RAM for arena, trainer and replay, as 65536 or 64KB; 0: no limit.",
            metavar="BYTES",
            details='recipe auto: RAM of the device for arena, ``Trainer`` object and replay, as 65536 or "64KB"; '
            "replay gets as many slots as it leaves. 0: no limit, and the default number of slots.",
            default=0,
            rule="a whole number of bytes, or one with KB or MB behind it",
            read=_size,
            high=2**32 - 1,
            policies=(Recipe.AUTO,),
        ),
        *_policy(
            Align,
            "whether statistics of activations are brought back in front of a run.",
            code=None,
            details="whether a run brings mean and deviation of each channel, in front of the activation function of "
            "layers whose weights and bias train, back to those of conversion (``convert``: statistics), by a factor "
            "and a shift that its weights and bias take over, and keeps that where it pays on labelled samples.",
        ),
        Option(
            name="align_samples",
            flags=("--align-samples",),
            help="guarded: samples to measure with, and as many others to judge by.",
            metavar="N",
            default=64,
            rule=f"a whole number from 1 to {MAX_ALIGN_SAMPLES}",
            read=_whole,
            low=1,
            high=MAX_ALIGN_SAMPLES,
            policies=(Align.GUARDED,),
        ),
        Option(
            name="align_margin",
            flags=("--align-margin",),
            help="guarded: accepted where accuracy rises by more.",
            metavar="F",
            details="guarded: accepted where accuracy on the samples to judge by rises by more; else no weight "
            "changes.",
            default=0.03,
            rule="a number from 0 to 1",
            read=_number,
            policies=(Align.GUARDED,),
        ),
        Option(
            name="spare_classes",
            flags=("--spare-classes",),
            help="Outputs more, for classes that the device is taught later; silent until then.",
            metavar="N",
            details="Outputs that the last layer gets besides, for classes that the device is taught later "
            "(``Trainer.teach``): of probability 0 for every input until then. For a float32 model that ends in a "
            "dense layer and trains on cross entropy.",
            default=0,
            rule="a whole number from 0 to 1024",
            read=_whole,
            high=1024,
        ),
        Option(
            name="add_bias",
            flags=("--add-bias",),
            help="Give trained layers without bias a bias of zeros.",
            details="Give trained operators of a ``.tflite`` without bias a bias of zeros.",
            default=False,
            rule=_YES_NO,
            read=_switch,
        ),
        Option(
            name="seed",
            flags=("--seed",),
            help="Of the sample order.",
            metavar="N",
            default=0,
            rule=f"a whole number from 0 to {2**32 - 1}",
            read=_whole,
            high=2**32 - 1,
        ),
    )
}


DEVICE_OPTIONS: dict[str, Option] = {name: option for name, option in OPTIONS.items() if option.code is not None}
"""Those that the device keeps, in the order of its record."""

POLICY_OPTIONS = frozenset(policy.field() for option in OPTIONS.values() for policy in option.policies)
"""Those that choose a policy which has options of its own."""


RUN_OPTIONS = (
    "schedule",
    "schedule_threshold",
    "replay",
    "freeze_epoch",
    "align",
    "align_samples",
    "align_margin",
)
"""Those of a run, above the trainer: what samples take part, and what comes in front of it."""

RECIPE_OPTIONS: dict[str, Any] = {
    "selector": Selector.TINYPROP.word,
    "clip": 1.0,
    "schedule": Schedule.REMEMBERED_LOSS.word,
    "replay": Replay.LATENT.word,
}
"""What the recipe makes of options that nobody gives, in the order in which it decides."""


def read_device_options(numbers: Mapping[str, Any]) -> dict[str, Any]:
    """Options by name from the numbers that a plan or a device keeps.

    Raises
    ------
    UserError
        A number stands for no value of its option.
    """
    return {name: option.from_device(numbers[name]) for name, option in DEVICE_OPTIONS.items()}


def device_numbers(options: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers that a device keeps, of those options that it has."""
    return {name: OPTIONS[name].device_number(value) for name, value in options.items() if name in DEVICE_OPTIONS}


def checked(values: Mapping[str, Any]) -> dict[str, Any]:
    """Options by name as they are kept.

    Raises
    ------
    UserError
        An unknown option, another type, or a value outside its range.
    """
    kept = {}
    for name, value in values.items():
        if name not in OPTIONS:
            raise UserError(f"there is no option {name!r}; there are {', '.join(sorted(OPTIONS))}")
        kept[name] = OPTIONS[name].check(value)
    for name in kept:
        low = OPTIONS[name].at_least
        if low in kept and stored(kept[low]) > stored(kept[name]):
            raise UserError(f"{name}={values[name]!r} is out of range: {OPTIONS[name].rule}, which is {values[low]!r}")
    return kept


def in_effect(name: str, options: Mapping[str, Any]) -> bool:
    """Whether an option matters under the policies that options name."""
    policies = OPTIONS[name].policies
    return not policies or any(policy.is_chosen(options[policy.field()]) for policy in policies)


def refuse_idle(names: Iterable[str], options: Mapping[str, Any]) -> None:
    """Refuse options that have no effect.

    Parameters
    ----------
    names : iterable of str
        Options that somebody gave.
    options : mapping
        Policies in force together with them, by the kinds' names.

    Raises
    ------
    UserError
        One of them belongs to another policy.
    """
    for name in names:
        if not in_effect(name, options):
            option = OPTIONS[name]
            kinds = dict.fromkeys(policy.field() for policy in option.policies)
            current = " and ".join(f"{kind} {options[kind]}" for kind in kinds)
            owners = " and ".join(
                f"{kind} {policy.word}" if len(kinds) > 1 else policy.word
                for kind in kinds
                for policy in option.policies
                if policy.field() == kind
            )
            first = option.policies[0]
            raise UserError(
                f"{name} ({option.flags[0]}) has no effect with {current}: it belongs to {owners}; "
                f"give {OPTIONS[first.field()].flags[0]} {first.word} with it, or leave it out"
            )
