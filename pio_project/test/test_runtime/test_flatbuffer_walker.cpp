#include <doctest.h>

#include <cstring>
#include <random>
#include <vector>

#include "tflm_train/model/flatbuffer_walker.h"
#include "tflm_train/model/model_view.h"
#include "tflm_train/plan/fingerprint.h"

using namespace tflm_train;

namespace {

// Root offset; vtable of 8 bytes: fields 0 and 1; table at 16: back 8 to the vtable, number 7, vector at +8 from here.
const uint8_t kTable[] = {
    16, 0, 0,  0, 'T', 'E', 'S', 'T',              //  0
    8,  0, 12, 0, 4,   0,   8,   0,                //  8: vtable
    8,  0, 0,  0, 7,   0,   0,   0,   4, 0, 0, 0,  // 16: table
    3,  0, 0,  0, 10,  20,  30,  0,                // 28: vector of 3
};

/// Calls everything that reads a model.
void ReadAll(const std::vector<uint8_t>& bytes) {
  ModelView model;
  if (!model.Open(bytes.data(), static_cast<uint32_t>(bytes.size()))) return;
  for (uint32_t i = 0; i < 8; ++i) {
    TensorView tensor;
    FileBytes data;
    if (model.Tensor(i, &tensor)) CHECK(tensor.elements <= INT32_MAX);
    if (model.Buffer(i, &data) && data.size > 0) {
      CHECK(data.data >= bytes.data());
      CHECK(data.data + data.size <= bytes.data() + bytes.size());
    }
    static_cast<void>(model.TensorData(i, &data));
  }
  FileBytes plan;
  static_cast<void>(model.Plan(&plan));
  uint32_t crc;
  static_cast<void>(Fingerprint(model, nullptr, 0, &crc));
}

}  // namespace

TEST_CASE("the walker reads tables, fields and vectors") {
  FlatbufferWalker walker(kTable, sizeof kTable);
  const uint32_t table = walker.Follow(0);
  CHECK(table == 16);
  CHECK(walker.U32Field(table, 0) == 7);
  CHECK(walker.U8Field(table, 0) == 7);
  CHECK(walker.U32Field(table, 5) == 0);
  const uint32_t vector = walker.VectorField(table, 1, 1);
  CHECK(vector == 28);
  CHECK(walker.Count(vector) == 3);
  CHECK(FlatbufferWalker::Elements(vector) == 32);
  CHECK(walker.Read(FlatbufferWalker::Elements(vector) + 2, 1) == 30);
  CHECK(walker.ok());
  CHECK(walker.Field(0, 3) == 0);  // an absent table
  CHECK(walker.VectorField(table, 5, 1) == 0);
  CHECK(walker.Count(0) == 0);
  CHECK(walker.ok());
}

TEST_CASE("the walker refuses what lies outside") {
  const auto size = static_cast<uint32_t>(sizeof kTable);
  const auto fails = [](FlatbufferWalker walker, auto read) {
    static_cast<void>(read(walker));
    return !walker.ok();
  };
  CHECK(fails({kTable, size}, [=](FlatbufferWalker& w) { return w.U32(size - 3); }));
  CHECK(fails({kTable, size}, [=](FlatbufferWalker& w) { return w.Read(size, 1); }));
  CHECK(fails({kTable, size}, [=](FlatbufferWalker& w) { return w.U32(0xFFFFFFFEu); }));
  CHECK(fails({kTable, 12}, [](FlatbufferWalker& w) { return w.Follow(0); }));
  CHECK(fails({kTable, size}, [](FlatbufferWalker& w) { return w.VectorField(16, 1, 4); }));
  CHECK(fails({kTable, 34}, [](FlatbufferWalker& w) { return w.VectorField(16, 1, 1); }));
  CHECK(fails({kTable, size}, [](FlatbufferWalker& w) { return w.Table(28, 3); }));
  uint8_t back[sizeof kTable];
  std::memcpy(back, kTable, sizeof kTable);
  back[16] = 200;  // the vtable would lie in front of the file
  CHECK(fails({back, size}, [](FlatbufferWalker& w) { return w.Field(16, 0); }));
}

TEST_CASE("garbage of any length is no model and no bad access") {
  std::mt19937 random(3);
  for (int trial = 0; trial < 2000; ++trial) {
    std::vector<uint8_t> bytes(random() % 300);
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random() % (trial % 2 == 0 ? 256 : 24));
    if (bytes.size() > 8) std::memcpy(bytes.data() + 4, "TFL3", 4);
    ReadAll(bytes);
  }
}
