#include "tflm_train/operators/conv_2d_max_pool.h"

#include "tflm_train/kernels/conv_2d.h"
#include "tflm_train/operators/convolution.h"

namespace tflm_train {
namespace {
using Implementation = ConvolutionOperator<Conv2d, true>;
}  // namespace

const Operator kConv2dMaxPool = {KernelId::kConv2dMaxPool, KernelArguments::PooledLayer(), Implementation::Check,
                                 Implementation::Forward, Implementation::Backward};
const Operator kConv2dMaxPoolForward = {KernelId::kConv2dMaxPool, KernelArguments::PooledLayer(), Implementation::Check,
                                        Implementation::Forward, nullptr};

}  // namespace tflm_train
