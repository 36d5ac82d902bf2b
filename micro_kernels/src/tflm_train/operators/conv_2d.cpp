#include "tflm_train/kernels/conv_2d.h"

#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/convolution.h"
#include "tflm_train/operators/operators.h"

namespace tflm_train {
namespace {
using namespace arguments::conv_2d;
using Implementation = ConvolutionOperator<Conv2d, false, FullFilterFits>;
}  // namespace

const OperatorOf<KernelId::kConv2d> kConv2d = {kArguments, Implementation::Check, Implementation::Forward,
                                               Implementation::Backward};
const OperatorOf<KernelId::kConv2d> kConv2dForward = {kArguments, Implementation::Check, Implementation::Forward,
                                                      nullptr};

}  // namespace tflm_train
