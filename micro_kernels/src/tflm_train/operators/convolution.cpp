#include "tflm_train/operators/convolution.h"

namespace tflm_train {
namespace {

// Words: strides, dilations, pads, activation, multiplier (depthwise), map height and width and window (pooled).
constexpr uint32_t kActivationWord = 6;
constexpr uint32_t kConvWords = 7;
constexpr uint32_t kMapWords = 2;

uint32_t FirstPooledWord(bool depthwise) { return kConvWords + (depthwise ? 1 : 0); }

/// Nothing else that the step touches shares its workspace, where a step that trains sums a row of its gradient.
TFLM_TRAIN_COLD bool WorkspaceFits(const StepView& step, bool pooled, uint32_t row_elements) {
  uint32_t argument = layer_backward::kWorkspace;
  if (!IsBackward(step)) argument = arguments::conv_2d::forward::kWorkspace + (pooled ? 1 : 0);
  if (!step.Has(argument)) return !IsBackward(step) || !step.Has(layer_backward::kX);
  return CheckedElements(step.value(argument)) >= (IsBackward(step) ? row_elements : 1) && IsDisjoint(step, argument);
}

/// Rows or columns that one dimension of a patch, of its strides and of a pooling window over it may span; more than 31
/// bits for too many. WindowFits before.
TFLM_TRAIN_COLD uint32_t Span(int32_t in, int32_t filter, int32_t stride, int32_t dilation, int32_t positions) {
  if (positions > INT32_MAX / stride) return UINT32_MAX;
  return static_cast<uint32_t>(in + filter * dilation) + static_cast<uint32_t>(stride * positions);
}

/// Into the place where it is used: read at every step.
TFLM_TRAIN_ALWAYS_INLINE inline void FillShape(const StepView& step, uint32_t multiplier_word,
                                               const ValueRecord& output, ConvShape& s) {
  const ValueRecord& x = LayerInput(step);
  const ValueRecord& w = step.value(layer_forward::kW);
  s.in_h = x.dims[1];
  s.in_w = x.dims[2];
  s.in_c = x.dims[3];
  s.out_h = output.dims[1];
  s.out_w = output.dims[2];
  s.out_c = w.dims[multiplier_word != 0 ? 3 : 0];
  s.filter_h = w.dims[1];
  s.filter_w = w.dims[2];
  s.filter_c = w.dims[3];
  s.stride_h = step.word(0);
  s.stride_w = step.word(1);
  s.dilation_h = step.word(2);
  s.dilation_w = step.word(3);
  s.pad_top = step.word(4);
  s.pad_left = step.word(5);
  s.depth_multiplier = multiplier_word != 0 ? step.word(multiplier_word) : 1;
}

}  // namespace

bool HasImages(const StepView& step) {
  return IsImage(LayerInput(step)) && IsImage(LayerOutput(step)) && step.value(layer_forward::kW).rank == 4;
}

bool AddressesFit(const ConvolutionStep& step, bool pooled) {
  const ConvShape& s = step.conv;
  const PoolShape& pool = step.pool;
  const uint32_t rows = Span(s.in_h, s.filter_h, s.stride_h, s.dilation_h, pooled ? pool.filter_h + pool.stride_h : 1);
  const uint32_t columns =
      Span(s.in_w, s.filter_w, s.stride_w, s.dilation_w, pooled ? pool.filter_w + pool.stride_w : 1);
  return rows <= INT32_MAX / static_cast<uint32_t>(s.in_c) / columns;
}

bool GeometryFits(const StepView& step, const ConvolutionStep& numbers, bool pooled, ConvolutionShapesFit shapes_fit) {
  return HasNoInput(step) || (shapes_fit(numbers.conv, step.value(layer_forward::kW)) && AddressesFit(numbers, pooled));
}

bool SlidesOver(const ConvShape& s) {
  return WindowFits(s.in_h, s.out_h, s.filter_h, s.stride_h, s.dilation_h, s.pad_top) &&
         WindowFits(s.in_w, s.out_w, s.filter_w, s.stride_w, s.dilation_w, s.pad_left);
}

bool FullFilterFits(const ConvShape& s, const ValueRecord&) { return s.filter_c == s.in_c && SlidesOver(s); }

bool DepthwiseFilterFits(const ConvShape& s, const ValueRecord& filter) {
  return filter.dims[0] == 1 && s.depth_multiplier == s.out_c / s.in_c && s.depth_multiplier * s.in_c == s.out_c &&
         SlidesOver(s);
}

bool GroupedFilterFits(const ConvShape& s, const ValueRecord&) {
  return s.in_c % s.filter_c == 0 && s.out_c % (s.in_c / s.filter_c) == 0 && SlidesOver(s);
}

bool TransposedFilterFits(const ConvShape& s, const ValueRecord&) {
  ConvShape back = s;
  back.in_h = s.out_h;
  back.in_w = s.out_w;
  back.out_h = s.in_h;
  back.out_w = s.in_w;
  return s.filter_c == s.in_c && s.dilation_h == 1 && s.dilation_w == 1 && SlidesOver(back);
}

ConvShape ReadConvShape(const StepView& step, uint32_t multiplier_word) {
  ConvShape s;
  FillShape(step, multiplier_word, LayerOutput(step), s);
  return s;
}

ConvolutionStep ReadConvolution(const StepView& step, bool depthwise, bool pooled) {
  const ValueRecord& output = LayerOutput(step);
  ConvolutionStep result;
  ConvShape& s = result.conv;
  FillShape(step, depthwise ? kConvWords : 0, output, s);
  result.activation = ActivationWord(step, kActivationWord);
  if (pooled) {
    const uint32_t map = FirstPooledWord(depthwise);
    s.out_h = step.word(map);
    s.out_w = step.word(map + 1);
    result.pool = ReadPool(step, map + kMapWords, s.out_h, s.out_w, output);
  } else {
    result.pool = PoolOfOne(s);
  }
  return result;
}

Status CheckConvolution(const StepView& step, bool depthwise, bool pooled, ConvolutionShapesFit shapes_fit) {
  const uint32_t words = FirstPooledWord(depthwise) + (pooled ? kMapWords + kPoolWords : 0);
  if (step.word_count() != words || !LayerArgumentsFit(step, pooled ? kPooledNeeds : kConvolutionNeeds)) {
    return Status::kPlanInvalid;
  }
  if (!HasImages(step)) return Status::kPlanInvalid;
  const ValueRecord& w = step.value(layer_forward::kW);
  const ValueRecord& output = LayerOutput(step);
  const ConvolutionStep numbers = ReadConvolution(step, depthwise, pooled);
  uint32_t argmax = layer_forward::kArgmax;
  if (IsBackward(step)) argmax = layer_backward::kArgmax;
  return PlanStatus(output.dims[3] == numbers.conv.out_c && (!pooled || PoolFits(numbers.pool)) &&
                    GeometryFits(step, numbers, pooled, shapes_fit) &&
                    LayerChannelsFit(step, numbers.conv.out_c, kActivationWord) &&
                    WorkspaceFits(step, pooled, CheckedElements(w) / static_cast<uint32_t>(numbers.conv.out_c)) &&
                    (!pooled || ArgmaxFits(step, argmax, numbers.pool, output)));
}

}  // namespace tflm_train
