// The numbers of the device protocol (docs/protocol.md): append only.
#ifndef TFLM_TRAIN_AGENT_PROTOCOL_H_
#define TFLM_TRAIN_AGENT_PROTOCOL_H_

#include <cstddef>
#include <cstdint>

namespace tflm_train {

inline constexpr uint8_t kProtocolVersion = 2;
inline constexpr uint8_t kReplyFlag = 0x80;
inline constexpr size_t kFrameHeaderBytes = 8;
inline constexpr size_t kFrameCrcBytes = 4;
inline constexpr size_t kMinFramePayload = 128;  // what every device takes and gives

enum class Command : uint8_t {
  kHello = 0x01,
  kDescribe = 0x02,
  kStatusText = 0x03,
  kLoadBegin = 0x10,
  kLoadData = 0x11,
  kLoadEnd = 0x12,
  kUseBuiltIn = 0x13,
  kStage = 0x20,
  kStep = 0x21,
  kEvaluate = 0x22,
  kInfer = 0x23,
  kReadOutput = 0x24,
  kFlush = 0x25,
  kReset = 0x26,
  kSchedule = 0x27,
  kNextEpoch = 0x28,
  kRemember = 0x29,
  kReplay = 0x2A,
  kDraw = 0x2B,
  kForget = 0x2C,
  kMeasure = 0x2D,
  kJudge = 0x2E,
  kAlign = 0x2F,
  kParameter = 0x30,
  kReadParameter = 0x31,
  kWriteParameter = 0x32,
  kReadState = 0x33,
  kWriteState = 0x34,
  kCounters = 0x40,
  kResetCounters = 0x41,
  kOptions = 0x42,
  kSetOptions = 0x43,
  kTeach = 0x50,
};

/// Status byte of a reply: below 128 the library's Status, else one of these.
enum class ProtocolStatus : uint8_t {
  kUnknownCommand = 128,
  kBadLength = 129,     // the payload does not have the command's form
  kOutOfOrder = 130,    // not the next sequence number: not executed
  kNoModel = 131,       // the command needs a loaded model
  kNoMemory = 132,      // the device has not enough memory
  kModelDamaged = 133,  // the loaded bytes do not have the announced checksum
  kOutOfRange = 134,    // an index or offset
  kVersion = 135,       // the frame is of another protocol version
};

enum HelloFlags : uint32_t {
  kCountsWork = 1,
  kCountsInstructions = 2,
  kParityBuild = 4,
  kHasBuiltInModel = 8,
};

enum class LabelKind : uint8_t { kNone = 0, kClass = 1, kVector = 2, kClasses = 3 };
/// Optional fields of a sample, as a sum, in the order in which they follow.
enum SampleFields : uint16_t { kHasWeight = 1, kHasNumber = 2 };
/// What became of a sample, as a sum.
enum StepFlags : uint32_t { kTrained = 1, kClipped = 2 };
enum class SampleSource : uint8_t { kInline = 0, kStaged = 1 };
enum class AlignAction : uint8_t { kForget = 0, kAccept = 1 };
enum class Programs : uint8_t { kWhole = 0, kFromCut = 1 };

}  // namespace tflm_train

#endif  // TFLM_TRAIN_AGENT_PROTOCOL_H_
