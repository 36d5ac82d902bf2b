#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/convolution_int8.h"
#include "tflm_train/operators/operators.h"

namespace tflm_train {
namespace {
using namespace arguments::depthwise_conv_2d_int8;
using Implementation = Int8ConvolutionOperator<DepthwiseConv2d, s8::DepthwiseConv2d, DepthwiseFilterFits, kLow>;
}  // namespace

const OperatorOf<KernelId::kDepthwiseConv2dInt8> kDepthwiseConv2dInt8 = {
    kArguments, Implementation::Check, Implementation::Forward, Implementation::Backward};
const OperatorOf<KernelId::kDepthwiseConv2dInt8> kDepthwiseConv2dInt8Forward = {kArguments, Implementation::Check,
                                                                                Implementation::Forward, nullptr};

}  // namespace tflm_train
