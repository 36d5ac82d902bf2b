#include "tflm_train/operators/depthwise_max_pool.h"

#include "tflm_train/kernels/depthwise_conv_2d.h"
#include "tflm_train/operators/convolution.h"

namespace tflm_train {
namespace {
using Implementation = ConvolutionOperator<DepthwiseConv2d, true>;
}  // namespace

const Operator kDepthwiseMaxPool = {KernelId::kDepthwiseMaxPool, KernelArguments::PooledLayer(), Implementation::Check,
                                    Implementation::Forward, Implementation::Backward};
const Operator kDepthwiseMaxPoolForward = {KernelId::kDepthwiseMaxPool, KernelArguments::PooledLayer(),
                                           Implementation::Check, Implementation::Forward, nullptr};

}  // namespace tflm_train
