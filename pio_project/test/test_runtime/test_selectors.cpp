#include <doctest.h>

#include <limits>
#include <vector>

#include "tflm_train/operators/all_operators.h"
#include "tflm_train/train/operator.h"

using namespace tflm_train;

namespace {

constexpr uint32_t kElements = 8;

/// One layer with keys for all its candidates.
struct Layer {
  LayerRecord record = {};
  float running_maximum = 0.0f;
  std::vector<float> error;  // what the last selection left of it
  uint16_t keys[kElements] = {};
  WorkCounters work;
  TrainingOptions options = {};
  AllOperators selectors;
  bool zero_skip = true;

  Layer() {
    options.ratio = 1.0f;
    options.s_min = 0.1f;
    options.s_max = options.damping = 0.9f;
    options.decay = 0.99f;
    record.candidates = kElements;
    record.max_selected = kElements;
  }
  Selection Select(const float* delta) {
    BackwardContext context = {};
    context.layer = &record;
    context.dense = Selection::Dense(zero_skip);
    context.work = &work;
    context.selector = selectors.Find<Selector>(options.selector);
    context.sink.options = &options;
    context.sink.persistent = reinterpret_cast<uint8_t*>(&running_maximum);
    error.assign(delta, delta + kElements);
    if (!context.Selects(kElements, record.max_selected > 0 ? keys : nullptr)) return context.dense;
    return context.Select(error.data(), error.data(), kElements, keys);
  }
  /// The elements that go on.
  std::vector<uint32_t> Kept(const float* delta) {
    const Selection selection = Select(delta);
    REQUIRE(selection.mode == Selection::Mode::kNonZero);
    std::vector<uint32_t> indices;
    for (uint32_t i = 0; i < kElements; ++i) {
      if (error[i] != 0.0f) indices.push_back(i);
    }
    return indices;
  }
};

using List = std::vector<uint32_t>;

const float kDelta[kElements] = {1.0f, -4.0f, 0.0f, 2.0f, -2.0f, 0.5f, 0.0f, 0.5f};  // Y = 10

}  // namespace

TEST_CASE("dense takes all elements, or all that are not zero") {
  Layer layer;
  CHECK(layer.Select(kDelta).mode == Selection::Mode::kNonZero);
  layer.zero_skip = false;
  CHECK(layer.Select(kDelta).mode == Selection::Mode::kAll);
  CHECK(layer.work.selection == 0);
}

TEST_CASE("static top-k keeps a fixed part") {
  Layer layer;
  layer.options.selector = SelectorId::kStaticTopk;
  layer.options.ratio = 0.4f;  // floor(3.2)
  CHECK(layer.Kept(kDelta) == List{1, 3, 4});
  layer.options.ratio = 0.25f;  // 3 and 4 tie: the lower index
  CHECK(layer.Kept(kDelta) == List{1, 3});
  layer.options.ratio = 0.01f;
  CHECK(layer.Kept(kDelta) == List{1});
  layer.options.ratio = 1.0f;  // zeros are never selected
  CHECK(layer.Kept(kDelta) == List{0, 1, 3, 4, 5, 7});
#if TFLM_TRAIN_COUNTERS
  CHECK(layer.work.selection == 4 * kElements);
#endif
}

TEST_CASE("TinyProp follows the size of the error") {
  Layer layer;
  layer.options.selector = SelectorId::kTinyprop;
  layer.options.s_min = 0.125f;
  layer.options.s_max = 0.625f;
  layer.options.damping = 0.5f;
  layer.options.decay = 0.5f;

  // First sample: Ymax = Y, so S = S_max and k = 5; 5 and 7 tie.
  CHECK(layer.Kept(kDelta) == List{0, 1, 3, 4, 5});
  CHECK(layer.running_maximum == 10.0f);

  // Y = 2.5: Ymax = max(0.5 * 10, 2.5) = 5, S = 0.125 + 0.5 * 0.5 = 0.375, k = 3.
  float quarter[kElements];
  for (uint32_t i = 0; i < kElements; ++i) quarter[i] = kDelta[i] / 4.0f;
  CHECK(layer.Kept(quarter) == List{1, 3, 4});
  CHECK(layer.running_maximum == 5.0f);

  // Y = 0 skips the layer; the maximum decays.
  const float zeros[kElements] = {};
  CHECK(layer.Select(zeros).empty());
  CHECK(layer.running_maximum == 2.5f);

  // Two layers below the loss: Y = 10 is the maximum again, S = 0.625 * 0.25, k = floor(1.25).
  layer.record.distance = 2;
  CHECK(layer.Kept(kDelta) == List{1});
  CHECK(layer.running_maximum == 10.0f);
#if TFLM_TRAIN_COUNTERS
  CHECK(layer.work.selection == 4 * kElements);
#endif
}

TEST_CASE("TinyProp without decay keeps the running maximum") {
  Layer layer;
  layer.options.selector = SelectorId::kTinyprop;
  layer.options.s_max = layer.options.decay = 1.0f;
  layer.options.damping = 0.5f;
  layer.Select(kDelta);
  const float small[kElements] = {0.0f, 0.0f, -1.0f};
  CHECK(layer.Kept(small) == List{2});  // S = 0.1, k = 1
  CHECK(layer.running_maximum == 10.0f);
}

TEST_CASE("an overflowing error keeps all elements and leaves the maximum alone") {
  Layer layer;
  layer.options.selector = SelectorId::kTinyprop;
  layer.Select(kDelta);
  for (float value : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    const float broken[kElements] = {1.0f, value, 2.0f};
    CHECK(layer.Kept(broken) == List{0, 1, 2});
    CHECK(layer.running_maximum == 10.0f);
  }
}

TEST_CASE("the output layer is dense unless told otherwise") {
  Layer layer;
  layer.options.selector = SelectorId::kStaticTopk;
  layer.options.ratio = 0.125f;
  layer.record.flags = kLayerOutput;
  CHECK(layer.Select(kDelta).mode == Selection::Mode::kNonZero);
  CHECK(layer.work.selection == 0);
  layer.options.output_sparse = 1;
  CHECK(layer.Kept(kDelta) == List{1});
}

TEST_CASE("without keys, a layer or a selector all elements go on") {
  Layer layer;
  layer.options.selector = SelectorId::kTinyprop;
  layer.record.max_selected = 0;
  CHECK(layer.Select(kDelta).mode == Selection::Mode::kNonZero);
  BackwardContext context = {};
  CHECK_FALSE(context.Selects(kElements, layer.keys));
}
