#include "tflm_train/runtime/flatbuffer_walker.h"

namespace tflm_train {

uint32_t FlatbufferWalker::Read(uint32_t position, uint32_t bytes) {
  if (!Contains(position, bytes)) return Fail();
  uint32_t value = 0;
  for (uint32_t i = bytes; i > 0; --i)
    value = value << 8 | data_[position + i - 1];  // a hostile file may be misaligned
  return value;
}

uint32_t FlatbufferWalker::Follow(uint32_t position) {
  const uint32_t offset = U32(position);
  if (!ok_ || offset == 0 || !Contains(position, offset)) return Fail();
  return position + offset;
}

uint32_t FlatbufferWalker::Field(uint32_t table, uint32_t slot) {
  if (table == 0) return 0;
  // A table starts with the signed distance back to its vtable: its own size, the table's size, 16-bit field offsets.
  const int64_t vtable = int64_t{table} - static_cast<int32_t>(U32(table));
  if (!ok_ || vtable < 0 || vtable > size_) return Fail();
  const uint32_t vtable_bytes = Read(static_cast<uint32_t>(vtable), 2);
  const uint32_t entry = 4 + 2 * slot;
  if (entry + 2 > vtable_bytes) return 0;
  const uint32_t offset = Read(static_cast<uint32_t>(vtable) + entry, 2);
  if (offset == 0) return 0;
  return Contains(table, offset) ? table + offset : Fail();
}

uint8_t FlatbufferWalker::U8Field(uint32_t table, uint32_t slot, uint8_t absent) {
  const uint32_t position = Field(table, slot);
  return position == 0 ? absent : U8(position);
}

uint32_t FlatbufferWalker::U32Field(uint32_t table, uint32_t slot, uint32_t absent) {
  const uint32_t position = Field(table, slot);
  return position == 0 ? absent : U32(position);
}

uint32_t FlatbufferWalker::Reference(uint32_t table, uint32_t slot) {
  const uint32_t position = Field(table, slot);
  return position == 0 ? 0 : Follow(position);
}

FlatbufferWalker::Vector FlatbufferWalker::VectorField(uint32_t table, uint32_t slot, uint32_t element_bytes) {
  const uint32_t position = Reference(table, slot);
  if (position == 0) return {};
  const uint32_t count = U32(position);
  if (!ok_ || count > (size_ - position - 4) / element_bytes) {
    Fail();
    return {};
  }
  return {position + 4, count};
}

uint32_t FlatbufferWalker::Table(const Vector& tables, uint32_t index) {
  return index < tables.count ? Follow(tables.begin + 4 * index) : Fail();
}

}  // namespace tflm_train
