#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/convolution_int8.h"
#include "tflm_train/operators/operators.h"

namespace tflm_train {
namespace {
using namespace arguments::transpose_conv_int8;
using Implementation = Int8ConvolutionOperator<TransposeConv, s8::TransposeConv, TransposedFilterFits, kLow>;
}  // namespace

const OperatorOf<KernelId::kTransposeConvInt8> kTransposeConvInt8 = {kArguments, Implementation::Check,
                                                                     Implementation::Forward, Implementation::Backward};
const OperatorOf<KernelId::kTransposeConvInt8> kTransposeConvInt8Forward = {kArguments, Implementation::Check,
                                                                            Implementation::Forward, nullptr};

}  // namespace tflm_train
