// One int8 kernel on random numbers, of the shape that the program's argument gives:
//   conv|depthwise H W IN OUT FH FW STRIDE DILATION SAME
//   dense INPUTS OUTPUTS
//   update WEIGHTS
//   error H W IN OUT FH FW STRIDE DILATION SAME   (the input error, sixteen filters at a time)
//   integer-error, gradient H W IN OUT FH FW STRIDE DILATION SAME   (with errors of 16-bit integers)
// Prints its instructions, its multiplications with those of taps outside the image, bytes of workspace, and how many
// results are not those of the plain kernel.
#include <semihosting.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "instruction_meter.h"
#include "tflm_train/kernels/conv_2d.h"
#include "tflm_train/kernels/fast/s8/conv_2d.h"
#include "tflm_train/kernels/fast/s8/conv_2d_backward.h"
#include "tflm_train/kernels/fast/s8/conv_2d_int16.h"
#include "tflm_train/kernels/fast/s8/depthwise_conv_2d.h"
#include "tflm_train/kernels/fast/s8/fully_connected.h"
#include "tflm_train/kernels/fast/s8/inner.h"
#include "tflm_train/kernels/s8/fully_connected.h"
#include "tflm_train/kernels/s8/rounding.h"

namespace {

using namespace tflm_train;

constexpr int32_t kMost = 1 << 17;  // bytes of an image or of filters
constexpr int32_t kChannels = 1024;

int8_t x[kMost], w[kMost], y[kMost], expected[kMost];
float errors[kMost / 4];
int32_t bias[kChannels], pairs[2 * kChannels];
alignas(4) int16_t scratch[1 << 15];

/// A linear congruential generator (Numerical Recipes, 7.1).
int32_t Random() {
  static uint32_t state = 1;
  state = state * 1664525u + 1013904223u;
  return static_cast<int32_t>(state >> 8);
}

struct Result {
  int32_t macs, outputs, workspace;
};

class Numbers {
 public:
  explicit Numbers(const char* text) : text_(text) {}
  int32_t Next() {
    char* end;
    const long value = std::strtol(text_, &end, 10);
    text_ = end;
    return static_cast<int32_t>(value);
  }

