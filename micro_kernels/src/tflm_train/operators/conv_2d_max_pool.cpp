#include "tflm_train/kernels/conv_2d.h"
#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/convolution.h"
#include "tflm_train/operators/operators.h"

namespace tflm_train {
namespace {
using namespace arguments::conv_2d_max_pool;
using Implementation = ConvolutionOperator<Conv2d, true, FullFilterFits>;
}  // namespace

const OperatorOf<KernelId::kConv2dMaxPool> kConv2dMaxPool = {kArguments, Implementation::Check, Implementation::Forward,
                                                             Implementation::Backward};
const OperatorOf<KernelId::kConv2dMaxPool> kConv2dMaxPoolForward = {kArguments, Implementation::Check,
                                                                    Implementation::Forward, nullptr};

}  // namespace tflm_train
