#include "tflm_train/plan/persistent_verifier.h"

#include "tflm_train/plan/plan_reader.h"
#include "tflm_train/plan/training_options.h"

namespace tflm_train {
namespace {

constexpr uint32_t kFloatBytes = sizeof(float);

/// Bytes of the state of training, the persistent part of the arena up to the table of constants.
struct Region {
  uint32_t begin, bytes;
};

/// Regions by number: weights, gradients, then the layers' states. Without gradient a parameter's region is
/// empty. The parameters have passed: their bytes fit into 31 bits.
TFLM_TRAIN_COLD Region RegionOf(const PlanReader& plan, uint32_t number) {
  const uint32_t parameters = plan.parameter_count();
  if (number >= 2 * parameters) return {plan.layer(number - 2 * parameters).state_offset, kFloatBytes};
  const bool gradient = number >= parameters;
  const ParameterRecord& parameter = plan.parameter(gradient ? number - parameters : number);
  if (!gradient) return {parameter.arena_offset, parameter.elements * kFloatBytes};
  if (parameter.gradient_offset == kNoneOffset) return {0, 0};
  return {parameter.gradient_offset, parameter.elements * kFloatBytes};
}

TFLM_TRAIN_COLD bool TableFits(const PlanReader& plan) {
  const DefaultsRecord& defaults = plan.defaults();
  return defaults.constants_offset <= defaults.persistent_bytes && defaults.constants_offset % kFloatBytes == 0 &&
         plan.gate_state_bytes() <= defaults.constants_offset &&
         defaults.constant_count <= (defaults.persistent_bytes - defaults.constants_offset) / sizeof(uint32_t) &&
         defaults.constant_count <= plan.word_count();
}

TFLM_TRAIN_COLD bool RegionsFit(const PlanReader& plan) {
  const uint32_t count = 2 * plan.parameter_count() + plan.layer_count();
  const uint32_t size = plan.gate_state_offset();
  for (uint32_t i = 0; i < count; ++i) {
    const Region a = RegionOf(plan, i);
    if (a.begin % kFloatBytes != 0 || a.begin > size || a.bytes > size - a.begin) return false;
    for (uint32_t j = 0; j < i; ++j) {
      const Region b = RegionOf(plan, j);
      if (a.bytes != 0 && a.begin < b.begin + b.bytes && b.begin < a.begin + a.bytes) return false;
    }
  }
  return true;
}

TFLM_TRAIN_COLD bool ParameterFits(const PlanReader& plan, uint32_t index) {
  const ParameterRecord& parameter = plan.parameter(index);
  TensorView tensor;
  if (!plan.model().Tensor(parameter.tensor, &tensor) || tensor.type != static_cast<uint8_t>(ScalarType::kFloat32) ||
      parameter.type != tensor.type || parameter.elements != tensor.elements || tensor.elements == 0 ||
      tensor.data.size % kFloatBytes != 0 || tensor.data.size / kFloatBytes != tensor.elements ||
      parameter.layer >= plan.layer_count()) {
    return false;
  }
  const LayerRecord& layer = plan.layer(parameter.layer);
  const auto kind = static_cast<ParameterKind>(parameter.kind);
  return layer.operator_index == parameter.operator_index &&
         ((kind == ParameterKind::kWeight && layer.weight == index) ||
          (kind == ParameterKind::kBias && layer.bias == index));
}

TFLM_TRAIN_COLD bool Refers(const PlanReader& plan, uint32_t parameter, uint32_t layer) {
  return parameter == kNoneIndex || (parameter < plan.parameter_count() && plan.parameter(parameter).layer == layer);
}

TFLM_TRAIN_COLD bool LayerFits(const PlanReader& plan, uint32_t index) {
  const LayerRecord& layer = plan.layer(index);
  return layer.operator_index < plan.model().operator_count() && Refers(plan, layer.weight, index) &&
         Refers(plan, layer.bias, index) && layer.weight != layer.bias && layer.candidates > 0 &&
         (layer.max_selected == 0 || layer.max_selected == layer.candidates);
}

}  // namespace

Finding VerifyPersistent(const PlanReader& plan) {
  const DefaultsRecord& defaults = plan.defaults();
  if (defaults.loss >= kLossCount || !IsPositiveFinite(defaults.loss_scale) || defaults.classes == 0 ||
      defaults.persistent_bytes % kAlignment != 0 || defaults.persistent_bytes >> kAddressBits != 0 ||
      !TableFits(plan) || CheckOptions(plan, defaults.options) != Status::kOk) {
    return Invalid(Subject::kDefaults);
  }
  if (plan.parameter_count() >= kNoneIndex || plan.layer_count() >= kNoneIndex) {
    return Invalid(Subject::kParameterCount);
  }
  for (uint32_t i = 0; i < plan.layer_count(); ++i) {
    if (!LayerFits(plan, i)) return Invalid(Subject::kLayer);
  }
  for (uint32_t i = 0; i < plan.parameter_count(); ++i) {
    if (!ParameterFits(plan, i)) return Invalid(Subject::kParameter);
  }
  return RegionsFit(plan) ? Finding::kNothing : Invalid(Subject::kPersistentMemory);
}

}  // namespace tflm_train
