#include "tflm_train/plan/training_options.h"

#include <cstring>

#include "tflm_train/base/float_bits.h"
#include "tflm_train/plan/plan_reader.h"

namespace tflm_train {
namespace {

uint32_t WordOf(const TrainingOptions& options, uint32_t i) {
  uint32_t word;
  std::memcpy(&word, reinterpret_cast<const uint8_t*>(&options) + i * sizeof word, sizeof word);
  return word;
}

TFLM_TRAIN_COLD bool InRange(const TrainingOptions& options) {
  uint32_t previous = 0;
  for (uint32_t i = 0; i < kOptionCount; ++i) {
    const uint32_t range = kOptionRanges[i], word = WordOf(options, i);
    // No range holds a float below 0: their bits have the order of whole numbers, negative ones and NaN are above all.
    if (word < (range & 1) || word > kOptionHighs[range >> 2] || ((range & 2) != 0 && word < previous)) return false;
    previous = word;
  }
  return true;
}

}  // namespace

bool IsPositiveFinite(float value) {
  constexpr uint32_t kInfinity = 0x7F800000;
  return BitsOf(value) - 1 < kInfinity - 1;
}

bool IsSampleWeight(float value) { return (BitsOf(value) & 0x7FFFFFFFu) == 0 || IsPositiveFinite(value); }

Status CheckOptions(const PlanReader& plan, const TrainingOptions& options) {
  if (!InRange(options)) return Status::kInvalidArgument;
  for (uint32_t i = 0; i < plan.layer_count(); ++i) {
    const LayerRecord& layer = plan.layer(i);
    if (LayerSelects(options, layer) && layer.max_selected < layer.candidates) return Status::kSelectorNeedsPlan;
  }
  for (uint32_t i = 0; options.accumulate > 1 && i < plan.parameter_count(); ++i) {
    if (plan.parameter(i).gradient_offset == kNoneOffset) return Status::kSelectorNeedsPlan;
  }
  return Status::kOk;
}

}  // namespace tflm_train
