#include "tflm_train/model/flatbuffer_walker.h"

namespace tflm_train {

uint32_t FlatbufferWalker::Read(uint32_t position, uint32_t bytes) {
  if (!Contains(position, bytes)) return Fail();
  uint32_t value = 0;
  // byte by byte: a hostile file may be misaligned
  for (uint32_t i = bytes; i > 0; --i) value = value << 8 | data_[position + i - 1];
  return value;
}

uint32_t FlatbufferWalker::Follow(uint32_t position) {
  const uint32_t offset = U32(position);
  return offset != 0 && Contains(position, offset) ? position + offset : Fail();
}

uint32_t FlatbufferWalker::Field(uint32_t table, uint32_t slot) {
  if (table == 0) return 0;
  // A table starts with the signed distance back to its vtable: its own size, the table's size, 16-bit field offsets.
  // Below 0 the difference wraps to a position outside the file.
  const uint32_t vtable = table - U32(table);
  const uint32_t entry = 4 + 2 * slot;
  if (entry + 2 > Read(vtable, 2)) return 0;
  const uint32_t offset = Read(vtable + entry, 2);
  if (offset == 0) return 0;
  return Contains(table, offset) ? table + offset : Fail();
}

uint32_t FlatbufferWalker::NumberField(uint32_t table, uint32_t slot, uint32_t bytes) {
  const uint32_t position = Field(table, slot);
  return position == 0 ? 0 : Read(position, bytes);
}

uint32_t FlatbufferWalker::Reference(uint32_t table, uint32_t slot) {
  const uint32_t position = Field(table, slot);
  return position == 0 ? 0 : Follow(position);
}

uint32_t FlatbufferWalker::VectorField(uint32_t table, uint32_t slot, uint32_t element_bytes) {
  const uint32_t position = Reference(table, slot);
  // An absent vector passes: the count of position 0 is 0, and 0 is returned.
  return Count(position) <= (size_ - position - 4) / element_bytes ? position : Fail();
}

uint32_t FlatbufferWalker::Count(uint32_t vector) { return vector == 0 ? 0 : U32(vector); }

uint32_t FlatbufferWalker::Table(uint32_t tables, uint32_t index) {
  return index < Count(tables) ? Follow(Elements(tables) + 4 * index) : Fail();
}

}  // namespace tflm_train
