"""What the C++ library repeats of the specs, written from them."""

from __future__ import annotations

from collections.abc import Iterable

from ..cpp_text import HEAD, camel, guarded
from ..plan_format import Role
from ..policies_cpp import every_symbol
from . import EXTERNAL, KERNELS
from .spec import Argument, KernelSpec


def kernel_ids() -> list[str]:
    """The enumeration of the kernels' numbers."""
    members = (f"  k{camel(kernel.name)} = {kernel.number}," for kernel in KERNELS)
    return ["enum class KernelId : uint16_t {", *members, "};", ""]


def _operators() -> list[KernelSpec]:
    """Kernels that have an Operator object, by name."""
    return sorted((kernel for kernel in KERNELS if kernel is not EXTERNAL), key=lambda kernel: kernel.name)


def _objects(kernel: KernelSpec) -> list[str]:
    return [f"k{camel(kernel.name)}{kind}" for kind in ("", "Forward", *["OnePass"] * (kernel.one_pass is not None))]


def declarations() -> str:
    """``operators/operators.h``: the Operator objects."""
    body = [
        '#include "tflm_train/requirements.h"',
        "",
        "#include <cstdint>",
        "",
        '#include "tflm_train/train/operator.h"',
        "",
        "namespace tflm_train {",
        "",
        "// Each twice: the second runs forward only and links no backward code. One with ...OnePass trains weights in",
        "// place, one sample at a time, and links no code for others.",
        *(f"extern const OperatorOf<KernelId::k{camel(k.name)}> {', '.join(_objects(k))};" for k in _operators()),
        "",
        f"inline constexpr uint32_t kOperatorCount = {len(_operators())};",
        "",
        "}  // namespace tflm_train",
    ]
    title = "// Every operator of the library. A firmware links those that it names."
    return "\n".join([HEAD, title, *guarded("tflm_train/operators/operators.h", body)]) + "\n"


def all_operators_set() -> str:
    """``operators/all_operators.h``: the set of all operators and policies."""
    body = [
        '#include "tflm_train/operators/operators.h"',
        '#include "tflm_train/policies/policies.h"',
        '#include "tflm_train/train/operator_set.h"',
        "",
        "namespace tflm_train {",
        "",
        "extern const Operator* const kAllOperators[kOperatorCount];",
        "",
        "class AllOperators : public StaticOperatorSet<kOperatorCount, kPolicyCount> {",
        " public:",
        "  constexpr AllOperators() {",
        *(f"    Add(k{camel(kernel.name)});" for kernel in _operators()),
        *(f"    Add({symbol});" for symbol in every_symbol()),
        "  }",
        "};",
        "",
        "}  // namespace tflm_train",
    ]
    title = "// All operators and policies, for hosts and for firmware that does not know its model beforehand."
    return "\n".join([HEAD, title, *guarded("tflm_train/operators/all_operators.h", body)]) + "\n"


def all_operators() -> str:
    """``operators/all_operators.cpp``: the table of all operators."""
    lines = [
        HEAD,
        '#include "tflm_train/operators/all_operators.h"',
        "",
        "namespace tflm_train {",
        "",
        "const Operator* const kAllOperators[kOperatorCount] = {",
        *(f"    &k{camel(kernel.name)}," for kernel in _operators()),
        "};",
        "",
        "}  // namespace tflm_train",
    ]
    return "\n".join(lines) + "\n"


def kernel_names() -> str:
    """``plan/kernel_names.h``: what messages call a kernel."""
    body = [
        "namespace tflm_train {",
        "",
        "/// By KernelId.",
        "inline constexpr const char* kKernelNames[] = {",
        *(f'    "{kernel.name}",' for kernel in KERNELS),
        "};",
        "",
        "}  // namespace tflm_train",
    ]
    return "\n".join([HEAD, *guarded("tflm_train/plan/kernel_names.h", body)]) + "\n"


def _mask(arguments: tuple[Argument, ...], chosen: Iterable[str]) -> int:
    """One bit for each chosen argument; the highest stands for all further ones."""
    names = set(chosen)
    mask = 0
    for position, argument in enumerate(arguments):
        if argument.name in names:
            mask |= 1 << min(position, 7)
            if argument.repeated:
                mask |= 0xFF & ~((1 << position) - 1)
    return mask


def _position(arguments: tuple[Argument, ...], name: str) -> int:
    """Where a step has an argument, 0xFF if it has none."""
    return next((i for i, argument in enumerate(arguments) if argument.name == name), 0xFF)


def _argument_enum(phase: str, arguments: tuple[Argument, ...]) -> list[str]:
    names = [f"k{argument.name.capitalize()}" for argument in arguments]
    return [f"enum {phase} : uint32_t {{ {', '.join([*names, 'kCount'])} }};"]


def _kernel_block(kernel: KernelSpec) -> list[str]:
    forward, backward = kernel.forward_arguments, kernel.backward_arguments
    winners = [name for name, saved in kernel.saved.items() if saved.role == Role.WINNERS]
    numbers = [
        _mask(forward, (a.name for a in forward if a.written)),
        _mask(forward, winners),
        _mask(backward, (a.name for a in backward if a.written)),
        _mask(backward, winners),
        _mask(backward, ["scratch"]),
        _position(backward, "w"),
        _position(backward, "means" if any(a.name == "means" for a in backward) else "dy"),
    ]
    lines = [f"namespace {kernel.name.lower()} {{"]
    lines += [f"namespace forward {{  // {kernel.forward}", *_argument_enum("Argument", forward), "}"]
    if backward:
        lines += [f"namespace backward {{  // {kernel.backward}", *_argument_enum("Argument", backward), "}"]
    words = [f"k{camel(word.rstrip('*').split(':')[0])}" for word in kernel.words.split()]
    if words:
        if not kernel.words.endswith("*"):
            words.append("kWords")
        lines += [f"enum Word : uint32_t {{ {', '.join(words)} }};"]
    lines += [
        f"inline constexpr KernelArguments kArguments = {{{', '.join(f'0x{number:02x}' for number in numbers)}}};"
    ]
    return [*lines, f"}}  // namespace {kernel.name.lower()}", ""]


def arguments() -> str:
    """``operators/arguments.h``: positions of arguments and constants in a kernel's steps."""
    body = [
        "#include <cstdint>",
        "",
        '#include "tflm_train/plan/kernel_arguments.h"',
        "",
        "namespace tflm_train {",
        "namespace arguments {",
        "",
    ]
    for kernel in _operators():
        body += _kernel_block(kernel)
    body += ["}  // namespace arguments", "}  // namespace tflm_train"]
    title = "// Positions of arguments and constants in the steps of each kernel: see converters/operators/spec.py."
    return "\n".join([HEAD, title, *guarded("tflm_train/operators/arguments.h", body)]) + "\n"
