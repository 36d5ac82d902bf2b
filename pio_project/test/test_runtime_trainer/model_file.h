// Builds a .tflite file by hand, for tests that need to break one.
#ifndef TFLM_TRAIN_TEST_MODEL_FILE_H_
#define TFLM_TRAIN_TEST_MODEL_FILE_H_

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace tflm_train {

/// Memory that starts on 16 bytes and ends where it says.
class AlignedMemory {
 public:
  explicit AlignedMemory(size_t size) : storage_(size + 16), size_(size) {}
  AlignedMemory(const AlignedMemory&) = delete;
  AlignedMemory& operator=(const AlignedMemory&) = delete;
  uint8_t* data() {
    // The end, not the start, meets the end of the storage: a sanitizer sees a write behind the memory.
    const auto end = reinterpret_cast<uintptr_t>(storage_.data() + storage_.size());
    return reinterpret_cast<uint8_t*>((end - size_) & ~uintptr_t{15});
  }
  size_t size() const { return size_; }

 private:
  std::vector<uint8_t> storage_;
  size_t size_;
};

struct TensorSpec {
  std::vector<int32_t> shape;
  uint32_t buffer;
  uint32_t type = 0;  // of the schema: float32
};

struct OperatorSpec {
  uint8_t code;
  std::vector<int32_t> inputs, outputs;
  uint8_t options_type;
};

/// A flatbuffer written front to back: offsets are filled in when their targets are written.
class FlatWriter {
 public:
  std::vector<uint8_t> bytes;

  uint32_t U32(uint32_t value) {
    const uint32_t position = Position();
    for (int i = 0; i < 4; ++i) bytes.push_back(static_cast<uint8_t>(value >> (8 * i)));
    return position;
  }
  void Patch(uint32_t position, uint32_t value) {
    for (uint32_t i = 0; i < 4; ++i) bytes[position + i] = static_cast<uint8_t>(value >> (8 * i));
  }
  /// The offset stored at `position` leads to what is written next.
  void Link(uint32_t position) { Patch(position, Position() - position); }
  uint32_t Position() const { return static_cast<uint32_t>(bytes.size()); }
  void Align(uint32_t alignment, uint32_t ahead = 0) {
    while ((Position() + ahead) % alignment != 0) bytes.push_back(0);
  }

  /// A table with 4 bytes for each of `slots`; returns the positions of its fields.
  std::vector<uint32_t> Table(uint32_t link, const std::vector<uint32_t>& slots) {
    const uint32_t count = slots.empty() ? 0 : slots.back() + 1;
    Align(4);
    const uint32_t vtable = Position();
    std::vector<uint16_t> entries(2 + count);
    entries[0] = static_cast<uint16_t>(2 * entries.size());
    entries[1] = static_cast<uint16_t>(4 + 4 * slots.size());
    for (size_t i = 0; i < slots.size(); ++i) entries[2 + slots[i]] = static_cast<uint16_t>(4 + 4 * i);
    for (uint16_t entry : entries) {
      bytes.push_back(static_cast<uint8_t>(entry));
      bytes.push_back(static_cast<uint8_t>(entry >> 8));
    }
    Align(4);
    Link(link);
    U32(Position() - vtable);
    std::vector<uint32_t> fields;
    for (size_t i = 0; i < slots.size(); ++i) fields.push_back(U32(0));
    return fields;
  }
  void Vector(uint32_t link, const std::vector<int32_t>& values) {
    Align(4);
    Link(link);
    U32(static_cast<uint32_t>(values.size()));
    for (int32_t value : values) U32(static_cast<uint32_t>(value));
  }
  void Bytes(uint32_t link, const void* data, size_t size, uint32_t alignment) {
    Align(alignment, 4);
    Link(link);
    U32(static_cast<uint32_t>(size));
    const auto* begin = static_cast<const uint8_t*>(data);
    bytes.insert(bytes.end(), begin, begin + size);
  }
  /// Returns the positions of the offsets to `count` tables.
  std::vector<uint32_t> Offsets(uint32_t link, size_t count) {
    Align(4);
    Link(link);
    U32(static_cast<uint32_t>(count));
    std::vector<uint32_t> positions;
    for (size_t i = 0; i < count; ++i) positions.push_back(U32(0));
    return positions;
  }
};

/// What a test may change before the file is written.
struct ModelFile {
  std::vector<TensorSpec> tensors;
  std::vector<OperatorSpec> operators;
  std::vector<int32_t> inputs, outputs;
  std::vector<std::vector<uint8_t>> buffers;
  std::string metadata_name = "TFLM_TRAIN";
  uint32_t metadata_buffer = 0;
  uint32_t version = 3;
  uint32_t subgraphs = 1;
  uint32_t external_offset = 0;  // written into every buffer if not 0

  std::vector<uint8_t> Write() const {
    FlatWriter w;
    w.U32(0);
    w.bytes.insert(w.bytes.end(), {'T', 'F', 'L', '3'});
    const auto model = w.Table(0, {0, 1, 2, 4, 6});
    w.Patch(model[0], version);
    const auto codes = w.Offsets(model[1], operators.size());
    for (size_t i = 0; i < operators.size(); ++i) {
      const auto code = w.Table(codes[i], {0, 3});
      w.Patch(code[0], operators[i].code);
      w.Patch(code[1], operators[i].code);
    }
    const auto graphs = w.Offsets(model[2], subgraphs);
    for (uint32_t link : graphs) WriteSubgraph(&w, link);
    const auto data = w.Offsets(model[3], buffers.size());
    for (size_t i = 0; i < buffers.size(); ++i) {
      const bool has_data = !buffers[i].empty();
      const auto buffer =
          w.Table(data[i], external_offset == 0 ? std::vector<uint32_t>{0} : std::vector<uint32_t>{0, 1, 2});
      if (external_offset != 0) {
        w.Patch(buffer[1], external_offset);
        w.Patch(buffer[2], 0);
      }
      w.Bytes(buffer[0], has_data ? buffers[i].data() : nullptr, buffers[i].size(), 16);
    }
    const auto entries = w.Offsets(model[4], 1);
    const auto entry = w.Table(entries[0], {0, 1});
    w.Patch(entry[1], metadata_buffer);
    w.Bytes(entry[0], metadata_name.data(), metadata_name.size(), 4);
    w.Align(16);
    return w.bytes;
  }

 private:
  void WriteSubgraph(FlatWriter* w, uint32_t link) const {
    const auto graph = w->Table(link, {0, 1, 2, 3});
    const auto tables = w->Offsets(graph[0], tensors.size());
    for (size_t i = 0; i < tensors.size(); ++i) {
      const auto tensor = w->Table(tables[i], {0, 1, 2});
      w->Patch(tensor[1], tensors[i].type);
      w->Patch(tensor[2], tensors[i].buffer);
      w->Vector(tensor[0], tensors[i].shape);
    }
    w->Vector(graph[1], inputs);
    w->Vector(graph[2], outputs);
    const auto nodes = w->Offsets(graph[3], operators.size());
    for (size_t i = 0; i < operators.size(); ++i) {
      const auto node = w->Table(nodes[i], {0, 1, 2, 3, 4});
      w->Patch(node[0], static_cast<uint32_t>(i));
      w->Patch(node[3], operators[i].options_type);
      w->Vector(node[1], operators[i].inputs);
      w->Vector(node[2], operators[i].outputs);
      w->Table(node[4], {});
    }
  }
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_TEST_MODEL_FILE_H_
