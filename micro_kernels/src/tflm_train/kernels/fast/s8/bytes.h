// Runs of bytes that lie anywhere, copied without a call.
#ifndef TFLM_TRAIN_KERNELS_FAST_S8_BYTES_H_
#define TFLM_TRAIN_KERNELS_FAST_S8_BYTES_H_

#include <cstdint>
#include <cstring>

namespace tflm_train {
namespace fast {
namespace s8 {

inline void CopyWord(const int8_t* from, int8_t* to) {
  uint32_t word;
  std::memcpy(&word, from, sizeof word);
  std::memcpy(to, &word, sizeof word);
}

/// No overlap. The last word may be copied over a part of the one before it.
inline void CopyBytes(const int8_t* from, int8_t* to, int32_t n) {
  if (n < 4) {
    for (; n > 0; --n) *to++ = *from++;
    return;
  }
  for (; n >= 16; n -= 16, from += 16, to += 16) {
    CopyWord(from, to);
    CopyWord(from + 4, to + 4);
    CopyWord(from + 8, to + 8);
    CopyWord(from + 12, to + 12);
  }
  if (n == 0) return;
  const int8_t* const last = from + n - 4;
  for (; from < last; from += 4, to += 4) CopyWord(from, to);
  CopyWord(last, to + (last - from));
}

/// `words` words of four equal bytes.
inline void FillWords(int8_t value, int8_t* to, int32_t words) {
  const uint32_t word = static_cast<uint8_t>(value) * 0x1010101u;
  for (; words > 0; --words, to += 4) std::memcpy(to, &word, sizeof word);
}

}  // namespace s8
}  // namespace fast
}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_FAST_S8_BYTES_H_
