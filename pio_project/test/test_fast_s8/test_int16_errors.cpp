// Fast backward passes with errors of 16-bit integers have the plain ones' sums: padding, strides, dilations, any
// number of channels, zeros.
#include "../test_kernels/conv_testing.h"
#include "fast_s8_testing.h"
#include "tflm_train/kernels/fast/s8/conv_2d_int16.h"
#include "tflm_train/kernels/fast/s8/depthwise_conv_2d_int16.h"
#include "tflm_train/kernels/work.h"

using namespace tflm_train;
using namespace tflm_train::testing;

namespace {

std::vector<ConvShape> Shapes() {
  std::vector<ConvShape> shapes;
  for (bool same : {false, true}) {
    for (int32_t in_c : {1, 2, 3, 4, 5, 8, 17}) {
      for (int32_t out_c : {1, 2, 3, 6}) {
        shapes.push_back(MakeConv({5, 6}, in_c, out_c, {3, 3}, {1, 1}, {1, 1}, same));
        shapes.push_back(MakeConv({3, 3}, in_c, out_c, {1, 1}, {1, 1}, {1, 1}, same));
        shapes.push_back(MakeConv({9, 8}, in_c, out_c, {3, 3}, {2, 2}, {1, 1}, same));
        shapes.push_back(MakeConv({9, 8}, in_c, out_c, {1, 1}, {2, 2}, {1, 1}, same));
      }
      shapes.push_back(MakeConv({9, 10}, in_c, 5, {5, 5}, {1, 3}, {1, 1}, same));
      shapes.push_back(MakeConv({9, 10}, in_c, 4, {3, 3}, {1, 1}, {2, 3}, same));
      shapes.push_back(MakeConv({11, 12}, in_c, 4, {3, 3}, {2, 2}, {1, 2}, same));
      shapes.push_back(MakeConv({11, 12}, in_c, 4, {2, 3}, {3, 2}, {2, 3}, same));
      shapes.push_back(MakeConv({11, 12}, in_c, 4, {2, 3}, {1, 4}, {1, 2}, same));
    }
    shapes.push_back(MakeConv({1, 140}, 8, 6, {1, 5}, {1, 1}, {1, 1}, same));  // positions in parts
    shapes.push_back(MakeConv({2, 140}, 3, 5, {1, 5}, {1, 2}, {1, 1}, same));
    shapes.push_back(MakeConv({40, 1}, 6, 3, {3, 1}, {2, 1}, {1, 1}, same));
    shapes.push_back(MakeConv({12, 6}, 1, 5, {10, 4}, {2, 2}, {1, 1}, same));
    shapes.push_back(MakeConv({2, 40}, 70, 5, {3, 3}, {1, 1}, {1, 1}, same));  // pixels in parts
    shapes.push_back(MakeConv({3, 4}, 4, 190, {3, 3}, {1, 1}, {1, 1}, same));  // pairs in parts
    shapes.push_back(MakeConv({3, 4}, 5, 93, {3, 3}, {1, 1}, {1, 1}, same));
    shapes.push_back(MakeConv({8, 8}, 32, 40, {3, 3}, {1, 1}, {1, 1}, same));  // channels in parts
  }
  shapes.push_back(MakeConv({25, 5}, 16, 20, {1, 1}, {1, 1}, {1, 1}, true));
  shapes.push_back(MakeConv({1, 1}, 4, 3, {1, 1}, {1, 1}, {1, 1}, true));
  shapes.push_back(MakeConv({1, 1}, 4, 3, {3, 3}, {1, 1}, {1, 1}, true));
  shapes.push_back(MakeConv({2, 1}, 3, 2, {5, 5}, {1, 1}, {2, 2}, true));
  return shapes;
}

/// Errors as the plan bounds them, most of them or few not zero.
std::vector<int16_t> Errors(Random& random, size_t n, uint32_t zeros_of_four) {
  std::vector<int16_t> errors = Integers<int16_t>(random, n, -2000, 2000);
  for (int16_t& error : errors) {
    if (random.Below(4) < zeros_of_four) error = 0;
  }
  return errors;
}

struct ErrorTensor {
  std::vector<int16_t> values;
  int32_t exponent;
  bool operator==(const ErrorTensor& other) const { return values == other.values && exponent == other.exponent; }
};

/// A workspace with a guard behind it, and numbers in it that a kernel must not read.
class Room {
 public:
  explicit Room(uint32_t elements) : values_(elements + 1, 0x4d4d4d4d) {}
  Workspace<int32_t> workspace() { return {values_.data(), static_cast<uint32_t>(values_.size() - 1)}; }
  bool GuardIntact() const { return values_.back() == 0x4d4d4d4d; }

