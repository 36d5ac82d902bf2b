// Sums over pairs, two rows by four columns: eight sums stay in registers, and each word of a column meets two rows.
#include "tflm_train/kernels/fast/s8/inner_cortex_m.h"

#if TFLM_TRAIN_HAS_CORTEX_M_DSP

#include <cstddef>

#include "tflm_train/kernels/fast/s8/cortex_m/dsp.h"

namespace tflm_train {
namespace fast {
namespace s8 {
namespace cortex_m {
namespace {

/// Two rows after the other by four columns: sums[0, 4) of a row, those of the next one sums_step bytes on.
struct TwoByFour {
  const uint32_t *a, *end;  // columns
  uint32_t skipped;         // pairs of the first eight that are none
  const int16_t* b;         // rows
  int32_t step;             // bytes to the second row
  int32_t* sums;
  int32_t sums_step;
  int32_t left;    // twos of rows, at least one
  int32_t b_step;  // bytes from one two of rows to the next
};
static_assert(sizeof(void*) != 4 || offsetof(TwoByFour, b_step) == 32, "the assembly counts words");

// clang-format off

// A jump trusts the length of the code that begins at label 2. Clang's assembler compares no labels here; it refuses what
// is longer.
#if defined(__clang__)
#define TFLM_TRAIN_PAIR_ENDS ".org 2b + 56\n"
#else
#define TFLM_TRAIN_PAIR_ENDS                                       \
  "3:\n"                                                           \
  ".if 3b - 2b != 56\n"                                            \
  ".error \"a pair of another length than the jump trusts\"\n"     \
  ".endif\n"
#endif

// All registers, which no constraint of a compiler's can ask for: functions of their own. Columns' words meet both
// rows. Loads follow each other where registers are left for them. Eight pairs at a time, at first from where so many
// are left: a pair's code has 56 bytes.
//   r4-r7, r8-r11: sums of the two rows   r12: a   lr: b   [sp]: where the first pair begins, end, job
#define TFLM_TRAIN_ADD_PAIRS(ONE_PAIR)        \
  __asm volatile(                             \
      "push {r0, r4-r11, lr}\n"               \
      "ldrd r2, r3, [r0, #4]\n"               \
      "movs r1, #56\n"                        \
      "mul r3, r1\n"                          \
      "adr r1, 2f\n"                          \
      "adds r1, r3\n"                         \
      "adds r1, #1\n"                         \
      "push {r1, r2}\n"                       \
      "1:\n"                                  \
      "ldr r1, [r0, #20]\n"                   \
      "ldr r2, [r0, #24]\n"                   \
      "ldr r12, [r0]\n"                       \
      "ldr lr, [r0, #12]\n"                   \
      "ldr r3, [r0, #16]\n"                   \
      "ldmia r1, {r4-r7}\n"                   \
      "add r1, r2\n"                          \
      "ldmia r1, {r8-r11}\n"                  \
      "ldr pc, [sp]\n"                        \
      ".balign 4\n"                           \
      "2:\n"                                  \
      ONE_PAIR                                \
      TFLM_TRAIN_PAIR_ENDS                    \
      ONE_PAIR ONE_PAIR ONE_PAIR              \
      ONE_PAIR ONE_PAIR ONE_PAIR ONE_PAIR     \
      "ldr r0, [sp, #4]\n"                    \
      "cmp r12, r0\n"                         \
      "bne 2b\n"                              \
      "ldr r0, [sp, #8]\n"                    \
      "ldr r1, [r0, #20]\n"                   \
      "ldr r2, [r0, #24]\n"                   \
      "stmia r1, {r4-r7}\n"                   \
      "add r1, r2\n"                          \
      "stmia r1, {r8-r11}\n"                  \
      "add r1, r2\n"                          \
      "str r1, [r0, #20]\n"                   \
      "ldr r1, [r0, #12]\n"                   \
      "ldr r2, [r0, #32]\n"                   \
      "ldr r3, [r0, #28]\n"                   \
      "add r1, r2\n"                          \
      "str r1, [r0, #12]\n"                   \
      "subs r3, #1\n"                         \
      "str r3, [r0, #28]\n"                   \
      "bne 1b\n"                              \
      "add sp, #12\n"                         \
      "pop {r4-r11, pc}\n")

// A pair of two rows and four columns: 16 products. Rows lie apart, by r3 bytes.
#define TFLM_TRAIN_PAIR_OF_ROWS               \
  "ldr r2, [lr, r3]\n"                        \
  "ldr r1, [lr], #4\n"                        \
  "ldr r0, [r12], #4\n"                       \
  "smlad r4, r0, r1, r4\n"                    \
  "smlad r8, r0, r2, r8\n"                    \
  "ldr r0, [r12], #4\n"                       \
  "smlad r5, r0, r1, r5\n"                    \
  "smlad r9, r0, r2, r9\n"                    \
  "ldr r0, [r12], #4\n"                       \
  "smlad r6, r0, r1, r6\n"                    \
  "smlad r10, r0, r2, r10\n"                  \
  "ldr r0, [r12], #4\n"                       \
  "smlad r7, r0, r1, r7\n"                    \
  "smlad r11, r0, r2, r11\n"

// The same where a register is left for a second word of the columns: LOAD_ROWS loads a pair of each row without r3.
#define TFLM_TRAIN_PAIR_BY(LOAD_ROWS)         \
  LOAD_ROWS                                   \
  "ldr r0, [r12], #4\n"                       \
  "ldr r3, [r12], #4\n"                       \
  "smlad r4, r0, r1, r4\n"                    \
  "smlad r8, r0, r2, r8\n"                    \
  "smlad r5, r3, r1, r5\n"                    \
  "smlad r9, r3, r2, r9\n"                    \
  "ldr r0, [r12], #4\n"                       \
  "ldr r3, [r12], #4\n"                       \
  "smlad r6, r0, r1, r6\n"                    \
  "smlad r10, r0, r2, r10\n"                  \
  "smlad r7, r3, r1, r7\n"                    \
  "smlad r11, r3, r2, r11\n"

// Rows that lie together, a pair of the first, a pair of the second; or so many bytes apart.
#define TFLM_TRAIN_PAIR_OF_ERRORS TFLM_TRAIN_PAIR_BY("ldr r1, [lr], #4\n" "ldr r2, [lr], #4\n")
#define TFLM_TRAIN_PAIR_APART(bytes) TFLM_TRAIN_PAIR_BY("ldr r2, [lr, #" bytes "]\n" "ldr r1, [lr], #4\n")

#define TFLM_TRAIN_ADD_FUNCTION(name, ONE_PAIR) \
  __attribute__((naked, noinline, aligned(4))) void name(TwoByFour*) { TFLM_TRAIN_ADD_PAIRS(ONE_PAIR); }

TFLM_TRAIN_ADD_FUNCTION(AddPairsOfRows, TFLM_TRAIN_PAIR_OF_ROWS)
TFLM_TRAIN_ADD_FUNCTION(AddPairsOfErrors, TFLM_TRAIN_PAIR_OF_ERRORS)
TFLM_TRAIN_ADD_FUNCTION(AddPairsOf16Channels, TFLM_TRAIN_PAIR_APART("32"))
TFLM_TRAIN_ADD_FUNCTION(AddPairsOf32Channels, TFLM_TRAIN_PAIR_APART("64"))
TFLM_TRAIN_ADD_FUNCTION(AddPairsOf64Channels, TFLM_TRAIN_PAIR_APART("128"))

// clang-format on

/// Adds `rows` rows; what has no four columns, or no second row, by way of eight sums of its own.
void Add(void (*add)(TwoByFour*), TwoByFour job, int32_t width, int32_t rows, const PairSums& sums) {
  job.sums = sums.sums;
  job.sums_step = sums.step * static_cast<int32_t>(sizeof(int32_t));
  job.left = rows / 2;
  if (width == 4) {
    if (job.left > 0) add(&job);
    if (rows % 2 == 0) return;
    rows = 1;
  }
  int32_t* to = job.sums;
  for (; rows > 0; rows -= 2, to += 2 * sums.step) {
    int32_t own[8] = {};
    for (int32_t c = 0; c < width; ++c) {
      own[c] = to[c];
      if (rows > 1) own[4 + c] = to[sums.step + c];
    }
    if (rows == 1 && job.step > 0) job.step = 0, add = AddPairsOfRows;  // the second row is the first once more
    job.sums = own;
    job.sums_step = sizeof own / 2;
    job.left = 1;
    add(&job);
    for (int32_t c = 0; c < width; ++c) {
      to[c] = own[c];
      if (rows > 1) to[sums.step + c] = own[4 + c];
    }
  }
}

TwoByFour ColumnsOf(const PairColumns& columns) {
  const auto* const a = reinterpret_cast<const uint32_t*>(columns.pairs);
  return {a, a + 4 * columns.count, static_cast<uint32_t>(-columns.count & 7), nullptr, 0, nullptr, 0, 0, 0};
}

/// Two errors; those of an odd number of channels are not aligned.
TFLM_TRAIN_ALWAYS_INLINE inline uint32_t LoadPair(const int16_t* x) {
  uint32_t word;
  std::memcpy(&word, x, sizeof word);
  return word;
}

TFLM_TRAIN_ALWAYS_INLINE inline uint32_t LowHalves(uint32_t a, uint32_t b) {
  uint32_t word;
  __asm("pkhbt %0, %1, %2, lsl #16" : "=r"(word) : "r"(a), "r"(b));
  return word;
}
TFLM_TRAIN_ALWAYS_INLINE inline uint32_t HighHalves(uint32_t a, uint32_t b) {
  uint32_t word;
  __asm("pkhtb %0, %2, %1, asr #16" : "=r"(word) : "r"(a), "r"(b));
  return word;
}

/// Bytes of `columns` < 4, the rest zero.
TFLM_TRAIN_ALWAYS_INLINE inline uint32_t LoadBytes(const int8_t* x, int32_t columns) {
  uint32_t word = static_cast<uint8_t>(x[0]);
  if (columns > 1) word |= uint32_t{static_cast<uint8_t>(x[1])} << 8;
  if (columns > 2) word |= uint32_t{static_cast<uint8_t>(x[2])} << 16;
  return word;
}

TFLM_TRAIN_ALWAYS_INLINE inline void Widen(uint32_t first, uint32_t second, uint32_t zeros, uint32_t* to) {
  const uint32_t low = LowHalves(first, second), high = HighHalves(first, second);
  to[0] = Subtract(Even(low), zeros);
  to[1] = Subtract(Odd(low), zeros);
  to[2] = Subtract(Even(high), zeros);
  to[3] = Subtract(Odd(high), zeros);
}

// clang-format off

#define TFLM_TRAIN_WIDEN(extend, SHIFTED)     \
  extend                                      \
  SHIFTED                                     \
  "str %[c], [%[to]], #4\n"

// A pair of four columns.
#define TFLM_TRAIN_PACK_FOUR(SHIFTED)                                       \
  "ldr %[a], [%[first]]\n"                                                  \
  "ldr %[b], [%[second]]\n"                                                 \
  "add %[first], %[first_step]\n"                                           \
  "add %[second], %[second_step]\n"                                         \
  "pkhbt %[d], %[a], %[b], lsl #16\n"                                       \
  "pkhtb %[b], %[b], %[a], asr #16\n"                                       \
  TFLM_TRAIN_WIDEN("sxtb16 %[c], %[d]\n", SHIFTED)                          \
  TFLM_TRAIN_WIDEN("sxtb16 %[c], %[d], ror #8\n", SHIFTED)                  \
  TFLM_TRAIN_WIDEN("sxtb16 %[c], %[b]\n", SHIFTED)                          \
  TFLM_TRAIN_WIDEN("sxtb16 %[c], %[b], ror #8\n", SHIFTED)

#define TFLM_TRAIN_PACK_FOURS(SHIFTED)                                      \
  __asm volatile(                                                           \
      "lsrs %[count], %[count], #1\n"                                       \
      "bcc 1f\n" TFLM_TRAIN_PACK_FOUR(SHIFTED)                              \
      "1:\n"                                                                \
      "cmp %[count], #0\n"                                                  \
      "beq 3f\n"                                                            \
      "2:\n" TFLM_TRAIN_PACK_FOUR(SHIFTED) TFLM_TRAIN_PACK_FOUR(SHIFTED)    \
      "subs %[count], #1\n"                                                 \
      "bne 2b\n"                                                            \
      "3:\n"                                                                \
      : [first] "+r"(first), [second] "+r"(second), [to] "+r"(to), [count] "+r"(count), [a] "=&r"(a), [b] "=&r"(b), \
        [c] "=&r"(c), [d] "=&r"(d)                                          \
      : [first_step] "r"(source.first_step), [second_step] "r"(source.second_step), [zeros] "r"(zeros)              \
      : "cc", "memory")

// clang-format on

template <bool kShifted>
void PackFour(const PairSource& source, int32_t count, uint32_t* to) {
  const int8_t *first = source.first, *second = source.second;
  const uint32_t zeros = Twice(source.zero);
  uint32_t a, b, c, d;
  if (kShifted) {
    TFLM_TRAIN_PACK_FOURS("ssub16 %[c], %[c], %[zeros]\n");
  } else {
    TFLM_TRAIN_PACK_FOURS("");
  }
}

}  // namespace

void PackPairs(const PairSource& source, int32_t count, int16_t* to) {
  auto* words = reinterpret_cast<uint32_t*>(to);
  if (source.columns == 4) {
    return source.zero != 0 ? PackFour<true>(source, count, words) : PackFour<false>(source, count, words);
  }
  const int8_t *first = source.first, *second = source.second;
  for (; count > 0; --count, first += source.first_step, second += source.second_step, words += 4) {
    Widen(LoadBytes(first, source.columns), LoadBytes(second, source.columns), Twice(source.zero), words);
  }
}

void ClearPairs(int32_t count, int16_t* to) {
  for (; count > 0; --count) {  // few as a rule: no call
    __asm volatile(
        "str %[zero], [%[to]], #4\n"
        "str %[zero], [%[to]], #4\n"
        "str %[zero], [%[to]], #4\n"
        "str %[zero], [%[to]], #4\n"
        : [to] "+r"(to)
        : [zero] "r"(0)
        : "memory");
  }
}

bool PackErrors(const ErrorPairs& errors, int16_t* to) {
  auto* words = reinterpret_cast<uint32_t*>(to);
  const int16_t *first = errors.first, *second = errors.second;
  const int32_t step = errors.step, alone = errors.count - errors.second_count;
  uint32_t any = 0;
  int32_t left = errors.count;
  if (errors.two) {
    for (; left > alone; --left, first += step, second += step, words += 2) {
      const uint32_t a = LoadPair(first), b = LoadPair(second);
      any |= a | b;
      words[0] = LowHalves(a, b);
      words[1] = HighHalves(a, b);
    }
    for (; left > 0; --left, first += step, words += 2) {
      any |= LoadPair(first);
      words[0] = static_cast<uint16_t>(first[0]);
      words[1] = static_cast<uint16_t>(first[1]);
    }
    return any != 0;
  }
  for (; left > 0; --left, first += step, words += 2) {
    words[0] = PackHalves(*first, left > alone ? *second : 0);
    words[1] = 0;
    any |= words[0];
    if (left > alone) second += step;
  }
  return any != 0;
}

void AddProducts(const PairColumns& columns, const PairRows& rows, const PairSums& sums) {
  TwoByFour job = ColumnsOf(columns);
  job.b = rows.pairs;
  job.step = rows.step * static_cast<int32_t>(sizeof(int16_t));
  job.b_step = 2 * job.step;
  auto* const add = rows.step == 16   ? AddPairsOf16Channels
                    : rows.step == 32 ? AddPairsOf32Channels
                    : rows.step == 64 ? AddPairsOf64Channels
                                      : AddPairsOfRows;
  Add(add, job, columns.width, rows.rows, sums);
}

void AddErrorProducts(const PairColumns& columns, const ErrorRowPairs& rows, const PairSums& sums) {
  TwoByFour job = ColumnsOf(columns);
  job.b = rows.pairs;
  job.b_step = ErrorPairElements(2, columns.count) * static_cast<int32_t>(sizeof(int16_t));
  Add(AddPairsOfErrors, job, columns.width, rows.rows, sums);
}

}  // namespace cortex_m
}  // namespace s8
}  // namespace fast
}  // namespace tflm_train

#endif  // TFLM_TRAIN_HAS_CORTEX_M_DSP
