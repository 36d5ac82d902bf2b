#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/operators.h"
#include "tflm_train/operators/surrogate.h"

namespace tflm_train {
namespace {
using namespace arguments::depthwise_surrogate;
using Implementation = SurrogateOperator<DepthwiseSurrogate>;
}  // namespace

const OperatorOf<KernelId::kDepthwiseSurrogate> kDepthwiseSurrogate = {kArguments, Implementation::Check, nullptr,
                                                                       Implementation::Backward};
const OperatorOf<KernelId::kDepthwiseSurrogate> kDepthwiseSurrogateForward = {kArguments, Implementation::Check,
                                                                              nullptr, nullptr};

}  // namespace tflm_train
