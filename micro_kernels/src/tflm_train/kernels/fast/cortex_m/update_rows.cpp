// Dense layers backward: input error and update of rows.
#include "tflm_train/kernels/fast/inner_cortex_m.h"

#include <cstddef>

#if TFLM_TRAIN_HAS_CORTEX_M_FPU

#include "tflm_train/kernels/fast/cortex_m/registers.h"
#include "tflm_train/kernels/fast/selected_rows.h"
#include "tflm_train/base/cold.h"

namespace tflm_train {
namespace cortex_m {
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

// The rows of a group are worked on by equally long pieces of code, one behind the other. Where the last group has
// fewer rows, it is moved back to end with the last row, and each block of columns jumps over the pieces of those that
// are not there: what is in their registers does not matter.
// adr counts from a multiple of 4: the assembler knows it only in a section that is aligned so.
#define TFLM_TRAIN_ALIGN_FOR_ADR ".p2align 2\n"
// The jumps trust the length of the piece of code that begins at a label. Clang's assembler compares no labels here; it
// refuses a piece that is longer, and fills up one that is shorter.
#if defined(__clang__)
#define TFLM_TRAIN_PIECE_ENDS(label, bytes) ".org " label "b + " bytes "\n"
#else
#define TFLM_TRAIN_PIECE_ENDS(label, bytes)                              \
  "0:\n"                                                                 \
  ".if (0b - " label "b) - " bytes "\n"                                  \
  ".error \"a piece of code has another length than jumps trust\"\n"     \
  ".endif\n"
#endif
#define TFLM_TRAIN_LOAD_ROWS(e0, e1, e2, e3)      \
  "ldrd %[e0], %[w0], [%[rows]], #8\n"            \
  "ldrd %[e1], %[w1], [%[rows]], #8\n"            \
  "vmov " e0 ", " e1 ", %[e0], %[e1]\n"           \
  "ldrd %[e0], %[w2], [%[rows]], #8\n"            \
  "ldrd %[e1], %[w3], [%[rows]], #8\n"            \
  "vmov " e2 ", " e3 ", %[e0], %[e1]\n"

/// w[r] += scale * error[r] * x for the rows of groups: x is loaded once for all. n: a multiple of 4.
TFLM_TRAIN_ALWAYS_INLINE inline void AddGroups(const SelectedRow* rows, uint32_t bytes, float scale, const float* x,
                                               int32_t n) {
  const float *w0, *w1, *w2, *w3;
  uint32_t e0 = BitsOf(scale), e1, entry_12, entry_4;
  __asm volatile(
      TFLM_TRAIN_ALIGN_FOR_ADR
      "vmov s0, %[e0]\n"
      "adr.w %[entry_12], 3f + 1\n"
      "adr.w %[entry_4], 6f + 1\n"
      "b 8f\n"
      "1:\n"
      TFLM_TRAIN_LOAD_ROWS("s4", "s5", "s6", "s7")
      "vmul.f32 s4, s4, s0\n"
      "vmul.f32 s5, s5, s0\n"
      "vmul.f32 s6, s6, s0\n"
      "vmul.f32 s7, s7, s0\n"
      "subs %[e0], %[n], #12\n"
      "blt 4f\n"
      "2:\n"
      "vldmia %[x]!, {s8-s19}\n"
      "bx %[entry_12]\n"
      "3:\n"
      TFLM_TRAIN_ADD_ROW_12("%[w0]", "s4")
      TFLM_TRAIN_PIECE_ENDS("3", "56")
      TFLM_TRAIN_ADD_ROW_12("%[w1]", "s5")
      TFLM_TRAIN_ADD_ROW_12("%[w2]", "s6")
      TFLM_TRAIN_ADD_ROW_12("%[w3]", "s7")
      "subs %[e0], #12\n"
      "bge 2b\n"
      "4:\n"
      "adds %[e0], #8\n"
      "blt 7f\n"
      "5:\n"
      "vldmia %[x]!, {s8-s11}\n"
      "bx %[entry_4]\n"
      "6:\n"
      TFLM_TRAIN_ADD_ROW_4("%[w0]", "s4")
      TFLM_TRAIN_PIECE_ENDS("6", "24")
      TFLM_TRAIN_ADD_ROW_4("%[w1]", "s5")
      TFLM_TRAIN_ADD_ROW_4("%[w2]", "s6")
      TFLM_TRAIN_ADD_ROW_4("%[w3]", "s7")
      "subs %[e0], #4\n"
      "bge 5b\n"
      "7:\n"
      "sub %[x], %[x], %[n], lsl #2\n"
      "8:\n"
      "subs %[bytes], #32\n"
      "bge 1b\n"
      "cmn %[bytes], #32\n"
      "beq 9f\n"
      "add %[rows], %[bytes]\n"
      "add %[entry_12], %[bytes]\n"
      "sub %[entry_12], %[entry_12], %[bytes], lsl #3\n"
      "add %[entry_4], %[bytes]\n"
      "sub %[entry_4], %[entry_4], %[bytes], lsl #2\n"
      "movs %[bytes], #0\n"
      "b 1b\n"
      "9:\n"
      : [rows] "+r"(rows), [bytes] "+r"(bytes), [x] "+r"(x), [w0] "=&r"(w0), [w1] "=&r"(w1), [w2] "=&r"(w2),
        [w3] "=&r"(w3), [e0] "+r"(e0), [e1] "=&r"(e1), [entry_12] "=&r"(entry_12), [entry_4] "=&r"(entry_4)
      : [n] "r"(n)
      : "cc", "memory", TFLM_TRAIN_S0_TO_S7, TFLM_TRAIN_S8_TO_S31);
}

/// The same after dx += error[r] * w[r]: x and dx are loaded once for all. n: a multiple of 8, not 0.
TFLM_TRAIN_ALWAYS_INLINE inline void UpdateGroups(const SelectedRow* rows, uint32_t bytes, float scale, const float* x,
                                                  float* dx, int32_t n) {
  const float *w0, *w1, *w2, *w3;
  uint32_t e0, e1, entry;
  __asm volatile(
      TFLM_TRAIN_ALIGN_FOR_ADR
      "adr.w %[entry], 3f + 1\n"
      "b 8f\n"
      "1:\n"
      TFLM_TRAIN_LOAD_ROWS("s0", "s1", "s2", "s3")
      "vmov s7, %[scale]\n"
      "vmul.f32 s4, s0, s7\n"
      "vmul.f32 s5, s1, s7\n"
      "vmul.f32 s6, s2, s7\n"
      "vmul.f32 s7, s3, s7\n"
      "mov %[e0], %[n]\n"
      "2:\n"
      "vldmia %[x]!, {s8-s15}\n"
      "vldmia %[dx], {s16-s23}\n"
      "bx %[entry]\n"
      "3:\n"
      TFLM_TRAIN_UPDATE_ROW_8("%[w0]", "s0", "s4")
      TFLM_TRAIN_PIECE_ENDS("3", "72")
      TFLM_TRAIN_UPDATE_ROW_8("%[w1]", "s1", "s5")
      TFLM_TRAIN_UPDATE_ROW_8("%[w2]", "s2", "s6")
      TFLM_TRAIN_UPDATE_ROW_8("%[w3]", "s3", "s7")
      "vstmia %[dx]!, {s16-s23}\n"
      "subs %[e0], #8\n"
      "bne 2b\n"
      "sub %[x], %[x], %[n], lsl #2\n"
      "sub %[dx], %[dx], %[n], lsl #2\n"
      "8:\n"
      "subs %[bytes], #32\n"
      "bge 1b\n"
      "cmn %[bytes], #32\n"
      "beq 9f\n"
      "add %[rows], %[bytes]\n"
      "sub %[entry], %[entry], %[bytes]\n"
      "sub %[entry], %[entry], %[bytes], lsl #3\n"
      "movs %[bytes], #0\n"
      "b 1b\n"
      "9:\n"
      : [rows] "+r"(rows), [bytes] "+r"(bytes), [x] "+r"(x), [dx] "+r"(dx), [w0] "=&r"(w0), [w1] "=&r"(w1),
        [w2] "=&r"(w2), [w3] "=&r"(w3), [e0] "=&r"(e0), [e1] "=&r"(e1), [entry] "=&r"(entry)
      : [n] "r"(n), [scale] "r"(BitsOf(scale))
      : "cc", "memory", TFLM_TRAIN_S0_TO_S7, TFLM_TRAIN_S8_TO_S31);
}

#undef TFLM_TRAIN_ADD_ROW_12
#undef TFLM_TRAIN_ADD_ROW_4
#undef TFLM_TRAIN_UPDATE_ROW_8
#undef TFLM_TRAIN_LOAD_ROWS
#undef TFLM_TRAIN_ALIGN_FOR_ADR
#undef TFLM_TRAIN_PIECE_ENDS

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

/// An error e, if it is one to keep.
#define TFLM_TRAIN_COLLECT(e)                  \
  "orrs %[bits], %[all], " e ", lsl #1\n"     \
  "it ne\n"                                    \
  "strdne " e ", %[row], [%[next]], #8\n"      \
  "add %[row], %[row_bytes]\n"

/// Rows of `count` errors, those with zeros too or not. bias += scale * dy unless it is null. Pointers move on.
TFLM_TRAIN_ALWAYS_INLINE inline void CollectRows(const float*& dy, uint32_t count, bool zeros_too, float scale,
                                                 float*& row, uint32_t row_bytes, float*& bias, SelectedRow*& next) {
  uint32_t e0 = BitsOf(scale), e1, bits;
  __asm volatile(
      "vmov s0, %[e0]\n"
      "subs %[count], #4\n"
      "blt 3f\n"
      "1:\n"
      "cbz %[bias], 2f\n"
      "vldmia %[dy], {s8-s11}\n"
      "vldmia %[bias], {s12-s15}\n"
      "vfma.f32 s12, s8, s0\n"
      "vfma.f32 s13, s9, s0\n"
      "vfma.f32 s14, s10, s0\n"
      "vfma.f32 s15, s11, s0\n"
      "vstmia %[bias]!, {s12-s15}\n"
      "2:\n"
      "ldrd %[e0], %[e1], [%[dy]], #8\n"
      TFLM_TRAIN_COLLECT("%[e0]")
      TFLM_TRAIN_COLLECT("%[e1]")
      "ldrd %[e0], %[e1], [%[dy]], #8\n"
      TFLM_TRAIN_COLLECT("%[e0]")
      TFLM_TRAIN_COLLECT("%[e1]")
      "subs %[count], #4\n"
      "bge 1b\n"
      "3:\n"
      "adds %[count], #4\n"
      "beq 6f\n"
      "4:\n"
      "cbz %[bias], 5f\n"
      "vldr s8, [%[dy]]\n"
      "vldr s12, [%[bias]]\n"
      "vfma.f32 s12, s8, s0\n"
      "vstmia %[bias]!, {s12}\n"
      "5:\n"
      "ldr %[e0], [%[dy]], #4\n"
      TFLM_TRAIN_COLLECT("%[e0]")
      "subs %[count], #1\n"
      "bne 4b\n"
      "6:\n"
      : [dy] "+r"(dy), [count] "+r"(count), [row] "+r"(row), [next] "+r"(next), [bias] "+l"(bias), [e0] "+r"(e0),
        [e1] "=&r"(e1), [bits] "=&r"(bits)
      : [all] "r"(static_cast<uint32_t>(zeros_too)), [row_bytes] "r"(row_bytes)
      : "cc", "memory", "s0", "s8", "s9", "s10", "s11", "s12", "s13", "s14", "s15");
}
#undef TFLM_TRAIN_COLLECT

/// Errors that are looked at before the rows of those that are selected are worked on.
constexpr uint32_t kErrors = 32;

}  // namespace

TFLM_TRAIN_COLD void UpdateRows(bool zeros_too, const float* dy, uint32_t count, float scale, const float* x, float* w,
                                float* bias, float* dx, int32_t n) {
  constexpr uint32_t kFewer = kRowGroup - 1;
  // The first three: what the registers of rows that are not there get. The next: from an incomplete group.
  SelectedRow memory[2 * kFewer + kErrors];
  SelectedRow* const rows = memory + kFewer;
  SelectedRow* next = rows;
  const int32_t in_blocks = dx != nullptr ? n & ~7 : n & ~3;
  for (;;) {
    const uint32_t errors = count < kErrors ? count : kErrors;
    count -= errors;
    CollectRows(dy, errors, zeros_too, scale, w, static_cast<uint32_t>(n) * sizeof(float), bias, next);
    // Groups are complete, but for the last one.
    const uint32_t incomplete = count > 0 ? static_cast<uint32_t>(next - rows) % kRowGroup : 0;
    SelectedRow* const last = next - incomplete;
    const uint32_t bytes = static_cast<uint32_t>(reinterpret_cast<char*>(last) - reinterpret_cast<char*>(rows));
    if (dx == nullptr) {
      AddGroups(rows, bytes, scale, x, in_blocks);
    } else if (in_blocks > 0) {
      UpdateGroups(rows, bytes, scale, x, dx, in_blocks);
    }
    if (in_blocks < n) UpdateColumns(rows, last, scale, x, dx, in_blocks, n);
    if (count == 0) return;
    if (last != rows) std::memcpy(rows, last, kFewer * sizeof(SelectedRow));
    next = rows + incomplete;
  }
}

}  // namespace cortex_m
}  // namespace tflm_train

#endif  // TFLM_TRAIN_HAS_CORTEX_M_FPU
