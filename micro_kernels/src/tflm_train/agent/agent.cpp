// Frames, sequence numbers and the table of commands.
#include "tflm_train/agent/agent.h"

namespace tflm_train {

namespace {

constexpr size_t kAlignBytes = kAlignment;

size_t RoundUp(size_t bytes) { return (bytes + kAlignBytes - 1) / kAlignBytes * kAlignBytes; }

}  // namespace

uint8_t* Agent::Memory::Take(size_t bytes) {
  if (bytes > size || RoundUp(bytes) > size) return nullptr;
  uint8_t* taken = begin;
  begin += RoundUp(bytes);
  size -= RoundUp(bytes);
  return taken;
}

uint8_t* Agent::Memory::TakeLast(size_t bytes) {
  if (bytes > size || RoundUp(bytes) > size) return nullptr;
  size -= RoundUp(bytes);
  return begin + size;
}

Status Agent::Init(const AgentConfig& config) {
  if (config.name == nullptr || config.stream == nullptr || config.operators == nullptr || config.memory == nullptr ||
      config.frame_payload < kMinFramePayload || config.frame_payload % kAlignBytes != 0) {
    return Status::kInvalidArgument;
  }
  config_ = config;
  uint8_t* begin = static_cast<uint8_t*>(config.memory);
  const size_t gap = (kAlignBytes - reinterpret_cast<uintptr_t>(begin) % kAlignBytes) % kAlignBytes;
  if (config.memory_bytes < gap) return Status::kInvalidArgument;
  pool_ = {begin + gap, (config.memory_bytes - gap) / kAlignBytes * kAlignBytes};
  uint8_t* received = pool_.Take(EncodedFrameBytes(config.frame_payload));
  reply_buffer_ = pool_.Take(FrameBytes(config.frame_payload));
  if (received == nullptr || reply_buffer_ == nullptr) return Status::kInvalidArgument;
  reader_ = FrameReader(received, EncodedFrameBytes(config.frame_payload));
  Unload();
  return Status::kOk;
}

bool Agent::Poll() {
  uint8_t bytes[64];
  const int32_t count = config_.stream->Read(bytes, sizeof bytes);
  if (count == ByteStream::kClosed) return false;
  for (int32_t i = 0; i < count; ++i) {
    Frame request;
    if (reader_.Push(bytes[i], &request) && (request.command & kReplyFlag) == 0) Answer(request);
  }
  return true;
}

void Agent::Answer(const Frame& request) {
  const bool repeated = in_session_ && request.sequence == last_sequence_ && request.crc == last_crc_;
  if (repeated) {
    ResendFrame(reply_buffer_, reply_.size(), *config_.stream);
    return;
  }
  const bool hello = request.command == static_cast<uint8_t>(Command::kHello);
  const bool right_version = request.version == kProtocolVersion;
  if (!right_version || (!hello && (!in_session_ || request.sequence != last_sequence_ + 1))) {
    // a frame of its own: the cached reply must stay
    uint8_t refusal[FrameBytes(0)];
    const ProtocolStatus status = right_version ? ProtocolStatus::kOutOfOrder : ProtocolStatus::kVersion;
    SendFrame(refusal, request.command | kReplyFlag, static_cast<uint16_t>(status), request.sequence, 0,
              *config_.stream);
    return;
  }
  in_session_ = true;
  last_sequence_ = request.sequence;
  last_crc_ = request.crc;
  status_ = 0;
  reply_ = PayloadWriter(reply_buffer_ + kFrameHeaderBytes, config_.frame_payload);
  PayloadReader payload(request.payload, request.payload_size);
  Execute(static_cast<Command>(request.command), payload);
  SendFrame(reply_buffer_, request.command | kReplyFlag, status_, request.sequence, reply_.size(), *config_.stream);
}

void Agent::Execute(Command command, PayloadReader& request) {
  switch (command) {
    case Command::kHello:
      return Hello(request);
    case Command::kStatusText:
      return StatusSentence(request);
    case Command::kLoadBegin:
      return LoadBegin(request);
    case Command::kLoadData:
      return LoadData(request);
    case Command::kLoadEnd:
      return LoadEnd(request);
    case Command::kUseBuiltIn:
      return UseBuiltIn(request);
    case Command::kDescribe:
    case Command::kStage:
    case Command::kStep:
    case Command::kEvaluate:
    case Command::kInfer:
    case Command::kReadOutput:
    case Command::kFlush:
    case Command::kReset:
    case Command::kSchedule:
    case Command::kNextEpoch:
    case Command::kRemember:
    case Command::kReplay:
    case Command::kDraw:
    case Command::kForget:
    case Command::kMeasure:
    case Command::kJudge:
    case Command::kAlign:
    case Command::kTeach:
    case Command::kParameter:
    case Command::kReadParameter:
    case Command::kWriteParameter:
    case Command::kReadState:
    case Command::kWriteState:
    case Command::kCounters:
    case Command::kResetCounters:
    case Command::kOptions:
    case Command::kSetOptions:
      if (!loaded_) return Fail(ProtocolStatus::kNoModel);
      return ExecuteLoaded(command, request);
  }
  Fail(ProtocolStatus::kUnknownCommand);
}

void Agent::ExecuteLoaded(Command command, PayloadReader& request) {
  switch (command) {
    case Command::kDescribe:
      return Describe(request);
    case Command::kStage:
      return Stage(request);
    case Command::kStep:
      return Step(request);
    case Command::kEvaluate:
      return Evaluate(request);
    case Command::kInfer:
      return Infer(request);
    case Command::kReadOutput:
      return ReadOutput(request);
    case Command::kFlush:
      return Flush(request);
    case Command::kReset:
      return Reset(request);
    case Command::kSchedule:
      return Schedule(request);
    case Command::kNextEpoch:
      return NextEpoch(request);
    case Command::kRemember:
      return Remember(request);
    case Command::kReplay:
      return Replay(request);
    case Command::kDraw:
      return Draw(request);
    case Command::kForget:
      return Forget(request);
    case Command::kMeasure:
      return Measure(request);
    case Command::kJudge:
      return Judge(request);
    case Command::kAlign:
      return Align(request);
    case Command::kTeach:
      return Teach(request);
    case Command::kParameter:
      return Parameter(request);
    case Command::kReadParameter:
      return ReadParameter(request);
    case Command::kWriteParameter:
      return WriteParameter(request);
    case Command::kReadState:
      return ReadState(request);
    case Command::kWriteState:
      return WriteState(request);
    case Command::kCounters:
      return Counters(request);
    case Command::kResetCounters:
      return ResetCounters(request);
    case Command::kOptions:
      return Options(request);
    case Command::kSetOptions:
      return SetOptions(request);
    default:
      return;
  }
}

bool Agent::Complete(const PayloadReader& request) {
  if (request.Complete()) return true;
  Fail(ProtocolStatus::kBadLength);
  return false;
}

void Agent::ReplyPart(const void* memory, uint32_t bytes, uint32_t offset, uint32_t count) {
  if (memory == nullptr || offset > bytes || count > bytes - offset || count > reply_.room()) {
    return Fail(ProtocolStatus::kOutOfRange);
  }
  // numbers travel as they lie in memory: every target is little-endian
  reply_.Bytes(static_cast<const uint8_t*>(memory) + offset, count);
}

}  // namespace tflm_train
