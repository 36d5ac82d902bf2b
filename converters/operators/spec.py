"""What the project knows of an operator, in one place.

A ``KernelSpec`` says how a step of the plan calls one of the library's kernels: its arguments, constants and work.
An ``OperatorSpec`` says how an operator of a ``.tflite`` becomes such steps: its options, when it can run and pass
errors back, the shape of its output. Everything else that repeats these facts is read or generated from them.

Arguments are written in one line, in the order of the step::

    "x w b? y! argmax!?"    ! the step writes it   ? it may be absent   * any number of them (the last one)

Names have a meaning: ``y`` is the output (``y!*``: all of several), ``d`` and the name of an input or output its error,
which has an exponent where it is of integers: ``dye`` is that of ``dy``,
``w`` and ``b`` weights and biases that train, ``scratch`` a selector's keys (uint16), ``workspace`` floats that live no
longer than the step (int16 where the kernel states how many), ``means`` errors of patches of the output, among which
a selector chooses in place of ``dy``. What else a forward step writes is kept for the backward
step: see ``Saved``. Constants ("words") are 32-bit integers unless marked ``:f32``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np

from ..flatbuffer import schema
from ..graph import Graph, Operator, Tensor
from ..plan_format import MAX_OPERATOR_VALUES, Phase, Role, ScalarType

Shape = tuple[int, ...]
Word = int | float
Constraint = Callable[[Graph, Operator], bool]
ShapeRule = Callable[[Operator, Sequence[Tensor | None]], "Shape | list[Shape] | None"]
WordRule = Callable[[Graph, Operator], list[Word]]
Int8WordRule = Callable[[Graph, Operator, Phase], list[Word]]
StripRule = Callable[[Mapping[str, Shape], Mapping[str, Word]], int]
MacRule = Callable[[Mapping[str, Shape], Mapping[str, Word]], int]


class Saved(NamedTuple):
    """What a forward step keeps for the backward step, where that reads it.

    Attributes
    ----------
    type : ScalarType
    shape : callable
        (graph, operator) -> its shape; of a fused kernel the last operator.
    role : Role
    """

    type: ScalarType
    shape: Callable[[Graph, Operator], Shape]
    role: Role = Role.SAVED


def _output_shape(graph: Graph, op: Operator) -> Shape:
    return graph.tensors[op.outputs[0]].shape


WINNERS = Saved(ScalarType.UINT8, _output_shape, Role.WINNERS)  # of a max-pool


class Argument(NamedTuple):
    """An argument of a step."""

    name: str
    written: bool = False
    optional: bool = False
    repeated: bool = False

    @property
    def is_error_output(self) -> bool:
        """Whether it is the error of an input: ``dx``, ``da``."""
        return self.written and len(self.name) == 2 and self.name.startswith("d") and self.name != "dy"

    @property
    def is_exponent(self) -> bool:
        """Whether it is the exponent of an error of integers: ``dye``."""
        return len(self.name) == 3 and self.name.startswith("d") and self.name.endswith("e")


def parse_arguments(text: str) -> tuple[Argument, ...]:
    """The arguments of a step from their line.

    Raises
    ------
    ValueError
        Two of one name, or something behind a repeated one.
    """
    found = [Argument(token.rstrip("!?*"), "!" in token, "?" in token, "*" in token) for token in text.split()]
    names = [argument.name for argument in found]
    if len(set(names)) != len(names) or any(argument.repeated for argument in found[:-1]):
        raise ValueError(f"arguments {text!r}: a name occurs twice, or a repeated argument is not the last one")
    if len(found) > MAX_OPERATOR_VALUES:
        raise ValueError(f"arguments {text!r}: more than {MAX_OPERATOR_VALUES}")
    return tuple(found)


@dataclass(frozen=True, kw_only=True, eq=False)
class KernelSpec:
    """How a step calls a kernel.

    Attributes
    ----------
    name : str
        In messages, and in C++ as ``k`` and its words.
    number : int
        In plans. Numbers have no gaps and are never given again.
    forward, backward : str
        Arguments; an empty backward: the kernel runs forward only.
    words : str
        Names of the constants, the same forward and backward.
    macs : callable or None
        Multiplications of one forward step from the shapes of the arguments and the constants, both by name. Passing
        an error on costs as much for each input, and so does the weight gradient.
    stack : int
        Bytes of stack below its caller that a call of the Trainer takes at most where it runs the kernel, for Cortex-M
        in any build, interrupts aside: tests/test_stack.py measures them.
    saved : dict
        Name of an argument -> what the forward step keeps there.
    one_pass : callable or None
        Whether its backward step goes over the weights once where it changes them in place, from the constants by name.
        It has a third Operator object then, ``...OnePass``, for firmware in which all of its steps do.
    workspace : callable or None
        Elements of the workspace without which it does not run, from the shapes of the arguments and the constants,
        both by name: int16 of a forward step, int32 of a backward step with errors of integers, floats of one between
        patches.
    widened : callable or None
        Floats that the workspace of a backward step that trains holds of an int8 input, likewise.
    """

    name: str
    number: int
    forward: str
    backward: str
    words: str
    macs: MacRule | None
    stack: int = 896
    saved: Mapping[str, Saved] = field(default_factory=dict)
    one_pass: Callable[[Mapping[str, Word]], bool] | None = None
    workspace: StripRule | None = None
    widened: StripRule | None = None

    def __post_init__(self) -> None:
        forward, backward = self.forward_arguments, self.backward_arguments
        kept = {argument.name for argument in forward if argument.written} - {"y", "workspace"}
        if kept != set(self.saved):
            raise ValueError(f"{self.name}: its forward step writes {sorted(kept)}, it saves {sorted(self.saved)}")
        if backward and "dy" not in {argument.name for argument in backward}:
            raise ValueError(f"{self.name}: its backward step reads no dy")
        if "scratch" in {argument.name for argument in backward[:5]} | {argument.name for argument in backward[6:]}:
            raise ValueError(f"{self.name}: scratch is not the sixth argument of its backward step")
        for argument in backward:
            known = {a.name for a in forward} | {f"d{a.name}" for a in forward} | {"scratch", "workspace", "means"}
            known |= {f"d{a.name}e" for a in forward}
            if argument.name not in known:
                raise ValueError(f"{self.name}: {argument.name} is no argument of its forward step nor an error of one")

    @cached_property
    def forward_arguments(self) -> tuple[Argument, ...]:
        return parse_arguments(self.forward)

    @cached_property
    def backward_arguments(self) -> tuple[Argument, ...]:
        return parse_arguments(self.backward)

    @cached_property
    def word_names(self) -> tuple[str, ...]:
        """Without their types; a repeated last one keeps its ``*``."""
        return tuple(word.split(":")[0] for word in self.words.split())

    def named_words(self, words: Sequence[Word]) -> dict[str, Word]:
        """Constants by name, a repeated one left out.

        Raises
        ------
        ValueError
            Their number is not the spec's.
        """
        names = [name for name in self.word_names if not name.endswith("*")]
        repeated = len(names) != len(self.word_names)
        if len(words) < len(names) or (len(words) > len(names) and not repeated):
            raise ValueError(f"{self.name}: {len(words)} constants for {self.words!r}")
        return dict(zip(names, words))


class OptionField(NamedTuple):
    """A scalar of an options table: 1 byte (zero-extended) or 4 bytes wide; ``default`` where the file omits it."""

    name: str
    slot: int
    width: int
    default: int | float = 0

    @property
    def default_bits(self) -> int:
        kind = np.float32 if isinstance(self.default, float) else np.uint32
        return int(np.asarray(self.default, kind).view(np.uint32))


@dataclass(frozen=True)
class Options:
    """An options table of the schema, and its scalars (all of them: the fingerprint covers what it is told)."""

    table: str
    fields: tuple[OptionField, ...] = ()

    def __post_init__(self) -> None:
        stored = vars(getattr(schema, f"{self.table}T")())
        scalars = {name for name, value in stored.items() if isinstance(value, (bool, int, float))}
        if scalars != {field.name for field in self.fields}:
            raise ValueError(f"{self.table}: its scalars are {sorted(scalars)}")


class Int16Errors(NamedTuple):
    """How an operator on int8 tensors passes on errors of 16-bit integers.

    Attributes
    ----------
    kernel : KernelSpec
        Of the backward step.
    words : callable
        (graph, operator) -> constants of the step.
    fits : callable or None
        Whether the kernel runs it; if not its errors are float32. None: always.
    pooled : KernelSpec or None
        As that of ``Int8``, which has one if this has.
    """

    kernel: KernelSpec
    words: WordRule
    fits: Constraint | None = None
    pooled: KernelSpec | None = None


class Int8(NamedTuple):
    """How an operator runs on int8 tensors.

    Attributes
    ----------
    kernel : KernelSpec
        With the inputs of the float32 kernel.
    words : callable
        (graph, operator, phase) -> constants of the step, quantisation included.
    constraints : tuple of callable
        What must hold besides those of the operator.
    variant : tuple or None
        Another kernel with the same arguments and constants, and when it is taken in place of ``kernel``.
    pooled : KernelSpec or None
        The kernel of the backward step together with that of the max-pool behind it; forward they run apart.
    errors : Int16Errors or None
        None: the errors of its output are float32 whatever the others are.
    """

    kernel: KernelSpec
    words: Int8WordRule
    constraints: tuple[Constraint, ...] = ()
    variant: tuple[KernelSpec, Constraint] | None = None
    pooled: KernelSpec | None = None
    errors: Int16Errors | None = None

    def kernel_for(self, graph: Graph, op: Operator) -> KernelSpec:
        """The kernel of the operator's steps."""
        return self.variant[0] if self.variant is not None and self.variant[1](graph, op) else self.kernel