 private:
  std::vector<int32_t> values_;
};

using Rows = std::vector<uint32_t>;  // what an end is told, mixed by FNV-1a: small boards have no room for all of it

uint32_t Row(size_t first, uint32_t channel, const int32_t* row, uint32_t n, uint32_t step) {
  uint32_t hash = 2166136261u;
  const auto mix = [&hash](uint32_t value) { hash = (hash ^ value ^ value >> 16) * 16777619u; };
  mix(static_cast<uint32_t>(first));
  mix(channel);
  mix(step);
  mix(n);
  for (uint32_t i = 0; i < n; ++i) mix(static_cast<uint32_t>(row[i]));
  return hash;
}

template <class Conv>
Rows PlainRows(const ConvShape& s, const ShiftedIntegers& x, const std::vector<int16_t>& dy, WorkCounters& work) {
  Rows rows;
  std::vector<int32_t> sums(Conv::WeightsPerChannel(s));
  Conv::WeightGradientRows(s, x, dy.data(), static_cast<uint32_t>(dy.size()), Selection{},
                           DirectLocator(s.out_w, s.out_c),
                           Workspace<int32_t>{sums.data(), static_cast<uint32_t>(sums.size())}, work,
                           [&rows](size_t first, uint32_t channel, const int32_t* row, uint32_t n, uint32_t step) {
                             rows.push_back(Row(first, channel, row, n, step));
                           });
  return rows;
}

template <class Conv>
ErrorTensor PlainInputError(const ConvShape& s, const int8_t* w, const std::vector<int16_t>& dy,
                            const ErrorTensor& before, bool adds, WorkCounters& work) {
  ErrorTensor found = before;
  std::vector<int32_t> sums(static_cast<size_t>(s.in_c));
  ErrorRows dx(found.values.data(), static_cast<uint32_t>(found.values.size()), &found.exponent, adds, -3);
  tflm_train::s8::ConvInputError<Conv>(s, w, dy.data(), sums.data(), dx, work);
  return found;
}

std::vector<ConvShape> DepthwiseShapes() {
  std::vector<ConvShape> shapes;
  for (bool same : {false, true}) {
    for (int32_t in_c : {1, 3, 4, 8, 17}) {
      for (int32_t multiplier : {1, 2}) {
        shapes.push_back(MakeConv({5, 6}, in_c, in_c * multiplier, {3, 3}, {1, 1}, {1, 1}, same));
        shapes.push_back(MakeConv({9, 8}, in_c, in_c * multiplier, {3, 3}, {2, 2}, {1, 1}, same));
      }
      shapes.push_back(MakeConv({9, 8}, in_c, in_c, {5, 5}, {1, 3}, {1, 1}, same));
      shapes.push_back(MakeConv({9, 8}, in_c, in_c, {1, 1}, {2, 1}, {1, 1}, same));
      shapes.push_back(MakeConv({9, 9}, in_c, in_c, {3, 2}, {2, 1}, {3, 2}, same));
      shapes.push_back(MakeConv({25, 5}, in_c, in_c, {25, 5}, {1, 1}, {1, 1}, same));
    }
  }
  shapes.push_back(MakeConv({1, 1}, 4, 4, {3, 3}, {1, 1}, {1, 1}, true));
  shapes.push_back(MakeConv({2, 1}, 3, 3, {5, 5}, {1, 1}, {2, 2}, true));
  return shapes;
}

template <class Conv, class Fast>
void CheckInputError(const ConvShape& s, Random& random) {
  for (const bool adds : {false, true}) {
    const Bytes bytes(random, WeightElements<Conv>(s), random.Below(4));
    const std::vector<int8_t> w = bytes.Copy();
    const std::vector<int16_t> dy = Errors(random, OutputElements(s), random.Below(4));
    const ErrorTensor before = {Integers<int16_t>(random, InputElements(s), -9000, 9000), -4};
    WorkCounters work;
    const ErrorTensor expected = PlainInputError<Conv>(s, w.data(), dy, before, adds, work);
    Room room(Fast::Workspace(s));
    ErrorTensor found = before;
    {
      ErrorRows dx(found.values.data(), static_cast<uint32_t>(found.values.size()), &found.exponent, adds, -3);
      Fast::InputError(s, w.data(), dy.data(), room.workspace(), dx);
    }
    CHECK(found == expected);
    CHECK(room.GuardIntact());
    CHECK(ErrorProducts(s, dy.data(), false, Conv::kDepthwise ? 1 : s.in_c) == work.input_error);
  }
}

template <class Conv, class Fast>
void CheckWeightGradient(const ConvShape& s, Random& random) {
  for (const int32_t zero : {-128, 127, 3}) {
    Bytes bytes(random, InputElements(s), random.Below(4));
    const ShiftedIntegers x = {bytes.data(), zero};
    const std::vector<int16_t> dy = Errors(random, OutputElements(s), random.Below(4));
    const auto elements = static_cast<uint32_t>(dy.size());
    WorkCounters work;
    const Rows expected = PlainRows<Conv>(s, x, dy, work);
    Room room(Fast::Workspace(s));
    Rows found;
    Fast::WeightGradientRows(s, x, dy.data(), elements, Selection{}, room.workspace(),
                             [&found](size_t first, uint32_t channel, const int32_t* row, uint32_t n, uint32_t step) {
                               found.push_back(Row(first, channel, row, n, step));
                             });
    CHECK(found == expected);
    CHECK(room.GuardIntact());
    CHECK(ErrorProducts(s, dy.data(), true, Conv::kDepthwise ? 1 : s.in_c) == work.weight_gradient);
  }
}

}  // namespace

