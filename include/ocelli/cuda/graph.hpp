// Graph: what a stream was asked for, recorded once and started again as a whole: one call of the
// host for hundreds of launches. Arguments are those of the recording; what changes from one run to
// the next lies in device memory.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <utility>

#include "ocelli/core/error.hpp"
#include "ocelli/simt/device.hpp"

namespace ocelli::cuda {

class Graph {
 public:
  Graph() = default;
  /// Calls `work`, which asks `stream` for launches and copies; none of it is done. `work` must not
  /// take memory, wait, or use another stream.
  /// @throws DeviceError where it does, and for the default stream; whatever `work` throws
  template <class Work>
  Graph(simt::Stream stream, Work&& work) {
    begin(stream);
    try {
      work();
    } catch (...) {
      give_up(stream);
      throw;
    }
    end(stream);
  }
  Graph(Graph&& other) noexcept { swap(other); }
  Graph& operator=(Graph&& other) noexcept {
    swap(other);
    return *this;
  }

#ifdef __CUDACC__
  ~Graph() {
    if (executable_ != nullptr) (void)cudaGraphExecDestroy(executable_);
  }
  /// Number of launches, copies and fills.
  std::size_t size() const { return size_; }
  /// Does it all, in the order of `stream`.
  /// @throws DeviceError
  void launch(simt::Stream stream) const {
    simt::check(cudaGraphLaunch(executable_, stream), "cudaGraphLaunch");
  }

 private:
  static void begin(simt::Stream stream) {
    if (stream == nullptr)
      throw DeviceError(
          "cudaStreamBeginCapture: the default stream cannot be captured", {},
          "work on a stream of your own");
    simt::check(
        cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
  }
  static void give_up(simt::Stream stream) noexcept {
    cudaGraph_t graph = nullptr;
    (void)cudaStreamEndCapture(stream, &graph);
    if (graph != nullptr) (void)cudaGraphDestroy(graph);
    (void)cudaGetLastError();  // what broke the capture has been thrown
  }
  void end(simt::Stream stream) {
    cudaGraph_t graph = nullptr;
    simt::check(cudaStreamEndCapture(stream, &graph), "cudaStreamEndCapture");
    const cudaError_t counted = cudaGraphGetNodes(graph, nullptr, &size_);
    const cudaError_t made =
        counted == cudaSuccess ? cudaGraphInstantiate(&executable_, graph, 0) : cudaSuccess;
    (void)cudaGraphDestroy(graph);
    simt::check(counted, "cudaGraphGetNodes");
    simt::check(made, "cudaGraphInstantiate");
  }
  void swap(Graph& other) noexcept {
    std::swap(executable_, other.executable_);
    std::swap(size_, other.size_);
  }

  cudaGraphExec_t executable_ = nullptr;
  std::size_t size_ = 0;
#else
  ~Graph() = default;
  std::size_t size() const { return recording_.size(); }
  void launch(simt::Stream stream) const {
    if (simt::captures(stream)) simt::refuse_in_capture("a graph in a graph");
    recording_.run();
  }

 private:
  static void begin(simt::Stream stream) { simt::begin_capture(stream); }
  static void give_up(simt::Stream) noexcept { simt::detail::capture = {}; }
  void end(simt::Stream stream) { recording_ = simt::end_capture(stream); }
  void swap(Graph& other) noexcept { std::swap(recording_, other.recording_); }

  simt::Recording recording_;
#endif
};

}  // namespace ocelli::cuda
