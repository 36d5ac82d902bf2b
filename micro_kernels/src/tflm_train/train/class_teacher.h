// New classes: the first samples of a class set the weights of its output, with no backward pass.
#ifndef TFLM_TRAIN_TRAIN_CLASS_TEACHER_H_
#define TFLM_TRAIN_TRAIN_CLASS_TEACHER_H_

#include <cstddef>
#include <cstdint>

#include "tflm_train/train/trainer.h"

namespace tflm_train {

/// Teaches classes that a model has outputs for, silent ones so far (`convert --spare-classes`). Weights are imprinted
/// (Qi, Brown, Lowe, "Low-Shot Learning with Imprinted Weights", CVPR 2018): the row of a class is
///
///   u = the sum of x / |x| over its samples,   w = s u / |u|,
///   b = mean t - s (|u| / n - 0.1) mean |x|,
///
/// with x what the last layer reads, s the mean norm of the rows of the classes in front of the spare ones (1 if those
/// are zero), t the largest logit of those classes, n the samples. On its own samples the logit of such a class is on
/// average the largest of those classes and a tenth of s |x| more, which is the most that a row of that norm can give.
///
/// Stands above a trainer that was started in any way; its steps refine what was taught. The state is a part of the
/// training state: what undoes steps (Trainer::WriteState, Reset) undoes this, too.
class ClassTeacher {
 public:
  /// kSelectorNeedsPlan: the plan has no spare classes; kNotInitialized: the trainer is not; kPlanInvalid: what it says
  /// of them. The trainer must outlive this object; its error() tells more.
  TFLM_TRAIN_COLD Status Init(Trainer* trainer);

  /// Takes in a sample of a spare class. `input` as Trainer::Step's. Nothing has changed after: kInvalidLabel (none of
  /// the spare classes), kClassTrained (its weights are from somewhere else: training, or the file), kNonFinite,
  /// kInvalidArgument (what the last layer reads is zero).
  TFLM_TRAIN_COLD Status Teach(const float* input, int32_t label);
  /// Whether a class is no silent one: a label for Trainer::Step. False before Init, and for what is no class.
  bool Taught(int32_t label) const;
  /// The first of the spare classes, and how many there are. 0 before Init.
  uint32_t first() const { return first_; }
  uint32_t spare() const { return trainer_ == nullptr ? 0 : trainer_->plan_.defaults().spare_classes; }

 private:
  /// Of a spare class.
  struct Taken {
    uint32_t samples;
    float length;   // |u|
    float norms;    // sum of |x|
    float tops;     // sum of t
    uint32_t bias;  // its bits, as the latest sample left them
  };
  TFLM_TRAIN_COLD bool FindLayer(const PlanReader& plan, const ProgramRecord& program);
  Taken* taken() const;
  float MeanNorm() const;

  Trainer* trainer_ = nullptr;
  const StepRecord* step_ = nullptr;  // backward, of the layer
  float* weights_ = nullptr;          // [classes, inputs_]
  float* biases_ = nullptr;
  uint32_t inputs_ = 0;
  uint32_t first_ = 0;
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_TRAIN_CLASS_TEACHER_H_
