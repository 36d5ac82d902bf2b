"""Forward steps of a graph: the library's own kernels (fused where it pays), or TFLM's operators with hooks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .cut import Cut
from .errors import ConversionError
from .graph import Graph, Operator, Quantization
from .operators import EXTERNAL, OPERATORS, why_not_forward
from .operators.alignment import ALIGN_CHANNELS
from .operators.alignment import words as align_words
from .operators.convolution import fits_the_device, pooled_words
from .operators.lookup import CAST
from .operators.pool import LARGEST_WINDOW, MAX_POOL_ARGMAX
from .operators.pool import words as pool_words
from .operators.quantize import DEQUANTIZE, QUANTIZE, quantize_words
from .operators.spec import KernelSpec, Shape, Word
from .operators.surrogate import SUM_PATCHES, Surrogate, grid, keeps_input, sum_words
from .operators.window import activation
from .plan_format import MAX_RANK, Activation, ForwardKind, Phase, Place, Role, ScalarType
from .program import Step, Value
from .quantization import stated


def pool_after(graph: Graph, op: Operator) -> Operator | None:
    """The max-pool that is the only reader of a convolution's output, if there is one."""
    spec = OPERATORS.get(op.type)
    if spec is None or op.outputs[0] in graph.outputs or spec.pooled_for(graph, op) is None:
        return None
    readers = graph.consumers.get(op.outputs[0], ())
    if len(readers) != 1 or readers[0].type != "MAX_POOL_2D" or activation(readers[0]) != Activation.NONE:
        return None
    options = readers[0].options
    size = options["filter_height"], options["filter_width"]
    if size[0] * size[1] > LARGEST_WINDOW:
        return None
    positions = size[0] + options["stride_h"], size[1] + options["stride_w"]
    return readers[0] if fits_the_device(graph, op, positions) else None


def _windows_are_disjoint(pool: Operator) -> bool:
    o: dict[str, Any] = pool.options
    return bool(o["stride_h"] >= o["filter_height"] and o["stride_w"] >= o["filter_width"])


def step_shapes(graph: Graph, op: Operator, last: Operator) -> dict[str, Shape]:
    """Shapes of the arguments of a layer's step: of ``op``, or of it and the max-pool ``last``."""
    return {name: graph.tensors[t].shape for name, t in zip("xwy", (*op.inputs[:2], last.outputs[0]))}


def strip_elements(
    graph: Graph, kernel: KernelSpec, op: Operator, last: Operator, words: list[Word], phase: Phase
) -> int:
    """Floats of the strip in the workspace of a step: of ``op``, or of it and the max-pool ``last``."""
    spec = OPERATORS[op.type]
    strips = spec.strips
    if strips is None or kernel not in (spec.kernel, spec.pooled):
        return 0
    return strips[phase == Phase.BACKWARD](step_shapes(graph, op, last), kernel.named_words(words))