TEST_CASE("fast int8 convolution, int16 errors: the plain kernel's sums and work") {
  Random random(31);
  for (const ConvShape& s : Shapes()) {
    CAPTURE(s.in_w);
    CAPTURE(s.in_c);
    CAPTURE(s.out_c);
    CAPTURE(s.filter_w);
    CAPTURE(s.stride_w);
    CAPTURE(s.dilation_w);
    CAPTURE(s.pad_left);
    CheckInputError<Conv2d, fast::s8::Conv2DInt16>(s, random);
    CheckWeightGradient<Conv2d, fast::s8::Conv2DInt16>(s, random);
  }
}

TEST_CASE("fast int8 depthwise convolution, int16 errors: the plain kernel's sums and work") {
  Random random(32);
  for (const ConvShape& s : DepthwiseShapes()) {
    CAPTURE(s.in_w);
    CAPTURE(s.in_c);
    CAPTURE(s.out_c);
    CAPTURE(s.filter_w);
    CAPTURE(s.stride_w);
    CAPTURE(s.dilation_w);
    CAPTURE(s.pad_left);
    CheckInputError<DepthwiseConv2d, fast::s8::DepthwiseConv2DInt16>(s, random);
    CheckWeightGradient<DepthwiseConv2d, fast::s8::DepthwiseConv2DInt16>(s, random);
  }
}

namespace {

/// value / 2^shift to the nearest integer, ties up.
int64_t Rounded(int64_t value, int32_t shift) { return shift > 62 ? 0 : Nearest(value, shift, true); }

int16_t Limited(int64_t value) {
  return static_cast<int16_t>(std::min<int64_t>(32767, std::max<int64_t>(-32768, value)));
}

/// Sums of any size, some at the ends of 32 bits.
std::vector<int32_t> AnySums(Random& random, size_t n) {
  std::vector<int32_t> sums(n);
  for (int32_t& sum : sums) {
    sum = static_cast<int32_t>(random.Next() << 8 ^ random.Next()) >> random.Below(31);
    if (random.Below(9) == 0) sum = random.Below(2) == 0 ? INT32_MAX : INT32_MIN;
  }
  return sums;
}

}  // namespace

