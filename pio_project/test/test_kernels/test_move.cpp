#include "kernel_testing.h"
#include "tflm_train/kernels/gather.h"
#include "tflm_train/kernels/move.h"

using namespace tflm_train;
using namespace tflm_train::testing;

namespace {

uint32_t ElementsOf(const Dims& dims) {
  uint32_t n = 1;
  for (int32_t i = 0; i < dims.rank; ++i) n *= static_cast<uint32_t>(dims.size[i]);
  return n;
}

void Coordinates(const Dims& dims, uint32_t index, int32_t* coordinates) {
  for (int32_t i = dims.rank - 1; i >= 0; --i) {
    coordinates[i] = static_cast<int32_t>(index) % dims.size[i];
    index /= static_cast<uint32_t>(dims.size[i]);
  }
}

uint32_t IndexOf(const Dims& dims, const int32_t* coordinates) {
  uint32_t index = 0;
  for (int32_t i = 0; i < dims.rank; ++i) {
    index = index * static_cast<uint32_t>(dims.size[i]) + static_cast<uint32_t>(coordinates[i]);
  }
  return index;
}

}  // namespace

TEST_CASE("tile: every element at all its places; backward adds them up") {
  const Dims x_dims = {3, {2, 1, 3}}, y_dims = {3, {4, 2, 6}};
  Random random(63);
  const std::vector<float> x = random.Vector<float>(6), dy = random.Vector<float>(48);
  std::vector<float> y(48), expected(48), dx(6, 1.0f), sums(6, 1.0f);
  for (uint32_t i = 0; i < 48; ++i) {
    int32_t at[kMaxRank];
    Coordinates(y_dims, i, at);
    for (int32_t d = 0; d < 3; ++d) at[d] %= x_dims.size[d];
    expected[i] = x[IndexOf(x_dims, at)];
    sums[IndexOf(x_dims, at)] += dy[i];
  }
  TileForward(x_dims, y_dims, x.data(), y.data());
  CHECK(y == expected);
  TileBackward(x_dims, y_dims, dy.data(), dx.data());
  CHECK(SameBits(dx, sums));
}

TEST_CASE("slice: every element from its place, backwards too") {
  const Dims x_dims = {3, {3, 4, 5}};
  const SliceRange ranges[] = {{2, -1, 3}, {1, 2, 2}, {0, 4, 2}};
  Random random(64);
  const std::vector<float> x = random.Vector<float>(60), dy = random.Vector<float>(12);
  std::vector<float> y(12), expected(12), dx(60, 1.0f), expected_dx(60, 1.0f);
  for (uint32_t i = 0; i < 12; ++i) {
    int32_t at[kMaxRank];
    Coordinates({3, {3, 2, 2}}, i, at);
    for (int32_t d = 0; d < 3; ++d) at[d] = ranges[d].begin + at[d] * ranges[d].step;
    expected[i] = x[IndexOf(x_dims, at)];
    expected_dx[IndexOf(x_dims, at)] += dy[i];
  }
  ptrdiff_t offset;
  const StridedWalk walk = SliceWalk(x_dims, ranges, &offset);
  TransposeForward(walk, x.data() + offset, y.data());
  CHECK(y == expected);
  TransposeBackward(walk, dy.data(), true, dx.data() + offset);
  CHECK(SameBits(dx, expected_dx));
}

