#include "tflm_train/operators/pool.h"

namespace tflm_train {

PoolShape ReadPool(const StepView& step, uint32_t first_word, int32_t in_h, int32_t in_w, const ValueRecord& output) {
  PoolShape s;
  s.in_h = in_h;
  s.in_w = in_w;
  s.channels = output.dims[3];
  s.out_h = output.dims[1];
  s.out_w = output.dims[2];
  s.filter_h = step.word(first_word);
  s.filter_w = step.word(first_word + 1);
  s.stride_h = step.word(first_word + 2);
  s.stride_w = step.word(first_word + 3);
  s.pad_top = step.word(first_word + 4);
  s.pad_left = step.word(first_word + 5);
  return s;
}

uint32_t MostWindows(const PoolShape& s) {
  const auto covering = [](int32_t filter, int32_t stride, int32_t windows) {
    const int32_t most = (filter - 1) / stride + 1;
    return static_cast<uint32_t>(most < windows ? most : windows);
  };
  return covering(s.filter_h, s.stride_h, s.out_h) * covering(s.filter_w, s.stride_w, s.out_w);
}

bool PoolFits(const PoolShape& s) {
  return WindowFits(s.in_h, s.out_h, s.filter_h, s.stride_h, 1, s.pad_top) &&
         WindowFits(s.in_w, s.out_w, s.filter_w, s.stride_w, 1, s.pad_left);
}

bool ArgmaxFits(const StepView& step, uint32_t argument, const PoolShape& s, const ValueRecord& output) {
  return !step.Has(argument) || (SameElements(step.value(argument), output) && s.filter_h <= 256 / s.filter_w);
}

PoolShape ReadPoolStep(const StepView& step, const ValueRecord& input, const ValueRecord& output) {
  return ReadPool(step, 0, input.dims[1], input.dims[2], output);
}

bool PoolImagesFit(const StepView& step, const ValueRecord& input, const ValueRecord& output) {
  return IsImage(input) && IsImage(output) && input.dims[3] == output.dims[3] &&
         PoolFits(ReadPoolStep(step, input, output));
}

bool PoolStepFits(const StepView& step, const ValueRecord& input, const ValueRecord& output) {
  return step.word_count() == kPoolWords + 1 && IsActivation(step.word(kPoolWords)) &&
         PoolImagesFit(step, input, output);
}

}  // namespace tflm_train
