#include "tflm_train/kernels/conv_2d.h"

#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/convolution.h"
#include "tflm_train/operators/operators.h"

namespace tflm_train {
namespace {
using namespace arguments::conv_2d;
using Implementation = ConvolutionOperator<Conv2d, false>;
}  // namespace

const Operator kConv2d = {KernelId::kConv2d, kArguments, Implementation::Check, Implementation::Forward,
                          Implementation::Backward};
const Operator kConv2dForward = {KernelId::kConv2d, kArguments, Implementation::Check, Implementation::Forward,
                                 nullptr};

}  // namespace tflm_train
