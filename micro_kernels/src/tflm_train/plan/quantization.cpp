#include "tflm_train/plan/quantization.h"

#include "tflm_train/base/float_bits.h"
#include "tflm_train/plan/plan_reader.h"
#include "tflm_train/plan/training_options.h"

namespace tflm_train {
namespace {

/// `index` is kNoneIndex, or of a record for that type.
TFLM_TRAIN_COLD TFLM_TRAIN_NOINLINE bool IsFor(const PlanReader& plan, uint32_t index, uint32_t type) {
  return index == kNoneIndex || (index < plan.quantization_count() && plan.quantization(index).type == type);
}

}  // namespace

bool QuantizationsFit(const PlanReader& plan) {
  constexpr uint32_t kSigned = 1u << static_cast<uint32_t>(ScalarType::kInt8) |
                               1u << static_cast<uint32_t>(ScalarType::kInt16) |
                               1u << static_cast<uint32_t>(ScalarType::kInt32);
  static_assert(static_cast<uint32_t>(ScalarType::kFloat32) == 0, "the only type that is no integer");
  uint32_t next = 0;
  for (uint32_t i = 0; i < plan.quantization_count(); ++i) {
    const QuantizationRecord& record = plan.quantization(i);
    const uint32_t type = record.type;
    if (type == 0 || type >= kScalarTypes) return false;
    const uint32_t bits = 8u << kScalarShift[type], unused = 32 - bits;
    const uint32_t above_lowest = static_cast<uint32_t>(record.zero_point) + ((kSigned >> type & 1u) << (bits - 1));
    const uint32_t end = record.scale_begin + record.scale_count;
    // No scale is read twice: the work is linear in the plan.
    if (above_lowest << unused >> unused != above_lowest || record.scale_begin < next || end <= record.scale_begin ||
        end > plan.word_count()) {
      return false;
    }
    for (next = record.scale_begin; next < end; ++next) {
      if (!IsPositiveFinite(FloatOf(plan.words()[next]))) return false;
    }
  }
  for (uint32_t i = 0; i < plan.parameter_count(); ++i) {
    if (!IsFor(plan, plan.parameter(i).quantization, plan.parameter(i).type)) return false;
  }
  return true;
}

bool QuantizationFits(const PlanReader& plan, const ValueRecord& value) {
  if (!IsFor(plan, value.quantization, value.type)) return false;
  if (value.quantization == kNoneIndex) return true;
  const QuantizationRecord& record = plan.quantization(value.quantization);
  return record.axis < value.rank &&
         (record.scale_count == 1 || record.scale_count == static_cast<uint32_t>(value.dims[record.axis]));
}

}  // namespace tflm_train
