#include "tflm_train/kernels/depthwise_conv_2d.h"

#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/convolution.h"
#include "tflm_train/operators/operators.h"

namespace tflm_train {
namespace {
using namespace arguments::depthwise_conv_2d;
using Implementation = ConvolutionOperator<DepthwiseConv2d, false, DepthwiseFilterFits>;
}  // namespace

const OperatorOf<KernelId::kDepthwiseConv2d> kDepthwiseConv2d = {kArguments, Implementation::Check,
                                                                 Implementation::Forward, Implementation::Backward};
const OperatorOf<KernelId::kDepthwiseConv2d> kDepthwiseConv2dForward = {kArguments, Implementation::Check,
                                                                        Implementation::Forward, nullptr};

}  // namespace tflm_train
