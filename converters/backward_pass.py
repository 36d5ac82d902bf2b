"""Backward steps: the forward graph walked from the loss to the lowest trained operator.

Every activation has one error buffer. Its consumers write or add to it (the first in backward order writes), its
producer consumes it. Where an error passes through unchanged (views, ADD) the buffers are one.

With errors of 16-bit integers an error has the type that its producer reads; a step between two types converts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .forward_pass import ForwardPass, pool_after, step_shapes, strip_elements
from .graph import Graph, Operator
from .operators import OPERATORS, int16_errors
from .operators.convolution import pooled_words
from .operators.spec import Argument, Int16Errors, KernelSpec, OperatorSpec
from .operators.surrogate import Surrogate, grid
from .operators.surrogate import words as surrogate_words
from .operators.view import COPY
from .operators.window import activation
from .plan_format import NONE_INDEX, Activation, Phase, Place, Role, ScalarType
from .program import Step, Value
from .trainability import TrainedLayers

_LEAST_SUMS = 320  # floats


@dataclass(frozen=True)
class LayerSlot:
    """Number of a trained operator's layer and the capacity of its selection scratch."""

    index: int
    candidates: int
    max_selected: int


def selection_candidates(graph: Graph, op: Operator, surrogate: Surrogate | None = None) -> int:
    """Elements that a selector chooses from: the output's; the pooled ones where only a max-pool reads the output; its
    patches' where the gradient is that between patches."""
    if surrogate is not None:
        rows, columns = grid(graph, op, surrogate)
        return rows * columns * graph.tensors[op.outputs[0]].shape[3]
    pool = pool_after(graph, op)
    return graph.tensors[(pool or op).outputs[0]].elements


