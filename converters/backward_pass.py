"""Backward steps: the forward graph walked from the loss to the lowest trained operator.

Every activation has one error buffer. Its consumers write or add to it (the first in backward order writes), its
producer consumes it. Where an error passes through unchanged (views, ADD) the buffers are one.
"""

from __future__ import annotations

from dataclasses import dataclass

from .constraints import PARAMETER_OPERATORS, VIEW_OPERATORS
from .forward_pass import ELEMENT_WISE, FUSED_POOL, ForwardPass, activation, fused_words, pool_after, words
from .graph import Graph, Operator
from .plan_format import NONE_INDEX, Activation, Kernel, Phase, Place, Role, ScalarType
from .program import Step, Value
from .trainability import TrainedLayers


@dataclass(frozen=True)
class LayerSlot:
    """Number of a trained operator's layer and the capacity of its selection scratch."""

    index: int
    candidates: int
    max_selected: int


def selection_candidates(graph: Graph, op: Operator) -> int:
    """Elements that a selector chooses from: the output's; the pooled ones where only a max-pool reads the output."""
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

    Attributes
    ----------
    steps : list of Step
    loss_error : Value
    """

    def __init__(
        self, graph: Graph, layers: TrainedLayers, forward: ForwardPass, slots: dict[int, LayerSlot], loss_tensor: int
    ) -> None:
        self.graph = graph
        self.layers = layers
        self.forward = forward
        self.slots = slots
        self.steps: list[Step] = []
        self.errors: dict[int, Value] = {}
        self.loss_error = self._new_error(loss_tensor)
        fused: dict[int, Operator] = {}  # convolution -> its max-pool, whose error the convolution consumes
        for op in reversed(graph.operators):
            if op.index not in layers.differentiated or not (op.index in fused or op.outputs[0] in self.errors):
                continue
            producer = graph.producers.get(op.inputs[0])
            if op.type == "MAX_POOL_2D" and producer is not None and producer.index in layers.differentiated:
                if pool_after(graph, producer) is op:
                    fused[producer.index] = op
                    continue
            self._step(op, fused.get(op.index))

    def _new_error(self, tensor: int) -> Value:
        error = Value(self.forward.values[tensor].dims, role=Role.ERROR)
        self.errors[tensor] = error
        return error

    def _contribute(self, tensor: int) -> tuple[Value | None, bool]:
        """Where a consumer puts the error of ``tensor`` (None if not needed), and whether it adds."""
        if tensor not in self.layers.errors:
            return None, False
        if tensor in self.errors:
            return self.errors[tensor], True
        return self._new_error(tensor), False

    def _share(self, tensor: int, error: Value) -> tuple[Value | None, bool]:
        """As ``_contribute``, but the first consumer hands over the memory of ``error``."""
        if tensor in self.layers.errors and tensor not in self.errors:
            self.errors[tensor] = error.view(self.forward.values[tensor].dims, Role.ERROR)
            return self.errors[tensor], False
        return self._contribute(tensor)

    def _emit(
        self, kernel: Kernel, op: Operator, values: list[Value | None], outputs: list[tuple[Value | None, bool]]
    ) -> Step:
        mask = sum(1 << i for i, (_, adds) in enumerate(outputs) if adds)
        step = Step(kernel, Phase.BACKWARD, [*values, *(v for v, _ in outputs)], [], [op.index], NONE_INDEX, mask)
        self.steps.append(step)
        return step

    def _masked_output(self, op: Operator) -> Value | None:
        """The output, if a fused activation masks the error by it."""
        return self.forward.values[op.outputs[0]] if activation(op) != Activation.NONE else None

    def _step(self, op: Operator, pool: Operator | None) -> None:
        values, errors = self.forward.values, self.errors
        if op.type in PARAMETER_OPERATORS:
            self._parameter_step(op, pool)
            return
        dy = errors[op.outputs[0]]
        x = op.inputs[0]
        if op.type in VIEW_OPERATORS:
            dx, adds = self._share(x, dy)
            if dx is not None and adds:
                self._emit(Kernel.COPY, op, [dy.view(dx.dims, Role.ERROR)], [(dx, True)])
        elif op.type in ("ADD", "SUB"):
            self._add_step(op, dy)
        elif op.type == "MUL":
            a, b = op.inputs[:2]
            outputs = [self._contribute(a), self._contribute(b)]
            factors = [self.forward.operand(t) if outputs[1 - i][0] is not None else None for i, t in enumerate((a, b))]
            step = self._emit(Kernel.MUL, op, [*factors, self._masked_output(op), dy], outputs)
            step.words = words(self.graph, op)
        elif op.type == "CONCATENATION":
            step = self._emit(Kernel.CONCATENATION, op, [dy], [self._contribute(t) for t in op.inputs])
            step.words = words(self.graph, op)
        else:
            saved: list[Value | None]
            if op.type == "MAX_POOL_2D":
                saved = [self._masked_output(op), self.forward.argmax[op.index]]
            elif op.type == "AVERAGE_POOL_2D":
                saved = [self._masked_output(op)]
            elif op.type in ("MEAN", "PAD", "TRANSPOSE"):
                saved = []
            elif op.type == "HARD_SWISH":
                saved = [values[x]]
            else:  # SOFTMAX and the activations read their output
                saved = [values[op.outputs[0]]]
            output = self._share(x, dy) if op.type in ELEMENT_WISE else self._contribute(x)
            step = self._emit(Kernel[op.type], op, [*saved, dy], [output])
            step.words = words(self.graph, op)

    def _add_step(self, op: Operator, dy: Value) -> None:
        """a + b or a - b: one operand of the output's shape takes over the memory of the output's error."""
        shape = self.graph.tensors[op.outputs[0]].shape
        outputs: list[tuple[Value | None, bool]] = []
        shared = False
        for position, tensor in enumerate(op.inputs[:2]):
            negated = op.type == "SUB" and position == 1
            may_share = not shared and not negated and self.graph.tensors[tensor].shape == shape
            output = self._share(tensor, dy) if may_share else self._contribute(tensor)
            shared = shared or (output[0] is not None and output[0].root is dy.root)
            outputs.append(output)
        mask = self._masked_output(op)
        untouched = all(error is None or (error.root is dy.root and not adds) for error, adds in outputs)
        if mask is not None or not untouched:
            step = self._emit(Kernel[op.type], op, [mask, dy], outputs)
            step.words = words(self.graph, op)

    def _parameter_step(self, op: Operator, pool: Operator | None) -> None:
        graph, forward = self.graph, self.forward
        output = (pool or op).outputs[0]
        dy = self.errors[output]
        trained = op.index in self.layers.trained
        slot = self.slots.get(op.index)
        scratch = None
        if slot is not None and slot.max_selected:
            scratch = Value((slot.max_selected,), ScalarType.UINT16, Place.ARENA, Role.SCRATCH)
        mask = forward.values[output] if activation(op) != Activation.NONE else None
        x = forward.values[op.inputs[0]] if trained else None
        dx, adds = self._contribute(op.inputs[0])
        step_values = [x, forward.operand(op.inputs[1]), mask, dy, dx, scratch]
        if pool is not None:
            step_values.append(forward.argmax[pool.index])
        self.steps.append(
            Step(
                FUSED_POOL[op.type] if pool is not None else Kernel[op.type],
                Phase.BACKWARD,
                step_values,
                fused_words(graph, op, pool) if pool is not None else words(graph, op),
                [op.index] + ([pool.index] if pool is not None else []),
                slot.index if slot is not None else NONE_INDEX,
                int(adds),
            )
        )


def pools_to_save(graph: Graph, layers: TrainedLayers) -> frozenset[int]:
    """Max-pools whose winners the backward pass needs."""
    return frozenset(
        op.index
        for op in graph.operators
        if op.type == "MAX_POOL_2D" and op.index in layers.differentiated and op.inputs[0] in layers.errors
    )
