// A node of a TFLM model, seen as a forward step of a plan.
#ifndef TFLM_TRAIN_TFLM_NODE_STEP_H_
#define TFLM_TRAIN_TFLM_NODE_STEP_H_

#include "tensorflow/lite/c/common.h"
#include "tflm_train/plan/step_view.h"
#include "tflm_train/train/operator.h"

namespace tflm_train {

/// Inputs x, w, b? and output y of a convolution or a fully connected layer, without a workspace, with the step's
/// words. Lives on the stack for one call: nothing of it stays in TFLM's arena.
class NodeStep final : public ProgramView {
 public:
  static constexpr int kInput = 0;
  static constexpr int kWeight = 1;
  static constexpr int kBias = 2;
  static constexpr int kOutput = 3;
  static constexpr uint16_t kMaxArguments = 5;
  static constexpr uint16_t kMaxWords = 8;

  NodeStep() : ProgramView(values_, indices_, words_) {}

  /// `arguments`: of the kernel's step. False if a tensor is missing, not float32, or has too many dimensions.
  bool Read(TfLiteContext* context, const TfLiteNode* node, KernelId kernel, uint16_t arguments) {
    record_ = {};
    record_.kernel = static_cast<uint16_t>(kernel);
    record_.phase = static_cast<uint8_t>(Phase::kForward);
    record_.value_count = static_cast<uint8_t>(arguments);
    record_.layer = kNoneIndex;
    record_.word_begin = arguments;
    for (uint16_t i = 0; i < arguments; ++i) SetAbsent(i);
    if (node->inputs->size < 2 || node->outputs->size != 1) return false;
    const bool has_bias = node->inputs->size > 2 && node->inputs->data[kBias] >= 0;
    return ReadTensor(context, node->inputs->data[kInput], kInput) &&
           ReadTensor(context, node->inputs->data[kWeight], kWeight) &&
           (!has_bias || ReadTensor(context, node->inputs->data[kBias], kBias)) &&
           ReadTensor(context, node->outputs->data[0], kOutput);
  }

  const ValueRecord& value(int argument) const { return values_[argument]; }
  void AddWord(int32_t word) { words_[record_.word_begin + record_.word_count++] = static_cast<uint32_t>(word); }
  StepView View() const { return {record_, *this}; }

 private:
  bool ReadTensor(TfLiteContext* context, int tensor, uint16_t argument) {
    const TfLiteEvalTensor* source = tensor < 0 ? nullptr : context->GetEvalTensor(context, tensor);
    if (source == nullptr || source->type != kTfLiteFloat32 || source->dims->size > kMaxRank) return false;
    ValueRecord& target = values_[argument];
    target = {};
    target.tensor = tensor;
    target.alias = target.quantization = kNoneIndex;
    target.type = static_cast<uint8_t>(ScalarType::kFloat32);
    target.rank = static_cast<uint8_t>(source->dims->size);
    target.bytes = sizeof(float);
    for (int i = 0; i < source->dims->size; ++i) {
      target.dims[i] = source->dims->data[i];
      target.bytes *= static_cast<uint32_t>(source->dims->data[i]);
    }
    data_[argument] = source->data.data;
    indices_[argument] = argument;
    Address(argument) = static_cast<uint32_t>(Base::kFile) << kAddressBits | argument;
    return true;
  }

  void SetAbsent(uint16_t argument) {
    indices_[argument] = kNoneIndex;
    Address(argument) = kNoneAddress;
  }
  uint32_t& Address(uint16_t argument) { return words_[record_.value_count - 1 - argument]; }

  void* File(uint32_t argument) const override { return data_[argument]; }

  StepRecord record_ = {};
  ValueRecord values_[kOutput + 1] = {};
  uint16_t indices_[kMaxArguments] = {};
  uint32_t words_[kMaxArguments + kMaxWords] = {};
  void* data_[kOutput + 1] = {};
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_TFLM_NODE_STEP_H_
