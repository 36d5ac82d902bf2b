#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/convolution_int16_pooled.h"
#include "tflm_train/operators/operators.h"

namespace tflm_train {
namespace {
using namespace arguments::depthwise_max_pool_int16_errors;
using Implementation = Int16PooledConvolutionOperator<DepthwiseConv2d, DepthwiseFilterFits, kMapH, kLow>;
}  // namespace

const OperatorOf<KernelId::kDepthwiseMaxPoolInt16Errors> kDepthwiseMaxPoolInt16Errors = {
    kArguments, Implementation::Check, nullptr, Implementation::Backward};
const OperatorOf<KernelId::kDepthwiseMaxPoolInt16Errors> kDepthwiseMaxPoolInt16ErrorsForward = {
    kArguments, Implementation::Check, nullptr, nullptr};

}  // namespace tflm_train
