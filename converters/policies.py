"""The policies that a plan names, once for Python and C++.

A policy is its member here and one file of the C++ library, ``policies/KIND/NAME.cpp``, that defines its object.
Everything that repeats it is generated: numbers, declarations, the set of all policies, the ``operators.h`` of a plan,
and the words of its option.
"""

from __future__ import annotations

import enum
from typing import Any, TypeVar

_Kind = TypeVar("_Kind", bound="Policy")


class Policy(enum.IntEnum):
    """A policy by its number, which is never given again.

    A kind of policy is a class of them. Its name is that of its interface in C++, and in small letters that of its
    folder, its header, and its option or field in the plan.
    """

    def __new__(cls, number: int, *_: Any) -> "Policy":
        """The members of some kinds say more than their number."""
        member = int.__new__(cls, number)
        member._value_ = number
        return member

    def __eq__(self, other: object) -> bool:
        """Policies of two kinds are two, whatever their numbers."""
        return int.__eq__(self, other) is True and (type(self) is type(other) or not isinstance(other, Policy))

    __hash__ = int.__hash__

    @classmethod
    def chosen(cls: type[_Kind], options: object) -> _Kind:
        """The one that options name; a kind with one policy has no option."""
        word = getattr(options, cls.field(), None)
        return next((policy for policy in cls if policy.word == word), cls(0))

    @property
    def word(self) -> str:
        """Its name as an option: ``static-topk``."""
        return self.name.lower().replace("_", "-")

    def is_chosen(self, value: str) -> bool:
        """Whether an option's value names it."""
        return value == self.word

    @property
    def has_object(self) -> bool:
        """Whether it is an object of the library, not just the absence of one."""
        return True

    @classmethod
    def field(cls) -> str:
        """The kind in small letters: ``selector``."""
        return cls.__name__.lower()


class Selector(Policy):
    """Which elements of an error go on."""

    DENSE = 0
    STATIC_TOPK = 1
    TINYPROP = 2
    ERROR_MAP = 3

    @property
    def has_object(self) -> bool:
        return self is not Selector.DENSE

    @property
    def takes_int8(self) -> bool:
        """Whether it chooses where weights are int8."""
        return self is not Selector.ERROR_MAP

    @property
    def takes_integers(self) -> bool:
        """Whether it chooses among errors of 16-bit integers too."""
        return self in (Selector.DENSE, Selector.STATIC_TOPK, Selector.TINYPROP)


class Targets(enum.Enum):
    """What labels a loss takes: a class number stands for a row in which that class is 1 and all others are 0."""

    CLASSES = enum.auto()  # rows of parts, from 0 to 1: softmax
    PARTS = enum.auto()  # outputs by themselves, from 0 to 1: sigmoid
    NUMBERS = enum.auto()  # any number for each output; the class number itself is the target of a single one
    BY_LABEL = enum.auto()  # CLASSES for class numbers, NUMBERS for vectors and single outputs


class Loss(Policy):
    """``p`` is what the loss reads (PROGRAM.loss_input); FROM_LOGITS: softmax or sigmoid is part of the loss.

    The error written is dL/dz at the logits for every cross entropy, dL/dp for the others. What it reads is
    rows of DEFAULTS.classes numbers; softmax cross entropies are means over rows, the others over outputs.
    AUTO_LINEAR: a class label means SOFTMAX_CROSS_ENTROPY_FROM_LOGITS, a vector MEAN_SQUARED_ERROR.

    Attributes
    ----------
    targets : Targets
    end : str
        Type of the operator at a model's end that is part of the loss: the error is that of its input. Empty: none.
    keras : tuple of str
        What Keras calls it, in small letters without underlines.
    """

    SOFTMAX_CROSS_ENTROPY = (
        0, "cross-entropy", Targets.CLASSES, "SOFTMAX", ("categoricalcrossentropy", "sparsecategoricalcrossentropy"),
    )  # fmt: skip
    SOFTMAX_CROSS_ENTROPY_FROM_LOGITS = 1, "cross-entropy", Targets.CLASSES
    BINARY_CROSS_ENTROPY = 2, "binary-cross-entropy", Targets.PARTS, "LOGISTIC", ("binarycrossentropy",)
    BINARY_CROSS_ENTROPY_FROM_LOGITS = 3, "binary-cross-entropy", Targets.PARTS
    MEAN_SQUARED_ERROR = 4, "mse", Targets.NUMBERS, "", ("meansquarederror", "mse")
    AUTO_LINEAR = 5, "auto", Targets.BY_LABEL
    MEAN_ABSOLUTE_ERROR = 6, "mae", Targets.NUMBERS, "", ("meanabsoluteerror", "mae")
    HUBER = 7, "huber", Targets.NUMBERS, "", ("huber", "huberloss")

    def __init__(self, number: int, word: str, targets: Targets, end: str = "", keras: tuple[str, ...] = ()) -> None:
        self._word, self.targets, self.end, self.keras = word, targets, end, keras

    @property
    def word(self) -> str:
        """Its name as an option; those of one name are chosen by the model's end."""
        return self._word

    @classmethod
    def of(cls, word: str, end: str = "") -> "Loss | None":
        """The loss of a name for models with this end: ``auto`` takes any of the end."""
        named = (loss for loss in cls if loss.end == end and (loss.word == word or (end and word == "auto")))
        return next(named, None)


