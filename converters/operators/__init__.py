"""Every operator and every kernel: one spec each (``spec.py``), by family."""

from __future__ import annotations

from types import ModuleType

from ..graph import Graph, Operator
from . import arithmetic, convolution, dense, function, lookup, move, parts, pool, reduction, resize, slices, view
from .spec import KernelSpec, OperatorSpec

_FAMILIES: tuple[ModuleType, ...] = (
    dense,
    convolution,
    pool,
    arithmetic,
    reduction,
    move,
    slices,
    parts,
    resize,
    function,
    lookup,
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
    kernels = tuple(sorted({kernel for kernel in found if kernel is not None}, key=lambda kernel: kernel.number))
    if [kernel.number for kernel in kernels] != list(range(len(kernels))):
        raise ValueError("kernels are numbered from 0 without gaps, each once")
    if len({kernel.name for kernel in kernels}) != len(kernels):
        raise ValueError("two kernels have one name")
    return kernels


OPERATORS: dict[str, OperatorSpec] = _operators()
KERNELS: tuple[KernelSpec, ...] = _kernels()  # by number

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
    for constraint in OPERATORS[op.type].constraints:
        if not constraint(graph, op):
            return f"{op.type} is supported only when {constraint.__doc__}"
    return None


def why_not_backward(graph: Graph, op: Operator) -> str | None:
    """Why an error cannot be passed back through the operator, or None if it can."""
    reason = why_not_forward(graph, op)
    if reason or op.index in graph.folded:
        return reason
    kernel = OPERATORS[op.type].kernel
    if kernel is not None and not kernel.backward:
        return f"{op.type} runs forward only, no error passes through it"
    for constraint in OPERATORS[op.type].backward_constraints:
        if not constraint(graph, op):
            return f"{op.type} can be differentiated only when {constraint.__doc__}"
    return None
