#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/convolution_int16_pooled.h"
#include "tflm_train/operators/operators.h"

namespace tflm_train {
namespace {
using namespace arguments::conv_2d_max_pool_int16_errors;
using Implementation = Int16PooledConvolutionOperator<Conv2d, FullFilterFits, kMapH, kLow>;
}  // namespace

const OperatorOf<KernelId::kConv2dMaxPoolInt16Errors> kConv2dMaxPoolInt16Errors = {kArguments, Implementation::Check,
                                                                                   nullptr, Implementation::Backward};
const OperatorOf<KernelId::kConv2dMaxPoolInt16Errors> kConv2dMaxPoolInt16ErrorsForward = {
    kArguments, Implementation::Check, nullptr, nullptr};

}  // namespace tflm_train
