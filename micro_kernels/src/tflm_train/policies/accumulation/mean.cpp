// The mean of the gradients: w <- w - learning rate * mean, or the rule's.
#include "tflm_train/base/cold.h"
#include "tflm_train/plan/plan_reader.h"
#include "tflm_train/policies/policies.h"

namespace tflm_train {
namespace {

TFLM_TRAIN_COLD void EndGroup(const SampleGroup& group) {
  const PlanReader& plan = group.plan;
  for (uint32_t i = 0; kCountWork && i < plan.parameter_count(); ++i) {
    Count(group.work.update, plan.parameter(i).elements);
  }
  if (group.optimizer != nullptr) {
    return group.optimizer->end_group(*group.optimizer, plan, group.options, group.persistent, group.samples);
  }
  const float rate = group.options.learning_rate / static_cast<float>(group.samples);
  for (uint32_t i = 0; i < plan.parameter_count(); ++i) {
    const ParameterRecord& record = plan.parameter(i);
    if (group.update != nullptr && record.type != static_cast<uint8_t>(ScalarType::kFloat32)) {
      group.update->end_group(*group.update, plan, i, group.persistent, -rate);
      continue;
    }
    auto* const weights = reinterpret_cast<float*>(group.persistent + record.arena_offset);
    auto* const gradients = reinterpret_cast<float*>(group.persistent + record.gradient_offset);
    for (uint32_t j = 0; j < record.elements; ++j) {
      weights[j] -= rate * gradients[j];
      gradients[j] = 0.0f;
    }
  }
}

}  // namespace

const Accumulation kMeanAccumulation(AccumulationId::kMean, EndGroup);

}  // namespace tflm_train
