"""The C++ twin of ``plan_format``."""

from __future__ import annotations

import numpy as np

from . import plan_format as pf
from .cpp_text import HEAD, enumeration, guarded
from .flatbuffer import TENSOR_TYPE_NAMES
from .operators import KERNELS
from .operators.cpp import kernel_ids
from .options import DEVICE_OPTIONS
from .policies import KINDS, Align, Replay, Schedule
from .policies_cpp import chosen, enumerations

_RECORDS = {
    "PlanHeader": pf.HEADER,
    "SectionRecord": pf.SECTION,
    "DefaultsRecord": pf.DEFAULTS,
    "ParameterRecord": pf.PARAMETER,
    "QuantizationRecord": pf.QUANTIZATION,
    "LayerRecord": pf.LAYER,
    "ProgramRecord": pf.PROGRAM,
    "ValueRecord": pf.VALUE,
    "StepRecord": pf.STEP,
}
_ENUMS = (
    pf.SectionKind, pf.Place, pf.Base, pf.Role, pf.Phase, pf.ProgramKind,
    pf.ForwardKind, pf.ParameterKind, Schedule, Replay, Align,
)  # fmt: skip
_TYPES = {"u1": "uint8_t", "u2": "uint16_t", "u4": "uint32_t", "i4": "int32_t", "f4": "float"}


def _options() -> list[str]:
    """The options that may change between steps, their record and their ranges."""
    numbers, kinds = list(DEVICE_OPTIONS), [kind.field() for kind in KINDS]
    lines = [
        *enumerations(),
        "/// What may be changed between steps. Switches are 0 or 1.",
        "struct TrainingOptions {",
    ]
    for option in DEVICE_OPTIONS.values():
        kind = f"{option.name.capitalize()}Id" if option.name in kinds else _TYPES[str(option.code).lstrip("<")]
        lines += [f"  /// {option.help}", f"  {kind} {option.name};"]
    return [
        *lines,
        "};",
        f"inline constexpr uint32_t kOptionCount = {len(numbers)};",
        "static_assert(sizeof(TrainingOptions) == kOptionCount * sizeof(uint32_t));",
        "",
        *_ranges(),
        "",
        *chosen(DEVICE_OPTIONS),
    ]


def _ranges() -> list[str]:
    """What options may be, in two bytes or less for each: few of them end at a number of their own."""
    names, options = list(DEVICE_OPTIONS), DEVICE_OPTIONS.values()
    ends = [(option.low, len(option.words) - 1 if option.words else option.high) for option in options]
    words = [[int(np.asarray(end, option.code).view("<u4")) for end in pair] for option, pair in zip(options, ends)]
    highs = list(dict.fromkeys(high for _, high in words))
    codes = []
    for i, (option, (low, high)) in enumerate(zip(options, words)):
        follows = option.at_least is not None
        if low > 1 or (follows and names[i - 1] != option.at_least):
            raise ValueError(f"{option.name}: a range begins at 0 or the least above it, and at_least stands in front")
        codes += [f"    // {option.name}", f"    {highs.index(high) << 2 | follows << 1 | low},"]
    return [
        "/// What an option may be, in the order of TrainingOptions. Bit 0: its least word, of a float its bits;",
        "/// bit 1: no less than the option in front of it; above: where kOptionHighs has its largest word.",
        "inline constexpr uint8_t kOptionRanges[kOptionCount] = {",
        *codes,
        "};",
        "inline constexpr uint32_t kOptionHighs[] = {",
        *(f"    {high}u," for high in highs),
        "};",
    ]


def option_names() -> str:
    """``policies/option_names.h``: the options' names and types, for hosts."""
    body = [
        '#include "tflm_train/plan/plan_format.h"',
        "",
        "namespace tflm_train {",
        "",
        "/// By position in TrainingOptions.",
        "inline const char* OptionName(uint32_t option) {",
        "  switch (option) {",
        *(line for i, name in enumerate(DEVICE_OPTIONS) for line in (f"    case {i}:", f'      return "{name}";')),
        "    default:",
        '      return "";',
        "  }",
        "}",
        "",
        "/// Whether it is a float.",
        "inline bool OptionIsFloat(uint32_t option) {",
        "  switch (option) {",
        *(f"    case {i}:" for i, option in enumerate(DEVICE_OPTIONS.values()) if option.code == "<f4"),
        "      return true;",
        "    default:",
        "      return false;",
        "  }",
        "}",
        "",
        "}  // namespace tflm_train",
    ]
    title = "// Names and types of the training options: linked only by programs that show them."
    return "\n".join([HEAD, title, *guarded("tflm_train/policies/option_names.h", body)]) + "\n"


def _shifts() -> list[int]:
    return [kind.dtype.itemsize.bit_length() - 1 for kind in pf.ScalarType]


def _tensor_types() -> list[int]:
    """Up to the last one that a plan may hold."""
    known = {number: pf.ScalarType.of(name) for number, name in TENSOR_TYPE_NAMES.items()}
    last = max(number for number, kind in known.items() if kind is not None)
    kinds = (known.get(number) for number in range(last + 1))
    return [len(pf.ScalarType) if kind is None else int(kind) for kind in kinds]