TEST_CASE("pad: every element at its place, zeros elsewhere; backward takes them back") {
  struct Case {
    Dims x, y;
    int32_t before[kMaxRank];
  };
  const Case cases[] = {
      {{4, {1, 3, 2, 2}}, {4, {1, 5, 4, 2}}, {0, 1, 2, 0}},
      {{1, {4}}, {1, {9}}, {3}},
      {{2, {2, 3}}, {2, {2, 3}}, {0, 0}},
      {{5, {2, 1, 2, 3, 1}}, {5, {3, 2, 2, 4, 3}}, {1, 0, 0, 1, 2}},
      {{3, {2, 2, 3}}, {3, {4, 2, 3}}, {2, 0, 0}},
  };
  Random random(61);
  for (const Case& c : cases) {
    const std::vector<float> x = random.Vector<float>(ElementsOf(c.x)), dy = random.Vector<float>(ElementsOf(c.y));
    const std::vector<float> dx0 = random.Vector<float>(x.size());
    std::vector<float> expected(dy.size(), 2.5f), expected_dx(x.size()), y(dy.size()), dx = dx0, added = dx0;
    for (uint32_t i = 0; i < x.size(); ++i) {
      int32_t at[kMaxRank];
      Coordinates(c.x, i, at);
      for (int32_t d = 0; d < c.x.rank; ++d) at[d] += c.before[d];
      expected[IndexOf(c.y, at)] = x[i];
      expected_dx[i] = dy[IndexOf(c.y, at)];
    }
    ptrdiff_t offset;
    const StridedWalk walk = PadWalk(c.x, c.y, c.before, &offset);
    PadForward(walk, offset, 2.5f, x.data(), static_cast<uint32_t>(y.size()), y.data());
    CHECK(y == expected);
    PadBackward(walk, offset, dy.data(), false, dx.data());
    CHECK(dx == expected_dx);
    PadBackward(walk, offset, dy.data(), true, added.data());
    for (size_t i = 0; i < x.size(); ++i) CHECK(added[i] == dx0[i] + expected_dx[i]);
  }
}

TEST_CASE("transpose: every element at its place; backward takes them back") {
  struct Case {
    Dims x;
    int32_t permutation[kMaxRank];
  };
  const Case cases[] = {
      {{2, {2, 3}}, {1, 0}},
      {{3, {2, 3, 4}}, {2, 0, 1}},
      {{3, {2, 3, 4}}, {0, 2, 1}},
      {{4, {1, 3, 2, 4}}, {0, 3, 1, 2}},
      {{5, {2, 3, 2, 1, 3}}, {4, 2, 0, 3, 1}},
      {{3, {2, 3, 4}}, {0, 1, 2}},
      {{4, {2, 3, 4, 5}}, {2, 3, 0, 1}},
      {{1, {7}}, {0}},
      {{4, {1, 1, 1, 1}}, {3, 2, 1, 0}},
  };
  Random random(63);
  for (const Case& c : cases) {
    Dims y_dims = c.x;
    for (int32_t i = 0; i < c.x.rank; ++i) y_dims.size[i] = c.x.size[c.permutation[i]];
    const std::vector<float> x = random.Vector<float>(ElementsOf(c.x)), dy = random.Vector<float>(x.size());
    const std::vector<float> dx0 = random.Vector<float>(x.size());
    std::vector<float> expected(x.size()), expected_dx(x.size()), y(x.size()), dx = dx0, added = dx0;
    for (uint32_t i = 0; i < x.size(); ++i) {
      int32_t from[kMaxRank], to[kMaxRank];
      Coordinates(c.x, i, from);
      for (int32_t d = 0; d < c.x.rank; ++d) to[d] = from[c.permutation[d]];
      expected[IndexOf(y_dims, to)] = x[i];
      expected_dx[i] = dy[IndexOf(y_dims, to)];
    }
    const StridedWalk walk = TransposeWalk(c.x, c.permutation);
    TransposeForward(walk, x.data(), y.data());
    CHECK(y == expected);
    TransposeBackward(walk, dy.data(), false, dx.data());
    CHECK(dx == expected_dx);
    TransposeBackward(walk, dy.data(), true, added.data());
    for (size_t i = 0; i < x.size(); ++i) CHECK(added[i] == dx0[i] + expected_dx[i]);
  }
}

TEST_CASE("transpose: dimensions that stay together are walked together") {
  const int32_t permutation[] = {2, 3, 0, 1};
  const StridedWalk walk = TransposeWalk({4, {2, 3, 4, 5}}, permutation);
  CHECK(walk.rank == 2);
  CHECK(walk.row_elements() == 6);
  CHECK(BroadcastWalk({4, {1, 2, 3, 4}}, {4, {1, 2, 3, 4}}, {4, {1, 2, 3, 4}}).rank == 1);
  CHECK(BroadcastWalk({4, {1, 2, 3, 4}}, {4, {1, 2, 3, 4}}, {1, {4}}).rank == 2);
}

