// Geometries of convolutions and an independent convolution by definition.
#pragma once

#include <type_traits>

#include "kernel_testing.h"
#include "tflm_train/kernels/activation.h"
#include "tflm_train/kernels/conv_2d.h"
#include "tflm_train/kernels/conv_forward.h"
#include "tflm_train/kernels/depthwise_conv_2d.h"
#include "tflm_train/kernels/transpose_conv.h"

namespace tflm_train {
namespace testing {

struct Pair {
  int32_t h, w;
};

/// Output size and padding in front as TensorFlow has them.
inline void Place(bool same, int32_t in, int32_t window, int32_t stride, int32_t* out, int32_t* pad) {
  *out = same ? (in + stride - 1) / stride : (in - window) / stride + 1;
  const int32_t total = (*out - 1) * stride + window - in;
  *pad = same && total > 0 ? total / 2 : 0;
}

/// `out_c`: for a depthwise convolution a multiple of in_c.
inline ConvShape MakeConv(Pair in, int32_t in_c, int32_t out_c, Pair filter, Pair stride, Pair dilation, bool same) {
  ConvShape s = {};
  s.in_h = in.h;
  s.in_w = in.w;
  s.in_c = in_c;
  s.out_c = out_c;
  s.filter_h = filter.h;
  s.filter_w = filter.w;
  s.stride_h = stride.h;
  s.stride_w = stride.w;
  s.dilation_h = dilation.h;
  s.dilation_w = dilation.w;
  s.depth_multiplier = out_c / in_c;
  Place(same, in.h, (filter.h - 1) * dilation.h + 1, stride.h, &s.out_h, &s.pad_top);
  Place(same, in.w, (filter.w - 1) * dilation.w + 1, stride.w, &s.out_w, &s.pad_left);
  return s;
}

inline PoolShape MakePool(const ConvShape& s, Pair filter, Pair stride, bool same) {
  PoolShape p = {};
  p.in_h = s.out_h;
  p.in_w = s.out_w;
  p.channels = s.out_c;
  p.filter_h = filter.h;
  p.filter_w = filter.w;
  p.stride_h = stride.h;
  p.stride_w = stride.w;
  Place(same, s.out_h, filter.h, stride.h, &p.out_h, &p.pad_top);
  Place(same, s.out_w, filter.w, stride.w, &p.out_w, &p.pad_left);
  return p;
}

inline size_t InputElements(const ConvShape& s) { return size_t(s.in_h) * size_t(s.in_w) * size_t(s.in_c); }
inline size_t OutputElements(const ConvShape& s) { return size_t(s.out_h) * size_t(s.out_w) * size_t(s.out_c); }
inline size_t OutputElements(const PoolShape& p) { return size_t(p.out_h) * size_t(p.out_w) * size_t(p.channels); }
template <class Conv>
size_t WeightElements(const ConvShape& s) {
  return size_t(Conv::WeightsPerChannel(s)) * size_t(s.out_c);
}

template <class Conv>
inline constexpr bool kTransposed = std::is_same_v<Conv, TransposeConv>;
template <class Conv>
inline constexpr bool kGrouped = std::is_same_v<Conv, GroupedConv2d>;

/// The convolution with its images exchanged: from `out` to what a convolution makes of it.
inline ConvShape MakeTransposed(Pair out, int32_t out_c, int32_t in_c, Pair filter, Pair stride, bool same) {
  ConvShape s = MakeConv(out, out_c, in_c, filter, stride, {1, 1}, same);
  std::swap(s.in_h, s.out_h);
  std::swap(s.in_w, s.out_w);
  std::swap(s.in_c, s.out_c);
  return s;
}

/// Visits every multiplication of a transposed convolution: visit(y index, x index, w index).
template <class Visit>
void ForEachTransposedProduct(const ConvShape& s, Visit visit) {
  for (int32_t i = 0; i < s.in_h * s.in_w; ++i) {
    for (int32_t tap = 0; tap < s.filter_h * s.filter_w; ++tap) {
      const int32_t row = i / s.in_w * s.stride_h - s.pad_top + tap / s.filter_w;
      const int32_t column = i % s.in_w * s.stride_w - s.pad_left + tap % s.filter_w;
      if (row < 0 || row >= s.out_h || column < 0 || column >= s.out_w) continue;
      for (int32_t o = 0; o < s.out_c; ++o) {
        for (int32_t c = 0; c < s.in_c; ++c) {
          visit(size_t((row * s.out_w + column) * s.out_c + o), size_t(i * s.in_c + c),
                size_t((o * s.filter_h * s.filter_w + tap) * s.in_c + c));
        }
      }
    }
  }
}

/// Visits every multiplication of a convolution, bounds tested tap by tap: visit(y index, x index, w index).
template <class Conv, class Visit>
void ForEachProduct(const ConvShape& s, Visit visit) {
  if constexpr (kTransposed<Conv>) return ForEachTransposedProduct(s, visit);
  for (int32_t i = 0; i < s.out_h; ++i) {
    for (int32_t j = 0; j < s.out_w; ++j) {
      for (int32_t o = 0; o < s.out_c; ++o) {
        for (int32_t u = 0; u < s.filter_h; ++u) {
          for (int32_t v = 0; v < s.filter_w; ++v) {
            const int32_t row = i * s.stride_h - s.pad_top + u * s.dilation_h;
            const int32_t column = j * s.stride_w - s.pad_left + v * s.dilation_w;
            if (row < 0 || row >= s.in_h || column < 0 || column >= s.in_w) continue;
            const size_t y = size_t((i * s.out_w + j) * s.out_c + o);
            const int32_t pixel = (row * s.in_w + column) * s.in_c;
            if constexpr (Conv::kDepthwise) {
              visit(y, size_t(pixel + o / s.depth_multiplier), size_t((u * s.filter_w + v) * s.out_c + o));
            } else {
              const int32_t channels = kGrouped<Conv> ? s.filter_c : s.in_c;
              const int32_t group = kGrouped<Conv> ? o * (s.in_c / s.filter_c) / s.out_c : 0;
              for (int32_t c = 0; c < channels; ++c) {
                visit(y, size_t(pixel + group * channels + c),
                      size_t(((o * s.filter_h + u) * s.filter_w + v) * channels + c));
              }
            }
          }
        }
      }
    }
  }
}

template <class Conv, class T>
std::vector<T> ConvByDefinition(const ConvShape& s, const std::vector<T>& x, const std::vector<T>& w,
                                const std::vector<T>& bias, Activation activation) {
  std::vector<T> y(OutputElements(s), T(0));
  ForEachProduct<Conv>(s, [&](size_t yi, size_t xi, size_t wi) { y[yi] += x[xi] * w[wi]; });
  for (size_t i = 0; i < y.size(); ++i) {
    T value = y[i] + bias[i % size_t(s.out_c)];
    if (activation == Activation::kRelu || activation == Activation::kRelu6) value = std::fmax(value, T(0));
    if (activation == Activation::kRelu6) value = std::fmin(value, T(6));
    if (activation == Activation::kReluN1To1) value = std::fmin(std::fmax(value, T(-1)), T(1));
    y[i] = value;
  }
  return y;
}

/// No value within 1e-3 of a kink of the activation.
inline bool AwayFromKinks(const std::vector<double>& values, Activation activation) {
  for (double value : values) {
    for (double kink : {-1.0, 0.0, 1.0, 6.0}) {
      const bool unit = kink == -1.0 || kink == 1.0;
      if (activation == Activation::kNone || (activation == Activation::kReluN1To1) != unit) continue;
      if (activation == Activation::kRelu && kink == 6.0) continue;
      if (std::fabs(value - kink) < 1e-3) return false;
    }
  }
  return true;
}

/// Data of one convolution in double.
struct ConvData {
  std::vector<double> x, w, bias, r;  // r: the error at the output, after the activation
};

/// Random data whose values before the activation keep away from its kinks; they reach beyond 6.
template <class Conv>
ConvData MakeConvData(Random& random, const ConvShape& s, Activation activation) {
  for (;;) {
    ConvData data = {random.Vector<double>(InputElements(s), 3), random.Vector<double>(WeightElements<Conv>(s), 2),
                     random.Vector<double>(size_t(s.out_c), 1), random.Vector<double>(OutputElements(s), 1)};
    const std::vector<double> sums = ConvByDefinition<Conv>(s, data.x, data.w, data.bias, Activation::kNone);
    if (AwayFromKinks(sums, activation)) return data;
  }
}

inline constexpr Activation kActivations[] = {Activation::kNone, Activation::kRelu, Activation::kReluN1To1,
                                              Activation::kRelu6};

/// Geometries that cover strides, pads, dilations, odd shapes and windows larger than the image.
template <class Conv>
std::vector<ConvShape> ConvShapes() {
  std::vector<ConvShape> shapes;
  if constexpr (kTransposed<Conv>) {
    for (bool same : {false, true}) {
      shapes.push_back(MakeTransposed({5, 4}, 2, 3, {3, 3}, {1, 1}, same));
      shapes.push_back(MakeTransposed({7, 8}, 3, 2, {3, 2}, {2, 3}, same));
      shapes.push_back(MakeTransposed({8, 7}, 1, 2, {2, 3}, {2, 2}, same));
      shapes.push_back(MakeTransposed({6, 6}, 2, 1, {1, 1}, {2, 1}, same));  // rows that nothing reaches
      shapes.push_back(MakeTransposed({9, 9}, 2, 2, {2, 4}, {3, 2}, same));
    }
    shapes.push_back(MakeTransposed({2, 3}, 1, 2, {5, 5}, {1, 1}, true));
    return shapes;
  }
  if constexpr (kGrouped<Conv>) {
    for (bool same : {false, true}) {
      for (int32_t groups : {1, 2, 3}) {
        for (int32_t channels : {1, 2}) {
          shapes.push_back(MakeConv({5, 4}, groups * channels, 2 * groups, {3, 3}, {1, 1}, {1, 1}, same));
          shapes.push_back(MakeConv({6, 7}, groups * channels, groups, {3, 2}, {2, 3}, {1, 1}, same));
          shapes.push_back(MakeConv({7, 6}, groups * channels, 3 * groups, {2, 3}, {1, 2}, {2, 2}, same));
          for (size_t i = shapes.size() - 3; i < shapes.size(); ++i) shapes[i].filter_c = channels;
        }
      }
    }
    return shapes;
  }
  for (bool same : {false, true}) {
    for (int32_t multiplier : {1, 2, 3}) {
      const auto channels = [multiplier](int32_t in_c) {
        return Conv::kDepthwise ? in_c * multiplier : multiplier + 1;
      };
      shapes.push_back(MakeConv({5, 4}, 2, channels(2), {3, 3}, {1, 1}, {1, 1}, same));
      shapes.push_back(MakeConv({6, 7}, 3, channels(3), {3, 2}, {2, 3}, {1, 1}, same));
      shapes.push_back(MakeConv({7, 6}, 1, channels(1), {2, 3}, {1, 2}, {2, 2}, same));
      shapes.push_back(MakeConv({5, 5}, 2, channels(2), {1, 1}, {2, 1}, {1, 1}, same));
      shapes.push_back(MakeConv({1, 9}, 2, channels(2), {1, 3}, {1, 1}, {1, 3}, same));
    }
  }
  shapes.push_back(MakeConv({2, 3}, 1, Conv::kDepthwise ? 1 : 2, {5, 5}, {1, 1}, {1, 1}, true));
  shapes.push_back(MakeConv({3, 2}, 1, Conv::kDepthwise ? 2 : 2, {3, 3}, {2, 2}, {3, 2}, true));
  return shapes;
}

/// Room for two rows, so that most layers take several passes.
template <class T, class Conv>
Sums<T> TwoRows(const ConvShape& s) {
  return Sums<T>(2 * size_t{Conv::WeightsPerChannel(s)} + 1);
}

/// Forward equals the definition, backward equals finite differences, over all shapes and activations.
template <class Conv, class Bias>
void CheckConvGradients(Bias bias_gradient) {
  Random random(7);
  double forward = 0, dx_worst = 0, dw_worst = 0, db_worst = 0;
  for (const ConvShape& s : ConvShapes<Conv>()) {
    for (Activation activation : kActivations) {
      ConvData data = MakeConvData<Conv>(random, s, activation);
      WorkCounters work;
      std::vector<double> y(OutputElements(s));
      const auto loss = [&] {
        ConvForward<Conv>(s, data.x.data(), data.w.data(), data.bias.data(), activation, y.data(), work);
        return Dot(y, data.r);
      };
      loss();
      forward = std::fmax(forward, Measure(y, ConvByDefinition<Conv>(s, data.x, data.w, data.bias, activation)));
      std::vector<double> dy = data.r, dx(data.x.size()), dw(data.w.size()), db(data.bias.size());
      const uint32_t n = static_cast<uint32_t>(dy.size());
      MaskError(activation, y.data(), n, dy.data());
      const DirectLocator locator(s.out_w, s.out_c);
      Conv::InputError(s, data.w.data(), dy.data(), n, All(), locator, dx.data(), work);
      Sums<double> sums = TwoRows<double, Conv>(s);
      Conv::WeightGradient(s, data.x.data(), dy.data(), n, All(), locator, 1.0, sums, dw.data(), work);
      bias_gradient(dy, locator, db);
      dx_worst = std::fmax(dx_worst, Measure(dx, FiniteDifferences(data.x, loss)));
      dw_worst = std::fmax(dw_worst, Measure(dw, FiniteDifferences(data.w, loss)));
      db_worst = std::fmax(db_worst, Measure(db, FiniteDifferences(data.bias, loss)));
    }
  }
  MESSAGE("largest differences: forward " << forward << ", dx " << dx_worst << ", dw " << dw_worst << ", db "
                                          << db_worst);
  CHECK(forward <= 1e-14);
  CHECK(dx_worst <= kTolerance);
  CHECK(dw_worst <= kTolerance);
  CHECK(db_worst <= kTolerance);
}

/// Selections of every kind, in float, destinations that are not zero.
template <class Conv>
void CheckConvSelections() {
  Random random(11);
  for (const ConvShape& s : ConvShapes<Conv>()) {
    const std::vector<float> x = random.Vector<float>(InputElements(s));
    const std::vector<float> w = random.Vector<float>(WeightElements<Conv>(s));
    const std::vector<float> dx0 = random.Vector<float>(x.size()), dw0 = random.Vector<float>(w.size());
    const DirectLocator locator(s.out_w, s.out_c);
    const auto run = [&](const Selection& selection, const std::vector<float>& dy) {
      WorkCounters work;
      std::vector<float> dx = dx0, dw = dw0;
      const uint32_t n = static_cast<uint32_t>(dy.size());
      Conv::InputError(s, w.data(), dy.data(), n, selection, locator, dx.data(), work);
      Sums<float> sums = TwoRows<float, Conv>(s);
      Conv::WeightGradient(s, x.data(), dy.data(), n, selection, locator, -0.125f, sums, dw.data(), work);
      dx.insert(dx.end(), dw.begin(), dw.end());
      return dx;
    };
    CheckSelections(random, random.Vector<float>(OutputElements(s)), run);
  }
}

/// Counted multiplications are those of the definition.
template <class Conv>
void CheckConvWork() {
  Random random(3);
  for (const ConvShape& s : ConvShapes<Conv>()) {
    uint64_t products = 0;
    ForEachProduct<Conv>(s, [&](size_t, size_t, size_t) { ++products; });
    const std::vector<float> x = random.Vector<float>(InputElements(s));
    const std::vector<float> w = random.Vector<float>(WeightElements<Conv>(s));
    std::vector<float> y(OutputElements(s)), dx(x.size()), dw(w.size());
    const uint32_t n = static_cast<uint32_t>(y.size());
    const DirectLocator locator(s.out_w, s.out_c);
    WorkCounters work;
    ConvForward<Conv, float>(s, x.data(), w.data(), nullptr, Activation::kNone, y.data(), work);
    Conv::InputError(s, w.data(), y.data(), n, All(), locator, dx.data(), work);
    Sums<float> sums = TwoRows<float, Conv>(s);
    Conv::WeightGradient(s, x.data(), y.data(), n, All(), locator, 1.0f, sums, dw.data(), work);
    CHECK(work.forward == products);
    CHECK(work.input_error == products);
    CHECK(work.weight_gradient == products);
  }
}

}  // namespace testing
}  // namespace tflm_train
