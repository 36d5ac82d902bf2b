// Inner loops that add patches, held to loops written down plainly.
#include "inner_testing.h"

namespace tflm_train {
namespace testing {
namespace {

TEST_CASE("Axpy adds scaled patches") {
  for (const Inner& inner : kInners) {
    Random random(1);
    double worst = 0;
    for (int32_t n = 0; n <= kLongest; ++n) {
      for (int32_t rows : {0, 1, 3, 4}) {
        for (int32_t jobs : {0, 1, 3}) {
          const int32_t x_stride = n + static_cast<int32_t>(random.Below(3));
          const int32_t y_stride = random.Below(2) == 0 ? n : n + 2;
          Shifted x(random, size_t(jobs * 4 * x_stride + 1), random.Below(4));
          Shifted y(random, size_t(jobs * 4 * y_stride + 1), random.Below(4));
          std::vector<float> expected = y.Copy();
          std::vector<AxpyJob> list(size_t(jobs) + 1);
          for (int32_t j = 0; j < jobs; ++j) {
            // the last job works on the patch of the first one again: jobs run in turn
            const int32_t at = j == 2 ? 0 : j;
            list[size_t(j)] = {random.Uniform<float>(), {x.data() + 4 * at * x_stride, y.data() + 4 * at * y_stride}};
            for (int32_t r = 0; r < rows; ++r) {
              for (int32_t i = 0; i < n; ++i) {
                expected[size_t((4 * at + r) * y_stride + i)] +=
                    list[size_t(j)].a * x.data()[(4 * at + r) * x_stride + i];
              }
            }
          }
          inner.axpy(list.data(), jobs, {{x_stride, y_stride}, n, rows});
          worst = Worst(worst, Measure(y.Copy(), expected));
          CHECK(y.GuardsIntact());
        }
      }
    }
    MESSAGE(std::string(inner.name) << ": largest difference " << worst);
    CHECK(worst <= kFastTolerance);
  }
}

TEST_CASE("sums of scaled patches") {
  for (const Inner& inner : kInners) {
    Random random(12);
    double worst = 0;
    for (int32_t n = 0; n <= kLongest; ++n) {
      for (int32_t rows : {0, 1, 3}) {
        for (int32_t count : {1, 2, 5}) {
          const int32_t x_stride = n + static_cast<int32_t>(random.Below(3));
          const int32_t y_stride = random.Below(2) == 0 ? n : n + 2;
          if (!inner.sums_patches({{x_stride, y_stride}, n, rows})) continue;
          Shifted x(random, size_t(rows * x_stride + count), random.Below(4));
          Shifted y(random, size_t(rows * y_stride), random.Below(4));
          std::vector<float> expected = y.Copy();
          std::vector<ScaledPatch> patches;
          for (int32_t k = 0; k < count; ++k) {  // patches may overlap
            patches.push_back({x.data() + k, random.Uniform<float>()});
            for (int32_t r = 0; r < rows; ++r) {
              for (int32_t i = 0; i < n; ++i) {
                expected[size_t(r * y_stride + i)] += patches.back().factor * patches.back().patch[r * x_stride + i];
              }
            }
          }
          inner.sum_patches(patches.data(), count, {{x_stride, y_stride}, n, rows}, y.data());
          worst = Worst(worst, Measure(y.Copy(), expected));
          CHECK(y.GuardsIntact());
        }
      }
    }
    MESSAGE(std::string(inner.name) << ": largest difference " << worst);
    CHECK(worst <= kFastTolerance);
  }
}

TEST_CASE("errors of pixels scatter patches") {
  constexpr int32_t kPixels = 3, kChannels = 3, kOthers = 2;  // channels that are scattered, and others behind
  constexpr int32_t kWidth = 60, kFilter = 75;                // elements of a row of the image, at most of a filter
  const int32_t offsets[PixelScatter::kOffsets] = {0, 4, kWidth, kWidth + 4};
  for (const Inner& inner : kInners) {
    Random random(13);
    double worst = 0;
    for (int32_t n : {0, 1, 3, 4, 11, 12, 13, 24}) {
      for (int32_t rows : {1, 3}) {
        for (int32_t filter_stride : {n, n + 1}) {
          for (int options = 0; options < 8; ++options) {
            const Side image_side = options % 2 == 0 ? kSource : kDestination;
            const int32_t filter = options < 4 ? rows * filter_stride : kFilter;
            Shifted image(random, 5 * kWidth, random.Below(4));
            Shifted filters(random, size_t(kChannels * kFilter), random.Below(4));
            Shifted& y = image_side == kSource ? filters : image;
            const bool zeros_too = options / 2 % 2 == 0;
            PixelScatter s = {{{}, n, rows}, image_side,     -0.5f,  zeros_too, kChannels,
                              kOthers,       filters.data(), filter, offsets,   8};
            s.shape.stride[image_side] = kWidth;
            s.shape.stride[1 - image_side] = filter_stride;
            std::vector<float> expected = y.Copy(), dy = random.Vector<float>(kPixels * (kChannels + kOthers));
            std::vector<uint8_t> winners(dy.size());
            for (size_t e = 0; e < dy.size(); ++e) {
              winners[e] = static_cast<uint8_t>(random.Below(256));
              if (random.Below(3) == 0) dy[e] = random.Below(2) == 0 ? 0.0f : -0.0f;
              const int32_t pixel = static_cast<int32_t>(e) / (kChannels + kOthers);
              const int32_t channel = static_cast<int32_t>(e) % (kChannels + kOthers);
              if (channel >= kChannels) continue;
              for (int32_t r = 0; r < rows; ++r) {
                for (int32_t i = 0; i < n; ++i) {
                  const int32_t at[] = {pixel * 8 + offsets[winners[e] % PixelScatter::kOffsets] + r * kWidth + i,
                                        channel * filter + r * filter_stride + i};
                  const float x = image_side == kSource ? image.data()[at[0]] : filters.data()[at[1]];
                  expected[size_t(at[image_side == kSource ? 1 : 0])] += -0.5f * dy[e] * x;
                }
              }
            }
            inner.scatter_pixels(s, kPixels, dy.data(), winners.data(), image.data());
            worst = Worst(worst, Measure(y.Copy(), expected));
            CHECK((image.GuardsIntact() && filters.GuardsIntact()));
          }
        }
      }
    }
    MESSAGE(std::string(inner.name) << ": largest difference " << worst);
    CHECK(worst <= kFastTolerance);
  }
}

}  // namespace
}  // namespace testing
}  // namespace tflm_train
