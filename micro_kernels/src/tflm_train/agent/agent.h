// Serves the device protocol: a PC loads a model, trains it sample by sample and reads the weights back.
#ifndef TFLM_TRAIN_AGENT_AGENT_H_
#define TFLM_TRAIN_AGENT_AGENT_H_

#include <cstddef>
#include <cstdint>

#include "tflm_train/agent/byte_stream.h"
#include "tflm_train/agent/frame.h"
#include "tflm_train/agent/payload.h"
#include "tflm_train/agent/protocol.h"
#include "tflm_train/agent/step_meter.h"
#include "tflm_train/train/alignment.h"
#include "tflm_train/train/class_teacher.h"
#include "tflm_train/train/latent_replay.h"
#include "tflm_train/train/remembered_loss.h"
#include "tflm_train/train/trainer.h"

namespace tflm_train {

/// What an agent is made of.
struct AgentConfig {
  const char* name;  // of the device, for people
  ByteStream* stream;
  const OperatorSet* operators;
  void* memory;  // for frames, a loaded model, its arena and staged samples
  size_t memory_bytes;
  size_t frame_payload;         // longest payload either way, a multiple of 16 and at least kMinFramePayload
  const void* model = nullptr;  // compiled in, may be null
  size_t model_bytes = 0;
  StepMeter* meter = nullptr;  // may be null
};

/// Executes every request once: a repeated sequence number gets the reply of the first time, any other number that is
/// not the next one is refused.
class Agent {
 public:
  /// kInvalidArgument: a null pointer, or memory too small for two frames.
  Status Init(const AgentConfig& config);
  /// Reads what the stream has and answers whole frames. False when the stream is closed.
  bool Poll();

 private:
  /// Ranges of the memory, each aligned to 16.
  struct Memory {
    uint8_t* begin;
    size_t size;
    /// Takes `bytes` off the front; null if there are not so many.
    uint8_t* Take(size_t bytes);
    /// The same off the back.
    uint8_t* TakeLast(size_t bytes);
  };
  /// A sample of a request.
  struct Sample {
    const float* input;
    Label label;
    float weight;
    uint32_t number;  // in the schedule, kNoneOffset: in none
  };

  void Answer(const Frame& request);
  void Execute(Command command, PayloadReader& request);
  void ExecuteLoaded(Command command, PayloadReader& request);

  // The commands: each reads its payload and fills in the reply's status and payload.
  void Hello(PayloadReader& request);
  void Describe(PayloadReader& request);
  void StatusSentence(PayloadReader& request);
  void LoadBegin(PayloadReader& request);
  void LoadData(PayloadReader& request);
  void LoadEnd(PayloadReader& request);
  void UseBuiltIn(PayloadReader& request);
  void Stage(PayloadReader& request);
  void Step(PayloadReader& request);
  void Evaluate(PayloadReader& request);
  void Infer(PayloadReader& request);
  void ReadOutput(PayloadReader& request);
  void Flush(PayloadReader& request);
  void Reset(PayloadReader& request);
  void Schedule(PayloadReader& request);
  void NextEpoch(PayloadReader& request);
  void Remember(PayloadReader& request);
  void Replay(PayloadReader& request);
  void Draw(PayloadReader& request);
  void Forget(PayloadReader& request);
  void Measure(PayloadReader& request);
  void Judge(PayloadReader& request);
  void Align(PayloadReader& request);
  void Teach(PayloadReader& request);
  void Parameter(PayloadReader& request);
  void ReadParameter(PayloadReader& request);
  void WriteParameter(PayloadReader& request);
  void ReadState(PayloadReader& request);
  void WriteState(PayloadReader& request);
  void Counters(PayloadReader& request);
  void ResetCounters(PayloadReader& request);
  void Options(PayloadReader& request);
  void SetOptions(PayloadReader& request);

  /// What a request says of the trainer that it starts.
  struct Wanted {
    explicit Wanted(PayloadReader& request) : arena_bytes(request.U32()), programs(request.U32()) {}
    uint32_t arena_bytes;
    uint32_t programs;
  };
  void Start(const void* model, size_t model_bytes, const Wanted& wanted, Memory memory);
  void RefuseModel(tflm_train::Status status);
  void Unload();
  void EndSchedule();
  bool ReadSample(PayloadReader& request, bool labelled, uint16_t fields, Sample* sample);
  uint8_t* StagingArea();
  uint32_t InputBytes() const { return ScalarBytes(trainer_.input_type(), trainer_.input_elements()); }
  uint32_t OutputBytes() const { return ScalarBytes(trainer_.output_type(), trainer_.output_elements()); }
  /// Bytes [offset, offset + count) of `bytes`, or kOutOfRange.
  void ReplyPart(const void* memory, uint32_t bytes, uint32_t offset, uint32_t count);
  void ReplyResult(tflm_train::Status status, const StepResult& result);
  void ReplyStep(tflm_train::Status status, const StepResult& result, uint32_t number, float weight);
  bool Complete(const PayloadReader& request);

  void Fail(ProtocolStatus status) { status_ = static_cast<uint8_t>(status); }
  void SetStatus(tflm_train::Status status) { status_ = static_cast<uint8_t>(status); }

  AgentConfig config_ = {};
  FrameReader reader_;
  uint8_t* reply_buffer_ = nullptr;
  PayloadWriter reply_{nullptr, 0};
  uint8_t status_ = 0;

  // The latest executed request; its reply stands in reply_buffer_.
  bool in_session_ = false;
  uint32_t last_sequence_ = 0;
  uint32_t last_crc_ = 0;

  Memory pool_ = {};   // what frames leave
  Memory spare_ = {};  // what model and arena leave
  uint8_t* loading_ = nullptr;
  uint32_t loading_bytes_ = 0;
  uint32_t loading_crc_ = 0;

  Trainer trainer_;
  bool loaded_ = false;
  uint32_t model_bytes_ = 0;
  uint32_t model_crc_ = 0;
  uint32_t arena_bytes_ = 0;
  uint32_t steps_ = 0;
  uint8_t* staging_ = nullptr;  // inputs, then a label vector
  LatentReplay replay_;
  Alignment alignment_;
  ClassTeacher teacher_;
  RememberedLoss schedule_;
  size_t schedule_bytes_ = 0;      // behind those of spare_
  const float* output_ = nullptr;  // of the latest Infer
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_AGENT_AGENT_H_
