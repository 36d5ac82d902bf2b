#include "tflm_train/kernels/element_wise.h"
#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/element_wise.h"
#include "tflm_train/operators/operators.h"

namespace tflm_train {
namespace {

using namespace arguments::hard_swish;

struct Function {
  static constexpr uint32_t kWords = 0;
  static void Forward(const StepView&, const float* x, uint32_t n, float* y) { HardSwishForward(x, n, y); }
  static void Backward(const StepView&, const float* x, const float* dy, uint32_t n, bool accumulate, float* dx) {
    HardSwishBackward(x, dy, n, accumulate, dx);
  }
};
using Implementation = ElementWiseOperator<Function>;

}  // namespace

const OperatorOf<KernelId::kHardSwish> kHardSwish = {kArguments, Implementation::Check, Implementation::Forward,
                                                     Implementation::Backward};
const OperatorOf<KernelId::kHardSwish> kHardSwishForward = {kArguments, Implementation::Check, Implementation::Forward,
                                                            nullptr};

}  // namespace tflm_train
