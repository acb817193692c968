// How the GPU bench measures: events around one run, after a warm-up, with the L2 flushed before
// each; the median of the runs. And one line of JSON a measurement.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "gpu/report.hpp"
#include "ocelli/cuda/memory.hpp"
#include "ocelli/cuda/stream.hpp"
#include "ocelli/simt/device.hpp"

namespace ocelli::gpu_bench {

/// Milliseconds of the runs.
struct Times {
  double median = 0, low = 0, high = 0;
};

class Stopwatch {
 public:
  /// @param runs  that are timed, each by itself
  explicit Stopwatch(simt::Stream stream, int runs = 20) : stream_(stream), runs_(runs) {
    simt::check(cudaEventCreate(&start_), "cudaEventCreate");
    simt::check(cudaEventCreate(&stop_), "cudaEventCreate");
  }
  ~Stopwatch() {
    (void)cudaEventDestroy(start_);
    (void)cudaEventDestroy(stop_);
  }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

  simt::Stream stream() const { return stream_; }

  /// @param times  how often `run` does its work
  Times operator()(const std::function<void()>& run, int times = 1) {
    for (int i = 0; i < 3; ++i) run();
    std::vector<double> all;
    for (int i = 0; i < runs_; ++i) {
      // More than any L2; it also keeps the device busy until the launches below are queued.
      simt::fill(flush_.data(), i & 0xFF, flush_.size(), stream_);
      simt::check(cudaEventRecord(start_, stream_), "cudaEventRecord");
      run();
      simt::check(cudaEventRecord(stop_, stream_), "cudaEventRecord");
      simt::check(cudaEventSynchronize(stop_), "cudaEventSynchronize");
      float ms = 0;
      simt::check(cudaEventElapsedTime(&ms, start_, stop_), "cudaEventElapsedTime");
      all.push_back(double{ms} / times);
    }
    std::sort(all.begin(), all.end());
    return {all[all.size() / 2], all.front(), all.back()};
  }

 private:
  simt::Stream stream_;
  int runs_;
  cudaEvent_t start_{}, stop_{};
  cuda::Memory<unsigned char> flush_{std::size_t{256} << 20};
};

/// Where the lines go; standard output is for people.
class Lines {
 public:
  explicit Lines(std::FILE* file) : file_(file) {}
  void write(const Json& line) {
    std::fprintf(file_, "%s\n", line.dump().c_str());
    std::fflush(file_);
  }
  static void add(Json& line, const char* by, const Times& times) {
    line["by"] = by;
    line["ms"] = times.median;
    line["low"] = times.low;
    line["high"] = times.high;
  }

 private:
  std::FILE* file_;
};

}  // namespace ocelli::gpu_bench
