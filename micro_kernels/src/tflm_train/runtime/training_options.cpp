#include "tflm_train/runtime/training_options.h"

#include "tflm_train/kernels/float_bits.h"
#include "tflm_train/runtime/plan_reader.h"

namespace tflm_train {

bool IsPositiveFinite(float value) {
  constexpr uint32_t kInfinity = 0x7F800000;
  return BitsOf(value) - 1 < kInfinity - 1;
}

TrainingOptions OptionsOf(const DefaultsRecord& defaults) {
  TrainingOptions options;
  options.learning_rate = defaults.learning_rate;
  options.selector.id = static_cast<SelectorId>(defaults.selector);
  options.selector.output_sparse = (defaults.flags & kDefaultOutputSparse) != 0;
  options.selector.ratio = defaults.ratio;
  options.selector.s_min = defaults.s_min;
  options.selector.s_max = defaults.s_max;
  options.selector.damping = defaults.damping;
  options.selector.decay = defaults.decay;
  options.zero_skip = (defaults.flags & kDefaultZeroSkip) != 0;
  options.accumulate = defaults.accumulate;
  return options;
}

Status CheckOptions(const PlanReader& plan, const TrainingOptions& options) {
  if (!IsPositiveFinite(options.learning_rate) || !options.selector.Valid() || options.accumulate < 1 ||
      options.accumulate > kMaxAccumulate) {
    return Status::kInvalidArgument;
  }
  for (uint32_t i = 0; i < plan.layer_count(); ++i) {
    const LayerRecord& layer = plan.layer(i);
    if (options.selector.Selects(layer) && layer.max_selected < layer.candidates) return Status::kSelectorNeedsPlan;
  }
  for (uint32_t i = 0; options.accumulate > 1 && i < plan.parameter_count(); ++i) {
    if (plan.parameter(i).gradient_offset == kNoneOffset) return Status::kSelectorNeedsPlan;
  }
  return Status::kOk;
}

}  // namespace tflm_train
