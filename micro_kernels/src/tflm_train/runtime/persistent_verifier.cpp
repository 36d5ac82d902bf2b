#include "tflm_train/runtime/persistent_verifier.h"

#include "tflm_train/runtime/cold.h"
#include "tflm_train/runtime/plan_reader.h"
#include "tflm_train/runtime/training_options.h"

namespace tflm_train {
namespace {

constexpr uint32_t kFloatBytes = sizeof(float);

/// Bytes of the persistent part of the arena.
struct Region {
  uint64_t begin, end;
  bool Overlaps(const Region& other) const { return begin < other.end && other.begin < end; }
};

/// Regions by number: weights, gradients, then the layers' states. Without gradient a parameter's region is empty.
Region RegionOf(const PlanReader& plan, uint32_t number) {
  const uint32_t parameters = plan.parameter_count();
  if (number >= 2 * parameters) {
    const uint64_t begin = plan.layer(number - 2 * parameters).state_offset;
    return {begin, begin + kFloatBytes};
  }
  const ParameterRecord& parameter = plan.parameter(number % parameters);
  const uint64_t size = uint64_t{parameter.elements} * kFloatBytes;
  if (number < parameters) return {parameter.arena_offset, parameter.arena_offset + size};
  if (parameter.gradient_offset == kNoneOffset) return {0, 0};
  return {parameter.gradient_offset, parameter.gradient_offset + size};
}

TFLM_TRAIN_COLD bool RegionsFit(const PlanReader& plan) {
  const uint32_t count = 2 * plan.parameter_count() + plan.layer_count();
  for (uint32_t i = 0; i < count; ++i) {
    const Region region = RegionOf(plan, i);
    if (region.end > plan.defaults().persistent_bytes || region.begin % kFloatBytes != 0) return false;
    for (uint32_t j = 0; j < i; ++j) {
      if (region.end > region.begin && region.Overlaps(RegionOf(plan, j))) return false;
    }
  }
  return true;
}

TFLM_TRAIN_COLD bool ParameterFits(const PlanReader& plan, uint32_t index) {
  const ParameterRecord& parameter = plan.parameter(index);
  TensorView tensor;
  FileBytes data;
  ScalarType type = ScalarType::kInt8;
  uint32_t elements = 0;
  if (!plan.model().Tensor(parameter.tensor, &tensor) || !plan.model().TensorSize(tensor, &type, &elements) ||
      !plan.model().Buffer(tensor.buffer, &data)) {
    return false;
  }
  const bool known_kind = parameter.kind <= static_cast<uint8_t>(ParameterKind::kBias);
  if (!known_kind || parameter.type != static_cast<uint8_t>(ScalarType::kFloat32) || type != ScalarType::kFloat32 ||
      elements != parameter.elements || data.size != uint64_t{elements} * kFloatBytes ||
      parameter.layer >= plan.layer_count() || parameter.operator_index >= plan.model().operator_count()) {
    return false;
  }
  const LayerRecord& layer = plan.layer(parameter.layer);
  const bool is_weight = parameter.kind == static_cast<uint8_t>(ParameterKind::kWeight);
  return layer.operator_index == parameter.operator_index && (is_weight ? layer.weight : layer.bias) == index;
}

TFLM_TRAIN_COLD bool Refers(const PlanReader& plan, uint16_t parameter, uint16_t layer) {
  return parameter == kNoneIndex || (parameter < plan.parameter_count() && plan.parameter(parameter).layer == layer);
}

TFLM_TRAIN_COLD bool LayerFits(const PlanReader& plan, uint16_t index) {
  const LayerRecord& layer = plan.layer(index);
  return layer.operator_index < plan.model().operator_count() && Refers(plan, layer.weight, index) &&
         Refers(plan, layer.bias, index) && (layer.weight != kNoneIndex || layer.bias != kNoneIndex) &&
         (layer.weight != layer.bias) && layer.candidates > 0 &&
         (layer.max_selected == 0 || layer.max_selected == layer.candidates);
}

}  // namespace

Status VerifyPersistent(const PlanReader& plan, ErrorDetail* error) {
  const DefaultsRecord& defaults = plan.defaults();
  if (defaults.loss > static_cast<uint16_t>(LossId::kAutoLinear) || !IsPositiveFinite(defaults.loss_scale) ||
      defaults.persistent_bytes % kAlignment != 0 || CheckOptions(plan, OptionsOf(defaults)) != Status::kOk) {
    return error->Set(Status::kPlanInvalid, "defaults");
  }
  if (plan.parameter_count() >= kNoneIndex || plan.layer_count() >= kNoneIndex) {
    return error->Set(Status::kPlanInvalid, "number of parameters");
  }
  for (uint32_t i = 0; i < plan.parameter_count(); ++i) {
    if (!ParameterFits(plan, i)) return error->Set(Status::kPlanInvalid, "parameter");
  }
  for (uint32_t i = 0; i < plan.layer_count(); ++i) {
    if (!LayerFits(plan, static_cast<uint16_t>(i))) return error->Set(Status::kPlanInvalid, "layer");
  }
  return RegionsFit(plan) ? Status::kOk : error->Set(Status::kPlanInvalid, "persistent memory");
}

}  // namespace tflm_train
