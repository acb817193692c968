// What the programs that are measured beside others share: arguments, clock, memory, one JSON line.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "ocelli/core/random.hpp"
#include "ocelli/cpu/backend.hpp"
#include "ocelli/model/ssd.hpp"
#include "ocelli/train/ssd_step.hpp"

namespace peers {

/// SSD as it is found elsewhere: 1x1 convolutions as heads.
struct Kernel1 : ocelli::SsdDefaults {
  static constexpr int second_stage_kernel_size = 1;
};
using Detector =
    ocelli::Ssd<ocelli::MobileNetV2, ocelli::Input<3, 300, 300>, ocelli::Classes<90>, Kernel1>;

inline ocelli::train::SsdHyperparameters hyperparameters() {
  ocelli::train::SsdHyperparameters values;
  static_cast<ocelli::train::SsdCompiled&>(values) = ocelli::train::SsdCompiled::of<Kernel1>();
  return values;
}

/// Pictures with every value at random in [-1, 1): [count, 300, 300, 3].
inline std::vector<float> random_pictures(int count) {
  std::vector<float> images(static_cast<std::size_t>(count) * 300 * 300 * 3);
  ocelli::Random random(1, ocelli::Stream::demo);
  for (float& x : images) x = random.uniform(-1, 1);
  return images;
}

/// The arguments as positive whole numbers; ends the program if they are not `names`.
inline std::vector<int> arguments(int argc, char** argv, const std::vector<std::string>& names) {
  std::vector<int> values;
  for (int i = 1; i < argc; ++i) {
    char* end = nullptr;
    const long value = std::strtol(argv[i], &end, 10);
    if (end != argv[i] && *end == '\0' && value > 0 && value < 1000000)
      values.push_back(static_cast<int>(value));
  }
  if (values.size() == names.size() && argc == static_cast<int>(names.size()) + 1) return values;
  std::fprintf(stderr, "usage: %s", argv[0]);
  for (const std::string& name : names) std::fprintf(stderr, " %s", name.c_str());
  std::fprintf(stderr, "   (positive whole numbers)\n");
  std::exit(2);
}

/// Seconds that body() takes.
template <class Body>
double seconds(Body&& body) {
  const auto start = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Of at least one value.
inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

inline double mib(std::size_t bytes) { return static_cast<double>(bytes) / 1048576; }

/// The most memory this process has held, MiB.
inline double peak_rss_mib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

}  // namespace peers
