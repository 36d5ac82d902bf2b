// An update: how steps that are smaller than a unit reach weights that are integers.
#ifndef TFLM_TRAIN_POLICIES_UPDATE_H_
#define TFLM_TRAIN_POLICIES_UPDATE_H_

#include <cstdint>

#include "tflm_train/plan/subject.h"
#include "tflm_train/policies/policy.h"

namespace tflm_train {

class PlanReader;

/// Integers whose gradient is whole and that have one scale: a row of weights, or a bias.
template <class Integer>
struct IntegerRow {
  Integer* values;        // the i-th of [elements] is values[i * step]
  int8_t* remainders;     // of the i-th: remainders[i * step], in 1/256 of a unit; null without a second plane
  const float* gradient;  // [elements]
  uint32_t elements, step;
  float factor;  // of the gradient: the step in units, -learning rate / scale
  Integer most;  // values stay in [-most, most]
  uint32_t seed;
  uint32_t* state;  // [kUpdateStateBytes / 4]: part of the training state, from zeros
};

/// An update. A row that is frozen or not selected does not run: it stays as it is. Scales never change.
struct Update : PolicyOf<PolicyKind::kUpdate, UpdateId> {
  constexpr Update(UpdateId update, bool with_remainders, void (*run_weights)(const IntegerRow<int8_t>&),
                   void (*run_biases)(const IntegerRow<int32_t>&))
      : PolicyOf(update), has_remainders(with_remainders), weights(run_weights), biases(run_biases) {}
  bool has_remainders;
  void (*weights)(const IntegerRow<int8_t>& row);
  void (*biases)(const IntegerRow<int32_t>& row);

  /// What a Trainer asks of an update; by pointers, so that a firmware without int8 weights does not link it.
  /// Every integer parameter of the plan has what it needs: scales, remainders, a bias in units of the sums.
  Finding (*verify)(const Update& update, const PlanReader& plan) = Verify;
  /// The end of a group of samples: a parameter, by the mean of its gradients, which start from zero again.
  /// `rate`: -learning rate / samples.
  void (*end_group)(const Update& update, const PlanReader& plan, uint32_t parameter, uint8_t* persistent,
                    float rate) = EndGroup;

 private:
  static Finding Verify(const Update& update, const PlanReader& plan);
  static void EndGroup(const Update& update, const PlanReader& plan, uint32_t parameter, uint8_t* persistent,
                       float rate);
};

/// An integer parameter in training.
class IntegerParameter {
 public:
  IntegerParameter(const Update& update, const PlanReader& plan, uint32_t parameter, uint8_t* persistent);

  /// Changes elements first, first + step, ... of a channel by a gradient [elements]; `rate`: the step in real numbers
  /// for a gradient of 1.
  void Run(uint32_t first, uint32_t channel, const float* gradient, uint32_t elements, uint32_t step, float rate) const;

 private:
  template <class Integer>
  void RunRow(void (*run)(const IntegerRow<Integer>&), uint32_t first, const float* gradient, uint32_t elements,
              uint32_t step, float factor) const;

  const Update& update_;
  const PlanReader& plan_;
  uint8_t* persistent_;
  uint32_t parameter_;
  const float* scales_;
  uint32_t scale_count_;
  int32_t most_;
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_POLICIES_UPDATE_H_
