// Guarded alignment: statistics of a layer's outputs are brought back to those of conversion, where that pays.
#ifndef TFLM_TRAIN_TRAIN_ALIGNMENT_H_
#define TFLM_TRAIN_TRAIN_ALIGNMENT_H_

#include <cstddef>
#include <cstdint>

#include "tflm_train/train/trainer.h"

namespace tflm_train {

/// Against shifts of a sensor (gain, offset, noise): z being what a layer computes in front of its activation function,
/// each channel becomes z' = g (z - m) + m0 with g = s0 / s, mean and deviation m, s of samples without labels, m0, s0
/// of conversion. In one pass: every layer is measured behind the correction of those in front of it by what has been
/// measured so far, as if kPrior samples with the statistics of conversion had been there before the first one.
///
/// Stands above a trainer that was started for the whole model with the library's own forward pass (Init), by a plan of
/// `convert --align guarded`. Nothing is written before Accept: what is not accepted has changed no bit, and needs no
/// copy. Weights must not change between Measure and Accept.
class Alignment {
 public:
  static constexpr float kPrior = 8.0f;  // samples
  static constexpr float kLeastGain = 0.25f, kLargestGain = 4.0f;

  /// Of the memory for the plan's channels, as `convert` states it (align_bytes); 0: it has no such program, or
  /// it is damaged.
  TFLM_TRAIN_COLD static uint32_t Bytes(const PlanReader& plan);

  /// Starts with nothing measured. `memory`, aligned to 4 and of Bytes at least, belongs to the caller; it and the
  /// trainer must outlive this object. kNotInitialized: the trainer is not, or not for the whole model; kNoProgram: the
  /// plan has no such program, or another forward pass runs the trainer; kArenaTooSmall: memory; others as
  /// Trainer::Init. The trainer's error() tells more.
  TFLM_TRAIN_COLD Status Init(Trainer* trainer, void* memory, size_t memory_size);
  /// Forgets what was measured and judged.
  void Clear();

  /// Takes a sample without label into the statistics: one forward pass, up to the last layer that is aligned.
  /// Gradients that wait for their update are applied in front of the first one. kNonFinite (input, or a statistic):
  /// nothing is measured any more.
  Status Measure(const float* input);
  /// Counts what is correct of a sample with label before and after the correction: two forward passes.
  /// kInvalidArgument: nothing is measured. Others as Trainer::Evaluate: the sample does not count.
  Status Judge(const float* input, const Label& label);
  /// Where more than `margin` (0 to 1) of what was judged is correct that was not before, weights and biases take the
  /// correction over: w <- g w, b <- g (b - m) + m0. Otherwise, and where nothing was judged, they stay as they are.
  /// Then nothing is measured any more. What LatentReplay keeps is of other weights afterwards: Clear it.
  /// kInvalidArgument: nothing is measured, or a margin of NaN; kNonFinite: a weight would be NaN or infinite; nothing
  /// has changed.
  Status Accept(float margin, bool* accepted);

  /// Samples since Init or Clear.
  uint32_t measured() const { return measured_; }
  uint32_t judged() const { return judged_; }
  /// Of what was judged: decisions (one for each sample, where the output is one row of classes), and how many of them
  /// were correct.
  uint32_t decisions() const { return decisions_; }
  uint32_t correct_before() const { return before_; }
  uint32_t correct_after() const { return after_; }
  /// Of a measured layer, counted from 0, and null beyond: for each channel the sum over samples of the mean of z - m0,
  /// then for each that of its square.
  const float* sums(uint32_t layer) const;

 private:
  struct Channels;
  TFLM_TRAIN_COLD bool LayersFit(const ProgramRecord& program) const;
  Status Run(const float* input, bool measures, const Label* label, StepResult* result);
  bool TakeOver(bool write);
  template <class Visit>
  void ForEachLayer(const ProgramView& memory, Visit visit) const;

  Trainer* trainer_ = nullptr;
  float* sums_ = nullptr;
  const ProgramRecord* program_ = nullptr;
  uint32_t steps_ = 0;  // up to the last that is measured
  uint32_t measured_ = 0, judged_ = 0, decisions_ = 0, before_ = 0, after_ = 0;
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_TRAIN_ALIGNMENT_H_
