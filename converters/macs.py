"""Analytic work of operators: multiplications whose tap lies inside the image."""

from __future__ import annotations

from .graph import Graph, Operator
from .operators import KERNELS, OPERATORS, why_not_forward
from .plan_format import NONE_INDEX, ForwardKind, Phase, Plan, ProgramKind

PHASES = ("forward", "input_error", "weight_gradient", "update", "selection")


def operator_macs(graph: Graph, op: Operator) -> int:
    """Multiplications of one forward pass of the operator; each of its gradients costs as much, if it has any.

    0 for what the device cannot run."""
    spec = OPERATORS.get(op.type)
    kernel = None if spec is None or why_not_forward(graph, op) else spec.kernel_for(graph, op)
    if spec is None or kernel is None or kernel.macs is None or op.index in graph.folded:
        return 0
    shapes = {argument.name: graph.tensors[t].shape for argument, t in zip(spec.inputs, spec.operands(op)) if t >= 0}
    shapes["y"] = graph.tensors[op.outputs[0]].shape
    return kernel.macs(shapes, kernel.named_words(spec.words_for(graph, op, Phase.FORWARD)))


def dense_step_macs(plan: Plan) -> dict[str, int]:
    """Work of one training step without any skipping, by phase; of what the library runs itself."""
    kind = ProgramKind.TRAIN_FROM_CUT if plan.has_external_body else ProgramKind.TRAIN
    program = plan.program(kind, ForwardKind.NATIVE)
    values = plan.values(program)
    total = dict.fromkeys(PHASES, 0)
    forward_count = int(program["forward_count"])
    for position, step in enumerate(plan.steps(program)):
        kernel, backward = KERNELS[int(step["kernel"])], position >= forward_count
        if kernel.macs is None:
            continue
        arguments = kernel.backward_arguments if backward else kernel.forward_arguments
        present = [(a, i) for a, i in zip(arguments, plan.step_values(step)) if i != NONE_INDEX]
        shapes = {}
        for argument, index in present:
            dims = tuple(int(d) for d in values[index]["dims"][: values[index]["rank"]])
            shapes[argument.name] = dims
            shapes.setdefault(argument.name.removeprefix("d"), dims)  # an error has the shape of what it is of
        macs = kernel.macs(shapes, kernel.named_words(plan.step_words(step).view("<i4").tolist()))
        if not backward:
            total["forward"] += macs
            continue
        total["input_error"] += macs * sum(argument.is_error_output for argument, _ in present)
        total["weight_gradient"] += macs if int(step["layer"]) != NONE_INDEX else 0
    total["update"] = int(plan.parameters["elements"].sum())
    return total
