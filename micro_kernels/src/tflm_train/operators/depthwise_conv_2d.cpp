#include "tflm_train/operators/depthwise_conv_2d.h"

#include "tflm_train/kernels/depthwise_conv_2d.h"
#include "tflm_train/operators/convolution.h"

namespace tflm_train {
namespace {
using Implementation = ConvolutionOperator<DepthwiseConv2d, false>;
}  // namespace

const Operator kDepthwiseConv2d = {KernelId::kDepthwiseConv2d, KernelArguments::Layer(), Implementation::Check,
                                   Implementation::Forward, Implementation::Backward};
const Operator kDepthwiseConv2dForward = {KernelId::kDepthwiseConv2d, KernelArguments::Layer(), Implementation::Check,
                                          Implementation::Forward, nullptr};

}  // namespace tflm_train