 private:
  const char* text_;
};

constexpr int32_t kZero = -3;
OutputStage StageOf(int32_t terms) {
  int32_t shift = -5;
  for (int32_t n = 1; n < terms; n *= 4) --shift;
  for (int32_t c = 0; c < kChannels; ++c) {
    bias[c] = Random() % 2000 - 1000;
    pairs[2 * c] = (int32_t{1} << 30) + Random();
    pairs[2 * c + 1] = shift;
  }
  return {{pairs, 2}, -5, -128, 127};
}

InstructionMeter meter;

template <class Kernel>
void Measured(Kernel kernel) {
  meter.BeginStep();
  kernel();
  meter.EndStep();
}

int8_t PlainConv(const ConvShape& s, bool depthwise, const OutputStage& stage, int32_t row, int32_t column, int32_t o) {
  int32_t sum = bias[o];
  const int32_t channels = depthwise ? 1 : s.in_c, first = depthwise ? o / s.depth_multiplier : 0;
  for (int32_t u = 0; u < s.filter_h; ++u) {
    for (int32_t v = 0; v < s.filter_w; ++v) {
      const int32_t i = row * s.stride_h - s.pad_top + u * s.dilation_h;
      const int32_t j = column * s.stride_w - s.pad_left + v * s.dilation_w;
      if (i < 0 || i >= s.in_h || j < 0 || j >= s.in_w) continue;
      const int32_t tap = u * s.filter_w + v, taps = s.filter_h * s.filter_w;
      for (int32_t c = 0; c < channels; ++c) {
        const int8_t weight = depthwise ? w[tap * s.out_c + o] : w[(o * taps + tap) * s.in_c + c];
        sum += (x[(i * s.in_w + j) * s.in_c + first + c] - kZero) * weight;
      }
    }
  }
  return stage.Apply(sum, uint32_t(o));
}

ConvShape ReadConv(Numbers n) {
  ConvShape s = {};
  s.in_h = n.Next(), s.in_w = n.Next(), s.in_c = n.Next(), s.out_c = n.Next();
  s.filter_h = n.Next(), s.filter_w = n.Next();
  s.stride_h = s.stride_w = n.Next();
  s.dilation_h = s.dilation_w = n.Next();
  const bool same = n.Next() != 0;
  const auto place = [same](int32_t in, int32_t window, int32_t stride, int32_t* out, int32_t* pad) {
    *out = same ? (in + stride - 1) / stride : (in - window) / stride + 1;
    const int32_t total = (*out - 1) * stride + window - in;
    *pad = same && total > 0 ? total / 2 : 0;
  };
  place(s.in_h, (s.filter_h - 1) * s.dilation_h + 1, s.stride_h, &s.out_h, &s.pad_top);
  place(s.in_w, (s.filter_w - 1) * s.dilation_w + 1, s.stride_w, &s.out_w, &s.pad_left);
  s.depth_multiplier = s.out_c / s.in_c;
  return s;
}

Result RunConv(Numbers n, bool depthwise) {
  const ConvShape s = ReadConv(n);
  const int32_t terms = s.filter_h * s.filter_w * (depthwise ? 1 : s.in_c);
  const OutputStage stage = StageOf(terms);
  uint64_t macs = 0;
  const Workspace<int16_t> workspace = {
      scratch, depthwise ? fast::s8::DepthwiseConv2DWorkspace(s) : fast::s8::Conv2DWorkspace(s)};
  const auto kernel = depthwise ? fast::s8::DepthwiseConv2DForward : fast::s8::Conv2DForward;
  Measured([&] { kernel(s, kZero, x, w, bias, stage, y, workspace, macs); });
  int8_t* to = expected;
  for (int32_t i = 0; i < s.out_h; ++i) {
    for (int32_t j = 0; j < s.out_w; ++j) {
      for (int32_t o = 0; o < s.out_c; ++o) *to++ = PlainConv(s, depthwise, stage, i, j, o);
    }
  }
  const int32_t outputs = s.out_h * s.out_w * s.out_c;
  return {outputs * terms, outputs, static_cast<int32_t>(workspace.elements * sizeof(int16_t))};
}
Result Conv(Numbers n) { return RunConv(n, false); }
Result Depthwise(Numbers n) { return RunConv(n, true); }

Result Dense(Numbers n) {
  const auto inputs = static_cast<uint32_t>(n.Next()), outputs = static_cast<uint32_t>(n.Next());
  const DenseShape s = {1, inputs, outputs};
  OutputStage stage = StageOf(static_cast<int32_t>(inputs));
  stage.factors.step = 0;
  uint64_t macs = 0;
  const Workspace<int16_t> workspace = {scratch, fast::s8::FullyConnectedWorkspace(inputs)};
  Measured([&] { fast::s8::FullyConnectedForward(s, kZero, x, w, bias, stage, y, workspace, macs); });
  WorkCounters work;
  s8::FullyConnectedForward(s, kZero, x, w, bias, stage, expected, work);
  return {static_cast<int32_t>(inputs * outputs), static_cast<int32_t>(outputs),
          static_cast<int32_t>(workspace.elements * sizeof(int16_t))};
}

/// Weights and remainders one behind the other.
Result Update(Numbers n) {
  const int32_t weights = n.Next();
  for (int32_t i = 0; i < weights; ++i) {
    y[i] = expected[i] = w[i] == -128 ? int8_t{-127} : w[i];
    y[weights + i] = expected[weights + i] = x[i];
    errors[i] = static_cast<float>(Random() - (1 << 23)) / (1 << 23);
  }
  constexpr float kFactor = 300.0f;
  Measured([&] { fast::s8::inner::AddToMasters(kFactor, errors, static_cast<uint32_t>(weights), y, y + weights); });
  for (int32_t i = 0; i < weights; ++i) {
    AddToMaster<int8_t>(RoundHalfUp<int8_t>(kFactor * errors[i]), 127, expected[i], expected[weights + i]);
  }
  return {weights, 2 * weights, 0};
}

float dx[kMost / 4], expected_dx[kMost / 4], rows[1 << 14];

Result InputError(Numbers n) {
  const ConvShape s = ReadConv(n);
  const int32_t filter = s.filter_h * s.filter_w * s.in_c, outputs = s.out_h * s.out_w * s.out_c;
  const int32_t inputs = s.in_h * s.in_w * s.in_c;
  for (int32_t i = 0; i < outputs; ++i) errors[i] = static_cast<float>(Random() - (1 << 23)) / (1 << 23);
  const float scale = 0.01f;
  const ScaledWeights weights = {w, &scale, 0};
  const Selection selection;
  const PoolShape pool = PoolOfOne(s);
  const fast::ConvErrors all = {s, pool, nullptr, selection, errors};
  const Workspace<float> workspace = {rows, static_cast<uint32_t>(16 * filter) + fast::BackwardStrip(s, pool)};
  uint64_t macs = 0;
  Measured([&] { fast::s8::Conv2DInputError(all, weights, dx, workspace, macs); });
  WorkCounters work;
  Conv2d::InputError(s, weights, errors, static_cast<uint32_t>(outputs), selection, DirectLocator(s.out_w, s.out_c),
                     expected_dx, work);
  for (int32_t i = 0; i < inputs; ++i) {
    const float difference = dx[i] - expected_dx[i];
    y[i] = difference < -1e-4f || difference > 1e-4f;
  }
  return {outputs * filter, inputs, static_cast<int32_t>(workspace.elements * sizeof(float))};
}

int16_t integers[kMost / 2], integer_dx[kMost / 2], expected_integer_dx[kMost / 2];
int32_t room[1 << 13], plain_row[1 << 12];

int32_t ErrorsOf(const ConvShape& s) {
  const int32_t n = s.out_h * s.out_w * s.out_c;
  for (int32_t i = 0; i < n; ++i) integers[i] = static_cast<int16_t>((Random() & 4095) - 2048);
  return n;
}

Result IntegerError(Numbers n) {
  const ConvShape s = ReadConv(n);
  const int32_t outputs = ErrorsOf(s), inputs = s.in_h * s.in_w * s.in_c;
  const Workspace<int32_t> workspace = {room, fast::s8::Conv2DInt16Workspace(s)};
  int32_t exponent = 0, expected_exponent = 0;
  Measured([&] {
    ErrorRows rows(integer_dx, static_cast<uint32_t>(inputs), &exponent, false, 0);
    fast::s8::Conv2DInputError(s, w, integers, workspace, rows);
  });
  WorkCounters work;
  {
    ErrorRows rows(expected_integer_dx, static_cast<uint32_t>(inputs), &expected_exponent, false, 0);
    s8::ConvInputError<Conv2d>(s, w, integers, plain_row, rows, work);
  }
  for (int32_t i = 0; i < inputs; ++i) y[i] = integer_dx[i] != expected_integer_dx[i] || exponent != expected_exponent;
  return {outputs * s.filter_h * s.filter_w * s.in_c, inputs,
          static_cast<int32_t>(workspace.elements * sizeof(int32_t))};
}

Result Gradient(Numbers n) {
  const ConvShape s = ReadConv(n);
  const int32_t outputs = ErrorsOf(s);
  const Workspace<int32_t> workspace = {room, fast::s8::Conv2DInt16Workspace(s)};
  const ShiftedIntegers shifted = {x, kZero};
  const Selection selection;
  int32_t filter = 0, sum = 0;
  const auto rows = [&](auto take) {
    fast::s8::Conv2DGradient gradient(s, shifted, integers, workspace);
    filter = gradient.filter();
    for (int32_t first = 0; first < s.out_c; first += gradient.channels()) {
      const int32_t left = s.out_c - first, count = left < gradient.channels() ? left : gradient.channels();
      take(first, count, gradient.Rows(first, count));
    }
  };
  Measured([&] { rows([&](int32_t, int32_t, const int32_t* row) { sum += *row; }); });
  WorkCounters work;
  rows([&](int32_t first, int32_t count, const int32_t* found) {
    Conv2d::WeightGradientRows(s, shifted, integers, static_cast<uint32_t>(outputs), selection,
                               DirectLocator(s.out_w, s.out_c),
                               Workspace<int32_t>{plain_row, static_cast<uint32_t>(filter)}, work,
                               [&](size_t, uint32_t channel, const int32_t* row, uint32_t, uint32_t) {
                                 const int32_t c = static_cast<int32_t>(channel) - first;
                                 if (c >= 0 && c < count)
                                   y[channel] = std::memcmp(row, found + c * filter, size_t(filter) * sizeof *row) != 0;
                               });
  });
  return {outputs * filter, s.out_c, static_cast<int32_t>(workspace.elements * sizeof(int32_t))};
}

struct Kernel {
  const char* name;
  Result (*run)(Numbers numbers);
};
constexpr Kernel kKernels[] = {{"conv", Conv},       {"depthwise", Depthwise},        {"dense", Dense},
                               {"update", Update},   {"integer-error", IntegerError}, {"gradient", Gradient},
                               {"error", InputError}};

}  // namespace

int main() {
  char line[256];
  const uint32_t arguments[] = {reinterpret_cast<uint32_t>(line), sizeof line};
  if (semihosting::Call(semihosting::Operation::kGetCommandLine, arguments) != 0) return 2;
  for (int8_t& value : x) value = static_cast<int8_t>(Random());
  for (int8_t& value : w) value = static_cast<int8_t>(Random());
  for (const Kernel& kernel : kKernels) {
    const char* found = std::strstr(line, kernel.name);
    if (found == nullptr) continue;
    const Result result = kernel.run(Numbers(found + std::strlen(kernel.name)));
    int32_t wrong = 0;
    for (int32_t i = 0; i < result.outputs; ++i) wrong += y[i] != expected[i];
    std::printf("%lu %ld %ld %ld\n", static_cast<unsigned long>(meter.cost().total), static_cast<long>(result.macs),
                static_cast<long>(result.workspace), static_cast<long>(wrong));
    return 0;
  }
  return 2;
}
