#include "tflm_train/model/model_view.h"

#include <cstring>

#include "tflm_train/model/model_slots.h"

namespace tflm_train {
namespace {

constexpr uint32_t kIdentifierPosition = 4;
constexpr uint32_t kIdentifier = 0x334C4654;  // "TFL3"
constexpr uint32_t kSchemaVersion = 3;
constexpr uint32_t kMostDims = 32;

}  // namespace

bool ModelView::Open(const uint8_t* data, uint32_t size) {
  data_ = data;
  size_ = size <= INT32_MAX ? size : 0;
  FlatbufferWalker walker = Walker();
  const uint32_t model = walker.Follow(0);
  codes_ = walker.VectorField(model, model_slot::kOperatorCodes, 4);
  buffers_ = walker.VectorField(model, model_slot::kBuffers, 4);
  const uint32_t subgraphs = walker.VectorField(model, model_slot::kSubgraphs, 4);
  subgraph_ = walker.Table(subgraphs, 0);
  tensors_ = walker.VectorField(subgraph_, subgraph_slot::kTensors, 4);
  operators_ = walker.VectorField(subgraph_, subgraph_slot::kOperators, 4);
  const bool known = walker.U32(kIdentifierPosition) == kIdentifier &&
                     walker.U32Field(model, model_slot::kVersion) == kSchemaVersion && walker.Count(subgraphs) == 1;
  return known && walker.ok();
}

uint32_t ModelView::Count(uint32_t vector) const { return Walker().Count(vector); }

bool ModelView::Tensor(uint32_t index, TensorView* tensor) const {
  FlatbufferWalker walker = Walker();
  const uint32_t table = walker.Table(tensors_, index);
  const uint32_t type = walker.U8Field(table, tensor_slot::kType);
  tensor->type = type < sizeof kTensorTypes ? kTensorTypes[type] : kScalarTypes;
  const uint32_t shape = walker.VectorField(table, tensor_slot::kShape, 4);
  // Many values of a plan may name one tensor: a shape of any length would be walked for each of them.
  if (walker.Count(shape) > kMostDims) return false;
  tensor->elements = 1;
  for (uint32_t i = walker.Count(shape); i > 0; --i) {
    const uint64_t product = uint64_t{tensor->elements} * walker.U32(shape + 4 * i);
    tensor->elements = product <= INT32_MAX ? static_cast<uint32_t>(product) : 0;
  }
  return walker.ok() && TensorData(index, &tensor->data);
}

bool ModelView::Buffer(uint32_t index, FileBytes* bytes) const {
  FlatbufferWalker walker = Walker();
  const uint32_t table = walker.Table(buffers_, index);
  // A 64-bit offset above 1 says that the data lies behind the flatbuffer.
  const uint32_t external = walker.Field(table, buffer_slot::kOffset);
  if (external != 0 && (walker.U32(external) > 1 || walker.U32(external + 4) != 0)) return false;
  const uint32_t data = walker.VectorField(table, buffer_slot::kData, 1);
  *bytes = {data_ + FlatbufferWalker::Elements(data), walker.Count(data)};
  return walker.ok();
}

bool ModelView::TensorData(uint32_t index, FileBytes* bytes) const {
  FlatbufferWalker walker = Walker();
  const uint32_t buffer = walker.U32Field(walker.Table(tensors_, index), tensor_slot::kBuffer);
  return walker.ok() && Buffer(buffer, bytes);
}

Status ModelView::Plan(FileBytes* bytes) const {
  constexpr uint32_t kLength = sizeof kMetadataName - 1;
  FlatbufferWalker walker = Walker();
  const uint32_t entries = walker.VectorField(walker.Follow(0), model_slot::kMetadata, 4);
  const uint32_t count = walker.Count(entries);
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t entry = walker.Table(entries, i);
    const uint32_t name = walker.VectorField(entry, metadata_slot::kName, 1);
    if (walker.Count(name) != kLength ||
        std::memcmp(data_ + FlatbufferWalker::Elements(name), kMetadataName, kLength) != 0) {
      continue;
    }
    const uint32_t buffer = walker.U32Field(entry, metadata_slot::kBuffer);
    return walker.ok() && Buffer(buffer, bytes) ? Status::kOk : Status::kInvalidModel;
  }
  return walker.ok() ? Status::kNoPlan : Status::kInvalidModel;
}

}  // namespace tflm_train
