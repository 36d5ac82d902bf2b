// Losses of one sample and their errors.
#ifndef TFLM_TRAIN_RUNTIME_LOSSES_H_
#define TFLM_TRAIN_RUNTIME_LOSSES_H_

#include <cstdint>

#include "tflm_train/runtime/label.h"
#include "tflm_train/runtime/plan_format.h"
#include "tflm_train/status.h"

namespace tflm_train {

/// The loss that a label chooses: AUTO_LINEAR becomes cross entropy from logits for a class, mean squared error for a
/// vector, and for the number of a single output.
LossId ChooseLoss(LossId loss, const Label& label, uint32_t outputs);

/// kInvalidLabel: a class outside [0, outputs), or with one output outside {0, 1} for binary cross entropy; the mean
/// squared error of one output takes any number. kNonFinite: NaN or infinity in a vector.
Status CheckLabel(LossId loss, const Label& label, uint32_t outputs);

/// The loss of `values` [outputs], and its error (see LossId in plan_format.h) if `error` is not null. A class is a
/// one-hot vector; with one output it is the target itself. `scale`: factor of the fused softmax cross entropy's error.
/// `loss` as ChooseLoss gives it; the label is checked. `error` may be the memory of `values`.
float ComputeLoss(LossId loss, float scale, const float* values, uint32_t outputs, const Label& label, float* error);

/// The arg-max of `output` (first on ties) is the label's; with one output both lie on the same side: of 0.5, for
/// BINARY_CROSS_ENTROPY_FROM_LOGITS the output of 0.
bool IsCorrect(LossId loss, const float* output, uint32_t outputs, const Label& label);

}  // namespace tflm_train

#endif  // TFLM_TRAIN_RUNTIME_LOSSES_H_
