// Columns against filters. Four inputs of a column are two words, bytes 0 and 2 and bytes 1 and 3, as SXTB16 makes of
// four weights; where two columns lie together, each word of the first is followed by that of the second. What n / 4
// leaves over comes first, as four inputs of which the last ones are zero.
#include "tflm_train/kernels/fast/s8/inner_cortex_m.h"

#if TFLM_TRAIN_HAS_CORTEX_M_DSP

#include "tflm_train/kernels/fast/s8/cortex_m/dsp.h"

namespace tflm_train {
namespace fast {
namespace s8 {
namespace cortex_m {
namespace {

// clang-format off

// Four inputs of two columns against two filters: 16 products.
#define TFLM_TRAIN_TWO_BY_TWO              \
  "ldr %[t], [%[w0]], #4\n"                \
  "ldr %[v], [%[w1]], #4\n"                \
  "ldrd %[p], %[q], [%[x]], #8\n"          \
  "sxtb16 %[u], %[t]\n"                    \
  "smlad %[a], %[u], %[p], %[a]\n"         \
  "smlad %[b], %[u], %[q], %[b]\n"         \
  "sxtb16 %[u], %[v]\n"                    \
  "smlad %[c], %[u], %[p], %[c]\n"         \
  "smlad %[d], %[u], %[q], %[d]\n"         \
  "ldrd %[p], %[q], [%[x]], #8\n"          \
  "sxtb16 %[t], %[t], ror #8\n"            \
  "smlad %[a], %[t], %[p], %[a]\n"         \
  "smlad %[b], %[t], %[q], %[b]\n"         \
  "sxtb16 %[v], %[v], ror #8\n"            \
  "smlad %[c], %[v], %[p], %[c]\n"         \
  "smlad %[d], %[v], %[q], %[d]\n"

// Four inputs, in p and q, of one column against one of four filters.
#define TFLM_TRAIN_ONE_FILTER(w, sum)      \
  "ldr %[t], [" w "], #4\n"                \
  "sxtb16 %[u], %[t]\n"                    \
  "smlad " sum ", %[u], %[p], " sum "\n"   \
  "sxtb16 %[t], %[t], ror #8\n"            \
  "smlad " sum ", %[t], %[q], " sum "\n"

#define TFLM_TRAIN_FOUR_FILTERS               \
  "ldrd %[p], %[q], [%[x]], #8\n"             \
  TFLM_TRAIN_ONE_FILTER("%[w0]", "%[a]")      \
  TFLM_TRAIN_ONE_FILTER("%[w1]", "%[b]")      \
  TFLM_TRAIN_ONE_FILTER("%[w2]", "%[c]")      \
  TFLM_TRAIN_ONE_FILTER("%[w3]", "%[d]")

// clang-format on

constexpr int32_t kNoBias = 0;

/// What walks along the filters: biases and factors, and what is the same for all.
class Channels {
 public:
  explicit Channels(const Filters& f)
      : stage_(f.stage.stage),
        bias_(f.bias != nullptr ? f.bias : &kNoBias),
        pairs_(f.stage.stage.factors.pairs),
        bias_step_(f.bias != nullptr ? 1 : 0),
        step_(f.stage.stage.factors.step),
        zero_point_(f.stage.stage.zero_point),
        quick_(f.stage.quick),
        lows_(FourTimes(f.stage.stage.low)),
        highs_(FourTimes(f.stage.stage.high)) {}

  TFLM_TRAIN_ALWAYS_INLINE int32_t Bias() {
    const int32_t bias = *bias_;
    bias_ += bias_step_;
    return bias;
  }
  /// Requantises the sums of the next channel, each to int8 at least.
  template <class... Sums>
  TFLM_TRAIN_ALWAYS_INLINE void Requantize(int32_t channel, Sums&... sums) {
    if (quick_) {
      const int32_t multiplier = pairs_[0], right = -pairs_[1];
      pairs_ += step_;
      ((sums = RequantizeQuick(sums, multiplier, right, zero_point_)), ...);
    } else {
      ((sums = RequantizePlain(stage_, sums, channel)), ...);
    }
  }
  TFLM_TRAIN_ALWAYS_INLINE uint32_t Pack(int32_t a, int32_t b, int32_t c, int32_t d) const {
    return PackClamped(a, b, c, d, lows_, highs_);
  }

