// Registers: blocks live in s8-s31 (or all 32), scalars and running sums are the compiler's choice among the others.
// Every loop keeps at least two sums in flight, as a multiply-add that waits for the one before it stalls.
#include "tflm_train/kernels/fast/inner_cortex_m.h"

#include <cstddef>
#include <cstring>

#if TFLM_TRAIN_HAS_CORTEX_M_FPU

#include "tflm_train/kernels/fast/selected_rows.h"

#define TFLM_TRAIN_S8_TO_S31                                                                                          \
  "s8", "s9", "s10", "s11", "s12", "s13", "s14", "s15", "s16", "s17", "s18", "s19", "s20", "s21", "s22", "s23", "s24", \
      "s25", "s26", "s27", "s28", "s29", "s30", "s31"
#define TFLM_TRAIN_S0_TO_S7 "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7"

namespace tflm_train {
namespace cortex_m {
namespace {

inline uint32_t Bits(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

/// One row: y += a * x over n.
TFLM_TRAIN_ALWAYS_INLINE inline void AddScaled(float a, const float* x, float* y, int32_t n) {
  int32_t left = n - 12;  // counted from the last block, so that the loop needs one subtraction only
  if (left >= 0) {
    __asm volatile(
        "1:\n"
        "vldmia %[x]!, {s8-s19}\n"
        "vldmia %[y], {s20-s31}\n"
        "subs %[left], #12\n"
        "vfma.f32 s20, s8, %[a]\n"
        "vfma.f32 s21, s9, %[a]\n"
        "vfma.f32 s22, s10, %[a]\n"
        "vfma.f32 s23, s11, %[a]\n"
        "vfma.f32 s24, s12, %[a]\n"
        "vfma.f32 s25, s13, %[a]\n"
        "vfma.f32 s26, s14, %[a]\n"
        "vfma.f32 s27, s15, %[a]\n"
        "vfma.f32 s28, s16, %[a]\n"
        "vfma.f32 s29, s17, %[a]\n"
        "vfma.f32 s30, s18, %[a]\n"
        "vfma.f32 s31, s19, %[a]\n"
        "vstmia %[y]!, {s20-s31}\n"
        "bge 1b\n"
        : [x] "+r"(x), [y] "+r"(y), [left] "+r"(left)
        : [a] "t"(a)
        : "cc", "memory", TFLM_TRAIN_S8_TO_S31);
  }
  left += 8;
  if (left >= 0) {
    __asm volatile(
        "1:\n"
        "vldmia %[x]!, {s8-s11}\n"
        "vldmia %[y], {s20-s23}\n"
        "subs %[left], #4\n"
        "vfma.f32 s20, s8, %[a]\n"
        "vfma.f32 s21, s9, %[a]\n"
        "vfma.f32 s22, s10, %[a]\n"
        "vfma.f32 s23, s11, %[a]\n"
        "vstmia %[y]!, {s20-s23}\n"
        "bge 1b\n"
        : [x] "+r"(x), [y] "+r"(y), [left] "+r"(left)
        : [a] "t"(a)
        : "cc", "memory", "s8", "s9", "s10", "s11", "s20", "s21", "s22", "s23");
  }
  for (left += 4; left > 0; --left) *y++ += a * *x++;
}

TFLM_TRAIN_ALWAYS_INLINE inline void AddPatch(float a, const float* x, float* y, const AxpyShape& shape) {
  for (int32_t rows = shape.rows; rows > 0; --rows, x += shape.stride[kSource], y += shape.stride[kDestination]) {
    AddScaled(a, x, y, shape.n);
  }
}

// A row of twelve elements of a filter and of an image: one is added to the other. s0: the factor.
#define TFLM_TRAIN_FMA_12             \
  "vfma.f32 s20, s8, s0\n"            \
  "vfma.f32 s21, s9, s0\n"            \
  "vfma.f32 s22, s10, s0\n"           \
  "vfma.f32 s23, s11, s0\n"           \
  "vfma.f32 s24, s12, s0\n"           \
  "vfma.f32 s25, s13, s0\n"           \
  "vfma.f32 s26, s14, s0\n"           \
  "vfma.f32 s27, s15, s0\n"           \
  "vfma.f32 s28, s16, s0\n"           \
  "vfma.f32 s29, s17, s0\n"           \
  "vfma.f32 s30, s18, s0\n"           \
  "vfma.f32 s31, s19, s0\n"
#define TFLM_TRAIN_IMAGE_TO_FILTER_12 \
  "vldmia %[patch], {s8-s19}\n"       \
  "vldmia %[filter], {s20-s31}\n"     \
  "add %[patch], %[stride]\n"         \
  TFLM_TRAIN_FMA_12                   \
  "vstmia %[filter]!, {s20-s31}\n"
#define TFLM_TRAIN_FILTER_TO_IMAGE_12 \
  "vldmia %[filter]!, {s8-s19}\n"     \
  "vldmia %[patch], {s20-s31}\n"      \
  TFLM_TRAIN_FMA_12                   \
  "vstmia %[patch], {s20-s31}\n"      \
  "add %[patch], %[stride]\n"

// 3x3 elements of an image to a filter.
#define TFLM_TRAIN_IMAGE_TO_FILTER_3X3 \
  "vldmia %[patch], {s8-s10}\n"        \
  "add %[patch], %[stride]\n"          \
  "vldmia %[patch], {s11-s13}\n"       \
  "add %[patch], %[stride]\n"          \
  "vldmia %[patch], {s14-s16}\n"       \
  "vldmia %[filter], {s20-s28}\n"      \
  "vfma.f32 s20, s8, s0\n"             \
  "vfma.f32 s21, s9, s0\n"             \
  "vfma.f32 s22, s10, s0\n"            \
  "vfma.f32 s23, s11, s0\n"            \
  "vfma.f32 s24, s12, s0\n"            \
  "vfma.f32 s25, s13, s0\n"            \
  "vfma.f32 s26, s14, s0\n"            \
  "vfma.f32 s27, s15, s0\n"            \
  "vfma.f32 s28, s16, s0\n"            \
  "vstmia %[filter]!, {s20-s28}\n"

// All jobs of one shape; PATCH does one and moves `filter` to its end.
#define TFLM_TRAIN_AXPY(PATCH, image_offset, filter_offset)                       \
  float *patch, *filter;                                                          \
  __asm volatile(                                                                 \
      "1:\n"                                                                      \
      "vldr s0, [%[job]]\n"                                                       \
      "ldr %[patch], [%[job], #" image_offset "]\n"                               \
      "ldr %[filter], [%[job], #" filter_offset "]\n"                             \
      "add %[job], #12\n"                                                         \
      PATCH                                                                       \
      "subs %[count], #1\n"                                                       \
      "bne 1b\n"                                                                  \
      : [job] "+r"(jobs), [count] "+r"(count), [patch] "=&r"(patch), [filter] "=&r"(filter) \
      : [stride] "r"(4 * image_stride)                                            \
      : "cc", "memory", "s0", TFLM_TRAIN_S8_TO_S31)

// The errors of one pixel. Flags: `force` is 0 if zeros are skipped, else 1.
#define TFLM_TRAIN_SCATTER(PATCH)                                                                              \
  for (; pixels > 0; --pixels, image += s.pixel_step) {                                                        \
    float *patch, *filter = s.filters;                                                                         \
    int32_t left = s.channels;                                                                                 \
    uint32_t bits;                                                                                             \
    __asm volatile(                                                                                            \
        "vmov.f32 s1, %[scale]\n"                                                                              \
        "1:\n"                                                                                                 \
        "ldr %[bits], [%[dy]], #4\n"                                                                           \
        "ldrb %[patch], [%[winners]]\n"                                                                        \
        "add %[winners], %[winner_step]\n"                                                                     \
        "vmov s0, %[bits]\n"                                                                                   \
        "orrs %[bits], %[force], %[bits], lsl #1\n"                                                            \
        "beq 2f\n"                                                                                             \
        "and %[patch], #15\n"                                                                                  \
        "ldr %[patch], [%[offsets], %[patch], lsl #2]\n"                                                       \
        "vmul.f32 s0, s0, s1\n"                                                                                \
        "add %[patch], %[image], %[patch], lsl #2\n"                                                           \
        PATCH                                                                                                  \
        "subs %[left], #1\n"                                                                                   \
        "bne 1b\n"                                                                                             \
        "b 3f\n"                                                                                               \
        "2:\n"                                                                                                 \
        "add %[filter], %[filter_step]\n"                                                                      \
        "subs %[left], #1\n"                                                                                   \
        "bne 1b\n"                                                                                             \
        "3:\n"                                                                                                 \
        : [dy] "+r"(dy), [winners] "+r"(winners), [left] "+r"(left), [filter] "+r"(filter), [patch] "=&r"(patch), \
          [bits] "=&r"(bits)                                                                                   \
        : [image] "r"(image), [offsets] "r"(s.offsets), [stride] "r"(4 * image_stride),                        \
          [filter_step] "r"(4 * s.filter), [winner_step] "r"(s.winner_step), [force] "r"(force), [scale] "t"(s.scale) \
        : "cc", "memory", "s0", "s1", TFLM_TRAIN_S8_TO_S31);                                                   \
  }

static_assert(sizeof(AxpyJob) == 12 && offsetof(AxpyJob, patch) == 4 && PixelScatter::kOffsets == 16);

#define TFLM_TRAIN_3_ROWS(ROW) ROW ROW ROW
#define TFLM_TRAIN_JOBS const AxpyJob *jobs, int32_t count, int32_t image_stride
#define TFLM_TRAIN_PIXELS                                                                                            \
  const PixelScatter &s, int32_t pixels, const float *dy, const uint8_t *winners, float *image, int32_t image_stride, \
      uint32_t force

void ImageToFilter12(TFLM_TRAIN_JOBS) {
  TFLM_TRAIN_AXPY(TFLM_TRAIN_3_ROWS(TFLM_TRAIN_IMAGE_TO_FILTER_12), "4", "8");
}
void FilterToImage12(TFLM_TRAIN_JOBS) {
  TFLM_TRAIN_AXPY(TFLM_TRAIN_3_ROWS(TFLM_TRAIN_FILTER_TO_IMAGE_12), "8", "4");
}
void ImageToFilter3(TFLM_TRAIN_JOBS) { TFLM_TRAIN_AXPY(TFLM_TRAIN_IMAGE_TO_FILTER_3X3, "4", "8"); }

void ImageToFilter12(TFLM_TRAIN_PIXELS) { TFLM_TRAIN_SCATTER(TFLM_TRAIN_3_ROWS(TFLM_TRAIN_IMAGE_TO_FILTER_12)) }
void FilterToImage12(TFLM_TRAIN_PIXELS) { TFLM_TRAIN_SCATTER(TFLM_TRAIN_3_ROWS(TFLM_TRAIN_FILTER_TO_IMAGE_12)) }
void ImageToFilter3(TFLM_TRAIN_PIXELS) { TFLM_TRAIN_SCATTER(TFLM_TRAIN_IMAGE_TO_FILTER_3X3) }

#undef TFLM_TRAIN_FMA_12
#undef TFLM_TRAIN_IMAGE_TO_FILTER_12
#undef TFLM_TRAIN_FILTER_TO_IMAGE_12
#undef TFLM_TRAIN_IMAGE_TO_FILTER_3X3
#undef TFLM_TRAIN_AXPY
#undef TFLM_TRAIN_SCATTER
#undef TFLM_TRAIN_3_ROWS
#undef TFLM_TRAIN_JOBS
#undef TFLM_TRAIN_PIXELS

/// The same for patches of any shape.
void ScatterAnyPixels(const PixelScatter& s, int32_t pixels, const float* dy, const uint8_t* winners, float* image) {
  for (; pixels > 0; --pixels, image += s.pixel_step) {
    float* filter = s.filters;
    for (int32_t left = s.channels; left > 0; --left, ++dy, winners += s.winner_step, filter += s.filter) {
      if (!s.zeros_too && IsZero(dy)) continue;
      float* patch[2];
      patch[s.image_side] = image + s.offsets[*winners % PixelScatter::kOffsets];
      patch[1 - s.image_side] = filter;
      AddPatch(s.scale * *dy, patch[kSource], patch[kDestination], s.shape);
    }
  }
}

/// 3x3 filters over four channels or one, contiguous as filters are.
bool Is3x3(const AxpyShape& shape, Side filter_side, int32_t row) {
  return shape.rows == 3 && shape.n == row && shape.stride[filter_side] == row;
}

}  // namespace

void Axpy(const AxpyJob* jobs, int32_t count, const AxpyShape& shape) {
  if (count <= 0) return;
  if (Is3x3(shape, kDestination, 12)) return ImageToFilter12(jobs, count, shape.stride[kSource]);
  if (Is3x3(shape, kSource, 12)) return FilterToImage12(jobs, count, shape.stride[kDestination]);
  if (Is3x3(shape, kDestination, 3)) return ImageToFilter3(jobs, count, shape.stride[kSource]);
  for (; count > 0; --count, ++jobs) AddPatch(jobs->a, jobs->patch[kSource], jobs->patch[kDestination], shape);
}

void ScatterPixels(const PixelScatter& s, int32_t pixels, const float* dy, const uint8_t* winners, float* image) {
  const int32_t stride = s.shape.stride[s.image_side];
  const uint32_t force = s.zeros_too ? 1 : 0;
  if (s.channels <= 0) return;
  if (s.image_side == kSource) {
    if (Is3x3(s.shape, kDestination, 12)) return ImageToFilter12(s, pixels, dy, winners, image, stride, force);
    if (Is3x3(s.shape, kDestination, 3)) return ImageToFilter3(s, pixels, dy, winners, image, stride, force);
  } else if (Is3x3(s.shape, kSource, 12)) {
    return FilterToImage12(s, pixels, dy, winners, image, stride, force);
  }
  ScatterAnyPixels(s, pixels, dy, winners, image);
}

namespace {

TFLM_TRAIN_ALWAYS_INLINE inline void DotRows4(const float* x, const float* w, int32_t stride, int32_t n, float* sum) {
  const float* w0 = w;
  const float* w1 = w0 + stride;
  const float* w2 = w1 + stride;
  const float* w3 = w2 + stride;
  float s0 = sum[0], s1 = sum[1], s2 = sum[2], s3 = sum[3];
  int32_t left = n - 8;
  if (left >= 0) {
    __asm volatile(
        "1:\n"
        "vldmia %[x]!, {s8-s15}\n"
        "vldmia %[w0]!, {s16-s23}\n"
        "vldmia %[w1]!, {s24-s31}\n"
        "subs %[left], #8\n"
        "vfma.f32 %[s0], s8, s16\n"
        "vfma.f32 %[s1], s8, s24\n"
        "vfma.f32 %[s0], s9, s17\n"
        "vfma.f32 %[s1], s9, s25\n"
        "vfma.f32 %[s0], s10, s18\n"
        "vfma.f32 %[s1], s10, s26\n"
        "vfma.f32 %[s0], s11, s19\n"
        "vfma.f32 %[s1], s11, s27\n"
        "vfma.f32 %[s0], s12, s20\n"
        "vfma.f32 %[s1], s12, s28\n"
        "vfma.f32 %[s0], s13, s21\n"
        "vfma.f32 %[s1], s13, s29\n"
        "vfma.f32 %[s0], s14, s22\n"
        "vfma.f32 %[s1], s14, s30\n"
        "vfma.f32 %[s0], s15, s23\n"
        "vfma.f32 %[s1], s15, s31\n"
        "vldmia %[w2]!, {s16-s23}\n"
        "vldmia %[w3]!, {s24-s31}\n"
        "vfma.f32 %[s2], s8, s16\n"
        "vfma.f32 %[s3], s8, s24\n"
        "vfma.f32 %[s2], s9, s17\n"
        "vfma.f32 %[s3], s9, s25\n"
        "vfma.f32 %[s2], s10, s18\n"
        "vfma.f32 %[s3], s10, s26\n"
        "vfma.f32 %[s2], s11, s19\n"
        "vfma.f32 %[s3], s11, s27\n"
        "vfma.f32 %[s2], s12, s20\n"
        "vfma.f32 %[s3], s12, s28\n"
        "vfma.f32 %[s2], s13, s21\n"
        "vfma.f32 %[s3], s13, s29\n"
        "vfma.f32 %[s2], s14, s22\n"
        "vfma.f32 %[s3], s14, s30\n"
        "vfma.f32 %[s2], s15, s23\n"
        "vfma.f32 %[s3], s15, s31\n"
        "bge 1b\n"
        : [x] "+r"(x), [w0] "+r"(w0), [w1] "+r"(w1), [w2] "+r"(w2), [w3] "+r"(w3), [left] "+r"(left), [s0] "+t"(s0),
          [s1] "+t"(s1), [s2] "+t"(s2), [s3] "+t"(s3)
        :
        : "cc", "memory", TFLM_TRAIN_S8_TO_S31);
  }
  left += 4;
  if (left >= 0) {
    left -= 4;
    __asm volatile(
        "vldmia %[x]!, {s8-s11}\n"
        "vldmia %[w0]!, {s12-s15}\n"
        "vldmia %[w1]!, {s16-s19}\n"
        "vldmia %[w2]!, {s20-s23}\n"
        "vldmia %[w3]!, {s24-s27}\n"
        "vfma.f32 %[s0], s8, s12\n"
        "vfma.f32 %[s1], s8, s16\n"
        "vfma.f32 %[s2], s8, s20\n"
        "vfma.f32 %[s3], s8, s24\n"
        "vfma.f32 %[s0], s9, s13\n"
        "vfma.f32 %[s1], s9, s17\n"
        "vfma.f32 %[s2], s9, s21\n"
        "vfma.f32 %[s3], s9, s25\n"
        "vfma.f32 %[s0], s10, s14\n"
        "vfma.f32 %[s1], s10, s18\n"
        "vfma.f32 %[s2], s10, s22\n"
        "vfma.f32 %[s3], s10, s26\n"
        "vfma.f32 %[s0], s11, s15\n"
        "vfma.f32 %[s1], s11, s19\n"
        "vfma.f32 %[s2], s11, s23\n"
        "vfma.f32 %[s3], s11, s27\n"
        : [x] "+r"(x), [w0] "+r"(w0), [w1] "+r"(w1), [w2] "+r"(w2), [w3] "+r"(w3), [s0] "+t"(s0), [s1] "+t"(s1),
          [s2] "+t"(s2), [s3] "+t"(s3)
        :
        : "memory", TFLM_TRAIN_S8_TO_S31);
  }
  for (left += 4; left > 0; --left) {
    const float value = *x++;
    s0 += value * *w0++;
    s1 += value * *w1++;
    s2 += value * *w2++;
    s3 += value * *w3++;
  }
  sum[0] = s0;
  sum[1] = s1;
  sum[2] = s2;
  sum[3] = s3;
}

TFLM_TRAIN_ALWAYS_INLINE inline float Dot(const float* x, const float* w, int32_t n, float sum) {
  int32_t left = n - 8;
  if (left >= 0) {
    float odd = 0.0f;
    __asm volatile(
        "1:\n"
        "vldmia %[x]!, {s8-s15}\n"
        "vldmia %[w]!, {s16-s23}\n"
        "subs %[left], #8\n"
        "vfma.f32 %[even], s8, s16\n"
        "vfma.f32 %[odd], s9, s17\n"
        "vfma.f32 %[even], s10, s18\n"
        "vfma.f32 %[odd], s11, s19\n"
        "vfma.f32 %[even], s12, s20\n"
        "vfma.f32 %[odd], s13, s21\n"
        "vfma.f32 %[even], s14, s22\n"
        "vfma.f32 %[odd], s15, s23\n"
        "bge 1b\n"
        : [x] "+r"(x), [w] "+r"(w), [left] "+r"(left), [even] "+t"(sum), [odd] "+t"(odd)
        :
        : "cc", "memory", "s8", "s9", "s10", "s11", "s12", "s13", "s14", "s15", "s16", "s17", "s18", "s19", "s20",
          "s21", "s22", "s23");
    sum += odd;
  }
  for (left += 8; left > 0; --left) sum += *x++ * *w++;
  return sum;
}

}  // namespace

void DotRows(const float* x, const float* w, int32_t stride, int32_t n, int32_t rows, float* sums) {
  for (; rows >= 4; rows -= 4, w += 4 * stride, sums += 4) DotRows4(x, w, stride, n, sums);
  for (; rows > 0; --rows, w += stride, ++sums) *sums = Dot(x, w, n, *sums);
}

namespace {

/// dx += dy * w, then w += step * x.
TFLM_TRAIN_ALWAYS_INLINE inline void UpdateRow(float dy, float step, const float* x, float* w, float* dx, int32_t n) {
  int32_t left = n - 8;
  if (left >= 0) {
    __asm volatile(
        "1:\n"
        "vldmia %[w], {s8-s15}\n"
        "vldmia %[dx], {s16-s23}\n"
        "vldmia %[x]!, {s24-s31}\n"
        "subs %[left], #8\n"
        "vfma.f32 s16, s8, %[dy]\n"
        "vfma.f32 s17, s9, %[dy]\n"
        "vfma.f32 s18, s10, %[dy]\n"
        "vfma.f32 s19, s11, %[dy]\n"
        "vfma.f32 s20, s12, %[dy]\n"
        "vfma.f32 s21, s13, %[dy]\n"
        "vfma.f32 s22, s14, %[dy]\n"
        "vfma.f32 s23, s15, %[dy]\n"
        "vstmia %[dx]!, {s16-s23}\n"
        "vfma.f32 s8, s24, %[step]\n"
        "vfma.f32 s9, s25, %[step]\n"
        "vfma.f32 s10, s26, %[step]\n"
        "vfma.f32 s11, s27, %[step]\n"
        "vfma.f32 s12, s28, %[step]\n"
        "vfma.f32 s13, s29, %[step]\n"
        "vfma.f32 s14, s30, %[step]\n"
        "vfma.f32 s15, s31, %[step]\n"
        "vstmia %[w]!, {s8-s15}\n"
        "bge 1b\n"
        : [x] "+r"(x), [w] "+r"(w), [dx] "+r"(dx), [left] "+r"(left)
        : [dy] "t"(dy), [step] "t"(step)
        : "cc", "memory", TFLM_TRAIN_S8_TO_S31);
  }
  for (left += 8; left > 0; --left) {
    const float old = *w;
    *dx++ += dy * old;
    *w++ = old + step * *x++;
  }
}

}  // namespace

// Row r of a group: w += factor * x over a block, x in s8 and after.
#define TFLM_TRAIN_ADD_ROW_12(w, factor) \
  "vldmia " w ", {s20-s31}\n"            \
  "vfma.f32 s20, s8, " factor "\n"       \
  "vfma.f32 s21, s9, " factor "\n"       \
  "vfma.f32 s22, s10, " factor "\n"      \
  "vfma.f32 s23, s11, " factor "\n"      \
  "vfma.f32 s24, s12, " factor "\n"      \
  "vfma.f32 s25, s13, " factor "\n"      \
  "vfma.f32 s26, s14, " factor "\n"      \
  "vfma.f32 s27, s15, " factor "\n"      \
  "vfma.f32 s28, s16, " factor "\n"      \
  "vfma.f32 s29, s17, " factor "\n"      \
  "vfma.f32 s30, s18, " factor "\n"      \
  "vfma.f32 s31, s19, " factor "\n"      \
  "vstmia " w "!, {s20-s31}\n"
#define TFLM_TRAIN_ADD_ROW_4(w, factor) \
  "vldmia " w ", {s20-s23}\n"           \
  "vfma.f32 s20, s8, " factor "\n"      \
  "vfma.f32 s21, s9, " factor "\n"      \
  "vfma.f32 s22, s10, " factor "\n"     \
  "vfma.f32 s23, s11, " factor "\n"     \
  "vstmia " w "!, {s20-s23}\n"
// dx (s16-s23) += error * w, then w += factor * x (s8-s15).
#define TFLM_TRAIN_UPDATE_ROW_8(w, error, factor) \
  "vldmia " w ", {s24-s31}\n"                     \
  "vfma.f32 s16, s24, " error "\n"                \
  "vfma.f32 s17, s25, " error "\n"                \
  "vfma.f32 s18, s26, " error "\n"                \
  "vfma.f32 s19, s27, " error "\n"                \
  "vfma.f32 s20, s28, " error "\n"                \
  "vfma.f32 s21, s29, " error "\n"                \
  "vfma.f32 s22, s30, " error "\n"                \
  "vfma.f32 s23, s31, " error "\n"                \
  "vfma.f32 s24, s8, " factor "\n"                \
  "vfma.f32 s25, s9, " factor "\n"                \
  "vfma.f32 s26, s10, " factor "\n"               \
  "vfma.f32 s27, s11, " factor "\n"               \
  "vfma.f32 s28, s12, " factor "\n"               \
  "vfma.f32 s29, s13, " factor "\n"               \
  "vfma.f32 s30, s14, " factor "\n"               \
  "vfma.f32 s31, s15, " factor "\n"               \
  "vstmia " w "!, {s24-s31}\n"

namespace {

static_assert(sizeof(SelectedRow) == 12 && offsetof(SelectedRow, factor) == 4);

/// w[r] += factor[r] * x for four rows: x is loaded once for all.
TFLM_TRAIN_ALWAYS_INLINE inline void AddRows4(const SelectedRow* rows, const float* x, int32_t n) {
  float *w0 = rows[0].row, *w1 = rows[1].row, *w2 = rows[2].row, *w3 = rows[3].row;
  int32_t left = n - 12;
  __asm volatile(
      "vldr s0, [%[rows], #4]\n"
      "vldr s1, [%[rows], #16]\n"
      "vldr s2, [%[rows], #28]\n"
      "vldr s3, [%[rows], #40]\n"
      "cmp %[left], #0\n"
      "blt 2f\n"
      "1:\n"
      "vldmia %[x]!, {s8-s19}\n"
      "subs %[left], #12\n"
      TFLM_TRAIN_ADD_ROW_12("%[w0]", "s0")
      TFLM_TRAIN_ADD_ROW_12("%[w1]", "s1")
      TFLM_TRAIN_ADD_ROW_12("%[w2]", "s2")
      TFLM_TRAIN_ADD_ROW_12("%[w3]", "s3")
      "bge 1b\n"
      "2:\n"
      "adds %[left], #8\n"
      "blt 4f\n"
      "3:\n"
      "vldmia %[x]!, {s8-s11}\n"
      "subs %[left], #4\n"
      TFLM_TRAIN_ADD_ROW_4("%[w0]", "s0")
      TFLM_TRAIN_ADD_ROW_4("%[w1]", "s1")
      TFLM_TRAIN_ADD_ROW_4("%[w2]", "s2")
      TFLM_TRAIN_ADD_ROW_4("%[w3]", "s3")
      "bge 3b\n"
      "4:\n"
      : [x] "+r"(x), [w0] "+r"(w0), [w1] "+r"(w1), [w2] "+r"(w2), [w3] "+r"(w3), [left] "+r"(left)
      : [rows] "r"(rows)
      : "cc", "memory", "s0", "s1", "s2", "s3", TFLM_TRAIN_S8_TO_S31);
  for (left += 4; left > 0; --left) {
    const float value = *x++;
    *w0++ += rows[0].factor * value;
    *w1++ += rows[1].factor * value;
    *w2++ += rows[2].factor * value;
    *w3++ += rows[3].factor * value;
  }
}

/// dx += error[r] * w[r], then w[r] += factor[r] * x for four rows: x and dx are loaded once for all.
TFLM_TRAIN_ALWAYS_INLINE inline void UpdateRows4(const SelectedRow* rows, const float* x, float* dx, int32_t n) {
  float *w0 = rows[0].row, *w1 = rows[1].row, *w2 = rows[2].row, *w3 = rows[3].row;
  int32_t left = n - 8;
  if (left >= 0) {
    __asm volatile(
        "vldr s0, [%[rows]]\n"
        "vldr s4, [%[rows], #4]\n"
        "vldr s1, [%[rows], #12]\n"
        "vldr s5, [%[rows], #16]\n"
        "vldr s2, [%[rows], #24]\n"
        "vldr s6, [%[rows], #28]\n"
        "vldr s3, [%[rows], #36]\n"
        "vldr s7, [%[rows], #40]\n"
        "1:\n"
        "vldmia %[x]!, {s8-s15}\n"
        "vldmia %[dx], {s16-s23}\n"
        "subs %[left], #8\n"
        TFLM_TRAIN_UPDATE_ROW_8("%[w0]", "s0", "s4")
        TFLM_TRAIN_UPDATE_ROW_8("%[w1]", "s1", "s5")
        TFLM_TRAIN_UPDATE_ROW_8("%[w2]", "s2", "s6")
        TFLM_TRAIN_UPDATE_ROW_8("%[w3]", "s3", "s7")
        "vstmia %[dx]!, {s16-s23}\n"
        "bge 1b\n"
        : [x] "+r"(x), [dx] "+r"(dx), [w0] "+r"(w0), [w1] "+r"(w1), [w2] "+r"(w2), [w3] "+r"(w3), [left] "+r"(left)
        : [rows] "r"(rows)
        : "cc", "memory", TFLM_TRAIN_S0_TO_S7, TFLM_TRAIN_S8_TO_S31);
  }
  for (left += 8; left > 0; --left) {
    const float value = *x++, old0 = *w0, old1 = *w1, old2 = *w2, old3 = *w3;
    float sum = *dx;
    sum += rows[0].error * old0;
    sum += rows[1].error * old1;
    sum += rows[2].error * old2;
    sum += rows[3].error * old3;
    *dx++ = sum;
    *w0++ = old0 + rows[0].factor * value;
    *w1++ = old1 + rows[1].factor * value;
    *w2++ = old2 + rows[2].factor * value;
    *w3++ = old3 + rows[3].factor * value;
  }
}

}  // namespace

#undef TFLM_TRAIN_ADD_ROW_12
#undef TFLM_TRAIN_ADD_ROW_4
#undef TFLM_TRAIN_UPDATE_ROW_8

void AddRows(const Selection& selection, const float* dy, uint32_t count, float scale, const float* x, float* w, int32_t n) {
  ForEachRowGroup(
      selection, dy, count, scale, w, n, [=](const SelectedRow* rows) TFLM_TRAIN_ALWAYS_INLINE { AddRows4(rows, x, n); },
      [=](const SelectedRow& row) TFLM_TRAIN_ALWAYS_INLINE { AddScaled(row.factor, x, row.row, n); });
}

void UpdateRows(const Selection& selection, const float* dy, uint32_t count, float scale, const float* x, float* w,
                float* dx, int32_t n) {
  ForEachRowGroup(
      selection, dy, count, scale, w, n,
      [=](const SelectedRow* rows) TFLM_TRAIN_ALWAYS_INLINE { UpdateRows4(rows, x, dx, n); },
      [=](const SelectedRow& row) TFLM_TRAIN_ALWAYS_INLINE { UpdateRow(row.error, row.factor, x, row.row, dx, n); });
}

void MultiplyAdd(const float* a, const float* b, float* y, int32_t n) {
  int32_t left = n - 8;
  if (left >= 0) {
    __asm volatile(
        "1:\n"
        "vldmia %[a]!, {s8-s15}\n"
        "vldmia %[b]!, {s16-s23}\n"
        "vldmia %[y], {s24-s31}\n"
        "subs %[left], #8\n"
        "vfma.f32 s24, s8, s16\n"
        "vfma.f32 s25, s9, s17\n"
        "vfma.f32 s26, s10, s18\n"
        "vfma.f32 s27, s11, s19\n"
        "vfma.f32 s28, s12, s20\n"
        "vfma.f32 s29, s13, s21\n"
        "vfma.f32 s30, s14, s22\n"
        "vfma.f32 s31, s15, s23\n"
        "vstmia %[y]!, {s24-s31}\n"
        "bge 1b\n"
        : [a] "+r"(a), [b] "+r"(b), [y] "+r"(y), [left] "+r"(left)
        :
        : "cc", "memory", TFLM_TRAIN_S8_TO_S31);
  }
  for (left += 8; left > 0; --left) *y++ += *a++ * *b++;
}

// Patch of one channel to s0-s15.
#define TFLM_TRAIN_LOAD_PATCH1     \
  "vldmia %[patch], {s0-s3}\n"     \
  "add %[patch], %[stride]\n"      \
  "vldmia %[patch], {s4-s7}\n"     \
  "add %[patch], %[stride]\n"      \
  "vldmia %[patch], {s8-s11}\n"    \
  "add %[patch], %[stride]\n"      \
  "vldmia %[patch], {s12-s15}\n"

// One tap of a tile with sums in s25-s28: the patch's element at the tap, and its neighbours right, below and diagonal.
#define TFLM_TRAIN_TAP(operation, w, p, right, below, diagonal) \
  operation " s25, " p ", " w "\n"                              \
  operation " s26, " right ", " w "\n"                          \
  operation " s27, " below ", " w "\n"                          \
  operation " s28, " diagonal ", " w "\n"

// The next filter over the patch in s0-s15, to s25-s28.
#define TFLM_TRAIN_CONVOLVE1                                    \
  "vldmia %[w]!, {s16-s24}\n"                                   \
  TFLM_TRAIN_TAP("vmul.f32", "s16", "s0", "s1", "s4", "s5")     \
  TFLM_TRAIN_TAP("vfma.f32", "s17", "s1", "s2", "s5", "s6")     \
  TFLM_TRAIN_TAP("vfma.f32", "s18", "s2", "s3", "s6", "s7")     \
  TFLM_TRAIN_TAP("vfma.f32", "s19", "s4", "s5", "s8", "s9")     \
  TFLM_TRAIN_TAP("vfma.f32", "s20", "s5", "s6", "s9", "s10")    \
  TFLM_TRAIN_TAP("vfma.f32", "s21", "s6", "s7", "s10", "s11")   \
  TFLM_TRAIN_TAP("vfma.f32", "s22", "s8", "s9", "s12", "s13")   \
  TFLM_TRAIN_TAP("vfma.f32", "s23", "s9", "s10", "s13", "s14")  \
  TFLM_TRAIN_TAP("vfma.f32", "s24", "s10", "s11", "s14", "s15")

// The largest of four sums plus a bias, and its position. A NaN is passed on, as every comparison with it fails.
#define TFLM_TRAIN_POOL(a, b, c, d, low) \
  "mov %[winner], #0\n"              \
  "vcmp.f32 " b ", " a "\n"          \
  "vmrs APSR_nzcv, fpscr\n"          \
  "itt gt\n"                         \
  "vmovgt.f32 " a ", " b "\n"        \
  "movgt %[winner], #1\n"            \
  "vcmp.f32 " c ", " a "\n"          \
  "vmrs APSR_nzcv, fpscr\n"          \
  "itt gt\n"                         \
  "vmovgt.f32 " a ", " c "\n"        \
  "movgt %[winner], #2\n"            \
  "vcmp.f32 " d ", " a "\n"          \
  "vmrs APSR_nzcv, fpscr\n"          \
  "itt gt\n"                         \
  "vmovgt.f32 " a ", " d "\n"        \
  "movgt %[winner], #3\n"            \
  "vldmia %[bias]!, {" b "}\n"       \
  "vadd.f32 " a ", " a ", " b "\n"   \
  "vcmp.f32 " a ", " low "\n"       \
  "vmrs APSR_nzcv, fpscr\n"          \
  "it mi\n"                          \
  "vmovmi.f32 " a ", " low "\n"     \
  "vstmia %[y]!, {" a "}\n"          \
  "strb %[winner], [%[winners]]\n"   \
  "add %[winners], %[step]\n"

void ConvTile1(const float* patch, int32_t patch_stride, const float* w, int32_t count, float* sums) {
  if (count <= 0) return;
  __asm volatile(
      TFLM_TRAIN_LOAD_PATCH1
      "1:\n"
      TFLM_TRAIN_CONVOLVE1
      "vstmia %[sums]!, {s25-s28}\n"
      "subs %[count], #1\n"
      "bne 1b\n"
      : [patch] "+r"(patch), [w] "+r"(w), [sums] "+r"(sums), [count] "+r"(count)
      : [stride] "r"(4 * patch_stride)
      : "cc", "memory", TFLM_TRAIN_S0_TO_S7, TFLM_TRAIN_S8_TO_S31);
}

void PoolTile(const float* sums, int32_t count, const float* bias, float low, float* y, uint8_t* winners) {
  if (count <= 0) return;
  uint8_t unused;
  const int32_t step = winners ? 1 : 0;
  if (!winners) winners = &unused;
  uint32_t winner;
  __asm volatile(
      "1:\n"
      "vldmia %[sums]!, {s8-s11}\n"
      TFLM_TRAIN_POOL("s8", "s9", "s10", "s11", "%[low]")
      "subs %[count], #1\n"
      "bne 1b\n"
      : [sums] "+r"(sums), [count] "+r"(count), [bias] "+r"(bias), [y] "+r"(y), [winners] "+r"(winners), [winner] "=&r"(winner)
      : [step] "r"(step), [low] "t"(low)
      : "cc", "memory", "s8", "s9", "s10", "s11");
}

/// What the loops over a row of tiles share: a place for winners that nobody wants, and steps between tiles in bytes.
struct Winners {
  Winners(uint8_t* first, int32_t y_step) : next(first ? first : &unused), step(first ? 1 : 0), row_step(step * y_step) {}
  uint8_t unused;
  uint8_t* next;
  int32_t step, row_step;
};

void ConvPoolRow1(const float* strip, int32_t stride, int32_t tiles, const float* w, int32_t count, const float* bias,
                  float low, float* y, int32_t y_step, uint8_t* winners) {
  if (count <= 0) return;
  Winners to(winners, y_step);
  for (; tiles > 0; --tiles) {
    const float *patch = strip, *next_w = w, *next_bias = bias;
    float* next_y = y;
    uint8_t* next_winner = to.next;
    int32_t left = count;
    uint32_t winner;
    __asm volatile(
        TFLM_TRAIN_LOAD_PATCH1
        "vmov s29, %[low]\n"
        "1:\n"
        TFLM_TRAIN_CONVOLVE1
        TFLM_TRAIN_POOL("s25", "s26", "s27", "s28", "s29")
        "subs %[count], #1\n"
        "bne 1b\n"
        : [patch] "+r"(patch), [w] "+r"(next_w), [bias] "+r"(next_bias), [y] "+r"(next_y), [winners] "+r"(next_winner),
          [count] "+r"(left), [winner] "=&r"(winner)
        : [stride] "r"(4 * stride), [step] "r"(to.step), [low] "r"(Bits(low))
        : "cc", "memory", TFLM_TRAIN_S0_TO_S7, TFLM_TRAIN_S8_TO_S31);
    strip += 2;
    y += y_step;
    to.next += to.row_step;
  }
}

// A row of the patch (s0-s15: four columns of four channels) times a row of the filter (s16-s27: three columns), for the
// two outputs `left` and `right` of one row.
#define TFLM_TRAIN_ROW(operation, left, right)                      \
  operation " " left ", s0, s16\n" operation " " right ", s4, s16\n" \
  "vfma.f32 " left ", s1, s17\n"   "vfma.f32 " right ", s5, s17\n"   \
  "vfma.f32 " left ", s2, s18\n"   "vfma.f32 " right ", s6, s18\n"   \
  "vfma.f32 " left ", s3, s19\n"   "vfma.f32 " right ", s7, s19\n"   \
  "vfma.f32 " left ", s4, s20\n"   "vfma.f32 " right ", s8, s20\n"   \
  "vfma.f32 " left ", s5, s21\n"   "vfma.f32 " right ", s9, s21\n"   \
  "vfma.f32 " left ", s6, s22\n"   "vfma.f32 " right ", s10, s22\n"  \
  "vfma.f32 " left ", s7, s23\n"   "vfma.f32 " right ", s11, s23\n"  \
  "vfma.f32 " left ", s8, s24\n"   "vfma.f32 " right ", s12, s24\n"  \
  "vfma.f32 " left ", s9, s25\n"   "vfma.f32 " right ", s13, s25\n"  \
  "vfma.f32 " left ", s10, s26\n"  "vfma.f32 " right ", s14, s26\n"  \
  "vfma.f32 " left ", s11, s27\n"  "vfma.f32 " right ", s15, s27\n"

#define TFLM_TRAIN_PATCH_ROW  \
  "vldmia %[row], {s0-s15}\n" \
  "add %[row], %[stride]\n"

// The next filter over the patch: to s28-s31 if FIRST is vmul, added to them if it is vfma. FILTER_ROW loads a row of it.
#define TFLM_TRAIN_CONVOLVE4(FIRST, FILTER_ROW)  \
  "mov %[row], %[patch]\n"                       \
  TFLM_TRAIN_PATCH_ROW                           \
  FILTER_ROW                                     \
  TFLM_TRAIN_ROW(FIRST, "s28", "s29")            \
  TFLM_TRAIN_PATCH_ROW                           \
  TFLM_TRAIN_ROW(FIRST, "s30", "s31")            \
  FILTER_ROW                                     \
  TFLM_TRAIN_ROW("vfma.f32", "s28", "s29")       \
  TFLM_TRAIN_PATCH_ROW                           \
  TFLM_TRAIN_ROW("vfma.f32", "s30", "s31")       \
  FILTER_ROW                                     \
  TFLM_TRAIN_ROW("vfma.f32", "s28", "s29")       \
  "vldmia %[row], {s0-s15}\n"                    \
  TFLM_TRAIN_ROW("vfma.f32", "s30", "s31")

// Four of `channels` channels; all of four channels.
#define TFLM_TRAIN_FILTER_ROW_OF_MANY \
  "vldmia %[w], {s16-s19}\n"          \
  "add %[w], %[channels]\n"           \
  "vldmia %[w], {s20-s23}\n"          \
  "add %[w], %[channels]\n"           \
  "vldmia %[w], {s24-s27}\n"          \
  "add %[w], %[channels]\n"
#define TFLM_TRAIN_FILTER_ROW_OF_4 "vldmia %[w]!, {s16-s27}\n"

void ConvTile4(const float* patch, int32_t patch_stride, const float* w, int32_t channels, int32_t count, float* sums) {
  if (count <= 0) return;
  const float* row;
  __asm volatile(
      "1:\n"
      "vldmia %[sums], {s28-s31}\n"
      TFLM_TRAIN_CONVOLVE4("vfma.f32", TFLM_TRAIN_FILTER_ROW_OF_MANY)
      "vstmia %[sums]!, {s28-s31}\n"
      "subs %[count], #1\n"
      "bne 1b\n"
      : [w] "+r"(w), [sums] "+r"(sums), [count] "+r"(count), [row] "=&r"(row)
      : [patch] "r"(patch), [stride] "r"(4 * patch_stride), [channels] "r"(4 * channels)
      : "cc", "memory", TFLM_TRAIN_S0_TO_S7, TFLM_TRAIN_S8_TO_S31);
}

void ConvPoolRow4(const float* strip, int32_t stride, int32_t tiles, const float* w, int32_t count, const float* bias,
                  float low, float* y, int32_t y_step, uint8_t* winners) {
  if (count <= 0) return;
  Winners to(winners, y_step);
  for (; tiles > 0; --tiles) {
    const float *row, *next_w = w, *next_bias = bias;
    float* next_y = y;
    uint8_t* next_winner = to.next;
    int32_t left = count;
    uint32_t winner;
    __asm volatile(
        "1:\n"
        TFLM_TRAIN_CONVOLVE4("vmul.f32", TFLM_TRAIN_FILTER_ROW_OF_4)
        "vmov s0, %[low]\n"
        TFLM_TRAIN_POOL("s28", "s29", "s30", "s31", "s0")
        "subs %[count], #1\n"
        "bne 1b\n"
        : [w] "+r"(next_w), [bias] "+r"(next_bias), [y] "+r"(next_y), [winners] "+r"(next_winner), [count] "+r"(left),
          [row] "=&r"(row), [winner] "=&r"(winner)
        : [patch] "r"(strip), [stride] "r"(4 * stride), [step] "r"(to.step), [low] "r"(Bits(low))
        : "cc", "memory", TFLM_TRAIN_S0_TO_S7, TFLM_TRAIN_S8_TO_S31);
    strip += 8;
    y += y_step;
    to.next += to.row_step;
  }
}

void Clear(float* x, uint32_t n) {
  int32_t left = static_cast<int32_t>(n) - 16;
  if (left >= 0) {
    __asm volatile(
        "vmov s16, %[zero]\n"
        "vmov.f32 s17, s16\n"
        "vmov d9, %[zero], %[zero]\n"
        "vmov d10, %[zero], %[zero]\n"
        "vmov d11, %[zero], %[zero]\n"
        "vmov d12, %[zero], %[zero]\n"
        "vmov d13, %[zero], %[zero]\n"
        "vmov d14, %[zero], %[zero]\n"
        "vmov d15, %[zero], %[zero]\n"
        "1:\n"
        "subs %[left], #16\n"
        "vstmia %[x]!, {s16-s31}\n"
        "bge 1b\n"
        : [x] "+r"(x), [left] "+r"(left)
        : [zero] "r"(0)
        : "cc", "memory", TFLM_TRAIN_S8_TO_S31);
  }
  for (left += 16; left > 0; --left) *x++ = 0.0f;
}

void CopyRows(const float* from, int32_t x_stride, float* to, int32_t y_stride, int32_t n, int32_t rows) {
  for (; rows > 0; --rows, from += x_stride, to += y_stride) {
    const float* x = from;
    float* y = to;
    int32_t left = n - 16;
    if (left >= 0) {
      __asm volatile(
          "1:\n"
          "vldmia %[x]!, {s16-s31}\n"
          "subs %[left], #16\n"
          "vstmia %[y]!, {s16-s31}\n"
          "bge 1b\n"
          : [x] "+r"(x), [y] "+r"(y), [left] "+r"(left)
          :
          : "cc", "memory", TFLM_TRAIN_S8_TO_S31);
    }
    left += 12;
    if (left >= 0) {
      __asm volatile(
          "1:\n"
          "vldmia %[x]!, {s8-s11}\n"
          "subs %[left], #4\n"
          "vstmia %[y]!, {s8-s11}\n"
          "bge 1b\n"
          : [x] "+r"(x), [y] "+r"(y), [left] "+r"(left)
          :
          : "cc", "memory", "s8", "s9", "s10", "s11");
    }
    for (left += 4; left > 0; --left) *y++ = *x++;
  }
}

bool AllFinite(const float* x, uint32_t n) {
  // 0 * x is NaN for NaN and infinity, and a sum with NaN is NaN.
  float sum = 0.0f;
  int32_t left = static_cast<int32_t>(n) - 8;
  if (left >= 0) {
    float odd = 0.0f;
    __asm volatile(
        "vmov s16, %[zero]\n"
        "1:\n"
        "vldmia %[x]!, {s8-s15}\n"
        "subs %[left], #8\n"
        "vfma.f32 %[even], s8, s16\n"
        "vfma.f32 %[odd], s9, s16\n"
        "vfma.f32 %[even], s10, s16\n"
        "vfma.f32 %[odd], s11, s16\n"
        "vfma.f32 %[even], s12, s16\n"
        "vfma.f32 %[odd], s13, s16\n"
        "vfma.f32 %[even], s14, s16\n"
        "vfma.f32 %[odd], s15, s16\n"
        "bge 1b\n"
        : [x] "+r"(x), [left] "+r"(left), [even] "+t"(sum), [odd] "+t"(odd)
        : [zero] "r"(0)
        : "cc", "memory", "s8", "s9", "s10", "s11", "s12", "s13", "s14", "s15", "s16");
    sum += odd;
  }
  for (left += 8; left > 0; --left) {
    const float value = *x++;
    __asm volatile("vsub.f32 %[value], %[value], %[value]\n"
                   "vadd.f32 %[sum], %[sum], %[value]\n"
                   : [sum] "+t"(sum)
                   : [value] "t"(value));
  }
  return Bits(sum) << 1 == 0;
}

void AddBias(const float* bias, float low, float* y, int32_t n) {
  int32_t left = n - 4;
  if (left >= 0) {
    __asm volatile(
        "1:\n"
        "vldmia %[y], {s8-s11}\n"
        "vldmia %[bias]!, {s12-s15}\n"
        "vadd.f32 s8, s8, s12\n"
        "vadd.f32 s9, s9, s13\n"
        "vadd.f32 s10, s10, s14\n"
        "vadd.f32 s11, s11, s15\n"
        "vcmp.f32 s8, %[low]\n"
        "vmrs APSR_nzcv, fpscr\n"
        "it mi\n"
        "vmovmi.f32 s8, %[low]\n"
        "vcmp.f32 s9, %[low]\n"
        "vmrs APSR_nzcv, fpscr\n"
        "it mi\n"
        "vmovmi.f32 s9, %[low]\n"
        "vcmp.f32 s10, %[low]\n"
        "vmrs APSR_nzcv, fpscr\n"
        "it mi\n"
        "vmovmi.f32 s10, %[low]\n"
        "vcmp.f32 s11, %[low]\n"
        "vmrs APSR_nzcv, fpscr\n"
        "it mi\n"
        "vmovmi.f32 s11, %[low]\n"
        "vstmia %[y]!, {s8-s11}\n"
        "subs %[left], #4\n"
        "bge 1b\n"
        : [y] "+r"(y), [bias] "+r"(bias), [left] "+r"(left)
        : [low] "t"(low)
        : "cc", "memory", "s8", "s9", "s10", "s11", "s12", "s13", "s14", "s15");
  }
  for (left += 4; left > 0; --left, ++y) {
    const float value = *y + *bias++;
    *y = value < low ? low : value;
  }
}

void MaskRectified(const float* y, float* dy, uint32_t n) {
  // Not positive: zero, or the sign bit set.
  int32_t left = static_cast<int32_t>(n) - 4;
  if (left >= 0) {
    __asm volatile(
        "1:\n"
        "ldmia %[y]!, {r4-r7}\n"
        "cmp r4, #0\n"
        "it le\n"
        "strle %[zero], [%[dy]]\n"
        "cmp r5, #0\n"
        "it le\n"
        "strle %[zero], [%[dy], #4]\n"
        "cmp r6, #0\n"
        "it le\n"
        "strle %[zero], [%[dy], #8]\n"
        "cmp r7, #0\n"
        "it le\n"
        "strle %[zero], [%[dy], #12]\n"
        "add %[dy], #16\n"
        "subs %[left], #4\n"
        "bge 1b\n"
        : [y] "+r"(y), [dy] "+r"(dy), [left] "+r"(left)
        : [zero] "r"(0)
        : "cc", "memory", "r4", "r5", "r6", "r7");
  }
  for (left += 4; left > 0; --left, ++dy) {
    if (static_cast<int32_t>(Bits(*y++)) <= 0) *dy = 0.0f;
  }
}

#undef TFLM_TRAIN_LOAD_PATCH1
#undef TFLM_TRAIN_TAP
#undef TFLM_TRAIN_CONVOLVE1
#undef TFLM_TRAIN_POOL
#undef TFLM_TRAIN_ROW
#undef TFLM_TRAIN_PATCH_ROW
#undef TFLM_TRAIN_CONVOLVE4
#undef TFLM_TRAIN_FILTER_ROW_OF_MANY
#undef TFLM_TRAIN_FILTER_ROW_OF_4

}  // namespace cortex_m
}  // namespace tflm_train

#undef TFLM_TRAIN_S0_TO_S7
#undef TFLM_TRAIN_S8_TO_S31

#endif  // TFLM_TRAIN_HAS_CORTEX_M_FPU
