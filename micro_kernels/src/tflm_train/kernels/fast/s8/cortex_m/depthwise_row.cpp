// A row of a depthwise convolution, four channels and two taps at a time: PKHBT, PKHTB and SXTB16 make of two words of
// four channels a pair of taps for each channel. Words of four channels, in the order of their use: biases; weights as
// such pairs, of a last single tap channels 0 and 2, then 1 and 3; multipliers and shifts to the right. Biases and
// weights are doubled where the stage is quick, as RequantizeQuick does with a sum.
#include "tflm_train/kernels/fast/s8/inner_cortex_m.h"

#if TFLM_TRAIN_HAS_CORTEX_M_DSP

#include <cstddef>

#include "tflm_train/kernels/fast/s8/cortex_m/dsp.h"

namespace tflm_train {
namespace fast {
namespace s8 {
namespace cortex_m {
namespace {

/// What the loop reads when it has a register for it.
struct Row {
  const int32_t *offsets, *fours_end, *pairs_end;  // of eight taps, and of two
  int32_t odd, rest;                               // taps are; those behind the last eight
  int32_t zero_point;
  uint32_t lows, highs;
  ptrdiff_t y;  // from x
  const int8_t* x_end;
};
static_assert(offsetof(Row, x_end) == 36, "the assembly counts words");

// clang-format off

// Single loads, as one right behind another costs a cycle; LDRD costs three anywhere.
#define TFLM_TRAIN_TWO_TAPS                 \
  "ldr %[u], [%[offset]], #4\n"             \
  "ldr %[v], [%[offset]], #4\n"             \
  "ldr %[u], [%[x], %[u]]\n"                \
  "ldr %[v], [%[x], %[v]]\n"                \
  "ldr %[k], [%[words]], #4\n"              \
  "ldr %[l], [%[words]], #4\n"              \
  "pkhbt %[t], %[u], %[v], lsl #16\n"       \
  "pkhtb %[v], %[v], %[u], asr #16\n"       \
  "sxtb16 %[u], %[t]\n"                     \
  "smlad %[a], %[u], %[k], %[a]\n"          \
  "sxtb16 %[t], %[t], ror #8\n"             \
  "smlad %[b], %[t], %[l], %[b]\n"          \
  "ldrd %[k], %[l], [%[words]], #8\n"       \
  "sxtb16 %[u], %[v]\n"                     \
  "smlad %[c], %[u], %[k], %[c]\n"          \
  "sxtb16 %[v], %[v], ror #8\n"             \
  "smlad %[d], %[v], %[l], %[d]\n"

// RequantizeQuick of a sum that is doubled, with the zero point in u.
#define TFLM_TRAIN_REQUANTIZE(sum)           \
  "ldrd %[k], %[l], [%[words]], #8\n"        \
  "smmulr " sum ", " sum ", %[k]\n"          \
  "add " sum ", " sum ", " sum ", asr #31\n" \
  "asrs " sum ", " sum ", %[l]\n"            \
  "adc " sum ", " sum ", %[u]\n"             \
  "ssat " sum ", #8, " sum "\n"

// clang-format on

/// Fours of channels of one position, from x to row.x_end, at least one.
TFLM_TRAIN_ALWAYS_INLINE inline void AddFours(const Row& row, const int8_t*& x, const uint32_t*& words) {
  int32_t a, b, c, d;
  uint32_t offset, u, v, t, k, l;
  __asm volatile(
      "1:\n"
      "ldrd %[offset], %[t], [%[row]]\n"
      "ldrd %[a], %[b], [%[words]], #8\n"
      "ldrd %[c], %[d], [%[words]], #8\n"
      "cmp %[offset], %[t]\n"
      "beq 3f\n"
      "2:\n" TFLM_TRAIN_TWO_TAPS TFLM_TRAIN_TWO_TAPS TFLM_TRAIN_TWO_TAPS TFLM_TRAIN_TWO_TAPS
      "ldr %[t], [%[row], #4]\n"
      "cmp %[offset], %[t]\n"
      "bne 2b\n"
      "3:\n"
      "ldr %[k], [%[row], #16]\n"
      "cmp %[k], #1\n"
      "bne 6f\n"
      "4:\n"  // one tap, the last
      "ldr %[t], [%[offset]]\n"
      "ldr %[k], [%[words]], #4\n"
      "ldr %[u], [%[x], %[t]]\n"
      "ldr %[l], [%[words]], #4\n"
      "sxtb16 %[v], %[u]\n"
      "smlabb %[a], %[v], %[k], %[a]\n"
      "smlatt %[c], %[v], %[k], %[c]\n"
      "sxtb16 %[u], %[u], ror #8\n"
      "smlabb %[b], %[u], %[l], %[b]\n"
      "smlatt %[d], %[u], %[l], %[d]\n"
      "5:\n"
      "ldr %[u], [%[row], #20]\n"
      TFLM_TRAIN_REQUANTIZE("%[a]") TFLM_TRAIN_REQUANTIZE("%[b]")
      TFLM_TRAIN_REQUANTIZE("%[c]") TFLM_TRAIN_REQUANTIZE("%[d]")
      "ldrd %[k], %[l], [%[row], #24]\n"
      "pkhbt %[a], %[a], %[c], lsl #16\n"
      "pkhbt %[b], %[b], %[d], lsl #16\n"
      "uxtb16 %[a], %[a]\n"
      "uxtb16 %[b], %[b]\n"
      "orr %[a], %[a], %[b], lsl #8\n"
      "ldrd %[t], %[v], [%[row], #32]\n"
      "ssub8 %[b], %[a], %[k]\n"
      "sel %[a], %[a], %[k]\n"
      "ssub8 %[b], %[l], %[a]\n"
      "sel %[a], %[a], %[l]\n"
      "str %[a], [%[x], %[t]]\n"
      "add %[x], #4\n"
      "cmp %[x], %[v]\n"
      "bne 1b\n"
      "b 8f\n"
      "6:\n"
      "bcc 5b\n"  // none
      "7:\n" TFLM_TRAIN_TWO_TAPS
      "ldrd %[t], %[k], [%[row], #8]\n"
      "cmp %[offset], %[t]\n"
      "bne 7b\n"
      "cmp %[k], #0\n"
      "bne 4b\n"
      "b 5b\n"
      "8:\n"
      : [x] "+r"(x), [words] "+r"(words), [a] "=&r"(a), [b] "=&r"(b), [c] "=&r"(c), [d] "=&r"(d),
        [offset] "=&r"(offset), [u] "=&r"(u), [v] "=&r"(v), [t] "=&r"(t), [k] "=&r"(k), [l] "=&r"(l)
      : [row] "r"(&row)
      : "cc", "memory");
}

/// DepthwiseRow where a stage is not quick.
TFLM_TRAIN_COLD void PlainRow(const DepthwiseFilters& f, const DepthwisePositions& positions, const int8_t* strip,
                              int8_t* y) {
  for (int32_t left = positions.count; left > 0; --left, strip += positions.x_step, y += positions.y_step) {
    for (int32_t channel = 0; channel < f.channels; ++channel) {
      const uint32_t* words = f.words + channel / 4 * FourChannels(f.taps);
      const int32_t c = channel % 4;
      auto sum = static_cast<int32_t>(words[c]);
      words += 4;
      for (int32_t tap = 0; tap < f.taps; ++tap) {
        uint32_t pair = words[tap / 2 * 4 + c] >> tap % 2 * 16;
        if (tap == f.taps - 1 && tap % 2 == 0) pair = words[tap * 2 + c % 2] >> c / 2 * 16;
        sum = WrappingAdd(sum, strip[f.offsets[tap] + channel] * static_cast<int16_t>(pair));
      }
      y[channel] = f.stage.Apply(sum, static_cast<uint32_t>(f.first + channel));
    }
  }
}

}  // namespace

void PackFourChannels(const FourFilters& f, const ChannelTerms (&terms)[4], bool quick, uint32_t* words) {
  const int32_t times = quick ? 2 : 1, last = f.taps & ~1, step = f.step;
  for (int32_t c = 0; c < 4; ++c) {
    const ChannelTerms& each = terms[c];
    uint32_t* pair = words + 4 + c;
    auto* single = reinterpret_cast<uint16_t*>(words + 4 + 2 * last + (c & 1)) + (c >> 1);
    uint32_t* factor = words + 4 + 2 * f.taps + 2 * c;
    factor[0] = static_cast<uint32_t>(each.multiplier);
    factor[1] = static_cast<uint32_t>(-each.shift);
    const bool present = c < f.channels;
    const int8_t* from = f.w + c;
    int32_t sum = 0;
    for (int32_t tap = 0; tap < last; tap += 2, from += 2 * step, pair += 4) {
      const int32_t first = present ? from[0] : 0, second = present ? from[step] : 0;
      sum += first + second;
      *pair = PackHalves(first * times, second * times);
    }
    if (last < f.taps) {
      const int32_t weight = present ? *from : 0;
      sum += weight;
      *single = static_cast<uint16_t>(weight * times);
    }
    words[c] = static_cast<uint32_t>(WrappingAdd(each.bias, -f.x_zero * sum)) * static_cast<uint32_t>(times);
  }
}

void DepthwiseRow(const DepthwiseFilters& f, const DepthwisePositions& positions, const int8_t* strip, int8_t* y) {
  if (!f.quick) return PlainRow(f, positions, strip, y);
  const int32_t whole = f.channels & ~3;
  Row row = {f.offsets,          f.offsets + (f.taps & ~7), f.offsets + (f.taps & ~1), f.taps & 1, f.taps & 7,
             f.stage.zero_point, FourTimes(f.stage.low),    FourTimes(f.stage.high),   0,          nullptr};
  for (int32_t left = positions.count; left > 0; --left, strip += positions.x_step, y += positions.y_step) {
    const int8_t* x = strip;
    const uint32_t* words = f.words;
    if (whole > 0) {
      row.y = y - x;
      row.x_end = x + whole;
      AddFours(row, x, words);
    }
    if (whole == f.channels) continue;
    int8_t four[4];
    row.y = four - x;
    row.x_end = x + 4;
    AddFours(row, x, words);
    for (int32_t c = whole; c < f.channels; ++c) y[c] = four[c - whole];
  }
}

}  // namespace cortex_m
}  // namespace s8
}  // namespace fast
}  // namespace tflm_train

#endif  // TFLM_TRAIN_HAS_CORTEX_M_DSP