TEST_CASE("int16 errors: masks and magnitudes by definition, in every build") {
  Random random(33);
  for (const InnerS8& inner : kInnersS8) {
    CAPTURE(inner.name);
    int wrong = 0;
    for (int round = 0; round < 600; ++round) {
      const size_t n = random.Below(19);
      const int32_t low = -128 + static_cast<int32_t>(random.Below(3) * 60),
                    high = low + static_cast<int32_t>(random.Below(uint32_t(128 - low)));
      Bytes y(random, n, random.Below(4));
      const std::vector<int8_t> outputs = y.Copy();
      std::vector<int16_t> dy = Errors(random, n, 1), expected = dy;
      if (n > 0 && random.Below(4) == 0) dy[0] = expected[0] = random.Below(2) == 0 ? INT16_MIN : INT16_MAX;
      uint32_t magnitudes = 0;
      for (size_t i = 0; i < n; ++i) {
        if (outputs[i] <= low || outputs[i] >= high) expected[i] = 0;
        magnitudes |= static_cast<uint32_t>(expected[i] < 0 ? -1 - expected[i] : expected[i]);
      }
      wrong += inner.mask_clamped(low, high, y.data(), static_cast<uint32_t>(n), dy.data()) != magnitudes;
      wrong += dy != expected;
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("int16 errors: scales are folded in by definition, in every build") {
  Random random(34);
  for (const InnerS8& inner : kInnersS8) {
    CAPTURE(inner.name);
    int wrong = 0;
    for (int round = 0; round < 300; ++round) {
      const uint32_t channels = 1 + random.Below(9), pixels = random.Below(4);
      const uint32_t step = random.Below(2) * 2, shift = random.Below(31);
      const std::vector<int32_t> ratios = Integers<int32_t>(random, 2 * channels, 1, 32767);
      std::vector<int16_t> values = Integers<int16_t>(random, pixels * channels, -32768, 32767), expected;
      for (uint32_t i = 0; i < values.size(); ++i) {
        const int64_t product = int64_t{values[i]} * ratios[i % channels * step];
        expected.push_back(static_cast<int16_t>(Rounded(product, static_cast<int32_t>(shift))));
      }
      inner.fold_errors(ratios.data(), step, channels, static_cast<int32_t>(shift), values.data(), pixels);
      wrong += values != expected;
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("int16 errors: sums over positions by definition, in every build") {
  Random random(35);
  for (const InnerS8& inner : kInnersS8) {
    CAPTURE(inner.name);
    for (uint32_t channels = 1; channels <= 4; ++channels) {
      const uint32_t step = channels + random.Below(4), count = random.Below(20);
      const std::vector<int16_t> dy = Integers<int16_t>(random, size_t{count} * step + channels, -32768, 32767);
      int32_t found[5] = {7, 7, 7, 7, 7}, expected[5] = {7, 7, 7, 7, 7};
      for (uint32_t c = 0; c < channels; ++c) {
        expected[c] = 0;
        for (uint32_t i = 0; i < count; ++i) expected[c] += dy[i * step + c];
      }
      inner.sum_errors(dy.data(), count, step, channels, found);
      for (int i = 0; i < 5; ++i) CHECK(found[i] == expected[i]);
    }
  }
}

TEST_CASE("int16 errors: sums are put and added by definition, in every build") {
  Random random(36);
  for (const InnerS8& inner : kInnersS8) {
    CAPTURE(inner.name);
    int wrong = 0;
    for (int round = 0; round < 2000; ++round) {
      const auto n = static_cast<uint32_t>(random.Below(11)), offset = static_cast<uint32_t>(random.Below(2));
      const auto shift = static_cast<int32_t>(random.Below(36));
      std::vector<int32_t> sums = AnySums(random, n);
      for (int32_t& sum : sums) sum >>= std::max<int32_t>(0, 16 - shift);  // as large as the exponent holds
      const std::vector<int16_t> before = Integers<int16_t>(random, n + offset + 1, -32768, 32767);
      std::vector<int16_t> put = before, added = before, expected_put = before, expected_added = before;
      uint32_t magnitudes = 0, added_magnitudes = 0;
      for (uint32_t i = 0; i < n; ++i) {
        const int64_t value = Rounded(sums[i], shift), sum = value + before[i + offset];
        expected_put[i + offset] = Limited(value);
        expected_added[i + offset] = Limited(sum);
        magnitudes |= static_cast<uint32_t>(sums[i] < 0 ? -1 - sums[i] : sums[i]);
        added_magnitudes |= static_cast<uint32_t>(sum < 0 ? -1 - sum : sum);
      }
      wrong += inner.sum_magnitudes(sums.data(), n) != magnitudes;
      if (shift > 0) wrong += inner.added_magnitudes(sums.data(), n, shift, before.data() + offset) != added_magnitudes;
      inner.put_sums(sums.data(), n, shift, put.data() + offset);
      inner.add_sums(sums.data(), n, shift, added.data() + offset);
      wrong += put != expected_put;
      wrong += added != expected_added;
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("int16 errors: elements of workspaces, as the converter plans them") {
  // tests/test_strips.py has the same numbers
  const auto conv = fast::s8::Conv2DInt16Workspace;
  CHECK(conv(MakeConv({32, 32}, 3, 16, {3, 3}, {1, 1}, {1, 1}, true)) == 1123);
  CHECK(conv({49, 10, 1, 25, 5, 64, 10, 4, 2, 2, 1, 1, 1, 1, 0, 0}) == 1346);
  CHECK(conv(MakeConv({25, 5}, 64, 64, {1, 1}, {1, 1}, {1, 1}, true)) == 1744);
  CHECK(conv(MakeConv({16, 16}, 32, 64, {1, 1}, {2, 2}, {1, 1}, true)) == 1152);
  CHECK(conv(MakeConv({8, 8}, 64, 64, {3, 3}, {1, 1}, {1, 1}, true)) == 5088);
  CHECK(conv({9, 12, 7, 9, 12, 5, 3, 3, 1, 1, 1, 2, 1, 2, 0, 0}) == 1018);
  CHECK(conv({4, 40, 70, 2, 20, 5, 3, 3, 2, 2, 1, 1, 0, 0, 0, 0}) == 3990);
  const auto depthwise = fast::s8::DepthwiseConv2DInt16Workspace;
  CHECK(depthwise(MakeConv({25, 5}, 64, 64, {3, 3}, {1, 1}, {1, 1}, true)) == 82);
  CHECK(depthwise(MakeConv({25, 5}, 2, 2, {25, 5}, {1, 1}, {1, 1}, false)) == 500);
}
