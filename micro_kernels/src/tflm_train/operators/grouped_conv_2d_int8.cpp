#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/convolution_int8.h"
#include "tflm_train/operators/operators.h"

namespace tflm_train {
namespace {
using namespace arguments::grouped_conv_2d_int8;
using Implementation = Int8ConvolutionOperator<GroupedConv2d, s8::GroupedConv2d, GroupedFilterFits, kLow>;
}  // namespace

const OperatorOf<KernelId::kGroupedConv2dInt8> kGroupedConv2dInt8 = {kArguments, Implementation::Check,
                                                                     Implementation::Forward, Implementation::Backward};
const OperatorOf<KernelId::kGroupedConv2dInt8> kGroupedConv2dInt8Forward = {kArguments, Implementation::Check,
                                                                            Implementation::Forward, nullptr};

}  // namespace tflm_train