def shared_header() -> str:
    """``base/format.h``: what kernels and the model's reader share with plans."""
    body = [
        "#include <cstdint>",
        "",
        "namespace tflm_train {",
        "",
        f'inline constexpr char kMetadataName[] = "{pf.METADATA_NAME}";',
        f"inline constexpr int kMaxRank = {pf.MAX_RANK};",
        f"inline constexpr uint32_t kMaxStrip = {pf.MAX_STRIP};",
        "",
        *enumeration("Activation", pf.Activation, "uint16_t"),
        *enumeration("ScalarType", pf.ScalarType, "uint16_t"),
        f"inline constexpr uint32_t kScalarTypes = {len(pf.ScalarType)};",
        f"/// By ScalarType: log2 of the bytes of an element.\n"
        f"inline constexpr uint8_t kScalarShift[kScalarTypes] = {{{', '.join(map(str, _shifts()))}}};",
        "/// Bytes of so many elements.",
        "constexpr uint32_t ScalarBytes(ScalarType type, uint32_t elements) {",
        "  return elements << kScalarShift[static_cast<uint32_t>(type)];",
        "}",
        "",
        "/// By the schema's TensorType: the ScalarType, kScalarTypes for one that no plan holds.",
        f"inline constexpr uint8_t kTensorTypes[] = {{{', '.join(map(str, _tensor_types()))}}};",
        "",
        "}  // namespace tflm_train",
    ]
    title = "// What kernels and the model's reader share with plans."
    return "\n".join([HEAD, title, *guarded("tflm_train/base/format.h", body)]) + "\n"


def cpp_header() -> str:
    """Constants, enumerations and records of ``plan_format``."""
    lines = [
        HEAD,
        "// What each field means is written in converters/plan_format.py.",
        "#ifndef TFLM_TRAIN_PLAN_PLAN_FORMAT_H_",
        "#define TFLM_TRAIN_PLAN_PLAN_FORMAT_H_",
        "",
        "#include <cstddef>",
        "#include <cstdint>",
        "",
        '#include "tflm_train/base/format.h"',
        "",
        "namespace tflm_train {",
        "",
    ]
    constants = {
        "kPlanMagic": pf.MAGIC, "kFormatVersion": pf.FORMAT_VERSION, "kPlanCrcBegin": pf.PLAN_CRC_BEGIN,
        "kNoneOffset": pf.NONE_OFFSET, "kAddressBits": pf.ADDRESS_BITS, "kNoneAddress": pf.NONE_ADDRESS,
        "kKernelCount": len(KERNELS), "kTrainerBytes": pf.TRAINER_BYTES,
        "kAlignment": pf.ALIGNMENT, "kMaxOperatorValues": pf.MAX_OPERATOR_VALUES,
        "kReplayHeaderBytes": pf.REPLAY_HEADER_BYTES, "kReplayClassBytes": pf.REPLAY_CLASS_BYTES,
        "kReplaySlotBytes": pf.REPLAY_SLOT_BYTES, "kAlignChannelBytes": pf.ALIGN_CHANNEL_BYTES,
        "kSpareClassBytes": pf.SPARE_CLASS_BYTES,
        "kSectionRequired": pf.SECTION_REQUIRED, "kLayerOutput": pf.LAYER_OUTPUT,
        "kLayerDense": pf.LAYER_DENSE, "kLayerChannelLast": pf.LAYER_CHANNEL_LAST, "kManyTerms": pf.MANY_TERMS,
    }  # fmt: skip
    lines += [f"inline constexpr uint32_t {name} = {value}u;" for name, value in constants.items()]
    lines += [
        f"inline constexpr uint16_t kNoneIndex = {pf.NONE_INDEX};",
        "",
    ]
    lines += kernel_ids()
    for members in _ENUMS:
        lines += enumeration(members.__name__, members, "uint16_t")
    lines += _options()
    for name, dtype in _RECORDS.items():
        lines.append(f"struct {name} {{")
        assert dtype.fields is not None
        for field_name in dtype.names or ():
            if dtype is pf.DEFAULTS and field_name in DEVICE_OPTIONS:
                if field_name == next(iter(DEVICE_OPTIONS)):
                    lines.append("  TrainingOptions options;  // those that training starts with")
                continue
            base, shape = dtype.fields[field_name][0], ""
            if base.subdtype is not None:
                base, dims = base.subdtype
                shape = f"[{dims[0]}]"
            if field_name == "operator":  # a C++ keyword
                field_name = "operator_index"
            lines.append(f"  {_TYPES[base.str.lstrip('<|')]} {field_name}{shape};")
        lines += ["};", f"static_assert(sizeof({name}) == {dtype.itemsize});", ""]
    lines += ["}  // namespace tflm_train", "", "#endif  // TFLM_TRAIN_PLAN_PLAN_FORMAT_H_"]
    return "\n".join(lines) + "\n"
