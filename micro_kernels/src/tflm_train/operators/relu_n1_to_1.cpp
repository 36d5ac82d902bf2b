#include "tflm_train/kernels/activation.h"
#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/element_wise.h"
#include "tflm_train/operators/operators.h"

namespace tflm_train {
namespace {

using namespace arguments::relu_n1_to_1;

struct Function {
  static constexpr uint32_t kWords = 0;
  static void Forward(const StepView&, const float* x, uint32_t n, float* y) {
    ClampForward(Activation::kReluN1To1, x, n, y);
  }
  static void Backward(const StepView&, const float* y, const float* dy, uint32_t n, bool accumulate, float* dx) {
    ClampBackward(Activation::kReluN1To1, y, dy, n, accumulate, dx);
  }
};
using Implementation = ElementWiseOperator<Function>;

}  // namespace

const OperatorOf<KernelId::kReluN1To1> kReluN1To1 = {kArguments, Implementation::Check, Implementation::Forward,
                                                     Implementation::Backward};
const OperatorOf<KernelId::kReluN1To1> kReluN1To1Forward = {kArguments, Implementation::Check, Implementation::Forward,
                                                            nullptr};

}  // namespace tflm_train
