// Verifies what the integers of values and parameters stand for.
#ifndef TFLM_TRAIN_PLAN_QUANTIZATION_H_
#define TFLM_TRAIN_PLAN_QUANTIZATION_H_

#include <cstdint>

#include "tflm_train/base/cold.h"

namespace tflm_train {

class PlanReader;
struct ValueRecord;

/// Every record is of integers, one of which is its zero point, and has positive, finite scales in the words, behind
/// those of the record in front of it; and parameters name records for their types.
TFLM_TRAIN_COLD bool QuantizationsFit(const PlanReader& plan);

/// A value names no record, or one for its type with scales for all of it or for each position along one of its axes.
TFLM_TRAIN_COLD bool QuantizationFits(const PlanReader& plan, const ValueRecord& value);

}  // namespace tflm_train

#endif  // TFLM_TRAIN_PLAN_QUANTIZATION_H_