@dataclass(frozen=True, kw_only=True)
class OperatorSpec:
    """How an operator of a ``.tflite`` runs and passes errors back.

    Attributes
    ----------
    name : str
        The schema's.
    kernel : KernelSpec or None
        Of its steps; None for a view, whose output is its input under another shape. Operators may share one.
    order : tuple of int
        Where the operator has the kernel's inputs; empty: they are its first ones.
    options : Options or None
    shape : callable
        (operator, input tensors or None) -> the output's shape (of several outputs a list), None where it is not known
        at conversion. Raises ``shapes.Wrong`` when the inputs do not fit together.
    words : callable
        (graph, operator) -> constants of the step.
    constraints, backward_constraints : tuple of callable
        What must hold to run it, and to pass an error back; the docstrings are the messages.
    keeps_bounds : bool
        The output is bounded where the inputs are: what a loss finds behind softmax or sigmoid may be probabilities.
    limits : str
        What the table of operators in the README says of it.
    hands_rows : bool
        An update rule gets the gradient of whole rows of ``w``, along its first dimension, for which its kernel has no
        memory of its own, as convolutions have in their workspace.
    strips : tuple of callable or None
        Floats that the workspace of a forward and of a backward step holds of the image, from the shapes of the
        arguments and the constants, both by name.
    channel_axis : int or None
        Dimension of the weights ``w`` that counts output channels, each with a bias and a row of the weight gradient;
        None if it can have no bias.
    shares : tuple of str
        Inputs whose error may take over the memory of the output's, where it has as many elements.
    passes_on : bool
        Errors pass unchanged, so that one that shares the output's needs no step.
    reads_for : dict
        Operand that the backward step reads -> the errors that it is read for.
    in_place : bool
        The output may take over the input's memory.
    pooled : KernelSpec or None
        The kernel that runs it together with the max-pool behind it.
    variant : tuple or None
        Another kernel and when it is taken in place of ``kernel``; it has the same inputs.
    surrogate : KernelSpec or None
        The kernel of a backward step whose gradient is that between patches: see ``surrogate.py``.
    settings : int
        Most inputs besides the kernel's: axes, sizes and the like, which are read at conversion.
    in_tflm : bool
        TensorFlow Lite Micro can run it; a model that holds others gets no program for its forward pass.
    int8 : Int8 or None
        None: it runs on float32 only. A view runs on all types.
    """

    name: str
    kernel: KernelSpec | None
    options: Options | None
    shape: ShapeRule
    words: WordRule
    constraints: tuple[Constraint, ...]
    keeps_bounds: bool
    limits: str
    backward_constraints: tuple[Constraint, ...] = ()
    order: tuple[int, ...] = ()
    hands_rows: bool = False
    strips: tuple[StripRule, StripRule] | None = None
    channel_axis: int | None = None
    shares: tuple[str, ...] = ()
    passes_on: bool = False
    reads_for: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    in_place: bool = False
    pooled: KernelSpec | None = None
    variant: tuple[KernelSpec, Constraint] | None = None
    surrogate: KernelSpec | None = None
    settings: int = 0
    in_tflm: bool = True
    int8: Int8 | None = None

    def __post_init__(self) -> None:
        if not self.name.isupper() or not hasattr(schema.BuiltinOperator, self.name):
            raise ValueError(f"{self.name} is no operator of the schema")
        for constraint in (*self.constraints, *self.backward_constraints):
            if not constraint.__doc__:
                raise ValueError(f"{self.name}: {constraint.__name__} has no docstring, its message")
        names = {argument.name for argument in self.kernel.forward_arguments} if self.kernel else {"x"}
        unknown = {*self.shares, *self.reads_for} - names
        if unknown:
            raise ValueError(f"{self.name}: {sorted(unknown)[0]} is none of its arguments")
        if ("b" in self.parameters) != (self.channel_axis is not None):
            raise ValueError(f"{self.name}: weights with biases have a channel axis, others have none")
        if self.order and len(self.order) != len(self.inputs):
            raise ValueError(f"{self.name}: its order names {len(self.order)} of {len(self.inputs)} inputs")
        if self.variant and self.variant[0].forward != (self.kernel.forward if self.kernel else None):
            raise ValueError(f"{self.name}: {self.variant[0].name} has other arguments")
        if self.int8 and [a.name for a in self.int8.kernel.forward_arguments if not a.written] != [
            a.name for a in self.inputs
        ]:
            raise ValueError(f"{self.name}: {self.int8.kernel.name} has other inputs")

    @cached_property
    def inputs(self) -> tuple[Argument, ...]:
        """Arguments that are inputs of the operator, in its order."""
        if self.kernel is None:
            return (Argument("x"),)
        return tuple(argument for argument in self.kernel.forward_arguments if not argument.written)

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """Arguments that train."""
        names = [argument.name for argument in self.inputs]
        return tuple(name for name in ("w", "b") if name in names) if "w" in names else ()

    @cached_property
    def most_inputs(self) -> int:
        return MAX_OPERATOR_VALUES if self.inputs[-1].repeated else len(self.inputs) + self.settings

    @cached_property
    def selects(self) -> bool:
        """Whether a selector may choose among its errors when it trains."""
        return self.kernel is not None and any(a.name == "scratch" for a in self.kernel.backward_arguments)

    @cached_property
    def has_several_outputs(self) -> bool:
        return self.kernel is not None and any(a.name == "y" and a.repeated for a in self.kernel.forward_arguments)

    def position(self, name: str) -> int:
        """Where the operator has an input, by the name of the argument."""
        index = [argument.name for argument in self.inputs].index(name)
        return self.order[index] if self.order else index

    def operands(self, op: Operator) -> tuple[int, ...]:
        """The tensors that the kernel reads, in the order of its arguments, -1 for omitted ones."""
        if self.inputs[-1].repeated:
            return op.inputs
        return tuple(op.input(i) for i in self.order or range(len(self.inputs)))

    def computes_int8(self, graph: Graph, op: Operator) -> bool:
        """Whether what it computes on are int8 tensors (or uint8 ones, as ends of a model may be)."""
        return any(graph.tensors[t].dtype in ("int8", "uint8") for t in self.operands(op) if t >= 0)

    def kernel_for(self, graph: Graph, op: Operator) -> KernelSpec | None:
        """The kernel of the operator's steps."""
        if self.int8 is not None and self.computes_int8(graph, op):
            return self.int8.kernel_for(graph, op)
        if self.variant is not None and self.variant[1](graph, op):
            return self.variant[0]
        return self.kernel

    def int16_errors_for(self, graph: Graph, op: Operator) -> Int16Errors | None:
        """How the operator passes on errors of 16-bit integers, None if it does not."""
        if self.int8 is None or not self.computes_int8(graph, op):
            return None
        errors = self.int8.errors
        if errors is None or self.int8.kernel_for(graph, op) is not self.int8.kernel:
            return None
        return errors if errors.fits is None or errors.fits(graph, op) else None

    def pooled_for(self, graph: Graph, op: Operator) -> KernelSpec | None:
        """The kernel of a step together with the max-pool behind the operator."""
        kernel = self.kernel_for(graph, op)
        if self.int8 is not None and kernel is self.int8.kernel:
            return self.int8.pooled
        return self.pooled if kernel is self.kernel else None

    def words_for(self, graph: Graph, op: Operator, phase: Phase) -> list[Word]:
        """Constants of a step of that kernel."""
        if self.int8 is not None and self.computes_int8(graph, op):
            return self.int8.words(graph, op, phase)
        return self.words(graph, op)

    @property
    def is_view(self) -> bool:
        return self.kernel is None
