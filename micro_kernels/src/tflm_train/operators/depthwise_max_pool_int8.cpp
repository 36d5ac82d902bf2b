#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/convolution_int8.h"
#include "tflm_train/operators/operators.h"

namespace tflm_train {
namespace {
using namespace arguments::depthwise_max_pool_int8;
using Implementation = Int8PooledConvolutionOperator<DepthwiseConv2d, DepthwiseFilterFits, kMapH, kLow>;
}  // namespace

// Both are for the backward step only.
const OperatorOf<KernelId::kDepthwiseMaxPoolInt8> kDepthwiseMaxPoolInt8 = {kArguments, Implementation::Check, nullptr,
                                                                           Implementation::Backward};
const OperatorOf<KernelId::kDepthwiseMaxPoolInt8> kDepthwiseMaxPoolInt8Forward = {kArguments, Implementation::Check,
                                                                                  nullptr, nullptr};

}  // namespace tflm_train
