#include "tflm_train/operators/conv_2d.h"

#include "tflm_train/kernels/conv_2d.h"
#include "tflm_train/operators/convolution.h"

namespace tflm_train {
namespace {
using Implementation = ConvolutionOperator<Conv2d, false>;
}  // namespace

const Operator kConv2d = {KernelId::kConv2d, KernelArguments::Layer(), Implementation::Check, Implementation::Forward,
                          Implementation::Backward};
const Operator kConv2dForward = {KernelId::kConv2d, KernelArguments::Layer(), Implementation::Check,
                                 Implementation::Forward, nullptr};

}  // namespace tflm_train
