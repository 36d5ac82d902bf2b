#include "tflm_train/runtime/model_view.h"

namespace tflm_train {
namespace {

using Vector = FlatbufferWalker::Vector;

// Slots of the fields in TensorFlow Lite's schema.
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

constexpr uint32_t kIdentifierPosition = 4;
constexpr uint32_t kIdentifier = 0x334C4654;  // "TFL3"
constexpr uint32_t kSchemaVersion = 3;

struct TypeOfSchema {
  uint8_t schema;
  ScalarType type;
};
constexpr TypeOfSchema kTypes[] = {
    {0, ScalarType::kFloat32}, {2, ScalarType::kInt32},   {3, ScalarType::kUint8},
    {6, ScalarType::kUint8},  // 6: bool
    {9, ScalarType::kInt8},    {15, ScalarType::kUint32}, {16, ScalarType::kUint16},
};

bool NameIs(FlatbufferWalker& walker, const Vector& text, const char* name) {
  uint32_t i = 0;
  while (i < text.count && name[i] != '\0' && walker.U8(text.begin + i) == static_cast<uint8_t>(name[i])) ++i;
  return i == text.count && name[i] == '\0';
}

}  // namespace

Status ModelView::Open(const uint8_t* data, uint32_t size) {
  *this = ModelView();
  if (size > INT32_MAX) return Status::kInvalidModel;
  FlatbufferWalker walker(data, size);
  if (walker.U32(kIdentifierPosition) != kIdentifier) return Status::kInvalidModel;
  model_ = walker.Follow(0);
  if (walker.U32Field(model_, model_slot::kVersion) != kSchemaVersion) return Status::kInvalidModel;
  codes_ = walker.VectorField(model_, model_slot::kOperatorCodes, 4);
  buffers_ = walker.VectorField(model_, model_slot::kBuffers, 4);
  const Vector subgraphs = walker.VectorField(model_, model_slot::kSubgraphs, 4);
  if (subgraphs.count != 1) return Status::kInvalidModel;
  const uint32_t subgraph = walker.Table(subgraphs, 0);
  tensors_ = walker.VectorField(subgraph, subgraph_slot::kTensors, 4);
  inputs_ = walker.VectorField(subgraph, subgraph_slot::kInputs, 4);
  outputs_ = walker.VectorField(subgraph, subgraph_slot::kOutputs, 4);
  operators_ = walker.VectorField(subgraph, subgraph_slot::kOperators, 4);
  if (!walker.ok()) return Status::kInvalidModel;
  data_ = data;
  size_ = size;
  return Status::kOk;
}

bool ModelView::Tensor(uint32_t index, TensorView* tensor) const {
  FlatbufferWalker walker = Walker();
  const uint32_t table = walker.Table(tensors_, index);
  tensor->type = walker.U8Field(table, tensor_slot::kType);
  tensor->buffer = walker.U32Field(table, tensor_slot::kBuffer);
  tensor->quantization = walker.Reference(table, tensor_slot::kQuantization);
  tensor->shape = walker.VectorField(table, tensor_slot::kShape, 4);
  return walker.ok();
}

bool ModelView::TensorSize(const TensorView& tensor, ScalarType* type, uint32_t* elements) const {
  bool known = false;
  for (const TypeOfSchema& entry : kTypes) {
    if (entry.schema != tensor.type) continue;
    *type = entry.type;
    known = true;
  }
  FlatbufferWalker walker = Walker();
  uint64_t product = 1;
  for (uint32_t i = 0; i < tensor.shape.count; ++i) {
    product *= walker.U32(tensor.shape.begin + 4 * i);
    if (product == 0 || product > INT32_MAX) return false;
  }
  *elements = static_cast<uint32_t>(product);
  return known && walker.ok();
}

bool ModelView::Operator(uint32_t index, OperatorView* op) const {
  FlatbufferWalker walker = Walker();
  const uint32_t table = walker.Table(operators_, index);
  const uint32_t code = walker.Table(codes_, walker.U32Field(table, operator_slot::kCode));
  const auto old_code = static_cast<int8_t>(walker.U8Field(code, code_slot::kDeprecatedCode));
  const auto new_code = static_cast<int32_t>(walker.U32Field(code, code_slot::kCode));
  op->builtin_code = static_cast<uint32_t>(new_code > old_code ? new_code : old_code);
  op->inputs = walker.VectorField(table, operator_slot::kInputs, 4);
  op->outputs = walker.VectorField(table, operator_slot::kOutputs, 4);
  op->options_type = walker.U8Field(table, operator_slot::kOptionsType);
  op->options = walker.Reference(table, operator_slot::kOptions);
  return walker.ok();
}

bool ModelView::Buffer(uint32_t index, FileBytes* bytes) const {
  FlatbufferWalker walker = Walker();
  const uint32_t table = walker.Table(buffers_, index);
  // A 64-bit offset above 1 says that the data lies behind the flatbuffer.
  const uint32_t external = walker.Field(table, buffer_slot::kOffset);
  if (external != 0 && (walker.U32(external) > 1 || walker.U32(external + 4) != 0)) return false;
  const Vector data = walker.VectorField(table, buffer_slot::kData, 1);
  *bytes = {data_ + data.begin, data.count};
  return walker.ok();
}

bool ModelView::TensorData(uint32_t index, FileBytes* bytes) const {
  TensorView tensor;
  return Tensor(index, &tensor) && Buffer(tensor.buffer, bytes);
}

Status ModelView::Metadata(const char* name, FileBytes* bytes) const {
  FlatbufferWalker walker = Walker();
  const Vector entries = walker.VectorField(model_, model_slot::kMetadata, 4);
  for (uint32_t i = 0; i < entries.count && walker.ok(); ++i) {
    const uint32_t entry = walker.Table(entries, i);
    if (!NameIs(walker, walker.VectorField(entry, metadata_slot::kName, 1), name)) continue;
    const uint32_t buffer = walker.U32Field(entry, metadata_slot::kBuffer);
    return walker.ok() && Buffer(buffer, bytes) ? Status::kOk : Status::kInvalidModel;
  }
  return walker.ok() ? Status::kNoPlan : Status::kInvalidModel;
}

}  // namespace tflm_train
