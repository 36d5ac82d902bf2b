#include "tflm_train/kernels/conv_2d.h"
#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/convolution.h"
#include "tflm_train/operators/operators.h"

namespace tflm_train {
namespace {

using namespace arguments::grouped_conv_2d;

using Implementation = ConvolutionOperator<GroupedConv2d, false, GroupedFilterFits>;

}  // namespace

const OperatorOf<KernelId::kGroupedConv2d> kGroupedConv2d = {kArguments, Implementation::Check, Implementation::Forward,
                                                             Implementation::Backward};
const OperatorOf<KernelId::kGroupedConv2d> kGroupedConv2dForward = {kArguments, Implementation::Check,
                                                                    Implementation::Forward, nullptr};

}  // namespace tflm_train
