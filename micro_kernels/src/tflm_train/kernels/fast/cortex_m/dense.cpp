// Dense layers: dot products of rows, input error and update of rows.
#include "tflm_train/kernels/fast/inner_cortex_m.h"

#include <cstddef>

#if TFLM_TRAIN_HAS_CORTEX_M_FPU

#include "tflm_train/kernels/fast/cortex_m/registers.h"
#include "tflm_train/kernels/fast/selected_rows.h"
#include "tflm_train/runtime/cold.h"

namespace tflm_train {
namespace cortex_m {
namespace {

// A NaN stays one.
#define TFLM_TRAIN_AT_LEAST(value, low) \
  "vcmp.f32 " value ", " low "\n"       \
  "vmrs APSR_nzcv, fpscr\n"             \
  "it mi\n"                             \
  "vmovmi.f32 " value ", " low "\n"

// One assembly for all, as compilers would move the sums between its parts.
TFLM_TRAIN_ALWAYS_INLINE inline void DotRows4(const float* x, const float* w, int32_t stride, int32_t n, uint32_t low,
                                              const float* start, float* y) {
  const float* w0 = w;
  const float* w1 = w0 + stride;
  const float* w2 = w1 + stride;
  const float* w3 = w2 + stride;
  __asm volatile(
      "vldmia %[start], {s0-s3}\n"
      "vmov s4, %[low]\n"
      "subs %[left], #8\n"
      "blt 2f\n"
      "1:\n"
      "vldmia %[x]!, {s8-s15}\n"
      "vldmia %[w0]!, {s16-s23}\n"
      "vldmia %[w1]!, {s24-s31}\n"
      "subs %[left], #8\n"
      "vfma.f32 s0, s8, s16\n"
      "vfma.f32 s1, s8, s24\n"
      "vfma.f32 s0, s9, s17\n"
      "vfma.f32 s1, s9, s25\n"
      "vfma.f32 s0, s10, s18\n"
      "vfma.f32 s1, s10, s26\n"
      "vfma.f32 s0, s11, s19\n"
      "vfma.f32 s1, s11, s27\n"
      "vfma.f32 s0, s12, s20\n"
      "vfma.f32 s1, s12, s28\n"
      "vfma.f32 s0, s13, s21\n"
      "vfma.f32 s1, s13, s29\n"
      "vfma.f32 s0, s14, s22\n"
      "vfma.f32 s1, s14, s30\n"
      "vfma.f32 s0, s15, s23\n"
      "vfma.f32 s1, s15, s31\n"
      "vldmia %[w2]!, {s16-s23}\n"
      "vldmia %[w3]!, {s24-s31}\n"
      "vfma.f32 s2, s8, s16\n"
      "vfma.f32 s3, s8, s24\n"
      "vfma.f32 s2, s9, s17\n"
      "vfma.f32 s3, s9, s25\n"
      "vfma.f32 s2, s10, s18\n"
      "vfma.f32 s3, s10, s26\n"
      "vfma.f32 s2, s11, s19\n"
      "vfma.f32 s3, s11, s27\n"
      "vfma.f32 s2, s12, s20\n"
      "vfma.f32 s3, s12, s28\n"
      "vfma.f32 s2, s13, s21\n"
      "vfma.f32 s3, s13, s29\n"
      "vfma.f32 s2, s14, s22\n"
      "vfma.f32 s3, s14, s30\n"
      "vfma.f32 s2, s15, s23\n"
      "vfma.f32 s3, s15, s31\n"
      "bge 1b\n"
      "2:\n"
      "adds %[left], #4\n"
      "bmi 3f\n"
      "vldmia %[x]!, {s8-s11}\n"
      "vldmia %[w0]!, {s12-s15}\n"
      "vldmia %[w1]!, {s16-s19}\n"
      "vldmia %[w2]!, {s20-s23}\n"
      "vldmia %[w3]!, {s24-s27}\n"
      "subs %[left], #4\n"
      "vfma.f32 s0, s8, s12\n"
      "vfma.f32 s1, s8, s16\n"
      "vfma.f32 s2, s8, s20\n"
      "vfma.f32 s3, s8, s24\n"
      "vfma.f32 s0, s9, s13\n"
      "vfma.f32 s1, s9, s17\n"
      "vfma.f32 s2, s9, s21\n"
      "vfma.f32 s3, s9, s25\n"
      "vfma.f32 s0, s10, s14\n"
      "vfma.f32 s1, s10, s18\n"
      "vfma.f32 s2, s10, s22\n"
      "vfma.f32 s3, s10, s26\n"
      "vfma.f32 s0, s11, s15\n"
      "vfma.f32 s1, s11, s19\n"
      "vfma.f32 s2, s11, s23\n"
      "vfma.f32 s3, s11, s27\n"
      "3:\n"
      "adds %[left], #4\n"
      "beq 5f\n"
      "4:\n"
      "vldmia %[x]!, {s8}\n"
      "vldmia %[w0]!, {s12}\n"
      "vldmia %[w1]!, {s16}\n"
      "vldmia %[w2]!, {s20}\n"
      "vldmia %[w3]!, {s24}\n"
      "vfma.f32 s0, s8, s12\n"
      "vfma.f32 s1, s8, s16\n"
      "vfma.f32 s2, s8, s20\n"
      "vfma.f32 s3, s8, s24\n"
      "subs %[left], #1\n"
      "bne 4b\n"
      "5:\n"
      TFLM_TRAIN_AT_LEAST("s0", "s4")
      TFLM_TRAIN_AT_LEAST("s1", "s4")
      TFLM_TRAIN_AT_LEAST("s2", "s4")
      TFLM_TRAIN_AT_LEAST("s3", "s4")
      "vstmia %[y], {s0-s3}\n"
      : [x] "+r"(x), [w0] "+r"(w0), [w1] "+r"(w1), [w2] "+r"(w2), [w3] "+r"(w3), [left] "+r"(n)
      : [start] "r"(start), [y] "r"(y), [low] "r"(low)
      : "cc", "memory", TFLM_TRAIN_S0_TO_S7, TFLM_TRAIN_S8_TO_S31);
}
#undef TFLM_TRAIN_AT_LEAST

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

void DotRows(const float* x, const float* w, int32_t stride, int32_t n, int32_t rows, const float* start, float low,
             float* y) {
  for (; rows >= 4; rows -= 4, w += 4 * stride, start += 4, y += 4) {
    DotRows4(x, w, stride, n, Bits(low), start, y);
  }
  for (; rows > 0; --rows, w += stride, ++start, ++y) {
    const float sum = Dot(x, w, n, *start);
    *y = sum < low ? low : sum;
  }
}

namespace {

static_assert(sizeof(SelectedRow) == 8 && offsetof(SelectedRow, row) == 4);

// A block of a row w: w += factor * x, x in s8 and after. 56 and 24 bytes.
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
// dx (s16-s23) += error * w, then w += factor * x (s8-s15). 72 bytes.
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

// The rows of a group are worked on by equally long pieces of code, one behind the other. A group with fewer rows is
// moved to the end, and each block of columns jumps over the pieces of those that are not there: what is in their
// registers does not matter.
// `end` is behind the last row.
#define TFLM_TRAIN_LOAD_ROWS     \
  "ldr %[w0], [%[end], #-28]\n"  \
  "ldr %[w1], [%[end], #-20]\n"  \
  "ldr %[w2], [%[end], #-12]\n"  \
  "ldr %[w3], [%[end], #-4]\n"   \
  "vldr s0, [%[end], #-32]\n"    \
  "vldr s1, [%[end], #-24]\n"    \
  "vldr s2, [%[end], #-16]\n"    \
  "vldr s3, [%[end], #-8]\n"     \
  "vmov s7, %[scale]\n"          \
  "vmul.f32 s4, s0, s7\n"        \
  "vmul.f32 s5, s1, s7\n"        \
  "vmul.f32 s6, s2, s7\n"        \
  "vmul.f32 s7, s3, s7\n"

/// w[r] += scale * error[r] * x for the rows of a group: x is loaded once for all. `bytes`: of the group's records.
/// Returns the columns left.
TFLM_TRAIN_ALWAYS_INLINE inline int32_t AddGroup(const SelectedRow* end, uint32_t bytes, uint32_t scale, const float* x,
                                                 int32_t n) {
  const float *w0, *w1, *w2, *w3;
  uint32_t entry;
  __asm volatile(
      TFLM_TRAIN_LOAD_ROWS
      "subs %[left], #12\n"
      "blt 3f\n"
      "adr.w %[entry], 2f + 1\n"
      "add %[entry], %[entry], %[bytes]\n"
      "sub %[entry], %[entry], %[bytes], lsl #3\n"
      "1:\n"
      "vldmia %[x]!, {s8-s19}\n"
      "bx %[entry]\n"
      TFLM_TRAIN_ADD_ROW_12("%[w0]", "s4")
      TFLM_TRAIN_ADD_ROW_12("%[w1]", "s5")
      TFLM_TRAIN_ADD_ROW_12("%[w2]", "s6")
      TFLM_TRAIN_ADD_ROW_12("%[w3]", "s7")
      "2:\n"
      "subs %[left], #12\n"
      "bge 1b\n"
      "3:\n"
      "adds %[left], #8\n"
      "blt 6f\n"
      "adr.w %[entry], 5f + 1\n"
      "sub %[entry], %[entry], %[bytes]\n"
      "sub %[entry], %[entry], %[bytes], lsl #1\n"
      "4:\n"
      "vldmia %[x]!, {s8-s11}\n"
      "bx %[entry]\n"
      TFLM_TRAIN_ADD_ROW_4("%[w0]", "s4")
      TFLM_TRAIN_ADD_ROW_4("%[w1]", "s5")
      TFLM_TRAIN_ADD_ROW_4("%[w2]", "s6")
      TFLM_TRAIN_ADD_ROW_4("%[w3]", "s7")
      "5:\n"
      "subs %[left], #4\n"
      "bge 4b\n"
      "6:\n"
      : [x] "+r"(x), [w0] "=&r"(w0), [w1] "=&r"(w1), [w2] "=&r"(w2), [w3] "=&r"(w3), [left] "+r"(n), [entry] "=&r"(entry)
      : [end] "r"(end), [bytes] "r"(bytes), [scale] "r"(scale)
      : "cc", "memory", TFLM_TRAIN_S0_TO_S7, TFLM_TRAIN_S8_TO_S31);
  return n + 4;
}

/// The same after dx += error[r] * w[r]: x and dx are loaded once for all.
TFLM_TRAIN_ALWAYS_INLINE inline int32_t UpdateGroup(const SelectedRow* end, uint32_t bytes, uint32_t scale,
                                                    const float* x, float* dx, int32_t n) {
  const float *w0, *w1, *w2, *w3;
  uint32_t entry;
  __asm volatile(
      TFLM_TRAIN_LOAD_ROWS
      "subs %[left], #8\n"
      "blt 3f\n"
      "adr.w %[entry], 2f + 1\n"
      "sub %[entry], %[entry], %[bytes]\n"
      "sub %[entry], %[entry], %[bytes], lsl #3\n"
      "1:\n"
      "vldmia %[x]!, {s8-s15}\n"
      "vldmia %[dx], {s16-s23}\n"
      "bx %[entry]\n"
      TFLM_TRAIN_UPDATE_ROW_8("%[w0]", "s0", "s4")
      TFLM_TRAIN_UPDATE_ROW_8("%[w1]", "s1", "s5")
      TFLM_TRAIN_UPDATE_ROW_8("%[w2]", "s2", "s6")
      TFLM_TRAIN_UPDATE_ROW_8("%[w3]", "s3", "s7")
      "2:\n"
      "vstmia %[dx]!, {s16-s23}\n"
      "subs %[left], #8\n"
      "bge 1b\n"
      "3:\n"
      : [x] "+r"(x), [dx] "+r"(dx), [w0] "=&r"(w0), [w1] "=&r"(w1), [w2] "=&r"(w2), [w3] "=&r"(w3), [left] "+r"(n),
        [entry] "=&r"(entry)
      : [end] "r"(end), [bytes] "r"(bytes), [scale] "r"(scale)
      : "cc", "memory", TFLM_TRAIN_S0_TO_S7, TFLM_TRAIN_S8_TO_S31);
  return n + 8;
}

#undef TFLM_TRAIN_ADD_ROW_12
#undef TFLM_TRAIN_ADD_ROW_4
#undef TFLM_TRAIN_UPDATE_ROW_8
#undef TFLM_TRAIN_LOAD_ROWS

/// The columns behind the last block.
TFLM_TRAIN_NOINLINE void UpdateColumns(const SelectedRow* rows, const SelectedRow* end, float scale, const float* x,
                                       float* dx, int32_t column, int32_t n) {
  for (; column < n; ++column) {
    for (const SelectedRow* row = rows; row != end; ++row) {
      float& weight = row->row[column];
      if (dx != nullptr) dx[column] += row->error * weight;
      weight += scale * row->error * x[column];
    }
  }
}

/// Rows from `dy` on until a group is full or `last` is reached; `keep` 1: those with zeros too.
TFLM_TRAIN_ALWAYS_INLINE inline SelectedRow* CollectRows(const float*& dy, const float* last, uint32_t keep, float*& row,
                                                         uint32_t row_bytes, SelectedRow* next, SelectedRow* end) {
  uint32_t error, bits;
  __asm volatile(
      "1:\n"
      "ldr %[error], [%[dy]], #4\n"
      "orrs %[bits], %[keep], %[error], lsl #1\n"
      "it ne\n"
      "strdne %[error], %[row], [%[next]], #8\n"
      "add %[row], %[row_bytes]\n"
      "cmp %[dy], %[last]\n"
      "it ne\n"
      "cmpne %[next], %[end]\n"
      "bne 1b\n"
      : [dy] "+r"(dy), [row] "+r"(row), [next] "+r"(next), [error] "=&r"(error), [bits] "=&r"(bits)
      : [last] "r"(last), [keep] "r"(keep), [row_bytes] "r"(row_bytes), [end] "r"(end)
      : "cc", "memory");
  return next;
}

}  // namespace

void UpdateRows(const Selection& selection, const float* dy, uint32_t count, float scale, const float* x, float* w,
                float* dx, int32_t n) {
  SelectedRow memory[2 * kRowGroup - 1];  // the first three: what the registers of rows that are not there get
  SelectedRow* const rows = memory + (kRowGroup - 1);
  SelectedRow* const full = rows + kRowGroup;
  const uint32_t keep = selection.mode == Selection::Mode::kAll ? 1 : 0;
  const float* const last = dy + count;
  for (;;) {
    SelectedRow* end = rows;
    if (keep != 0 && last - dy >= static_cast<ptrdiff_t>(kRowGroup)) {
      TakeRows(dy, w, n, rows);
      end = full;
    } else if (dy != last) {
      end = CollectRows(dy, last, keep, w, static_cast<uint32_t>(n) * sizeof(float), end, full);
    }
    if (end == rows) return;
    const uint32_t bytes = static_cast<uint32_t>(reinterpret_cast<uint8_t*>(end) - reinterpret_cast<uint8_t*>(rows));
    const int32_t left = dx != nullptr ? UpdateGroup(end, bytes, Bits(scale), x, dx, n)
                                       : AddGroup(end, bytes, Bits(scale), x, n);
    if (left > 0) UpdateColumns(rows, end, scale, x, dx, n - left, n);
    if (end != full) return;
  }
}

}  // namespace cortex_m
}  // namespace tflm_train

#endif  // TFLM_TRAIN_HAS_CORTEX_M_FPU