class BackwardPass:
    """Builds the backward steps.

    Parameters
    ----------
    graph, layers, forward
        What trains, and the forward pass whose activations are read.
    slots : dict
        Trained operator -> LayerSlot.
    loss_tensor : int
        The tensor at which the loss's error enters.
    int16 : bool
        Errors are 16-bit integers where an operator's kernel takes them.
    surrogates : mapping, optional
        Trained convolutions whose gradient is that between patches.

    Attributes
    ----------
    steps : list of Step
    loss_error : Value
    """

    def __init__(
        self,
        graph: Graph,
        layers: TrainedLayers,
        forward: ForwardPass,
        slots: dict[int, LayerSlot],
        loss_tensor: int,
        int16: bool = False,
        surrogates: Mapping[int, Surrogate] | None = None,
    ) -> None:
        self.graph = graph
        self.surrogates = surrogates or {}
        self.layers = layers
        self.forward = forward
        self.slots = slots
        self.steps: list[Step] = []
        self.errors: dict[int, Value] = {}
        self._int16 = int16
        self._exponents: dict[Value, Value] = {}  # of the errors of integers, by the owner of their memory
        error = self._new_error(loss_tensor)
        self.loss_error = error if error.type == ScalarType.FLOAT32 else Value(error.dims, role=Role.ERROR)
        self._convert(self.loss_error, error, adds=False, op=graph.operators[-1])
        fused: dict[int, Operator] = {}  # convolution -> its max-pool, whose error the convolution consumes
        for op in reversed(graph.operators):
            reached = op.index in fused or any(t in self.errors for t in op.outputs)
            if op.index not in layers.differentiated or not reached:
                continue
            convolution = self._fused_into(op)
            if convolution is not None:
                fused[convolution.index] = op
            else:
                self._step(op, fused.get(op.index))

    def _fused_into(self, op: Operator) -> Operator | None:
        """The convolution whose step is that of a max-pool behind it too."""
        producer = self.graph.producers.get(op.inputs[0])
        if op.type != "MAX_POOL_2D" or producer is None or producer.index not in self.layers.differentiated:
            return None
        if producer.index in self.surrogates:
            return None
        return producer if pool_after(self.graph, producer) is op else None

    def _takes_int16(self, op: Operator) -> Int16Errors | None:
        """How an operator runs on errors of integers, None if on floats."""
        spec = OPERATORS.get(op.type)
        return spec.int16_errors_for(self.graph, op) if self._int16 and spec is not None else None

    def _error_type(self, tensor: int) -> ScalarType:
        """Of a tensor's error: what reads it, views left aside, decides."""
        reader = self.graph.producers.get(tensor)
        while reader is not None and OPERATORS[reader.type].is_view:
            reader = self.graph.producers.get(reader.inputs[0])
        if reader is None:
            return ScalarType.FLOAT32
        takes = self._takes_int16(self._fused_into(reader) or reader) is not None
        return ScalarType.INT16 if takes else ScalarType.FLOAT32

    def _new_error(self, tensor: int) -> Value:
        self.errors[tensor] = self._error(self.forward.values[tensor].dims, self._error_type(tensor))
        return self.errors[tensor]

    def _error(self, dims: tuple[int, ...], kind: ScalarType) -> Value:
        error = Value(dims, kind, role=Role.ERROR)
        if kind == ScalarType.INT16:
            self._exponents[error] = Value((1,), ScalarType.INT32, role=Role.ERROR)
        return error

    def _exponent(self, error: Value | None) -> Value | None:
        return None if error is None else self._exponents[error.root]

    def _convert(self, source: Value, target: Value, adds: bool, op: Operator) -> None:
        """A step that brings an error to the type of another one."""
        if source.type == target.type:
            return
        if target.type == ScalarType.INT16:
            kernel, exponent = int16_errors.TO_INT16, self._exponent(target)
        else:
            kernel, exponent = int16_errors.TO_FLOAT32, self._exponent(source)
        self._emit(kernel, op, [source, target, exponent], [], [(target, adds)])

    def _contribute(self, tensor: int) -> tuple[Value | None, bool]:
        """Where a consumer puts the error of ``tensor`` (None if not needed), and whether it adds."""
        if tensor not in self.layers.errors:
            return None, False
        if tensor in self.errors:
            return self.errors[tensor], True
        return self._new_error(tensor), False

    def _share(self, tensor: int, error: Value) -> tuple[Value | None, bool]:
        """As ``_contribute``, but the first consumer hands over the memory of ``error``."""
        is_first = tensor in self.layers.errors and tensor not in self.errors
        if is_first and self._error_type(tensor) == error.type:
            self.errors[tensor] = error.view(self.forward.values[tensor].dims, Role.ERROR)
            return self.errors[tensor], False
        return self._contribute(tensor)

    def _step(self, op: Operator, pool: Operator | None) -> None:
        spec = OPERATORS[op.type]
        output = (pool or op).outputs[0]
        outputs_errors = [self.errors.get(t) for t in (pool or op).outputs]
        dy = next(error for error in outputs_errors if error is not None)
        wanted = self._input_errors(spec, op, dy)
        errors = [self._writable(error, adds, dy) for error, adds in wanted]
        mask = self.forward.values[output] if activation(op) != Activation.NONE else None
        if spec.passes_on and mask is None and not self._clamps(spec, op):
            untouched = all(error is None or (error.root is dy.root and not adds) for error, adds in wanted)
            if untouched:
                return
        if spec.kernel is None:  # a view's error is added to one that is there
            ((dx, adds),) = wanted
            assert dx is not None  # of one type: who reads the view's error reads this one
            source = dy.view(dx.dims, Role.ERROR)
            if dx.type == ScalarType.INT16:
                exponents = [self._exponent(source), self._exponent(dx)]
                self._emit(int16_errors.COPY, op, [source, dx, *exponents], [], wanted)
            else:
                self._emit(COPY, op, [source, dx], [], wanted)
            return
        takes_int16 = self._takes_int16(op)
        surrogate = self.surrogates.get(op.index)
        if surrogate is not None:
            assert spec.surrogate is not None
            kernel, words = spec.surrogate, surrogate_words(self.graph, op, surrogate)
        elif pool is not None:
            pooled = spec.pooled_for(self.graph, op) if takes_int16 is None else takes_int16.pooled
            assert pooled is not None
            kernel, words = pooled, pooled_words(self.graph, op, pool, takes_int16 is not None)
        elif takes_int16 is not None:
            kernel, words = takes_int16.kernel, takes_int16.words(self.graph, op)
        else:
            kernel = spec.kernel_for(self.graph, op) or COPY
            words = spec.words_for(self.graph, op, Phase.BACKWARD)
        values: list[Value | None] = []
        outputs, exponents_of = iter(errors), dict(zip([f"d{a.name}e" for a in spec.inputs], errors))
        for argument in kernel.backward_arguments:
            if argument.repeated:
                values += outputs_errors if argument.name == "dy" else [error for error, _ in outputs]
            elif argument.is_error_output:
                values.append(next(outputs)[0])
            elif argument.is_exponent:
                values.append(self._exponent(dy if argument.name == "dye" else exponents_of[argument.name][0]))
            elif argument.name == "workspace":
                values.append(self._workspace(spec, kernel, words, op, pool, dy, errors))
            elif argument.name == "means":
                assert surrogate is not None  # in place of the errors, of which there are at least as many
                values.append(dy.view((1, *grid(self.graph, op, surrogate), dy.dims[3]), Role.ERROR))
            else:
                values.append(self._read(spec, argument, op, pool, dy, mask, errors))
        step = self._emit(kernel, op, values, words, errors)
        step.operators += [] if pool is None else [pool.index]
        slot = self.slots.get(op.index)
        step.layer = NONE_INDEX if slot is None else slot.index
        for (error, adds), (written, _) in zip(wanted, errors):
            if error is not None and written is not None and written is not error:
                self._convert(written, error, adds, op)

    def _writable(self, error: Value | None, adds: bool, dy: Value) -> tuple[Value | None, bool]:
        """What a kernel that reads ``dy`` writes for an error, and whether it adds: another value where that is of
        another type."""
        if error is None or error.type == dy.type:
            return error, adds
        return self._error(error.dims, dy.type), False

    def _clamps(self, spec: OperatorSpec, op: Operator) -> bool:
        """Whether its output is cut off at the ends of int8."""
        return spec.int8 is not None and spec.computes_int8(self.graph, op)

    def _input_errors(self, spec: OperatorSpec, op: Operator, dy: Value) -> list[tuple[Value | None, bool]]:
        """Where the errors of the operator's inputs go, and whether they are added: as ``_contribute``."""
        outputs: list[tuple[Value | None, bool]] = []
        shared = False
        operands = spec.operands(op)
        arguments = spec.inputs * len(operands) if spec.inputs[-1].repeated else spec.inputs
        for tensor, argument in zip(operands, arguments):
            if argument.name in spec.parameters:
                continue
            elements = self.graph.tensors[tensor].elements if tensor >= 0 else 0
            may_share = argument.name in spec.shares and not shared and elements == dy.elements
            error = self._share(tensor, dy) if may_share else self._contribute(tensor)
            shared = shared or (error[0] is not None and error[0].root is dy.root)
            outputs.append(error)
        return outputs

    def _read(
        self,
        spec: OperatorSpec,
        argument: Argument,
        op: Operator,
        pool: Operator | None,
        dy: Value,
        mask: Value | None,
        errors: list[tuple[Value | None, bool]],
    ) -> Value | None:
        """What a backward step reads: an argument that may be absent is there only if the step needs it."""
        name = argument.name
        if name == "dy":
            return dy
        saved = self.forward.saved.get((pool or op).index, {})
        if name in saved:
            return saved[name]
        if name == "scratch":
            slot = self.slots.get(op.index)
            if slot is None or not slot.max_selected:
                return None
            return Value((slot.max_selected,), ScalarType.UINT16, Place.ARENA, Role.SCRATCH)
        if name == "y":
            return mask if argument.optional else self.forward.values[(pool or op).outputs[0]]
        if name in spec.reads_for:
            names = [a.name for a in spec.inputs]
            wanted = any(errors[names.index(error[1:])][0] is not None for error in spec.reads_for[name])
            return self.forward.operand(op.inputs[spec.position(name)]) if wanted else None
        if argument.optional and op.index not in self.layers.weights:
            return None
        return self.forward.operand(op.inputs[spec.position(name)])

    def _workspace(
        self,
        spec: OperatorSpec,
        kernel: KernelSpec,
        words: list[int | float],
        op: Operator,
        pool: Operator | None,
        dy: Value,
        errors: list[tuple[Value | None, bool]],
    ) -> Value | None:
        """What a kernel states, or room for a strip of the image, and for rows of the weight gradient where the
        weights train."""
        if op.index in self.surrogates:
            assert kernel.workspace is not None
            rows, columns = grid(self.graph, op, self.surrogates[op.index])
            shapes = step_shapes(self.graph, op, op)
            shapes |= {"x": (1, rows, columns, shapes["x"][3]), "means": (1, rows, columns, shapes["y"][3])}
            ((dx, _),) = errors
            shapes |= {} if dx is None else {"dx": dx.dims}
            return Value((kernel.workspace(shapes, kernel.named_words(words)),), role=Role.ERROR)
        if dy.type == ScalarType.INT16:
            assert kernel.workspace is not None
            elements = kernel.workspace(step_shapes(self.graph, op, pool or op), kernel.named_words(words))
            return Value((elements,), ScalarType.INT32, role=Role.ERROR)
        elements = strip_elements(self.graph, kernel, op, pool or op, words, Phase.BACKWARD)
        if op.index in self.layers.weights:
            elements += self._sums(spec, op, dy)
            if kernel.widened is not None:
                elements += kernel.widened(step_shapes(self.graph, op, pool or op), kernel.named_words(words))
        return Value((elements,), role=Role.ERROR) if elements else None

    def _sums(self, spec: OperatorSpec, op: Operator, dy: Value) -> int:
        """Elements of rows of the weight gradient: more rows take fewer passes over the errors, and more memory. All of
        them, or as many as a quarter of the step's activations and errors hold, or 1.25 KB where these are small and a
        pass costs more than what it sums; at least one."""
        if spec.hands_rows:
            weights = self.graph.tensors[op.inputs[spec.position("w")]]
            return weights.elements // weights.shape[0]
        assert spec.channel_axis is not None
        x, w = (self.graph.tensors[op.inputs[spec.position(name)]] for name in ("x", "w"))
        rows = w.shape[spec.channel_axis]
        row = w.elements // rows
        room = max(_LEAST_SUMS, (2 * x.elements + dy.elements) // 4)
        return row * min(rows, max(1, room // row))

    def _emit(
        self,
        kernel: KernelSpec,
        op: Operator,
        values: list[Value | None],
        words: list[int | float],
        outputs: list[tuple[Value | None, bool]],
    ) -> Step:
        mask = sum(1 << i for i, (_, adds) in enumerate(outputs) if adds)
        step = Step(kernel, Phase.BACKWARD, values, words, [op.index], NONE_INDEX, mask)
        self.steps.append(step)
        return step


def saving_operators(graph: Graph, layers: TrainedLayers) -> frozenset[int]:
    """Operators that keep something for the backward pass: max-pools their winners."""
    return frozenset(
        op.index
        for op in graph.operators
        if op.type == "MAX_POOL_2D" and op.index in layers.differentiated and op.inputs[0] in layers.errors
    )
