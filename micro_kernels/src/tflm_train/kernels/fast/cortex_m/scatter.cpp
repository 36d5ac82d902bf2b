// Adding scaled patches to patches: the backward pass of convolutions.
#include "tflm_train/kernels/fast/inner_cortex_m.h"

#include <cstddef>

#if TFLM_TRAIN_HAS_CORTEX_M_FPU

#include "tflm_train/kernels/fast/cortex_m/add_scaled.h"
#include "tflm_train/kernels/magnitude.h"
#include "tflm_train/base/cold.h"

namespace tflm_train {
namespace cortex_m {
namespace {

TFLM_TRAIN_NOINLINE void AddPatch(float a, const float* x, float* y, const AxpyShape& shape) {
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

#define TFLM_TRAIN_3_ROWS(ROW) ROW ROW ROW
#define TFLM_TRAIN_NEXT_ERROR \
  "subs %[left], #1\n"       \
  "bne 1b\n"                 \
  "b 3f\n"

/// Patches that are added without loops.
enum Known : uint32_t { kImageToFilter12, kFilterToImage12, kImageToFilter3 };

// One loop for all of them: a table branch per error takes less code than a loop for each.
void ScatterKnownPixels(const PixelScatter& s, Known known, int32_t pixels, const float* dy, const uint8_t* winners,
                        float* image) {
  const int32_t stride = 4 * s.shape.stride[s.image_side];
  const uint32_t force = s.zeros_too ? 1 : 0;  // as a bit of an error: it is not skipped
  for (; pixels > 0; --pixels, image += s.pixel_step, dy += s.other_channels, winners += s.other_channels) {
    float *patch, *filter = s.filters;
    int32_t left = s.channels;
    uint32_t bits;
    __asm volatile(
        "vmov.f32 s1, %[scale]\n"
        "1:\n"
        "ldr %[bits], [%[dy]], #4\n"
        "orrs %[patch], %[force], %[bits], lsl #1\n"
        "beq 2f\n"
        "ldrb %[patch], [%[winners]], #1\n"
        "vmov s0, %[bits]\n"
        "and %[patch], #15\n"
        "ldr %[patch], [%[offsets], %[patch], lsl #2]\n"
        "vmul.f32 s0, s0, s1\n"
        "add %[patch], %[image], %[patch], lsl #2\n"
        "tbb [pc, %[known]]\n"
        "4:\n"
        ".byte (5f - 4b) / 2, (6f - 4b) / 2, (7f - 4b) / 2, 0\n"
        "5:\n"
        TFLM_TRAIN_3_ROWS(TFLM_TRAIN_IMAGE_TO_FILTER_12)
        TFLM_TRAIN_NEXT_ERROR
        "6:\n"
        TFLM_TRAIN_3_ROWS(TFLM_TRAIN_FILTER_TO_IMAGE_12)
        TFLM_TRAIN_NEXT_ERROR
        "7:\n"
        TFLM_TRAIN_IMAGE_TO_FILTER_3X3
        TFLM_TRAIN_NEXT_ERROR
        "2:\n"
        "add %[winners], #1\n"
        "add %[filter], %[filter_step]\n"
        "subs %[left], #1\n"
        "bne 1b\n"
        "3:\n"
        : [dy] "+r"(dy), [winners] "+r"(winners), [left] "+r"(left), [filter] "+r"(filter), [patch] "=&r"(patch),
          [bits] "=&r"(bits)
        : [image] "r"(image), [offsets] "r"(s.offsets), [stride] "r"(stride), [filter_step] "r"(4 * s.filter),
          [force] "r"(force), [known] "r"(known), [scale] "t"(s.scale)
        : "cc", "memory", "s0", "s1", TFLM_TRAIN_S8_TO_S31);
  }
}

static_assert(sizeof(ScaledPatch) == 8 && offsetof(ScaledPatch, factor) == 4 && PixelScatter::kOffsets == 16);

#define TFLM_TRAIN_FMA_4(a, b, c, d) \
  "vfma.f32 " a ", s1, s0\n"         \
  "vfma.f32 " b ", s2, s0\n"         \
  "vfma.f32 " c ", s3, s0\n"         \
  "vfma.f32 " d ", s4, s0\n"
#define TFLM_TRAIN_LOAD_AND_FMA_6(a, b, c, d, e, f) \
  "vldmia %[x]!, {s1-s6}\n"                         \
  TFLM_TRAIN_FMA_4(a, b, c, d)                      \
  "vfma.f32 " e ", s5, s0\n"                        \
  "vfma.f32 " f ", s6, s0\n"

// y[0, WIDTH), which is Y, += the patches from `offset` bytes on: the sums stay in registers. ADD adds a patch.
#define TFLM_TRAIN_SUM(WIDTH, Y, ADD)                                                 \
  {                                                                                   \
    const ScaledPatch* next = patches;                                                \
    uint32_t x, factor;                                                               \
    __asm volatile(                                                                   \
        "vldmia %[y], " Y "\n"                                                        \
        "1:\n"                                                                        \
        "ldrd %[x], %[factor], [%[next]], #8\n"                                       \
        "add %[x], %[offset]\n"                                                       \
        "vmov s0, %[factor]\n"                                                        \
        ADD                                                                           \
        "cmp %[next], %[end]\n"                                                       \
        "bne 1b\n"                                                                    \
        "vstmia %[y]!, " Y "\n"                                                       \
        : [y] "+r"(y), [next] "+r"(next), [x] "=&r"(x), [factor] "=&r"(factor)        \
        : [offset] "r"(offset), [end] "r"(end)                                        \
        : "cc", "memory", TFLM_TRAIN_S0_TO_S7, TFLM_TRAIN_S8_TO_S31);                 \
    offset += WIDTH * sizeof(float);                                                  \
  }
#define TFLM_TRAIN_ADD_24                                                  \
  TFLM_TRAIN_LOAD_AND_FMA_6("s8", "s9", "s10", "s11", "s12", "s13")        \
  TFLM_TRAIN_LOAD_AND_FMA_6("s14", "s15", "s16", "s17", "s18", "s19")      \
  TFLM_TRAIN_LOAD_AND_FMA_6("s20", "s21", "s22", "s23", "s24", "s25")      \
  TFLM_TRAIN_LOAD_AND_FMA_6("s26", "s27", "s28", "s29", "s30", "s31")
#define TFLM_TRAIN_LOAD_AND_FMA_8(a, b, c, d, e, f, g, h) \
  "vldmia %[x]!, {s24-s31}\n"                             \
  "vfma.f32 " a ", s24, s0\n"                             \
  "vfma.f32 " b ", s25, s0\n"                             \
  "vfma.f32 " c ", s26, s0\n"                             \
  "vfma.f32 " d ", s27, s0\n"                             \
  "vfma.f32 " e ", s28, s0\n"                             \
  "vfma.f32 " f ", s29, s0\n"                             \
  "vfma.f32 " g ", s30, s0\n"                             \
  "vfma.f32 " h ", s31, s0\n"
#define TFLM_TRAIN_ADD_16                                                         \
  TFLM_TRAIN_LOAD_AND_FMA_8("s8", "s9", "s10", "s11", "s12", "s13", "s14", "s15") \
  TFLM_TRAIN_LOAD_AND_FMA_8("s16", "s17", "s18", "s19", "s20", "s21", "s22", "s23")
#define TFLM_TRAIN_ADD_4 "vldmia %[x], {s1-s4}\n" TFLM_TRAIN_FMA_4("s8", "s9", "s10", "s11")

void SumWideRow(const ScaledPatch* patches, const ScaledPatch* end, uint32_t offset, int32_t n, float* y) {
  for (; n >= 24; n -= 24) TFLM_TRAIN_SUM(24, "{s8-s31}", TFLM_TRAIN_ADD_24)
  for (; n >= 4; n -= 4) TFLM_TRAIN_SUM(4, "{s8-s11}", TFLM_TRAIN_ADD_4)
}

/// For a row of any length, as sixteen divides more of them.
void SumAnyRow(const ScaledPatch* patches, const ScaledPatch* end, int32_t n, float* y) {
  uint32_t offset = 0;
  for (; n >= 16; n -= 16) TFLM_TRAIN_SUM(16, "{s8-s23}", TFLM_TRAIN_ADD_16)
  for (; n >= 4; n -= 4) TFLM_TRAIN_SUM(4, "{s8-s11}", TFLM_TRAIN_ADD_4)
  for (uint32_t i = offset / sizeof(float); n > 0; --n, ++i, ++y) {
    float sum = *y;
    for (const ScaledPatch* next = patches; next != end; ++next) sum += next->factor * next->patch[i];
    *y = sum;
  }
}

#undef TFLM_TRAIN_SUM
#undef TFLM_TRAIN_FMA_4
#undef TFLM_TRAIN_LOAD_AND_FMA_6
#undef TFLM_TRAIN_ADD_24
#undef TFLM_TRAIN_ADD_16
#undef TFLM_TRAIN_LOAD_AND_FMA_8
#undef TFLM_TRAIN_ADD_4
#undef TFLM_TRAIN_FMA_12
#undef TFLM_TRAIN_IMAGE_TO_FILTER_12
#undef TFLM_TRAIN_FILTER_TO_IMAGE_12
#undef TFLM_TRAIN_IMAGE_TO_FILTER_3X3
#undef TFLM_TRAIN_3_ROWS
#undef TFLM_TRAIN_NEXT_ERROR

/// The same for patches of any shape.
void ScatterAnyPixels(const PixelScatter& s, int32_t pixels, const float* dy, const uint8_t* winners, float* image) {
  for (; pixels > 0; --pixels, image += s.pixel_step, dy += s.other_channels, winners += s.other_channels) {
    float* filter = s.filters;
    for (int32_t left = s.channels; left > 0; --left, ++dy, ++winners, filter += s.filter) {
      if (!s.zeros_too && IsZero(dy)) continue;
      float* patch[2];
      patch[s.image_side] = image + s.offsets[*winners % PixelScatter::kOffsets];
      patch[1 - s.image_side] = filter;
      AddPatch(s.scale * *dy, patch[kSource], patch[kDestination], s.shape);
    }
  }
}

}  // namespace

void Axpy(const AxpyJob* jobs, int32_t count, const AxpyShape& shape) {
  for (; count > 0; --count, ++jobs) AddPatch(jobs->a, jobs->patch[kSource], jobs->patch[kDestination], shape);
}

// Smaller patches cost more to list than sums in registers save.
bool SumsPatches(const AxpyShape& shape) {
  return shape.n >= 16 && shape.n % 4 == 0;
}

void SumPatches(const ScaledPatch* patches, int32_t count, const AxpyShape& shape, float* y) {
  uint32_t offset = 0;
  for (int32_t rows = shape.rows; rows > 0; --rows) {
    SumWideRow(patches, patches + count, offset, shape.n, y);
    offset += static_cast<uint32_t>(shape.stride[kSource]) * sizeof(float);
    y += shape.stride[kDestination];
  }
}

void SumRow(const ScaledPatch* patches, int32_t count, int32_t n, float* y) {
  SumAnyRow(patches, patches + count, n, y);
}

void ScatterPixels(const PixelScatter& s, int32_t pixels, const float* dy, const uint8_t* winners, float* image) {
  if (s.channels <= 0) return;
  const bool to_image = s.image_side == kDestination;
  const int32_t row = s.shape.n;
  // 3x3 filters over four channels or one, all of them contiguous.
  if (s.filter == 3 * row && s.shape.rows == 3 && s.shape.stride[1 - s.image_side] == row &&
      (row == 12 || (row == 3 && !to_image))) {
    const Known known = to_image ? kFilterToImage12 : row == 12 ? kImageToFilter12 : kImageToFilter3;
    return ScatterKnownPixels(s, known, pixels, dy, winners, image);
  }
  ScatterAnyPixels(s, pixels, dy, winners, image);
}

}  // namespace cortex_m
}  // namespace tflm_train

#endif  // TFLM_TRAIN_HAS_CORTEX_M_FPU
