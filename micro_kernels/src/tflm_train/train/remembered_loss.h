// A schedule by remembered losses: samples that the model knows are left out for some epochs, forward pass included.
#ifndef TFLM_TRAIN_TRAIN_REMEMBERED_LOSS_H_
#define TFLM_TRAIN_TRAIN_REMEMBERED_LOSS_H_

#include <cstdint>

#include "tflm_train/status.h"

namespace tflm_train {

/// Which samples take part in an epoch. One that was easy sits out one epoch; one that is easy again after that sits
/// out two, then four, and four each time from then on. One that is hard takes part until it is easy. Samples are known
/// by their numbers, whatever the order. Belongs to nobody: it asks no trainer, and a trainer knows of none.
///
///   for each epoch, for each sample i:
///     if (!schedule.Next(i)) continue;
///     if (trainer.Step(x[i], label[i], &result) == Status::kOk) schedule.Remember(i, result.loss);
class RememberedLoss {
 public:
  /// Of the memory for so many samples.
  static constexpr uint32_t Bytes(uint32_t samples) { return samples; }

  /// Starts with nothing remembered: all samples take part. `memory` [Bytes(samples)] belongs to the caller and must
  /// outlive the schedule; it is a part of the training state: what undoes steps puts a copy of it back. A sample is
  /// easy where 1 - p < threshold, with p = exp(-loss): the probability of the label in a cross entropy.
  /// kInvalidArgument: no memory, or a threshold outside [0, 1); 0: no sample is easy.
  Status Init(uint8_t* memory, uint32_t samples, float threshold);

  /// Whether a sample takes part. To be asked once in each epoch: one that does not has sat out an epoch then. A sample
  /// without memory takes part.
  bool Next(uint32_t sample);
  /// What a step said of the sample; `weight`: what its loss was multiplied by. A sample of weight 0 is not easy.
  void Remember(uint32_t sample, float loss, float weight = 1.0f);

  /// 0 before Init.
  uint32_t samples() const { return samples_; }

 private:
  uint8_t* memory_ = nullptr;  // of each sample how often it was easy without being hard between, and epochs to sit out
  uint32_t samples_ = 0;
  float easy_ = 0.0f;  // losses below are
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_TRAIN_REMEMBERED_LOSS_H_