class Gate(Policy):
    """Whether a sample trains, once its loss is known.

    Attributes
    ----------
    state_bytes : int
        Of its state, a multiple of 4: a part of the training state that starts from zeros.
    """

    ALWAYS = 0
    TINYPROPV2 = 1, 12
    LOSS = 2, 8

    def __init__(self, number: int, state_bytes: int = 0) -> None:
        self.state_bytes = state_bytes

    @property
    def has_object(self) -> bool:
        return self is not Gate.ALWAYS


class Optimizer(Policy):
    """What a gradient makes of weights. The plan has room for its state, so that it stays the plan's.

    Attributes
    ----------
    state_floats : int
        Numbers that it keeps for each weight: a part of the training state that starts from zeros.
    shared_floats : int
        Numbers that it keeps for all weights together, in front of those.
    """

    SGD = 0
    MOMENTUM = 1, 1
    ADAM = 2, 2, 2

    def __init__(self, number: int, state_floats: int = 0, shared_floats: int = 0) -> None:
        self.state_floats, self.shared_floats = state_floats, shared_floats

    @property
    def has_object(self) -> bool:
        return self is not Optimizer.SGD


class Update(Policy):
    """How a step that is smaller than a unit reaches weights that are integers; scales never change. The plan has room
    for its remainders and its state, so that it stays the plan's.

    Attributes
    ----------
    has_remainders : bool
        Of each weight, one signed byte in 1/256 of its unit.
    state_bytes : int
        Of its state, a multiple of 4: a part of the training state that starts from zeros.
    """

    FLOAT = 0, False  # no integers train
    INT16_MASTER = 1, True
    STOCHASTIC = 2, False, 4
    NEAREST = 3, False

    def __init__(self, number: int, has_remainders: bool, state_bytes: int = 0) -> None:
        self.has_remainders, self.state_bytes = has_remainders, state_bytes

    @property
    def has_object(self) -> bool:
        return self is not Update.FLOAT


class Schedule(Policy):
    """Which samples take part in an epoch. Chosen above the trainer, for each call that trains: no object of a set."""

    NONE = 0
    REMEMBERED_LOSS = 1


class Gradient(Policy):
    """How the gradient of a trained convolution is formed. Chosen at conversion: no object of a set. The option may say
    it for layers by name: see ``gradients.py``."""

    EXACT = 0
    FILTER = 1
    CENTRE_TAP = 2

    def is_chosen(self, value: str) -> bool:
        return any(item.rpartition("=")[2].strip().partition(":")[0] == self.word for item in value.split(","))


class Replay(Policy):
    """What is kept of samples to train on again. LATENT: activations at the plan's cut."""

    NONE = 0
    LATENT = 1


class Recipe(Policy):
    """Who chooses the other policies. AUTO: the library, by the model at conversion and by the samples of a run."""

    NONE = 0
    AUTO = 1


class Align(Policy):
    """Whether statistics of activations are brought back to those of conversion in front of a run. GUARDED: where that
    pays on samples that are held back. Chosen above the trainer, for each call that trains."""

    NONE = 0
    GUARDED = 1


class Accumulation(Policy):
    """What a group of samples makes of its gradients. The plan implies it: MEAN has buffers for gradients."""

    NONE = 0
    MEAN = 1

    @property
    def has_object(self) -> bool:
        return self is not Accumulation.NONE


class Clipping(Policy):
    """What becomes of an error at the output that is too large. The option ``clip`` implies it."""

    NONE = 0
    NORM = 1

    @property
    def has_object(self) -> bool:
        return self is not Clipping.NONE


class Storage(Policy):
    """What numbers of the plan are stored as. The plan implies it: of QUANTIZED ones records tell the scales."""

    PLAIN = 0
    QUANTIZED = 1

    @property
    def has_object(self) -> bool:
        return self is not Storage.PLAIN


KINDS: tuple[type[Policy], ...] = (Selector, Loss, Gate, Optimizer, Update, Accumulation, Storage, Clipping)
"""Those with an interface in C++, whose objects an OperatorSet finds."""
