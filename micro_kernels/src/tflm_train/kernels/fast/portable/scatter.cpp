// Adding scaled patches to patches: the backward pass of convolutions.
#include "tflm_train/kernels/fast/inner_portable.h"

#include "tflm_train/kernels/fast/portable/add_scaled.h"
#include "tflm_train/kernels/fast/selected_rows.h"

namespace tflm_train {
namespace portable {
namespace {

TFLM_TRAIN_ALWAYS_INLINE inline void AddPatch(float a, const float* x, float* y, const AxpyShape& shape) {
  for (int32_t rows = shape.rows; rows > 0; --rows, x += shape.stride[kSource], y += shape.stride[kDestination]) {
    AddScaled(a, x, y, shape.n);
  }
}

/// Three rows, as of a 3x3 filter over four channels and over one: known sizes need no loop.
struct Patch12 {
  TFLM_TRAIN_ALWAYS_INLINE static void Add(float a, const float* x, float* y, const AxpyShape& shape) {
    const int32_t x_stride = shape.stride[kSource], y_stride = shape.stride[kDestination];
    for (int32_t rows = 3; rows > 0; --rows, x += x_stride, y += y_stride) {
      AddFour(a, x, y);
      AddFour(a, x + 4, y + 4);
      AddFour(a, x + 8, y + 8);
    }
  }
};
struct Patch3 {
  TFLM_TRAIN_ALWAYS_INLINE static void Add(float a, const float* x, float* y, const AxpyShape& shape) {
    const int32_t x_stride = shape.stride[kSource], y_stride = shape.stride[kDestination];
    for (int32_t rows = 3; rows > 0; --rows, x += x_stride, y += y_stride) {
      const float x0 = x[0], x1 = x[1], x2 = x[2];
      y[0] += a * x0;
      y[1] += a * x1;
      y[2] += a * x2;
    }
  }
};
struct AnyPatch {
  TFLM_TRAIN_ALWAYS_INLINE static void Add(float a, const float* x, float* y, const AxpyShape& shape) {
    AddPatch(a, x, y, shape);
  }
};

template <class Patch>
void ScatterPixelsOf(const PixelScatter& s, int32_t pixels, const float* dy, const uint8_t* winners, float* image) {
  const bool to_image = s.image_side == kDestination, zeros_too = s.zeros_too;
  const float scale = s.scale;
  for (; pixels > 0; --pixels, image += s.pixel_step) {
    float* filter = s.filters;
    for (int32_t left = s.channels; left > 0; --left, ++dy, winners += s.winner_step, filter += s.filter) {
      if (!zeros_too && IsZero(dy)) continue;
      float* const patch = image + s.offsets[*winners % PixelScatter::kOffsets];
      Patch::Add(scale * *dy, to_image ? filter : patch, to_image ? patch : filter, s.shape);
    }
  }
}

/// The errors of one channel in up to kPixels pixels that go on, scaled, with their patches.
struct ChannelErrors {
  static constexpr int32_t kPixels = 16;
  int32_t count = 0;
  float error[kPixels];
  const float* patch[kPixels];

