// Verifies what the integers of values and parameters stand for.
#ifndef TFLM_TRAIN_PLAN_QUANTIZATION_H_
#define TFLM_TRAIN_PLAN_QUANTIZATION_H_

#include <cstdint>

#include "tflm_train/base/cold.h"

namespace tflm_train {

class PlanReader;

/// Every record is of integers, one of which is its zero point, and has positive, finite scales in the words, behind
/// those of the record in front of it.
TFLM_TRAIN_COLD bool QuantizationsFit(const PlanReader& plan);

/// `index` is kNoneIndex, or of a record for that type.
TFLM_TRAIN_COLD TFLM_TRAIN_NOINLINE bool QuantizationFits(const PlanReader& plan, uint32_t index, uint32_t type);

}  // namespace tflm_train

#endif  // TFLM_TRAIN_PLAN_QUANTIZATION_H_
