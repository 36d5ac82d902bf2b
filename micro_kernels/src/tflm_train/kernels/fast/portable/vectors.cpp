// Element by element.

#include "tflm_train/base/float_bits.h"
#include "tflm_train/kernels/fast/inner_portable.h"

namespace tflm_train {
namespace portable {

void MultiplyAdd(const float* __restrict a, const float* __restrict b, float* __restrict y, int32_t n) {
  for (; n >= 4; n -= 4) {
    y[0] += a[0] * b[0];
    y[1] += a[1] * b[1];
    y[2] += a[2] * b[2];
    y[3] += a[3] * b[3];
    a += 4;
    b += 4;
    y += 4;
  }
  for (; n > 0; --n) *y++ += *a++ * *b++;
}

// Compilers would turn the loop into a call of memset, which is a loop over bytes in small C libraries.
#if defined(__GNUC__) && !defined(__clang__)
__attribute__((optimize("no-tree-loop-distribute-patterns")))
#endif
void Clear(float* x, uint32_t n) {
  for (; n >= 8; n -= 8, x += 8) {
    x[0] = 0.0f;
    x[1] = 0.0f;
    x[2] = 0.0f;
    x[3] = 0.0f;
    x[4] = 0.0f;
    x[5] = 0.0f;
    x[6] = 0.0f;
    x[7] = 0.0f;
  }
  for (; n > 0; --n) *x++ = 0.0f;
}

void CopyRows(const float* x, int32_t x_stride, float* y, int32_t y_stride, int32_t n, int32_t rows) {
  for (; rows > 0; --rows, x += x_stride, y += y_stride) {
    const float* __restrict from = x;
    float* __restrict to = y;
    int32_t left = n;
    for (; left >= 8; left -= 8, from += 8, to += 8) {
      const float x0 = from[0], x1 = from[1], x2 = from[2], x3 = from[3];
      const float x4 = from[4], x5 = from[5], x6 = from[6], x7 = from[7];
      to[0] = x0;
      to[1] = x1;
      to[2] = x2;
      to[3] = x3;
      to[4] = x4;
      to[5] = x5;
      to[6] = x6;
      to[7] = x7;
    }
    for (; left >= 4; left -= 4, from += 4, to += 4) {
      const float x0 = from[0], x1 = from[1], x2 = from[2], x3 = from[3];
      to[0] = x0;
      to[1] = x1;
      to[2] = x2;
      to[3] = x3;
    }
    for (; left > 0; --left) *to++ = *from++;
  }
}

bool AllFinite(const float* x, uint32_t n) {
  // Without its sign a finite number is below 0x7F800000: adding 0x00800000 does not reach the sign bit.
  constexpr uint32_t kMagnitude = 0x7FFFFFFFu, kStep = 0x00800000u;
  uint32_t carried = 0;
  for (; n >= 4; n -= 4, x += 4) {
    carried |= (BitsOf(x[0]) & kMagnitude) + kStep;
    carried |= (BitsOf(x[1]) & kMagnitude) + kStep;
    carried |= (BitsOf(x[2]) & kMagnitude) + kStep;
    carried |= (BitsOf(x[3]) & kMagnitude) + kStep;
  }
  for (; n > 0; --n) carried |= (BitsOf(*x++) & kMagnitude) + kStep;
  return carried <= kMagnitude;
}

void MaskRectified(const float* y, float* dy, uint32_t n) {
  // Not positive: zero, or the sign bit set.
  const auto mask = [](uint32_t bits, float* error) {
    if (static_cast<int32_t>(bits) <= 0) *error = 0.0f;
  };
  for (; n >= 4; n -= 4, y += 4, dy += 4) {
    const uint32_t y0 = BitsOf(y[0]), y1 = BitsOf(y[1]), y2 = BitsOf(y[2]), y3 = BitsOf(y[3]);
    mask(y0, dy);
    mask(y1, dy + 1);
    mask(y2, dy + 2);
    mask(y3, dy + 3);
  }
  for (; n > 0; --n) mask(BitsOf(*y++), dy++);
}

}  // namespace portable
}  // namespace tflm_train
