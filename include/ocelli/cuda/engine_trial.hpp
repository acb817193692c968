// The timed trial: tensors to work on, and the device's clock.
//
// Each candidate runs from cold caches, as it would among the other operations of a step; copies
// that it needs around the library's kernel count.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "ocelli/cuda/engine.hpp"
#include "ocelli/cuda/engine_copies.hpp"
#include "ocelli/cuda/engine_options.hpp"
#include "ocelli/cuda/memory.hpp"

namespace ocelli::cuda {

/// Memory of a trial, and the call of a product on it.
template <class T>
class TrialCall {
 public:
  /// @throws DeviceError where the device has no such memory
  TrialCall(simt::Stream stream, const ProductKey& key) : op_(op_of(key)) {
    const long x = key.batch * key.in.size(), y = key.batch * key.out.size();
    const long taps = long(key.window.kernel_height) * key.window.kernel_width;
    const long w =
        taps * key.in.channels * (key.kind == OpKind::depthwise_conv2d ? 1 : key.out.channels);
    const int C = key.in.channels, K = key.out.channels;
    const bool forward = key.product == Product::forward;
    const bool data = key.product == Product::data_gradient;
    x_ = Memory<T>(static_cast<std::size_t>(x));
    y_ = Memory<T>(static_cast<std::size_t>(y));
    params_ = Memory<float>(static_cast<std::size_t>(w + 2 * round_up(C, 4) + K));
    float* const weights = params_.data();
    fill_for_trial(stream, 1, x, x_.data());
    fill_for_trial(stream, 2, y, y_.data());
    fill_for_trial(stream, 3, static_cast<long>(params_.size()), weights);
    call_.batch = key.batch;
    call_.in_shape[0] = key.in;
    call_.out_shape = key.out;
    call_.mode = forward ? Mode::infer : Mode::train;
    call_.epilogue = key.epilogue;
    if (!data) call_.in[0].data = x_.data();
    if (key.deferred) {
      // Behind the weights: whole lanes of four where the channels are.
      call_.in[0].scale = weights + w;
      call_.in[0].shift = weights + w + round_up(C, 4);
      call_.in[0].activation = Activation::relu6;
    }
    if (forward) {
      call_.weight = weights;
      if (key.bias) call_.bias = weights + w + 2 * round_up(C, 4);
      call_.out = y_.data();
    } else {
      call_.dout = y_.data();
      if (data) {
        call_.weight = weights;
        call_.din[0] = x_.data();
        call_.accumulate[0] = key.accumulate;
      } else {
        call_.dweight = weights;
      }
    }
  }

  const OpCall<T>& call() {
    call_.op = &op_;
    return call_;
  }

 private:
  OpDesc op_;
  OpCall<T> call_;
  Memory<T> x_, y_;
  Memory<float> params_;
};

inline constexpr int kTrialWarmUps = 3, kTrialRuns = 11;

/// The middle one of `times`, which are sorted on the way.
inline double median(std::vector<double>& times) {
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

#ifdef __CUDACC__

/// Events of the device's clock around each run, after a write that is larger than its caches.
class EventTimer {
 public:
  explicit EventTimer(simt::Stream stream) : stream_(stream), flush_(kFlushBytes) {
    for (cudaEvent_t& event : events_) simt::check(cudaEventCreate(&event), "cudaEventCreate");
  }
  ~EventTimer() {
    for (cudaEvent_t event : events_) (void)cudaEventDestroy(event);
  }
  EventTimer(const EventTimer&) = delete;
  EventTimer& operator=(const EventTimer&) = delete;

  double microseconds(const std::function<void()>& run) {
    std::vector<double> times;
    for (int i = -kTrialWarmUps; i < kTrialRuns; ++i) {
      flush_.zero(stream_);
      simt::check(cudaEventRecord(events_[0], stream_), "cudaEventRecord");
      run();
      simt::check(cudaEventRecord(events_[1], stream_), "cudaEventRecord");
      simt::check(cudaEventSynchronize(events_[1]), "cudaEventSynchronize");
      float milliseconds = 0;
      simt::check(
          cudaEventElapsedTime(&milliseconds, events_[0], events_[1]), "cudaEventElapsedTime");
      if (i >= 0) times.push_back(1000.0 * milliseconds);
    }
    return median(times);
  }

 private:
  static constexpr std::size_t kFlushBytes = std::size_t{256} << 20;
  simt::Stream stream_;
  Memory<unsigned char> flush_;
  cudaEvent_t events_[2] = {};
};

inline EngineTimer device_timer(simt::Stream stream) {
  return [timer = std::make_shared<EventTimer>(stream)](
             const ProductKey&, const EngineChoice&, const std::function<void()>& run) {
    return timer->microseconds(run);
  };
}

#else

/// The emulator's: the wall clock, once.
inline EngineTimer device_timer(simt::Stream) {
  return [](const ProductKey&, const EngineChoice&, const std::function<void()>& run) {
    const auto start = std::chrono::steady_clock::now();
    run();
    return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start)
        .count();
  };
}

#endif

}  // namespace ocelli::cuda
