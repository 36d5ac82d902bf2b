// Tiles of a 3x3 convolution, alone and with the max-pool behind them.
#include "tflm_train/kernels/fast/inner_cortex_m.h"

#if TFLM_TRAIN_HAS_CORTEX_M_FPU

#include "tflm_train/kernels/fast/cortex_m/registers.h"

namespace tflm_train {
namespace cortex_m {

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
  "strb %[winner], [%[winners]], #1\n"

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

void PoolTile(const float* sums, int32_t count, const PooledTiles& to) {
  if (count <= 0) return;
  const float* bias = to.bias;
  float* y = to.y;
  uint8_t* winners = to.winners;
  uint32_t winner;
  __asm volatile(
      "1:\n"
      "vldmia %[sums]!, {s8-s11}\n"
      TFLM_TRAIN_POOL("s8", "s9", "s10", "s11", "%[low]")
      "subs %[count], #1\n"
      "bne 1b\n"
      : [sums] "+r"(sums), [count] "+r"(count), [bias] "+r"(bias), [y] "+r"(y), [winners] "+r"(winners),
        [winner] "=&r"(winner)
      : [low] "t"(to.low)
      : "cc", "memory", "s8", "s9", "s10", "s11");
}

void ConvPoolRow1(const float* strip, int32_t stride, int32_t tiles, const float* w, int32_t count,
                  const PooledTiles& to) {
  if (count <= 0) return;
  float* y = to.y;
  uint8_t* winners = to.winners;
  for (; tiles > 0; --tiles) {
    const float *patch = strip, *next_w = w, *next_bias = to.bias;
    float* next_y = y;
    uint8_t* next_winner = winners;
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
        : [stride] "r"(4 * stride), [low] "r"(BitsOf(to.low))
        : "cc", "memory", TFLM_TRAIN_S0_TO_S7, TFLM_TRAIN_S8_TO_S31);
    strip += 2;
    y += to.y_step;
    winners += to.winners_step;
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

void ConvTile4(const float* patch, int32_t patch_stride, const float* w, int32_t channels, int32_t count, float* sums) {
  if (count <= 0) return;
  const float* row;
  uint32_t rows;
  __asm volatile(
      "1:\n"
      "vldmia %[sums], {s28-s31}\n"
      "mov %[row], %[patch]\n"
      "movs %[rows], #3\n"
      "vldmia %[row], {s0-s15}\n"
      "2:\n"
      "vldmia %[w], {s16-s19}\n"
      "add %[w], %[channels]\n"
      "vldmia %[w], {s20-s23}\n"
      "add %[w], %[channels]\n"
      "vldmia %[w], {s24-s27}\n"
      "add %[w], %[channels]\n"
      TFLM_TRAIN_ROW("vfma.f32", "s28", "s29")
      "add %[row], %[stride]\n"
      "vldmia %[row], {s0-s15}\n"
      TFLM_TRAIN_ROW("vfma.f32", "s30", "s31")
      "subs %[rows], #1\n"
      "bne 2b\n"
      "vstmia %[sums]!, {s28-s31}\n"
      "subs %[count], #1\n"
      "bne 1b\n"
      : [w] "+r"(w), [sums] "+r"(sums), [count] "+r"(count), [row] "=&r"(row), [rows] "=&l"(rows)
      : [patch] "r"(patch), [stride] "r"(4 * patch_stride), [channels] "r"(4 * channels)
      : "cc", "memory", TFLM_TRAIN_S0_TO_S7, TFLM_TRAIN_S8_TO_S31);
}

#define TFLM_TRAIN_PATCH_ROW  \
  "vldmia %[row], {s0-s15}\n" \
  "add %[row], %[stride]\n"
#define TFLM_TRAIN_FILTER_ROW "vldmia %[w]!, {s16-s27}\n"

void ConvPoolRow4(const float* strip, int32_t stride, int32_t tiles, const float* w, int32_t count,
                  const PooledTiles& to) {
  if (count <= 0) return;
  float* y = to.y;
  uint8_t* winners = to.winners;
  for (; tiles > 0; --tiles) {
    const float *row, *next_w = w, *next_bias = to.bias;
    float* next_y = y;
    uint8_t* next_winner = winners;
    int32_t left = count;
    uint32_t winner;
    __asm volatile(
        "1:\n"
        "mov %[row], %[patch]\n"
        TFLM_TRAIN_PATCH_ROW
        TFLM_TRAIN_FILTER_ROW
        TFLM_TRAIN_ROW("vmul.f32", "s28", "s29")
        TFLM_TRAIN_PATCH_ROW
        TFLM_TRAIN_ROW("vmul.f32", "s30", "s31")
        TFLM_TRAIN_FILTER_ROW
        TFLM_TRAIN_ROW("vfma.f32", "s28", "s29")
        TFLM_TRAIN_PATCH_ROW
        TFLM_TRAIN_ROW("vfma.f32", "s30", "s31")
        TFLM_TRAIN_FILTER_ROW
        TFLM_TRAIN_ROW("vfma.f32", "s28", "s29")
        "vldmia %[row], {s0-s15}\n"
        TFLM_TRAIN_ROW("vfma.f32", "s30", "s31")
        "vmov s0, %[low]\n"
        TFLM_TRAIN_POOL("s28", "s29", "s30", "s31", "s0")
        "subs %[count], #1\n"
        "bne 1b\n"
        : [w] "+r"(next_w), [bias] "+r"(next_bias), [y] "+r"(next_y), [winners] "+r"(next_winner), [count] "+r"(left),
          [row] "=&r"(row), [winner] "=&r"(winner)
        : [patch] "r"(strip), [stride] "r"(4 * stride), [low] "r"(BitsOf(to.low))
        : "cc", "memory", TFLM_TRAIN_S0_TO_S7, TFLM_TRAIN_S8_TO_S31);
    strip += 8;
    y += to.y_step;
    winners += to.winners_step;
  }
}

#undef TFLM_TRAIN_LOAD_PATCH1
#undef TFLM_TRAIN_TAP
#undef TFLM_TRAIN_CONVOLVE1
#undef TFLM_TRAIN_POOL
#undef TFLM_TRAIN_ROW
#undef TFLM_TRAIN_PATCH_ROW
#undef TFLM_TRAIN_FILTER_ROW

}  // namespace cortex_m
}  // namespace tflm_train

#endif  // TFLM_TRAIN_HAS_CORTEX_M_FPU
