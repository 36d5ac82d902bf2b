#include "tflm_train/kernels/activation.h"
#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/element_wise.h"
#include "tflm_train/operators/operators.h"

namespace tflm_train {
namespace {

using namespace arguments::relu6;

struct Function {
  static constexpr uint32_t kWords = 0;
  static void Forward(const StepView&, const float* x, uint32_t n, float* y) {
    ClampForward(Activation::kRelu6, x, n, y);
  }
  static void Backward(const StepView&, const float* y, const float* dy, uint32_t n, bool accumulate, float* dx) {
    ClampBackward(Activation::kRelu6, y, dy, n, accumulate, dx);
  }
};
using Implementation = ElementWiseOperator<Function>;

}  // namespace

const OperatorOf<KernelId::kRelu6> kRelu6 = {kArguments, Implementation::Check, Implementation::Forward,
                                             Implementation::Backward};
const OperatorOf<KernelId::kRelu6> kRelu6Forward = {kArguments, Implementation::Check, Implementation::Forward,
                                                    nullptr};

}  // namespace tflm_train