  TFLM_TRAIN_ALWAYS_INLINE ChannelErrors(const PixelScatter& s, int32_t pixels, const float* dy, const uint8_t* winners,
                                         const float* image) {
    const int32_t channels = s.channels, winner_step = channels * static_cast<int32_t>(s.winner_step);
    const float scale = s.scale;
    int32_t found = 0;
    for (; pixels > 0; --pixels, dy += channels, winners += winner_step, image += s.pixel_step) {
      if (!s.zeros_too && IsZero(dy)) continue;
      error[found] = scale * *dy;
      patch[found++] = image + s.offsets[*winners % PixelScatter::kOffsets];
    }
    count = found;
  }
};

/// filter[row][0, 4) += the errors times their patches: the weights stay in registers for all errors.
TFLM_TRAIN_ALWAYS_INLINE inline void GatherFour(const ChannelErrors& errors, int32_t offset, float* filter) {
  float w0 = filter[0], w1 = filter[1], w2 = filter[2], w3 = filter[3];
  for (int32_t i = 0; i < errors.count; ++i) {
    const float* x = errors.patch[i] + offset;
    const float error = errors.error[i];
    w0 += error * x[0];
    w1 += error * x[1];
    w2 += error * x[2];
    w3 += error * x[3];
  }
  filter[0] = w0;
  filter[1] = w1;
  filter[2] = w2;
  filter[3] = w3;
}

/// Twelve elements of a filter at a time.
TFLM_TRAIN_ALWAYS_INLINE inline void GatherTwelve(const ChannelErrors& errors, int32_t offset, float* filter) {
  float w0 = filter[0], w1 = filter[1], w2 = filter[2], w3 = filter[3], w4 = filter[4], w5 = filter[5];
  float w6 = filter[6], w7 = filter[7], w8 = filter[8], w9 = filter[9], w10 = filter[10], w11 = filter[11];
  for (int32_t i = 0; i < errors.count; ++i) {
    const float* x = errors.patch[i] + offset;
    const float error = errors.error[i];
    w0 += error * x[0];
    w1 += error * x[1];
    w2 += error * x[2];
    w3 += error * x[3];
    w4 += error * x[4];
    w5 += error * x[5];
    w6 += error * x[6];
    w7 += error * x[7];
    w8 += error * x[8];
    w9 += error * x[9];
    w10 += error * x[10];
    w11 += error * x[11];
  }
  filter[0] = w0, filter[1] = w1, filter[2] = w2, filter[3] = w3, filter[4] = w4, filter[5] = w5;
  filter[6] = w6, filter[7] = w7, filter[8] = w8, filter[9] = w9, filter[10] = w10, filter[11] = w11;
}

/// All nine weights of a single-channel 3x3 filter.
TFLM_TRAIN_ALWAYS_INLINE inline void GatherNine(const ChannelErrors& errors, int32_t stride, float* filter) {
  float w0 = filter[0], w1 = filter[1], w2 = filter[2], w3 = filter[3], w4 = filter[4], w5 = filter[5];
  float w6 = filter[6], w7 = filter[7], w8 = filter[8];
  for (int32_t i = 0; i < errors.count; ++i) {
    const float* upper = errors.patch[i];
    const float* middle = upper + stride;
    const float* lower = middle + stride;
    const float error = errors.error[i];
    w0 += error * upper[0];
    w1 += error * upper[1];
    w2 += error * upper[2];
    w3 += error * middle[0];
    w4 += error * middle[1];
    w5 += error * middle[2];
    w6 += error * lower[0];
    w7 += error * lower[1];
    w8 += error * lower[2];
  }
  filter[0] = w0, filter[1] = w1, filter[2] = w2, filter[3] = w3, filter[4] = w4, filter[5] = w5;
  filter[6] = w6, filter[7] = w7, filter[8] = w8;
}

/// Weight gradients channel by channel, for contiguous filters with rows of a multiple of four elements, or 3x3 of one channel.
void GatherPixels(const PixelScatter& s, int32_t pixels, const float* dy, const uint8_t* winners, const float* image) {
  const int32_t stride = s.shape.stride[kSource], n = s.shape.n;
  constexpr int32_t kPixels = ChannelErrors::kPixels;
  for (; pixels > 0; pixels -= kPixels) {
    const int32_t group = pixels < kPixels ? pixels : kPixels;
    float* filter = s.filters;
    for (int32_t c = 0; c < s.channels; ++c, filter += s.filter) {
      const ChannelErrors errors(s, group, dy + c, winners + c * static_cast<int32_t>(s.winner_step), image);
      if (errors.count == 0) continue;
      if (n == 3) {
        GatherNine(errors, stride, filter);
        continue;
      }
      float* row = filter;
      for (int32_t u = 0; u < s.shape.rows; ++u, row += n) {
        int32_t i = 0;
        for (; i + 12 <= n; i += 12) GatherTwelve(errors, u * stride + i, row + i);
        for (; i < n; i += 4) GatherFour(errors, u * stride + i, row + i);
      }
    }
    dy += kPixels * s.channels;
    winners += kPixels * s.channels * static_cast<int32_t>(s.winner_step);
    image += kPixels * s.pixel_step;
  }
}

}  // namespace

void Axpy(const AxpyJob* jobs, int32_t count, const AxpyShape& shape) {
  const bool three = shape.rows == 3;
  for (; count > 0; --count, ++jobs) {
    const float* x = jobs->patch[kSource];
    float* y = jobs->patch[kDestination];
    if (three && shape.n == 12) {
      Patch12::Add(jobs->a, x, y, shape);
    } else if (three && shape.n == 3) {
      Patch3::Add(jobs->a, x, y, shape);
    } else {
      AddPatch(jobs->a, x, y, shape);
    }
  }
}

void ScatterPixels(const PixelScatter& s, int32_t pixels, const float* dy, const uint8_t* winners, float* image) {
  const AxpyShape& shape = s.shape;
  const bool single = shape.rows == 3 && shape.n == 3;
  if (s.image_side == kSource && shape.stride[kDestination] == shape.n && (single || shape.n % 4 == 0)) {
    return GatherPixels(s, pixels, dy, winners, image);
  }
  const auto scatter = shape.rows == 3 && shape.n == 12 ? ScatterPixelsOf<Patch12> : ScatterPixelsOf<AnyPatch>;
  scatter(s, pixels, dy, winners, image);
}

}  // namespace portable
}  // namespace tflm_train
