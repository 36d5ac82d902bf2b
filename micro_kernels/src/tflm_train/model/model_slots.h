// Slots of the fields that are read, as TensorFlow Lite's schema numbers them.
#ifndef TFLM_TRAIN_MODEL_MODEL_SLOTS_H_
#define TFLM_TRAIN_MODEL_MODEL_SLOTS_H_

namespace tflm_train {

namespace model_slot {
enum { kVersion, kOperatorCodes, kSubgraphs, kDescription, kBuffers, kMetadataBuffer, kMetadata };
}
namespace subgraph_slot {
enum { kTensors, kInputs, kOutputs, kOperators };
}
namespace tensor_slot {
enum { kShape, kType, kBuffer, kName, kQuantization };
}
namespace operator_slot {
enum { kCode, kInputs, kOutputs, kOptionsType, kOptions };
}
namespace code_slot {
enum { kDeprecatedCode, kCustomCode, kVersion, kCode };
}
namespace buffer_slot {
enum { kData, kOffset, kSize };
}
namespace metadata_slot {
enum { kName, kBuffer };
}

}  // namespace tflm_train

#endif  // TFLM_TRAIN_MODEL_MODEL_SLOTS_H_
