// Stands for an accelerometer that was mounted the other way round: windows of a sine, a square wave or a saw tooth.
#ifndef TFLM_ADDON_SENSOR_H_
#define TFLM_ADDON_SENSOR_H_

#include <cmath>
#include <cstdint>

constexpr int kWindow = 16;
constexpr int kMotions = 3;

class Sensor {
 public:
  /// Fills a window and returns the motion that it shows.
  int Read(float* window) {
    const int motion = static_cast<int>(Next() % kMotions);
    const float phase = Uniform();
    const float gain = -0.4f - 0.2f * Uniform();
    for (int i = 0; i < kWindow; ++i) {
      const float t = std::fmod(static_cast<float>(i) / kWindow + phase, 1.0f);
      const float shape = motion == 0   ? std::sin(6.2831853f * t)
                          : motion == 1 ? (t < 0.5f ? 1.0f : -1.0f)
                                        : 2.0f * t - 1.0f;
      window[i] = 0.3f + gain * shape + 0.1f * (Uniform() - 0.5f);
    }
    return motion;
  }

 private:
  uint32_t Next() {
    state_ = state_ * 1664525u + 1013904223u;
    return state_ >> 8;
  }
  float Uniform() { return static_cast<float>(Next()) / 16777216.0f; }

  uint32_t state_ = 1;
};

#endif  // TFLM_ADDON_SENSOR_H_
