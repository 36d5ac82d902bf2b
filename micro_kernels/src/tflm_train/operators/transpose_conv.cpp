#include "tflm_train/kernels/transpose_conv.h"

#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/convolution.h"
#include "tflm_train/operators/operators.h"

namespace tflm_train {
namespace {

using namespace arguments::transpose_conv;

using Implementation = ConvolutionOperator<TransposeConv, false, TransposedFilterFits>;

}  // namespace

const OperatorOf<KernelId::kTransposeConv> kTransposeConv = {kArguments, Implementation::Check, Implementation::Forward,
                                                             Implementation::Backward};
const OperatorOf<KernelId::kTransposeConv> kTransposeConvForward = {kArguments, Implementation::Check,
                                                                    Implementation::Forward, nullptr};

}  // namespace tflm_train
