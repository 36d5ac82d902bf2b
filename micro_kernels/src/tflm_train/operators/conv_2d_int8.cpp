#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/convolution_int8.h"
#include "tflm_train/operators/operators.h"

namespace tflm_train {
namespace {
using namespace arguments::conv_2d_int8;
using Implementation = Int8ConvolutionOperator<Conv2d, s8::Conv2d, FullFilterFits, kLow>;
}  // namespace

const OperatorOf<KernelId::kConv2dInt8> kConv2dInt8 = {kArguments, Implementation::Check, Implementation::Forward,
                                                       Implementation::Backward};
const OperatorOf<KernelId::kConv2dInt8> kConv2dInt8Forward = {kArguments, Implementation::Check,
                                                              Implementation::Forward, nullptr};

}  // namespace tflm_train