TEST_CASE("concatenation: small numbers by hand") {
  // [2, 1] and [2, 2] along the last axis
  const std::vector<float> a = {1, 2}, b = {3, 4, 5, 6};
  std::vector<float> y(6);
  const ConcatenationPart first = {2, 1, 3, 0}, second = {2, 2, 3, 1};
  ConcatenationForward(first, a.data(), y.data());
  ConcatenationForward(second, b.data(), y.data());
  CHECK(y == std::vector<float>{1, 3, 4, 2, 5, 6});
  std::vector<float> da = {10, 10}, db = {10, 10, 10, 10};
  ConcatenationBackward(first, y.data(), true, da.data());
  ConcatenationBackward(second, y.data(), false, db.data());
  CHECK(da == std::vector<float>{11, 12});
  CHECK(db == b);
}

TEST_CASE("split: the errors of the parts, absent ones are zero") {
  const ConcatenationPart first = {2, 1, 3, 0}, second = {2, 2, 3, 1};
  const std::vector<float> dy = {1, 2};
  std::vector<float> dx(6, 10.0f), added(6, 10.0f);
  SplitBackward(first, dy.data(), false, dx.data());
  SplitBackward<float>(second, nullptr, false, dx.data());
  CHECK(dx == std::vector<float>{1, 0, 0, 2, 0, 0});
  SplitBackward(first, dy.data(), true, added.data());
  SplitBackward<float>(second, nullptr, true, added.data());
  CHECK(added == std::vector<float>{11, 10, 10, 12, 10, 10});
}

TEST_CASE("gather: rows by indices, the gradient of repeated rows is summed, no row outside the table") {
  const GatherShape s = {4, 3, 20};
  Random random(71);
  const std::vector<int32_t> index = {2, 0, 2, 2};
  std::vector<double> w = random.Vector<double>(60), y(80), dw(60);
  const std::vector<double> r = random.Vector<double>(80);
  const auto loss = [&] {
    GatherForward(s, index.data(), w.data(), y.data());
    return Dot(y, r);
  };
  loss();
  CHECK(y[0] == w[40]);
  CHECK(y[39] == w[19]);
  CHECK(GatherTableGradient(s, index.data(), r.data(), 1.0, dw.data()) == 2);
  CHECK(Measure(dw, FiniteDifferences(w, loss)) <= kTolerance);
  for (size_t i = 20; i < 40; ++i) CHECK(dw[i] == 0);
  const std::vector<int32_t> outside = {3, -1, INT32_MAX, INT32_MIN};
  GatherForward(s, outside.data(), w.data(), y.data());
  CHECK(y == std::vector<double>(80, 0.0));
  const std::vector<double> before = w;
  CHECK(GatherTableGradient(s, outside.data(), r.data(), 1.0, w.data()) == 0);
  CHECK(SameBits(w, before));
}

TEST_CASE("gather: what is added to a row is summed before") {
  const GatherShape s = {3, 1, 1};
  const std::vector<int32_t> index = {0, 0, 0};
  const std::vector<float> dy = {4e-8f, 4e-8f, 4e-8f};  // one alone is rounded away next to 1
  float w = 1;
  GatherTableGradient(s, index.data(), dy.data(), 1.0f, &w);
  CHECK(w > 1);
}

TEST_CASE("copy: writes, adds, and leaves shared memory alone") {
  std::vector<float> x = {1, 2, 3}, y(3);
  CopyForward(x.data(), 3, y.data());
  CHECK(y == x);
  CopyForward(x.data(), 3, x.data());
  CopyBackward(x.data(), 3, false, x.data());
  CHECK(y == x);
  CopyBackward(x.data(), 3, true, y.data());
  CHECK(y == std::vector<float>{2, 4, 6});
  CopyBackward(x.data(), 3, false, y.data());
  CHECK(y == x);
}
