// Dense layers: dot products of rows, input error and update of rows.
#include "tflm_train/kernels/fast/inner_cortex_m.h"

#include <cstddef>

#if TFLM_TRAIN_HAS_CORTEX_M_FPU

#include "tflm_train/kernels/fast/cortex_m/add_scaled.h"
#include "tflm_train/kernels/fast/selected_rows.h"

namespace tflm_train {
namespace cortex_m {
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

}  // namespace cortex_m
}  // namespace tflm_train

#endif  // TFLM_TRAIN_HAS_CORTEX_M_FPU
