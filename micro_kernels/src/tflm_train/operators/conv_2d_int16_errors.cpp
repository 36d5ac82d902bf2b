#include "tflm_train/kernels/fast/s8/conv_2d_int16.h"
#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/convolution_int16.h"
#include "tflm_train/operators/operators.h"

namespace tflm_train {
namespace {
using namespace arguments::conv_2d_int16_errors;
using Implementation = Int16ConvolutionOperator<Conv2d, fast::s8::Conv2DInt16, FullFilterFits, kLow>;
}  // namespace

const OperatorOf<KernelId::kConv2dInt16Errors> kConv2dInt16Errors = {kArguments, Implementation::Check, nullptr,
                                                                     Implementation::Backward};
const OperatorOf<KernelId::kConv2dInt16Errors> kConv2dInt16ErrorsForward = {kArguments, Implementation::Check, nullptr,
                                                                            nullptr};

}  // namespace tflm_train
