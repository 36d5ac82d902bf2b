#include "tflm_train/kernels/transpose_conv.h"

#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/convolution.h"
#include "tflm_train/operators/operators.h"

namespace tflm_train {
namespace {

using namespace arguments::transpose_conv;

/// The window of the convolution from the output to the input slides over the output.
TFLM_TRAIN_COLD bool FilterFits(const ConvShape& s, const ValueRecord&) {
  ConvShape back = s;
  back.in_h = s.out_h;
  back.in_w = s.out_w;
  back.out_h = s.in_h;
  back.out_w = s.in_w;
  return s.filter_c == s.in_c && s.dilation_h == 1 && s.dilation_w == 1 && SlidesOver(back);
}

using Implementation = ConvolutionOperator<TransposeConv, false, FilterFits>;

}  // namespace

const OperatorOf<KernelId::kTransposeConv> kTransposeConv = {kArguments, Implementation::Check, Implementation::Forward,
                                                             Implementation::Backward};
const OperatorOf<KernelId::kTransposeConv> kTransposeConvForward = {kArguments, Implementation::Check,
                                                                    Implementation::Forward, nullptr};

}  // namespace tflm_train
