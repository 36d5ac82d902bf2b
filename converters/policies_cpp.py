"""What the C++ library repeats of the policies, written from them."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from .cpp_text import HEAD, camel, enumeration, guarded
from .policies import KINDS, Gate, Optimizer, Policy, Selector, Update


def symbols(policies: Iterable[Policy]) -> list[str]:
    """C++ names of the objects of those policies that have one: TINYPROP -> kTinypropSelector."""
    return [f"k{camel(policy.name)}{type(policy).__name__}" for policy in policies if policy.has_object]


def every_symbol() -> list[str]:
    """The same of all policies."""
    return symbols(policy for kind in KINDS for policy in kind)


def enumerations() -> list[str]:
    """Kinds and numbers of the policies, and the sizes of their states."""
    kinds = [f"  k{kind.__name__} = {number}," for number, kind in enumerate(KINDS)]
    lines = ["enum class PolicyKind : uint16_t {", *kinds, "};"]
    lines += [f"inline constexpr uint32_t kPolicyKindCount = {len(KINDS)};", ""]
    for kind in KINDS:
        lines += enumeration(f"{kind.__name__}Id", kind, "uint32_t")
        lines[-1:] = [f"inline constexpr uint32_t k{kind.__name__}Count = {len(kind)};", ""]
    sizes = {
        "kGateStateBytes[kGateCount]": [gate.state_bytes for gate in Gate],
        "kOptimizerSharedFloats[kOptimizerCount]": [optimizer.shared_floats for optimizer in Optimizer],
        "kOptimizerStateFloats[kOptimizerCount]": [optimizer.state_floats for optimizer in Optimizer],
        "kUpdateStateBytes[kUpdateCount]": [update.state_bytes for update in Update],
    }
    tables = (f"inline constexpr uint8_t {name} = {{{', '.join(map(str, of))}}};" for name, of in sizes.items())
    return [*lines, *tables, ""]


def chosen(options: Collection[str]) -> list[str]:
    """Functions that tell the policies that training options name. A kind with one policy has no option."""
    lines = ["/// The policies that options name."]
    for kind in (Selector, Gate):
        name, first = kind.__name__, f"{kind.__name__}Id::k{camel(kind(0).name)}"
        argument, value = (" options", f"options.{kind.field()}") if kind.field() in options else ("", first)
        lines += [f"inline constexpr {name}Id {name}Of(const TrainingOptions&{argument}) {{ return {value}; }}"]
    return [*lines, ""]


def declarations() -> str:
    """``policies/policies.h``: the policies' objects."""
    body = [
        *(f'#include "tflm_train/policies/{name}.h"' for name in sorted(kind.field() for kind in KINDS)),
        "",
        "namespace tflm_train {",
        "",
        *(f"extern const {kind.__name__} {symbol};" for kind in KINDS for symbol in symbols(kind)),
        "",
        f"inline constexpr uint32_t kPolicyCount = {len(every_symbol())};",
        "",
        "}  // namespace tflm_train",
    ]
    title = "// Every policy of the library that has an object. A firmware links those that it names."
    return "\n".join([HEAD, title, *guarded("tflm_train/policies/policies.h", body)]) + "\n"
