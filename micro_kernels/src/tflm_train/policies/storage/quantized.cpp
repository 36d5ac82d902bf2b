// Integers that stand for real numbers.
#include "tflm_train/plan/quantization.h"
#include "tflm_train/policies/policies.h"

namespace tflm_train {
namespace {

TFLM_TRAIN_COLD Finding VerifyPlan(const Policy&, const PlanReader& plan) {
  return QuantizationsFit(plan) ? Finding::kNothing : Invalid(Subject::kQuantization);
}

}  // namespace

const Storage kQuantizedStorage(StorageId::kQuantized, VerifyPlan, QuantizationFits);

}  // namespace tflm_train