class ForwardPass:
    """Builds the forward steps and knows the value of every tensor.

    Attributes
    ----------
    steps : list of Step
    values : dict
        Tensor index -> Value.
    saved : dict
        Index of an operator in ``saving`` -> what its step keeps for the backward pass, by the argument's name.

    Parameters
    ----------
    cut : Cut, optional
        Steps of the operators behind it only; its tensor is the input.
    units : mapping, optional
        What the integers of trained tensors stand for.
    surrogates : mapping, optional
        Convolutions whose gradient is that between patches: of those in ``saving`` the sums of the input's are kept.
    kept : int, optional
        A tensor that is computed as such, by no step that goes beyond it.
    aligned : mapping, optional
        Operator -> number of its layer, of those whose activation function is in a step of its own, which brings their
        statistics back.
    """

    def __init__(
        self,
        graph: Graph,
        kind: ForwardKind,
        parameters: dict[int, int],
        saving: frozenset[int],
        cut: Cut | None = None,
        units: Mapping[int, Quantization] | None = None,
        surrogates: Mapping[int, Surrogate] | None = None,
        kept: int | None = None,
        aligned: Mapping[int, int] | None = None,
    ) -> None:
        self._kept = kept
        self._aligned = aligned or {}
        self.graph = graph
        self.surrogates = surrogates or {}
        self.kind = kind
        self.parameters = parameters
        self.saving = saving
        self._units = units or {}
        self.steps: list[Step] = []
        self.values: dict[int, Value] = {}
        self.saved: dict[int, dict[str, Value]] = {}
        self._constants: dict[int, Value] = {}
        self.first_operator = 0 if cut is None else cut.first_operator
        place = Place.INPUT if kind == ForwardKind.NATIVE else Place.ARENA
        source = graph.tensors[graph.inputs[0] if cut is None else cut.tensor]
        stored = kind == ForwardKind.TFLM and cut is None and source.dtype != "int32"  # by TFLM's interpreter
        if source.dtype != "float32" and not stored and not any(why_not_forward(graph, op) for op in graph.operators):
            self.input = Value(self._dims(source.shape))  # samples are floats: the first step makes integers of them
            self._cast_input(source.index)
        else:
            self.input = self._new(source.index)
        self.input.place = place
        build = self._native if kind == ForwardKind.NATIVE else self._tflm
        done: set[int] = set()
        for op in graph.operators[self.first_operator :]:
            if op.index not in done:
                done.update(build(op))
        self._floats: dict[int, Value] = {}
        self.output = self.floats(graph.outputs[0])

    def _cast_input(self, tensor: int) -> None:
        kernel, words = CAST.kernel, []
        if self.graph.tensors[tensor].dtype != "int32":
            kernel, words = QUANTIZE.kernel, quantize_words(self.graph, tensor)
        assert kernel is not None
        self.steps.append(Step(kernel, self._own_phase, [self.input, self._new(tensor)], words))

    @property
    def _own_phase(self) -> Phase:
        """Of a step of the library's that is no operator of the model."""
        return Phase.FORWARD if self.kind == ForwardKind.NATIVE else Phase.HOOK

    def floats(self, tensor: int) -> Value:
        """The numbers that a computed tensor stands for, for the caller and the loss: a step more where it is int8."""
        value = self.values[tensor]
        if self.graph.tensors[tensor].dtype not in ("int8", "uint8"):
            return value
        if tensor not in self._floats:
            assert DEQUANTIZE.kernel is not None
            words = quantize_words(self.graph, tensor)
            self._floats[tensor] = Value(value.dims)
            self.steps.append(Step(DEQUANTIZE.kernel, self._own_phase, [value, self._floats[tensor]], words))
        return self._floats[tensor]

    @staticmethod
    def _dims(shape: tuple[int, ...]) -> tuple[int, ...]:
        if len(shape) > MAX_RANK:
            return (int(np.prod(shape, dtype=np.int64)),)
        return shape or (1,)

    def operand(self, tensor: int) -> Value | None:
        """Value of an input: computed, constant in the file, or a trainable parameter (None for an omitted one)."""
        if tensor < 0:
            return None
        if tensor in self.values:
            return self.values[tensor]
        if tensor not in self._constants:
            parameter = self.parameters.get(tensor)
            value = self._value(tensor)
            value.role = Role.WEIGHT
            value.place, value.offset = (Place.CONSTANT, tensor) if parameter is None else (Place.PARAMETER, parameter)
            value.quantization = self._units.get(tensor, value.quantization)
            self._constants[tensor] = value
        return self._constants[tensor]

    def _new(self, tensor: int) -> Value:
        self.values[tensor] = self._value(tensor)
        return self.values[tensor]

    def _value(self, tensor: int) -> Value:
        info = self.graph.tensors[tensor]
        kind = ScalarType.of(info.dtype)
        if kind is None:
            raise ConversionError(
                f"{self.graph.name}: tensor {info.name} has type {info.dtype}, unknown to the training plan; "
                "export the model in float32"
            )
        return Value(self._dims(info.shape), kind, tensor=tensor, quantization=stated(info))

    def _view(self, source: Value, tensor: int) -> Value:
        info = self.graph.tensors[tensor]
        self.values[tensor] = source.view(self._dims(info.shape), tensor=tensor)
        self.values[tensor].quantization = stated(info)
        return self.values[tensor]

    def _save(self, kernel: KernelSpec, name: str, op: Operator) -> Value | None:
        if op.index not in self.saving:
            return None
        kept = kernel.saved[name]
        value = Value(self._dims(kept.shape(self.graph, op)), kept.type, role=kept.role)
        self.saved.setdefault(op.index, {})[name] = value
        return value

    def _native(self, op: Operator) -> list[int]:
        """Appends the step of an operator; returns the operators that it covers."""
        graph = self.graph
        if op.index in graph.folded:
            for tensor in graph.same.keys() & set(op.outputs):
                self.values[tensor] = self.values[graph.same[tensor]]
            return [op.index]
        spec = OPERATORS[op.type]
        kernel = spec.kernel_for(graph, op)
        if kernel is None:
            source = self.operand(op.inputs[0])
            assert source is not None
            self._view(source, op.outputs[0])
            return [op.index]
        if op.index in self._aligned:
            return self._align(op, kernel)
        self._sum_patches(op)
        pool = None if op.index in self.surrogates or op.outputs[0] == self._kept else pool_after(graph, op)
        if pool is not None and spec.pooled is not None and kernel is spec.kernel and _windows_are_disjoint(pool):
            words = pooled_words(graph, op, pool)
            values = self._arguments(spec.pooled, op, pool, words)
            self.steps.append(Step(spec.pooled, Phase.FORWARD, values, words, [op.index, pool.index]))
            return [op.index, pool.index]
        words = spec.words_for(graph, op, Phase.FORWARD)
        values = self._arguments(kernel, op, op, words)
        self.steps.append(Step(kernel, Phase.FORWARD, values, words, [op.index]))
        return [op.index]

    def _align(self, op: Operator, kernel: KernelSpec) -> list[int]:
        """Two steps: the operator without its activation function, and that behind the correction."""
        words = OPERATORS[op.type].words_for(self.graph, op, Phase.FORWARD)
        fused = kernel.word_names.index("activation")
        plain = [*words[:fused], int(Activation.NONE), *words[fused + 1 :]]
        self.steps.append(Step(kernel, Phase.FORWARD, self._arguments(kernel, op, op, plain), plain, [op.index]))
        output = self.values[op.outputs[0]]
        words = align_words(int(words[fused]), output.dims[-1])
        layer = self._aligned[op.index]
        self.steps.append(Step(ALIGN_CHANNELS, Phase.FORWARD, [output], words, [op.index], layer=layer))
        return [op.index]

    def _arguments(self, kernel: KernelSpec, op: Operator, last: Operator, words: list[Word]) -> list[Value | None]:
        """Values of a step in the kernel's order: the inputs of ``op``, the output and winners of ``last``."""
        values: list[Value | None] = []
        inputs = iter(OPERATORS[op.type].operands(op))
        for argument in kernel.forward_arguments:
            if argument.name == "y":
                values += [self._new(tensor) for tensor in last.outputs]
            elif argument.name in kernel.saved:
                values.append(self._save(kernel, argument.name, last))
            elif argument.name == "workspace":
                values.append(self._workspace(kernel, op, last, words))
            elif argument.repeated:
                values += [self.operand(tensor) for tensor in inputs]
            else:
                values.append(self.operand(next(inputs, -1)))
        return values

    def _sum_patches(self, op: Operator) -> None:
        """A step that keeps sums of the input's patches in place of the input."""
        surrogate = self.surrogates.get(op.index)
        if surrogate is None or op.index not in self.saving or keeps_input(self.graph, op, surrogate):
            return
        source = self.operand(op.inputs[0])
        assert source is not None
        patches = Value((1, *grid(self.graph, op, surrogate), source.dims[3]), role=Role.SAVED)
        self.saved[op.index] = {"x": patches}
        words = sum_words(self.graph, op, surrogate)
        self.steps.append(Step(SUM_PATCHES, self._own_phase, [source, patches], words, [op.index]))

    def _workspace(self, kernel: KernelSpec, op: Operator, last: Operator, words: list[Word]) -> Value | None:
        if kernel.workspace is None:
            strip = strip_elements(self.graph, kernel, op, last, words, Phase.FORWARD)
            return Value((strip,)) if strip else None
        shapes = step_shapes(self.graph, op, last)
        return Value((kernel.workspace(shapes, kernel.named_words(words)),), ScalarType.INT16)

    def _tflm(self, op: Operator) -> list[int]:
        """TFLM runs the operator; what the backward pass needs besides its tensors is saved by a hook."""
        inputs = [self.values[t] for t in op.inputs if t in self.values]
        outputs = []
        for tensor in op.outputs:
            if tensor < 0 or ScalarType.of(self.graph.tensors[tensor].dtype) is None:
                continue  # TFLM finds a place for it
            if op.type == "RESHAPE" and op.inputs[0] in self.values:  # TFLM leaves the data where it is
                outputs.append(self._view(self.values[op.inputs[0]], tensor))
            else:
                outputs.append(self._new(tensor))
        self.steps.append(Step(EXTERNAL, Phase.FORWARD, [*inputs, *outputs], operators=[op.index]))
        self._sum_patches(op)
        if op.type == "MAX_POOL_2D" and op.index in self.saving:
            spec, kernel, words = OPERATORS[op.type], MAX_POOL_ARGMAX, pool_words(self.graph, op)
            if spec.int8 is not None and spec.computes_int8(self.graph, op):  # the whole pool again: the same integers
                kernel, words = spec.int8.kernel, spec.words_for(self.graph, op, Phase.FORWARD)
            winners = self._save(kernel, "argmax", op)
            hook = [self.values[op.inputs[0]], self.values[op.outputs[0]], winners]
            self.steps.append(Step(kernel, Phase.HOOK, hook, words, [op.index]))
        return [op.index]


def in_place_steps(steps: list[Step]) -> list[int]:
    """Indices of forward steps whose kernel may write over its input (RELU and the like)."""
    return [i for i, step in enumerate(steps) if step.kernel.name in OPERATORS and OPERATORS[step.kernel.name].in_place]
