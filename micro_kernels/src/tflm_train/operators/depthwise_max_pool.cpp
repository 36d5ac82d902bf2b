#include "tflm_train/kernels/depthwise_conv_2d.h"
#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/convolution.h"
#include "tflm_train/operators/operators.h"

namespace tflm_train {
namespace {
using namespace arguments::depthwise_max_pool;
using Implementation = ConvolutionOperator<DepthwiseConv2d, true, DepthwiseFilterFits>;
}  // namespace

const OperatorOf<KernelId::kDepthwiseMaxPool> kDepthwiseMaxPool = {kArguments, Implementation::Check,
                                                                   Implementation::Forward, Implementation::Backward};
const OperatorOf<KernelId::kDepthwiseMaxPool> kDepthwiseMaxPoolForward = {kArguments, Implementation::Check,
                                                                          Implementation::Forward, nullptr};

}  // namespace tflm_train
