"""The C++ twin of ``plan_format``."""

from __future__ import annotations

from . import plan_format as pf
from .operators import KERNELS
from .operators.cpp import HEAD, kernel_ids

_RECORDS = {
    "PlanHeader": pf.HEADER,
    "SectionRecord": pf.SECTION,
    "DefaultsRecord": pf.DEFAULTS,
    "ParameterRecord": pf.PARAMETER,
    "LayerRecord": pf.LAYER,
    "ProgramRecord": pf.PROGRAM,
    "ValueRecord": pf.VALUE,
    "StepRecord": pf.STEP,
}
_ENUMS = (
    pf.SectionKind, pf.Activation, pf.ScalarType, pf.Place, pf.Base, pf.Role, pf.Phase, pf.ProgramKind,
    pf.ForwardKind, pf.ParameterKind, pf.Loss, pf.Selector,
)  # fmt: skip


def cpp_header() -> str:
    """Constants, enumerations and records of ``plan_format``."""
    types = {"u1": "uint8_t", "u2": "uint16_t", "u4": "uint32_t", "i4": "int32_t", "f4": "float"}
    lines = [
        HEAD,
        "// What each field means is written in converters/plan_format.py.",
        "#ifndef TFLM_TRAIN_RUNTIME_PLAN_FORMAT_H_",
        "#define TFLM_TRAIN_RUNTIME_PLAN_FORMAT_H_",
        "",
        "#include <cstddef>",
        "#include <cstdint>",
        "",
        "namespace tflm_train {",
        "",
        f'inline constexpr char kMetadataName[] = "{pf.METADATA_NAME}";',
    ]
    constants = {
        "kPlanMagic": pf.MAGIC, "kFormatVersion": pf.FORMAT_VERSION, "kPlanCrcBegin": pf.PLAN_CRC_BEGIN,
        "kNoneOffset": pf.NONE_OFFSET, "kAddressBits": pf.ADDRESS_BITS, "kNoneAddress": pf.NONE_ADDRESS,
        "kKernelCount": len(KERNELS),
        "kAlignment": pf.ALIGNMENT, "kMaxOperatorValues": pf.MAX_OPERATOR_VALUES,
        "kSectionRequired": pf.SECTION_REQUIRED, "kLayerOutput": pf.LAYER_OUTPUT,
        "kDefaultZeroSkip": pf.DEFAULT_ZERO_SKIP, "kDefaultOutputSparse": pf.DEFAULT_OUTPUT_SPARSE,
    }  # fmt: skip
    lines += [f"inline constexpr uint32_t {name} = {value}u;" for name, value in constants.items()]
    lines += [
        f"inline constexpr uint16_t kNoneIndex = {pf.NONE_INDEX};",
        f"inline constexpr int kMaxRank = {pf.MAX_RANK};",
        "",
    ]
    lines += kernel_ids()
    for enumeration in _ENUMS:
        name = enumeration.__name__ + ("Id" if enumeration in (pf.Selector, pf.Loss) else "")
        lines.append(f"enum class {name} : uint16_t {{")
        for member in enumeration:
            words = member.name.split("_")
            lines.append("  k" + "".join(w.capitalize() for w in words) + f" = {member.value},")
        lines += ["};", ""]
    for name, dtype in _RECORDS.items():
        lines.append(f"struct {name} {{")
        assert dtype.fields is not None
        for field_name in dtype.names or ():
            base, shape = dtype.fields[field_name][0], ""
            if base.subdtype is not None:
                base, dims = base.subdtype
                shape = f"[{dims[0]}]"
            if field_name == "operator":  # a C++ keyword
                field_name = "operator_index"
            lines.append(f"  {types[base.str.lstrip('<|')]} {field_name}{shape};")
        lines += ["};", f"static_assert(sizeof({name}) == {dtype.itemsize});", ""]
    lines += ["}  // namespace tflm_train", "", "#endif  // TFLM_TRAIN_RUNTIME_PLAN_FORMAT_H_"]
    return "\n".join(lines) + "\n"
