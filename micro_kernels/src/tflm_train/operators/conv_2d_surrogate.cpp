#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/operators.h"
#include "tflm_train/operators/surrogate.h"

namespace tflm_train {
namespace {
using namespace arguments::conv_2d_surrogate;
using Implementation = SurrogateOperator<ConvSurrogate>;
}  // namespace

const OperatorOf<KernelId::kConv2dSurrogate> kConv2dSurrogate = {kArguments, Implementation::Check, nullptr,
                                                                 Implementation::Backward};
const OperatorOf<KernelId::kConv2dSurrogate> kConv2dSurrogateForward = {kArguments, Implementation::Check, nullptr,
                                                                        nullptr};

}  // namespace tflm_train
