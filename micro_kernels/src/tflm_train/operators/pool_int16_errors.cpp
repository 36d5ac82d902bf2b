// MAX_POOL_2D and AVERAGE_POOL_2D for errors of 16-bit integers.
#include "tflm_train/kernels/average_pool_2d.h"
#include "tflm_train/kernels/max_pool_2d.h"
#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/int16_check.h"
#include "tflm_train/operators/operators.h"
#include "tflm_train/operators/pool.h"

namespace tflm_train {
namespace {

namespace max_pool = arguments::max_pool_2d_int16_errors;
namespace average_pool = arguments::average_pool_2d_int16_errors;
using average_pool::kLow;  // that of both

TFLM_TRAIN_COLD bool WordsFit(const StepView& step) {
  return step.phase() == Phase::kBackward && step.word_count() == average_pool::kWords && RangeFits(step, kLow);
}

TFLM_TRAIN_COLD Status CheckMax(const StepView& step) {
  using namespace max_pool::backward;
  constexpr Expected kExpected[] = {kInt8, {ScalarType::kUint8}, kInt16Error, kInt16Error, kExponent, kExponentOutput};
  if (!WordsFit(step) || !ArgumentsAre(step, kExpected, kCount)) return Status::kPlanInvalid;
  const ValueRecord &dx = step.value(kDx), &dy = step.value(kDy);
  return PlanStatus(PoolImagesFit(step, dx, dy) && SameElements(step.value(kY), dy) && !Overlap(dx, dy) &&
                    ArgmaxFits(step, kArgmax, ReadPoolStep(step, dx, dy), dy));
}

TFLM_TRAIN_COLD Status CheckAverage(const StepView& step) {
  using namespace average_pool::backward;
  constexpr Expected kExpected[] = {kInt8, kInt16Error, kInt16Error, kExponent, kExponentOutput};
  if (!WordsFit(step) || !ArgumentsAre(step, kExpected, kCount)) return Status::kPlanInvalid;
  const ValueRecord &dx = step.value(kDx), &dy = step.value(kDy);
  return PlanStatus(PoolImagesFit(step, dx, dy) && SameElements(step.value(kY), dy) && !Overlap(dx, dy));
}

void BackwardMax(const StepView& step, const BackwardContext&) {
  using namespace max_pool::backward;
  const PoolShape s = ReadPoolStep(step, step.value(kDx), step.value(kDy));
  const MaskedErrors errors = MaskInt16(step, kLow, kY, kDy, kDye);
  const ErrorSum sum = SumInto(step, kDx, kDxe, 0, errors, MostWindows(s));
  PooledLocator locator(s, step.data<uint8_t>(kArgmax));
  const auto channels = static_cast<uint32_t>(s.channels);
  for (uint32_t element = 0; element < errors.elements; ++element) {
    if (errors.values[element] == 0 || !locator.MoveTo(element)) continue;
    const auto pixel = static_cast<uint32_t>(locator.row() * s.in_w + locator.column());
    sum.Add(pixel * channels + static_cast<uint32_t>(locator.channel()), errors.values[element]);
  }
}

/// A window's share of its error: errors are divided by 2^bits <= taps with the exponent, and by what is left here.
struct Share {
  /// Of all windows; `least`: taps of the one that has fewest.
  explicit Share(uint32_t least) : bits(MagnitudeBits(least < kMost ? least : kMost) - 1) {}
  int32_t Of(int32_t error, int32_t taps) const {
    const int32_t ratio = (1 << (kErrorBits + bits)) / taps;
    return ShiftRight(error * (ratio < 1 << kErrorBits ? ratio : (1 << kErrorBits) - 1), kErrorBits);
  }
  static constexpr uint32_t kMost = 1u << kErrorBits;
  int32_t bits;
};

/// Taps of the window that has fewest: at an end of either dimension.
uint32_t LeastTaps(const PoolShape& s) {
  const auto least = [](const TapRange& a, const TapRange& b) { return a.count() < b.count() ? a.count() : b.count(); };
  const Patch first = PatchAt(s, 0, 0), last = PatchAt(s, s.out_h - 1, s.out_w - 1);
  return static_cast<uint32_t>(least(first.rows, last.rows) * least(first.columns, last.columns));
}

void BackwardAverage(const StepView& step, const BackwardContext&) {
  using namespace average_pool::backward;
  const PoolShape s = ReadPoolStep(step, step.value(kDx), step.value(kDy));
  MaskedErrors errors = MaskInt16(step, kLow, kY, kDy, kDye);
  const Share share(LeastTaps(s));
  errors.exponent -= share.bits;
  const ErrorSum sum = SumInto(step, kDx, kDxe, 0, errors, MostWindows(s));
  const auto channels = static_cast<uint32_t>(s.channels);
  auto* dy = step.data<int16_t>(kDy);
  for (int32_t row = 0; row < s.out_h; ++row) {
    for (int32_t column = 0; column < s.out_w; ++column, dy += channels) {
      const Patch window = PatchAt(s, row, column);
      const auto taps = static_cast<int32_t>(window.taps());
      for (uint32_t c = 0; c < channels; ++c) dy[c] = static_cast<int16_t>(share.Of(dy[c], taps));
      for (int32_t u = window.rows.begin; u < window.rows.end; ++u) {
        const int32_t first = (window.rows.origin + u) * s.in_w + window.columns.origin;
        for (int32_t v = window.columns.begin; v < window.columns.end; ++v) {
          const uint32_t pixel = static_cast<uint32_t>(first + v) * channels;
          for (uint32_t c = 0; c < channels; ++c) sum.Add(pixel + c, dy[c]);
        }
      }
    }
  }
}

}  // namespace

const OperatorOf<KernelId::kMaxPool2dInt16Errors> kMaxPool2dInt16Errors = {max_pool::kArguments, CheckMax, nullptr,
                                                                           BackwardMax};
const OperatorOf<KernelId::kMaxPool2dInt16Errors> kMaxPool2dInt16ErrorsForward = {max_pool::kArguments, CheckMax,
                                                                                  nullptr, nullptr};
const OperatorOf<KernelId::kAveragePool2dInt16Errors> kAveragePool2dInt16Errors = {
    average_pool::kArguments, CheckAverage, nullptr, BackwardAverage};
const OperatorOf<KernelId::kAveragePool2dInt16Errors> kAveragePool2dInt16ErrorsForward = {
    average_pool::kArguments, CheckAverage, nullptr, nullptr};

}  // namespace tflm_train
