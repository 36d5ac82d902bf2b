#include "tflm_train/kernels/gelu.h"

#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/element_wise.h"
#include "tflm_train/operators/operators.h"

namespace tflm_train {
namespace {

using namespace arguments::gelu;

struct Function {
  static constexpr uint32_t kWords = arguments::gelu::kWords;
  static void Forward(const StepView& step, const float* x, uint32_t n, float* y) {
    GeluForward(step.word(kApproximate) != 0, x, n, y);
  }
  static void Backward(const StepView& step, const float* x, const float* dy, uint32_t n, bool accumulate, float* dx) {
    GeluBackward(step.word(kApproximate) != 0, x, dy, n, accumulate, dx);
  }
};
using Implementation = ElementWiseOperator<Function>;

TFLM_TRAIN_COLD Status Check(const StepView& step) {
  const Status status = Implementation::Check(step);
  return status == Status::kOk ? PlanStatus((step.word(kApproximate) & ~1) == 0) : status;
}

}  // namespace

const OperatorOf<KernelId::kGelu> kGelu = {kArguments, Check, Implementation::Forward, Implementation::Backward};
const OperatorOf<KernelId::kGelu> kGeluForward = {kArguments, Check, Implementation::Forward, nullptr};

}  // namespace tflm_train
