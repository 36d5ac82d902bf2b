#include "tflm_train/operators/hard_swish.h"

#include "tflm_train/kernels/element_wise.h"
#include "tflm_train/operators/element_wise.h"

namespace tflm_train {
namespace {

struct Function {
  static constexpr uint32_t kWords = 0;
  static void Forward(const StepView&, const float* x, uint32_t n, float* y) { HardSwishForward(x, n, y); }
  static void Backward(const StepView&, const float* x, const float* dy, uint32_t n, bool accumulate, float* dx) {
    HardSwishBackward(x, dy, n, accumulate, dx);
  }
};
using Implementation = ElementWiseOperator<Function>;

}  // namespace

const Operator kHardSwish = {KernelId::kHardSwish, KernelArguments::Unary(1), Implementation::Check,
                             Implementation::Forward, Implementation::Backward};
const Operator kHardSwishForward = {KernelId::kHardSwish, KernelArguments::Unary(1), Implementation::Check,
                                    Implementation::Forward, nullptr};

}  // namespace tflm_train
