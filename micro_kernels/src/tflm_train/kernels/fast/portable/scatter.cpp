// Adding scaled patches to patches: the backward pass of convolutions.
#include "tflm_train/base/cold.h"
#include "tflm_train/kernels/fast/inner_portable.h"
#include "tflm_train/kernels/fast/portable/add_scaled.h"
#include "tflm_train/kernels/magnitude.h"

namespace tflm_train {
namespace portable {
namespace {

TFLM_TRAIN_NOINLINE void AddPatch(float a, const float* x, float* y, const AxpyShape& shape) {
  for (int32_t rows = shape.rows; rows > 0; --rows, x += shape.stride[kSource], y += shape.stride[kDestination]) {
    AddScaled(a, x, y, shape.n);
  }
}

/// Three rows of a 3x3 filter over four channels: known sizes need no loop.
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
struct AnyPatch {
  TFLM_TRAIN_ALWAYS_INLINE static void Add(float a, const float* x, float* y, const AxpyShape& shape) {
    AddPatch(a, x, y, shape);
  }
};

template <class Patch>
void ScatterPixelsOf(const PixelScatter& s, int32_t pixels, const float* dy, const uint8_t* winners, float* image) {
  const bool to_image = s.image_side == kDestination, zeros_too = s.zeros_too;
  const float scale = s.scale;
  for (; pixels > 0; --pixels, image += s.pixel_step, dy += s.other_channels, winners += s.other_channels) {
    float* filter = s.filters;
    for (int32_t left = s.channels; left > 0; --left, ++dy, ++winners, filter += s.filter) {
      if (!zeros_too && IsZero(dy)) continue;
      float* const patch = image + s.offsets[*winners % PixelScatter::kOffsets];
      Patch::Add(scale * *dy, to_image ? filter : patch, to_image ? patch : filter, s.shape);
    }
  }
}

/// y[0, 4) += the patches from `offset` on: the sums stay in registers for all patches.
TFLM_TRAIN_ALWAYS_INLINE inline void SumFour(const ScaledPatch* patches, int32_t count, int32_t offset, float* y) {
  float s0 = y[0], s1 = y[1], s2 = y[2], s3 = y[3];
  for (const ScaledPatch* end = patches + count; patches != end; ++patches) {
    const float* x = patches->patch + offset;
    const float a = patches->factor;
    s0 += a * x[0];
    s1 += a * x[1];
    s2 += a * x[2];
    s3 += a * x[3];
  }
  y[0] = s0;
  y[1] = s1;
  y[2] = s2;
  y[3] = s3;
}

/// Twelve elements at a time.
TFLM_TRAIN_ALWAYS_INLINE inline void SumTwelve(const ScaledPatch* patches, int32_t count, int32_t offset, float* y) {
  float s0 = y[0], s1 = y[1], s2 = y[2], s3 = y[3], s4 = y[4], s5 = y[5];
  float s6 = y[6], s7 = y[7], s8 = y[8], s9 = y[9], s10 = y[10], s11 = y[11];
  for (const ScaledPatch* end = patches + count; patches != end; ++patches) {
    const float* x = patches->patch + offset;
    const float a = patches->factor;
    s0 += a * x[0];
    s1 += a * x[1];
    s2 += a * x[2];
    s3 += a * x[3];
    s4 += a * x[4];
    s5 += a * x[5];
    s6 += a * x[6];
    s7 += a * x[7];
    s8 += a * x[8];
    s9 += a * x[9];
    s10 += a * x[10];
    s11 += a * x[11];
  }
  y[0] = s0, y[1] = s1, y[2] = s2, y[3] = s3, y[4] = s4, y[5] = s5;
  y[6] = s6, y[7] = s7, y[8] = s8, y[9] = s9, y[10] = s10, y[11] = s11;
}

/// A single-channel 3x3 filter; the rows of the patches are `stride` apart.
TFLM_TRAIN_ALWAYS_INLINE inline void SumNine(const ScaledPatch* patches, int32_t count, int32_t stride, float* y) {
  float s0 = y[0], s1 = y[1], s2 = y[2], s3 = y[3], s4 = y[4], s5 = y[5];
  float s6 = y[6], s7 = y[7], s8 = y[8];
  for (const ScaledPatch* end = patches + count; patches != end; ++patches) {
    const float* upper = patches->patch;
    const float* middle = upper + stride;
    const float* lower = middle + stride;
    const float a = patches->factor;
    s0 += a * upper[0];
    s1 += a * upper[1];
    s2 += a * upper[2];
    s3 += a * middle[0];
    s4 += a * middle[1];
    s5 += a * middle[2];
    s6 += a * lower[0];
    s7 += a * lower[1];
    s8 += a * lower[2];
  }
  y[0] = s0, y[1] = s1, y[2] = s2, y[3] = s3, y[4] = s4, y[5] = s5;
  y[6] = s6, y[7] = s7, y[8] = s8;
}

/// A 3x3 filter over one channel is the destination.
bool IsSingleChannelFilter(const AxpyShape& shape) {
  return shape.rows == 3 && shape.n == 3 && shape.stride[kDestination] == 3;
}

}  // namespace

void Axpy(const AxpyJob* jobs, int32_t count, const AxpyShape& shape) {
  const bool three = shape.rows == 3;
  for (; count > 0; --count, ++jobs) {
    const float* x = jobs->patch[kSource];
    float* y = jobs->patch[kDestination];
    if (three && shape.n == 12) {
      Patch12::Add(jobs->a, x, y, shape);
    } else {
      AddPatch(jobs->a, x, y, shape);
    }
  }
}

bool SumsPatches(const AxpyShape& shape) { return shape.n % 4 == 0 || IsSingleChannelFilter(shape); }

void SumPatches(const ScaledPatch* patches, int32_t count, const AxpyShape& shape, float* y) {
  const int32_t n = shape.n, stride = shape.stride[kSource];
  if (IsSingleChannelFilter(shape)) return SumNine(patches, count, stride, y);
  for (int32_t row = 0; row < shape.rows; ++row, y += shape.stride[kDestination]) {
    int32_t i = 0;
    for (; i + 12 <= n; i += 12) SumTwelve(patches, count, row * stride + i, y + i);
    for (; i + 4 <= n; i += 4) SumFour(patches, count, row * stride + i, y + i);
  }
}

void SumRow(const ScaledPatch* patches, int32_t count, int32_t n, float* y) {
  int32_t i = 0;
  for (; i + 12 <= n; i += 12) SumTwelve(patches, count, i, y + i);
  for (; i + 4 <= n; i += 4) SumFour(patches, count, i, y + i);
  for (; i < n; ++i) {
    float sum = y[i];
    for (int32_t k = 0; k < count; ++k) sum += patches[k].factor * patches[k].patch[i];
    y[i] = sum;
  }
}

void ScatterPixels(const PixelScatter& s, int32_t pixels, const float* dy, const uint8_t* winners, float* image) {
  const auto scatter = s.shape.rows == 3 && s.shape.n == 12 ? ScatterPixelsOf<Patch12> : ScatterPixelsOf<AnyPatch>;
  scatter(s, pixels, dy, winners, image);
}

}  // namespace portable
}  // namespace tflm_train
