"""Every operator and every kernel: one spec each (``spec.py``), by family."""

from __future__ import annotations

from types import ModuleType

from ..graph import Graph, Operator
from . import (
    alignment,
    arithmetic,
    convolution,
    dense,
    function,
    int16_errors,
    lookup,
    move,
    parts,
    pool,
    quantize,
    reduction,
    resize,
    slices,
    surrogate,
    view,
)
from .constraints import scales_relate
from .spec import KernelSpec, OperatorSpec

_FAMILIES: tuple[ModuleType, ...] = (
    dense,
    convolution,
    surrogate,
    pool,
    arithmetic,
    reduction,
    move,
    slices,
    parts,
    resize,
    function,
    lookup,
    quantize,
    int16_errors,
    alignment,
    view,
)

# an operator that TensorFlow Lite Micro runs: what it reads, then what it writes
EXTERNAL = KernelSpec(name="EXTERNAL", number=24, forward="values*", backward="", words="", macs=None)


def _operators() -> dict[str, OperatorSpec]:
    found = [spec for family in _FAMILIES for spec in vars(family).values() if isinstance(spec, OperatorSpec)]
    specs = {spec.name: spec for spec in found}
    if len(specs) != len(found):
        raise ValueError("two operators have one name")
    return specs


def _kernels() -> tuple[KernelSpec, ...]:
    found: list[KernelSpec | None] = [EXTERNAL]
    found += [k for family in _FAMILIES for k in vars(family).values() if isinstance(k, KernelSpec)]
    for spec in OPERATORS.values():
        found += [spec.kernel, spec.pooled, spec.variant and spec.variant[0]]
        if spec.int8 is not None:
            found += [spec.int8.kernel, spec.int8.pooled, spec.int8.variant and spec.int8.variant[0]]
            found += [] if spec.int8.errors is None else [spec.int8.errors.kernel, spec.int8.errors.pooled]
    kernels = tuple(sorted({kernel for kernel in found if kernel is not None}, key=lambda kernel: kernel.number))
    numbers = [kernel.number for kernel in kernels]
    if numbers != list(range(len(kernels))):
        wrong = next(kernel for number, kernel in enumerate(kernels) if kernel.number != number)
        free = min(set(range(len(kernels) + 1)).difference(numbers))
        raise ValueError(
            f"kernel {wrong.name} has number {wrong.number}, taken or behind a gap: the next free one is {free}"
        )
    if len({kernel.name for kernel in kernels}) != len(kernels):
        raise ValueError("two kernels have one name")
    return kernels


OPERATORS: dict[str, OperatorSpec] = _operators()
KERNELS: tuple[KernelSpec, ...] = _kernels()  # by number

_CONVERTERS = frozenset({"QUANTIZE", "DEQUANTIZE", "CAST"})  # from one type to another

PARAMETER_OPERATORS = frozenset(name for name, spec in OPERATORS.items() if spec.parameters)
VIEW_OPERATORS = frozenset(name for name, spec in OPERATORS.items() if spec.is_view)


def kernel_named(name: str) -> KernelSpec:
    """The kernel of this name; KeyError if there is none."""
    return {kernel.name: kernel for kernel in KERNELS}[name]


def why_not_forward(graph: Graph, op: Operator) -> str | None:
    """Why the device runtime cannot run the operator, or None if it can."""
    if op.index in graph.folded:
        return None
    if op.type not in OPERATORS:
        return f"{op.type} is not among the supported operators"
    spec = OPERATORS[op.type]
    if spec.int8 is None and not spec.is_view and spec.computes_int8(graph, op) and op.type not in _CONVERTERS:
        return f"{op.type} has no int8 kernel in this release"
    own = (scales_relate, *spec.int8.constraints) if spec.int8 is not None and spec.computes_int8(graph, op) else ()
    for constraint in (*spec.constraints, *own):
        if not constraint(graph, op):
            return f"{op.type} is supported only when {constraint.__doc__}"
    return None


def why_not_backward(graph: Graph, op: Operator) -> str | None:
    """Why an error cannot be passed back through the operator, or None if it can."""
    reason = why_not_forward(graph, op)
    if reason or op.index in graph.folded:
        return reason
    kernel = OPERATORS[op.type].kernel_for(graph, op)
    if kernel is not None and not kernel.backward:
        return f"{op.type} runs forward only, no error passes through it"
    for constraint in OPERATORS[op.type].backward_constraints:
        if not constraint(graph, op):
            return f"{op.type} can be differentiated only when {constraint.__doc__}"
    return None