 private:
  const OutputStage& stage_;
  const int32_t *bias_, *pairs_;
  const uint32_t bias_step_, step_;
  const int32_t zero_point_;
  const bool quick_;
  const uint32_t lows_, highs_;
};

/// What filters of n >= 4 weights are read over the end of their first n % 4 by, as the column is zero there.
constexpr int32_t Overlap(int32_t n) { return -n & 3; }

/// Adds four inputs, at x[0] and x[step], times the weights `bytes`.
TFLM_TRAIN_ALWAYS_INLINE inline void AddFour(uint32_t bytes, const uint32_t* x, int32_t step, int32_t& sum) {
  sum = MultiplyAdd(Odd(bytes), x[step], MultiplyAdd(Even(bytes), x[0], sum));
}

/// Adds two columns times the filters of n >= 4 weights at w0 and w1. Both end behind their filter.
TFLM_TRAIN_ALWAYS_INLINE inline void AddTwoByTwo(const uint32_t* x, int32_t n, const int8_t*& w0, const int8_t*& w1,
                                                 int32_t& a, int32_t& b, int32_t& c, int32_t& d) {
  const int32_t overlap = Overlap(n);
  int32_t left = n >> 2;
  uint32_t t, u, v, p, q;
  __asm volatile(
      "ldr %[t], %[overlap]\n"
      "cmp %[t], #0\n"
      "beq 1f\n" TFLM_TRAIN_TWO_BY_TWO
      "ldr %[t], %[overlap]\n"
      "sub %[w0], %[t]\n"
      "sub %[w1], %[t]\n"
      "1:\n"
      "subs %[left], #4\n"
      "blt 3f\n"
      "2:\n" TFLM_TRAIN_TWO_BY_TWO TFLM_TRAIN_TWO_BY_TWO TFLM_TRAIN_TWO_BY_TWO TFLM_TRAIN_TWO_BY_TWO
      "subs %[left], #4\n"
      "bge 2b\n"
      "3:\n"
      "adds %[left], #4\n"
      "beq 5f\n"
      "4:\n" TFLM_TRAIN_TWO_BY_TWO
      "subs %[left], #1\n"
      "bne 4b\n"
      "5:\n"
      : [x] "+r"(x), [w0] "+r"(w0), [w1] "+r"(w1), [a] "+r"(a), [b] "+r"(b), [c] "+r"(c), [d] "+r"(d),
        [left] "+r"(left), [t] "=&r"(t), [u] "=&r"(u), [v] "=&r"(v), [p] "=&r"(p), [q] "=&r"(q)
      : [overlap] "m"(overlap)
      : "cc", "memory");
}

template <int32_t kColumns>
void WidenAs(const int8_t* x, int32_t n, int32_t zero, uint32_t* to) {
  const uint32_t zeros = Twice(zero);
  const int32_t tail = n & 3;
  if (tail != 0) {
    const auto at = [=](int32_t i) { return i < tail ? x[i] - zero : 0; };
    to[0] = PackHalves(at(0), at(2));
    to[kColumns] = PackHalves(at(1), 0);
    x += tail, to += 2 * kColumns;
  }
  for (n >>= 2; n >= 2; n -= 2, x += 8, to += 4 * kColumns) {
    const uint32_t first = LoadWord(x), second = LoadWord(x + 4);
    to[0] = Subtract(Even(first), zeros);
    to[kColumns] = Subtract(Odd(first), zeros);
    to[2 * kColumns] = Subtract(Even(second), zeros);
    to[3 * kColumns] = Subtract(Odd(second), zeros);
  }
  if (n > 0) {
    const uint32_t bytes = LoadWord(x);
    to[0] = Subtract(Even(bytes), zeros);
    to[kColumns] = Subtract(Odd(bytes), zeros);
  }
}

/// Filters of n < 4 weights over one column, or over two where y1 is not null.
TFLM_TRAIN_COLD void DotShort(const Filters& f, const uint32_t* x, int8_t* y0, int8_t* y1) {
  Channels channels(f);
  const int32_t columns = y1 != nullptr ? 2 : 1;
  const int8_t* w = f.w;
  for (int32_t o = 0; o < f.count; ++o, w += f.n) {
    uint32_t weights = 0;
    for (int32_t i = 0; i < f.n; ++i) weights |= uint32_t{static_cast<uint8_t>(w[i])} << 8 * i;
    int32_t a = channels.Bias(), b = a;
    AddFour(weights, x, columns, a);
    if (columns == 2) AddFour(weights, x + 1, columns, b);
    channels.Requantize(o, a, b);
    const uint32_t bytes = channels.Pack(a, b, a, b);
    y0[o] = static_cast<int8_t>(bytes);
    if (columns == 2) y1[o] = static_cast<int8_t>(bytes >> 8);
  }
}

}  // namespace

void Widen(const int8_t* x, int32_t n, int32_t zero, int32_t column, int32_t columns, int16_t* to) {
  auto* words = reinterpret_cast<uint32_t*>(to) + column;
  columns == 1 ? WidenAs<1>(x, n, zero, words) : WidenAs<2>(x, n, zero, words);
}

void DotColumns(const Filters& f, const int16_t* columns, int8_t* y0, int8_t* y1) {
  const auto* x = reinterpret_cast<const uint32_t*>(columns);
  if (f.n < 4) return DotShort(f, x, y0, y1);
  Channels channels(f);
  const int32_t n = f.n, count = f.count;
  const int8_t *w0 = f.w, *w1;
  int32_t o = 0;
  for (; o < count - 1; o += 2, w0 = w1) {
    w1 = w0 + n;
    int32_t a = channels.Bias(), b = a, c = channels.Bias(), d = c;
    AddTwoByTwo(x, n, w0, w1, a, b, c, d);
    channels.Requantize(o, a, b);
    channels.Requantize(o + 1, c, d);
    const uint32_t bytes = channels.Pack(a, c, b, d);
    StoreHalf(bytes, y0 + o);
    StoreHalf(bytes >> 16, y1 + o);
  }
  if (o == count) return;
  w1 = w0;
  int32_t a = channels.Bias(), b = a, c = a, d = a;
  AddTwoByTwo(x, n, w0, w1, a, b, c, d);
  channels.Requantize(o, a, b);
  const uint32_t bytes = channels.Pack(a, b, a, b);
  y0[o] = static_cast<int8_t>(bytes);
  y1[o] = static_cast<int8_t>(bytes >> 8);
}

void DotColumn(const Filters& f, const int16_t* column, int8_t* y) {
  const auto* const begin = reinterpret_cast<const uint32_t*>(column);
  if (f.n < 4) return DotShort(f, begin, y, nullptr);
  Channels channels(f);
  const int32_t n = f.n, count = f.count, overlap = Overlap(n);
  const uintptr_t last_two = reinterpret_cast<uintptr_t>(begin) + 2 * ColumnElements(static_cast<uint32_t>(n)) - 16;
  const int8_t* w0 = f.w;
  int32_t o = 0;
  for (; o < count - 3; o += 4) {
    const uint32_t* x = begin;
    const int8_t *w1 = w0 + n, *w2 = w1 + n, *w3 = w2 + n;
    int32_t a = channels.Bias(), b = channels.Bias(), c = channels.Bias(), d = channels.Bias();
    if (overlap != 0) {
      AddFour(LoadWord(w0), x, 1, a);
      AddFour(LoadWord(w1), x, 1, b);
      AddFour(LoadWord(w2), x, 1, c);
      AddFour(LoadWord(w3), x, 1, d);
      x += 2, w0 += 4 - overlap, w1 += 4 - overlap, w2 += 4 - overlap, w3 += 4 - overlap;
    }
    uint32_t t, u, p, q;
    // its end in memory, as no register is left for a counter
    __asm volatile(
        "b 2f\n"
        "1:\n" TFLM_TRAIN_FOUR_FILTERS TFLM_TRAIN_FOUR_FILTERS
        "2:\n"
        "ldr %[t], %[last_two]\n"
        "cmp %[x], %[t]\n"
        "bls 1b\n"
        "sub %[t], %[x], %[t]\n"
        "cmp %[t], #16\n"
        "beq 3f\n" TFLM_TRAIN_FOUR_FILTERS "3:\n"
        : [x] "+r"(x), [w0] "+r"(w0), [w1] "+r"(w1), [w2] "+r"(w2), [w3] "+r"(w3), [a] "+r"(a), [b] "+r"(b),
          [c] "+r"(c), [d] "+r"(d), [t] "=&r"(t), [u] "=&r"(u), [p] "=&r"(p), [q] "=&r"(q)
        : [last_two] "m"(last_two)
        : "cc", "memory");
    w0 = w3;
    channels.Requantize(o, a);
    channels.Requantize(o + 1, b);
    channels.Requantize(o + 2, c);
    channels.Requantize(o + 3, d);
    StoreWord(channels.Pack(a, b, c, d), y + o);
  }
  for (; o < count; ++o) {
    const uint32_t* x = begin;
    int32_t sum = channels.Bias();
    if (overlap != 0) {
      AddFour(LoadWord(w0), x, 1, sum);
      x += 2, w0 += 4 - overlap;
    }
    for (int32_t left = n >> 2; left > 0; --left, w0 += 4, x += 2) AddFour(LoadWord(w0), x, 1, sum);
    channels.Requantize(o, sum);
    y[o] = static_cast<int8_t>(channels.Pack(sum, sum, sum, sum));
  }
}

}  // namespace cortex_m
}  // namespace s8
}  // namespace fast
}  // namespace tflm_train

#endif  // TFLM_TRAIN_HAS_CORTEX_M_DSP
