#include "tflm_train/kernels/element_wise.h"
#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/element_wise.h"
#include "tflm_train/operators/operators.h"

namespace tflm_train {
namespace {

using namespace arguments::leaky_relu;

struct Function {
  static constexpr uint32_t kWords = 1;
  static void Forward(const StepView& step, const float* x, uint32_t n, float* y) {
    LeakyReluForward(step.word_f32(0), x, n, y);
  }
  static void Backward(const StepView& step, const float* y, const float* dy, uint32_t n, bool accumulate, float* dx) {
    LeakyReluBackward(step.word_f32(0), y, dy, n, accumulate, dx);
  }
};
using Implementation = ElementWiseOperator<Function>;

/// The backward pass reads the sign of x from y: no negative slope, and no NaN.
TFLM_TRAIN_COLD Status Check(const StepView& step) {
  const Status status = Implementation::Check(step);
  if (status != Status::kOk || step.phase() != Phase::kBackward) return status;
  return PlanStatus(step.word_f32(0) >= 0.0f);
}

}  // namespace

const OperatorOf<KernelId::kLeakyRelu> kLeakyRelu = {kArguments, Check, Implementation::Forward,
                                                     Implementation::Backward};
const OperatorOf<KernelId::kLeakyRelu> kLeakyReluForward = {kArguments, Check, Implementation::Forward, nullptr};

}  // namespace tflm_train
