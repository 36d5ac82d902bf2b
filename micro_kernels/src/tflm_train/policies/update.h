// An update: how steps that are smaller than a unit reach weights that are integers.
#ifndef TFLM_TRAIN_POLICIES_UPDATE_H_
#define TFLM_TRAIN_POLICIES_UPDATE_H_

#include <cstdint>

#include "tflm_train/kernels/s8/fixed_factor.h"
#include "tflm_train/kernels/s8/rounding.h"
#include "tflm_train/policies/policy.h"

namespace tflm_train {

/// A gradient of floats, and the step in units for a gradient of 1: -learning rate / scale.
struct FloatGradient {
  const float* values;
  float factor;
};

/// The same of integers. What is done with it needs no instruction on floats.
struct SumGradient {
  const int32_t* values;
  FixedFactor factor;
};

/// The same of products of an error, which is part of the factor, and the inputs of a dense layer less their zero
/// point, in [-255, 255]. The factor has the precision of a float.
struct ProductGradient {
  const int16_t* values;
  FixedFactor factor;
};

/// Integers whose gradient is whole and that have one scale: a row of weights, or a bias.
template <class Integer, class Gradient>
struct IntegerRow {
  Integer* values;     // the i-th of [elements] is values[i * step]
  int8_t* remainders;  // of the i-th: remainders[i * step], in 1/256 of a unit; null without a second plane
  Gradient gradient;   // [elements]
  uint32_t elements, step;
  Integer most;  // values stay in [-most, most]
  uint32_t seed;
  uint32_t* state;  // [kUpdateStateBytes / 4]: part of the training state, from zeros
};

/// Calls visit(index of the integer, its step in 2^-bits of a unit, rounded half up) for a row.
template <class Integer, class Visit>
void ForEachStep(const IntegerRow<Integer, FloatGradient>& row, int bits, Visit visit) {
  const float factor = row.gradient.factor * static_cast<float>(1 << bits);
  for (uint32_t i = 0; i < row.elements; ++i) {
    visit(i * row.step, RoundHalfUp<Integer>(factor * row.gradient.values[i]));
  }
}
template <class Integer, class Gradient, class Visit>
void ForEachStep(const IntegerRow<Integer, Gradient>& row, int bits, Visit visit) {
  const FixedFactor factor = TimesPowerOfTwo(row.gradient.factor, bits);
  for (uint32_t i = 0; i < row.elements; ++i) {
    visit(i * row.step, ScaleHalfUp<Integer>(row.gradient.values[i], factor));
  }
}

/// An update. A row that is frozen or not selected does not run: it stays as it is. Scales never change.
struct Update : PolicyOf<PolicyKind::kUpdate, UpdateId> {
  /// `Rule` has Run(row), a template for rows of all kinds.
  template <class Rule>
  constexpr Update(UpdateId update, bool with_remainders, Rule)
      : PolicyOf(update, VerifyPlan),
        has_remainders(with_remainders),
        weights(Rule::template Run<int8_t, FloatGradient>),
        biases(Rule::template Run<int32_t, FloatGradient>),
        weights_by_sums(Rule::template Run<int8_t, SumGradient>),
        biases_by_sums(Rule::template Run<int32_t, SumGradient>),
        weights_by_products(Rule::template Run<int8_t, ProductGradient>) {}
  bool has_remainders;
  void (*weights)(const IntegerRow<int8_t, FloatGradient>& row);
  void (*biases)(const IntegerRow<int32_t, FloatGradient>& row);
  void (*weights_by_sums)(const IntegerRow<int8_t, SumGradient>& row);
  void (*biases_by_sums)(const IntegerRow<int32_t, SumGradient>& row);
  void (*weights_by_products)(const IntegerRow<int8_t, ProductGradient>& row);

  /// By a pointer, so that a firmware without int8 weights does not link it.
  /// The end of a group of samples: a parameter, by the mean of its gradients, which start from zero again.
  /// `rate`: -learning rate / samples.
  void (*end_group)(const Update& update, const PlanReader& plan, uint32_t parameter, uint8_t* persistent,
                    float rate) = EndGroup;

 private:
  /// Every integer parameter of the plan has what it needs: scales, remainders, a bias in units of the sums.
  static Finding VerifyPlan(const Policy& update, const PlanReader& plan);
  static void EndGroup(const Update& update, const PlanReader& plan, uint32_t parameter, uint8_t* persistent,
                       float rate);
};

/// An integer parameter in training.
class IntegerParameter {
 public:
  /// `update` may be null, of a parameter that does not change.
  IntegerParameter(const Update* update, const PlanReader& plan, uint32_t parameter, uint8_t* persistent);

  /// Changes elements first, first + step, ... of a channel by a gradient [elements]; `rate`: the step in real numbers
  /// for a gradient of 1.
  void Run(uint32_t first, uint32_t channel, const float* gradient, uint32_t elements, uint32_t step, float rate) const;
  /// The same for a gradient of integers, by integer arithmetic alone.
  void RunSums(uint32_t first, uint32_t channel, const int32_t* sums, uint32_t elements, uint32_t step,
               FixedFactor rate) const;
  /// The same for the weights of a neuron and the inputs of ProductGradient.
  void RunProducts(uint32_t first, uint32_t channel, const int16_t* inputs, uint32_t elements, FixedFactor rate) const;
  void Run(uint32_t first, uint32_t channel, const int16_t* inputs, uint32_t elements, float rate) const;

 private:
  float scale(uint32_t channel) const { return scales_[channel < scale_count_ ? channel : 0]; }
  template <class Integer, class Gradient>
  void RunRow(void (*run)(const IntegerRow<Integer, Gradient>&), uint32_t first, const Gradient& gradient,
              uint32_t elements, uint32_t step) const;

  const Update* update_;
  uint8_t* values_;
  int8_t* remainders_;  // null without them
  uint32_t* state_;
  const float* scales_;
  uint32_t scale_count_;
  int32_t most_;
  uint32_t seed_;
  bool is_bias_;
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_POLICIES_UPDATE_H_
