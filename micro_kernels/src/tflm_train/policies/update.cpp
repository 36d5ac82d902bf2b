// What all updates share. Linked with any of them.
#include "tflm_train/policies/update.h"

#include "tflm_train/kernels/build_config.h"
#include "tflm_train/kernels/inner.h"
#include "tflm_train/plan/plan_reader.h"

namespace tflm_train {
namespace {

constexpr auto kFloat = static_cast<uint8_t>(ScalarType::kFloat32);
constexpr auto kInt8 = static_cast<uint8_t>(ScalarType::kInt8);
constexpr auto kInt32 = static_cast<uint8_t>(ScalarType::kInt32);
constexpr int32_t kMostWeight = 127;

bool IsBias(const ParameterRecord& record) { return record.kind == static_cast<uint8_t>(ParameterKind::kBias); }

/// The largest bias with which no sum of a channel leaves 32 bits: its products are at most 255 * 128 each.
int32_t MostBias(const PlanReader& plan, const ParameterRecord& bias) {
  const uint32_t terms = plan.layer(bias.layer).terms;
  return terms < kManyTerms ? INT32_MAX - static_cast<int32_t>(terms * 255 * 128) : 0;
}

/// The number of weights that meet in a bias's channel is that of weights that train. That of others only the file
/// knows: a wrong one moves where the bias ends, and harms nothing else.
TFLM_TRAIN_COLD bool TermsFit(const PlanReader& plan, const ParameterRecord& bias) {
  const LayerRecord& layer = plan.layer(bias.layer);
  const uint32_t terms = plan.parameter(layer.weight).elements / bias.elements;
  return layer.terms == (terms < kManyTerms ? terms : kManyTerms);
}

}  // namespace

IntegerParameter::IntegerParameter(const Update* update, const PlanReader& plan, uint32_t parameter,
                                   uint8_t* persistent)
    : update_(update), seed_(plan.defaults().seed) {
  const ParameterRecord& record = plan.parameter(parameter);
  const QuantizationRecord& quantization = plan.quantization(record.quantization);
  values_ = persistent + record.arena_offset;
  remainders_ = nullptr;
  if (record.remainder_offset != kNoneOffset) {
    remainders_ = reinterpret_cast<int8_t*>(persistent + record.remainder_offset);
  }
  state_ = reinterpret_cast<uint32_t*>(persistent + plan.update_state_offset());
  scales_ = reinterpret_cast<const float*>(plan.words() + quantization.scale_begin);
  scale_count_ = quantization.scale_count;
  is_bias_ = IsBias(record);
  most_ = is_bias_ ? MostBias(plan, record) : kMostWeight;
}

template <class Integer, class Gradient>
TFLM_TRAIN_ALWAYS_INLINE inline void IntegerParameter::RunRow(void (*run)(const IntegerRow<Integer, Gradient>&),
                                                              uint32_t first, const Gradient& gradient,
                                                              uint32_t elements, uint32_t step) const {
  auto* const values = reinterpret_cast<Integer*>(values_) + first;
  int8_t* const remainders = remainders_ != nullptr ? remainders_ + first : nullptr;
  run({values, remainders, gradient, elements, step, static_cast<Integer>(most_), seed_, state_});
}

void IntegerParameter::Run(uint32_t first, uint32_t channel, const float* gradient, uint32_t elements, uint32_t step,
                           float rate) const {
  const FloatGradient floats = {gradient, rate / scale(channel)};
  if (is_bias_) {
    RunRow(update_->biases, first, floats, elements, step);
  } else {
    RunRow(update_->weights, first, floats, elements, step);
  }
}

void IntegerParameter::RunSums(uint32_t first, uint32_t channel, const int32_t* sums, uint32_t elements, uint32_t step,
                               FixedFactor rate) const {
  const SumGradient integers = {sums, Times(rate, FixedReciprocal(scale(channel)))};
  if (is_bias_) {
    RunRow(update_->biases_by_sums, first, integers, elements, step);
  } else {
    RunRow(update_->weights_by_sums, first, integers, elements, step);
  }
}

void IntegerParameter::RunProducts(uint32_t first, uint32_t channel, const int16_t* inputs, uint32_t elements,
                                   FixedFactor rate) const {
  const FixedFactor factor = WithFloatPrecision(Times(rate, FixedReciprocal(scale(channel))));
  RunRow(update_->weights_by_products, first, ProductGradient{inputs, factor}, elements, 1);
}

void IntegerParameter::Run(uint32_t first, uint32_t channel, const int16_t* inputs, uint32_t elements,
                           float rate) const {
  const FixedFactor factor = Fixed(rate / scale(channel));
  RunRow(update_->weights_by_products, first, ProductGradient{inputs, factor}, elements, 1);
}

Finding Update::VerifyPlan(const Policy& policy, const PlanReader& plan) {
  const auto& update = static_cast<const Update&>(policy);
  for (uint32_t i = 0; i < plan.parameter_count(); ++i) {
    const ParameterRecord& record = plan.parameter(i);
    // A kernel of floats or of integers writes all that a layer trains.
    const uint16_t weight = plan.layer(record.layer).weight;
    const bool floats = (weight == kNoneIndex ? record : plan.parameter(weight)).type == kFloat;
    if (record.type != (floats ? kFloat : IsBias(record) ? kInt32 : kInt8)) {
      return Found(Status::kUnsupportedType, Subject::kParameter);
    }
    if (floats) continue;
    if (IsBias(record) && weight != kNoneIndex && !TermsFit(plan, record)) return Invalid(Subject::kLayer);
    if (record.quantization == kNoneIndex || update.has_remainders != (record.remainder_offset != kNoneOffset)) {
      return Invalid(Subject::kParameter);
    }
    const QuantizationRecord& quantization = plan.quantization(record.quantization);
    if (quantization.zero_point != 0 || record.elements % quantization.scale_count != 0) {
      return Found(Status::kUnsupportedType, Subject::kQuantization);
    }
  }
  return Finding::kNothing;
}

void Update::EndGroup(const Update& update, const PlanReader& plan, uint32_t parameter, uint8_t* persistent,
                      float rate) {
  const ParameterRecord& record = plan.parameter(parameter);
  const QuantizationRecord& quantization = plan.quantization(record.quantization);
  const IntegerParameter integers(&update, plan, parameter, persistent);
  auto* const gradients = reinterpret_cast<float*>(persistent + record.gradient_offset);
  // Channels are rows along the first axis, or columns along the last one.
  const uint32_t channels = quantization.scale_count, row = record.elements / channels;
  for (uint32_t c = 0; c < channels; ++c) {
    if (quantization.axis == 0) {
      integers.Run(c * row, c, gradients + c * row, row, 1, rate);
      continue;
    }
    for (uint32_t i = c; i < record.elements; i += channels) integers.Run(i, c, gradients + i, 1, 1, rate);
  }
  Fill(0.0f, gradients, record.elements);
}

}  // namespace tflm_train
