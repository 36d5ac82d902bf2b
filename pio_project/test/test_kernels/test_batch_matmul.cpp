#include "kernel_testing.h"
#include "tflm_train/kernels/batch_matmul.h"

using namespace tflm_train;
using namespace tflm_train::testing;

namespace {

struct Case {
  Dims batches_y, batches_a, batches_b;
};

size_t Elements(const Dims& dims) {
  size_t n = 1;
  for (int32_t i = 0; i < dims.rank; ++i) n *= static_cast<size_t>(dims.size[i]);
  return n;
}

}  // namespace

TEST_CASE("batch matmul: small numbers by hand") {
  const MatMulShape s = {2, 1, 2, false, false};
  const StridedWalk one = BroadcastWalk({1, {1}}, {1, {1}}, {1, {1}});
  const std::vector<float> a = {1, 2, 3, 4}, b = {5, 6};
  std::vector<float> y(2);
  WorkCounters work;
  BatchMatMulForward(s, one, a.data(), b.data(), y.data(), work);
  CHECK(y == std::vector<float>{17, 39});
  CHECK(work.forward == 4);
  const std::vector<float> dy = {1, -1};
  std::vector<float> da(4), db = {100, 200};
  BatchMatMulErrorOfA(s, one, b.data(), dy.data(), da.data(), work);
  CHECK(da == std::vector<float>{5, 6, -5, -6});
  BatchMatMulErrorOfB(s, one, a.data(), dy.data(), db.data(), work);
  CHECK(db == std::vector<float>{98, 198});
  CHECK(work.input_error == 8);
}

TEST_CASE("batch matmul: gradients by finite differences") {
  Random random(91);
  for (const Case& c : {Case{{1, {1}}, {1, {1}}, {1, {1}}}, Case{{2, {2, 3}}, {2, {2, 3}}, {2, {2, 3}}},
                        Case{{2, {2, 3}}, {2, {2, 1}}, {1, {3}}}, Case{{1, {4}}, {1, {1}}, {1, {4}}}}) {
    for (int turned = 0; turned < 4; ++turned) {
      const MatMulShape s = {3, 2, 4, (turned & 1) != 0, (turned & 2) != 0};
      const StridedWalk walk = BroadcastWalk(c.batches_y, c.batches_a, c.batches_b);
      std::vector<double> a = random.Vector<double>(Elements(c.batches_a) * s.a_elements());
      std::vector<double> b = random.Vector<double>(Elements(c.batches_b) * s.b_elements());
      std::vector<double> y(Elements(c.batches_y) * s.y_elements()), da(a.size()), db(b.size());
      const std::vector<double> r = random.Vector<double>(y.size());
      WorkCounters work;
      const auto loss = [&] {
        BatchMatMulForward(s, walk, a.data(), b.data(), y.data(), work);
        return Dot(y, r);
      };
      loss();
      CHECK(work.forward == y.size() * s.inner);
      BatchMatMulErrorOfA(s, walk, b.data(), r.data(), da.data(), work);
      BatchMatMulErrorOfB(s, walk, a.data(), r.data(), db.data(), work);
      CHECK(Measure(da, FiniteDifferences(a, loss)) <= kTolerance);
      CHECK(Measure(db, FiniteDifferences(b, loss)) <= kTolerance);
    }
  }
}
