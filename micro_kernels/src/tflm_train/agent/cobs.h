// Consistent overhead byte stuffing: frames without zero bytes, so that a zero separates them.
//
// Cheshire and Baker, "Consistent Overhead Byte Stuffing", IEEE/ACM Transactions on Networking 7(2), 1999.
#ifndef TFLM_TRAIN_AGENT_COBS_H_
#define TFLM_TRAIN_AGENT_COBS_H_

#include <cstddef>
#include <cstdint>

#include "tflm_train/agent/byte_stream.h"

namespace tflm_train {

/// Bytes that `size` bytes take at most when encoded, the separator not included.
constexpr size_t CobsEncodedBytes(size_t size) { return size + size / 254 + 1; }

/// Writes `data` encoded, without a separator.
void CobsWrite(const uint8_t* data, size_t size, ByteStream& stream);

/// Decodes in place. Returns the decoded size, or -1 if the bytes are not an encoding (a code points past the end, or
/// a zero is inside).
ptrdiff_t CobsDecode(uint8_t* data, size_t size);

}  // namespace tflm_train

#endif  // TFLM_TRAIN_AGENT_COBS_H_
