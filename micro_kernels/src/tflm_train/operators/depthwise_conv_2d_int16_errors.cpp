#include "tflm_train/kernels/fast/s8/depthwise_conv_2d_int16.h"
#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/convolution_int16.h"
#include "tflm_train/operators/operators.h"

namespace tflm_train {
namespace {
using namespace arguments::depthwise_conv_2d_int16_errors;
using Implementation =
    Int16ConvolutionOperator<DepthwiseConv2d, fast::s8::DepthwiseConv2DInt16, DepthwiseFilterFits, kLow>;
}  // namespace

const OperatorOf<KernelId::kDepthwiseConv2dInt16Errors> kDepthwiseConv2dInt16Errors = {
    kArguments, Implementation::Check, nullptr, Implementation::Backward};
const OperatorOf<KernelId::kDepthwiseConv2dInt16Errors> kDepthwiseConv2dInt16ErrorsForward = {
    kArguments, Implementation::Check, nullptr, nullptr};

}  // namespace tflm_train
