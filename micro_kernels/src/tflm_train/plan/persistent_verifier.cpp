#include "tflm_train/plan/persistent_verifier.h"

#include "tflm_train/plan/plan_reader.h"
#include "tflm_train/plan/training_options.h"

namespace tflm_train {
namespace {

constexpr uint32_t kFloatBytes = sizeof(float);
constexpr auto kFloat = static_cast<uint32_t>(ScalarType::kFloat32);

TFLM_TRAIN_COLD bool TableFits(const PlanReader& plan) {
  const DefaultsRecord& defaults = plan.defaults();
  return defaults.constants_offset <= defaults.persistent_bytes && defaults.constants_offset % kFloatBytes == 0 &&
         plan.update_state_bytes() <= defaults.constants_offset &&
         defaults.constant_count <= (defaults.persistent_bytes - defaults.constants_offset) / sizeof(uint32_t) &&
         defaults.constant_count <= plan.word_count();
}

/// The state of training, the persistent part of the arena up to the table of constants: each piece lies behind the one
/// in front of it, so that none lies over another.
class State {
 public:
  explicit State(uint32_t bytes) : bytes_(bytes) {}

  TFLM_TRAIN_COLD TFLM_TRAIN_NOINLINE void Take(uint32_t begin, uint32_t bytes) {
    fits_ = fits_ && begin % kFloatBytes == 0 && begin >= next_ && begin <= bytes_ && bytes <= bytes_ - begin;
    next_ = begin + bytes;
  }
  bool fits() const { return fits_; }

 private:
  uint32_t bytes_;
  uint32_t next_ = 0;
  bool fits_ = true;
};

/// Values of the parameters, their gradients, their remainders, the layers' states; a gate looks for its own. The
/// parameters have passed: their bytes fit into 31 bits.
TFLM_TRAIN_COLD bool StateFits(const PlanReader& plan) {
  State state(plan.update_state_offset());
  const ParameterRecord* begin = plan.parameters();
  const ParameterRecord* end = begin + plan.parameter_count();
  for (const ParameterRecord* p = begin; p != end; ++p) state.Take(p->arena_offset, ParameterBytes(*p));
  for (const ParameterRecord* p = begin; p != end; ++p) {
    if (p->gradient_offset != kNoneOffset) state.Take(p->gradient_offset, p->elements * kFloatBytes);
  }
  for (const ParameterRecord* p = begin; p != end; ++p) {
    if (p->remainder_offset != kNoneOffset) state.Take(p->remainder_offset, p->elements);
  }
  for (uint32_t i = 0; i < plan.layer_count(); ++i) state.Take(plan.layer(i).state_offset, kFloatBytes);
  return state.fits();
}

TFLM_TRAIN_COLD bool ParameterFits(const PlanReader& plan, uint32_t index) {
  const ParameterRecord& parameter = plan.parameter(index);
  TensorView tensor;
  if (!plan.model().Tensor(parameter.tensor, &tensor) || parameter.type >= kScalarTypes ||
      parameter.type != tensor.type || parameter.elements != tensor.elements || tensor.elements == 0 ||
      tensor.data.size != tensor.elements << kScalarShift[tensor.type] ||
      tensor.data.size >> kScalarShift[tensor.type] != tensor.elements ||
      (parameter.type == kFloat && parameter.remainder_offset != kNoneOffset) ||
      parameter.layer >= plan.layer_count()) {
    return false;
  }
  const LayerRecord& layer = plan.layer(parameter.layer);
  const auto kind = static_cast<ParameterKind>(parameter.kind);
  return layer.operator_index == parameter.operator_index &&
         ((kind == ParameterKind::kWeight && layer.weight == index) ||
          (kind == ParameterKind::kBias && layer.bias == index));
}

TFLM_TRAIN_COLD TFLM_TRAIN_NOINLINE bool Refers(const PlanReader& plan, uint32_t parameter, uint32_t layer) {
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
  if (defaults.loss >= kLossCount || defaults.update >= kUpdateCount || !IsPositiveFinite(defaults.loss_scale) ||
      defaults.classes == 0 || defaults.persistent_bytes % kAlignment != 0 ||
      defaults.persistent_bytes >> kAddressBits != 0 || CheckOptions(plan, defaults.options) != Status::kOk ||
      !TableFits(plan)) {
    return Invalid(Subject::kDefaults);
  }
  if (plan.parameter_count() >= kNoneIndex || plan.layer_count() >= kNoneIndex) {
    return Invalid(Subject::kParameterCount);
  }
  for (uint32_t i = 0; i < plan.layer_count(); ++i) {
    if (!LayerFits(plan, i)) return Invalid(Subject::kLayer);
  }
  for (uint32_t i = 0; i < plan.parameter_count(); ++i) {
    const ParameterRecord& parameter = plan.parameter(i);
    if (!ParameterFits(plan, i)) return Invalid(Subject::kParameter);
    if (parameter.quantization != kNoneIndex && parameter.quantization >= plan.quantization_count()) {
      return Invalid(Subject::kQuantization);
    }
  }
  return StateFits(plan) ? Finding::kNothing : Invalid(Subject::kPersistentMemory);
}

}  // namespace tflm_train
