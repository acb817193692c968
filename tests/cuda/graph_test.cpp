// Graphs on the emulator: replay is the launches over again, with the arguments as they were; and
// the rules of a capture.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/cuda/graph.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "ocelli/cuda/device_memory.hpp"
#include "ocelli/cuda/event.hpp"
#include "ocelli/cuda/memory.hpp"
#include "ocelli/cuda/pinned.hpp"
#include "ocelli/cuda/stream.hpp"

using namespace ocelli;

namespace {

/// sum[i] = 3 * sum[i] + by + *step
OCELLI_KERNEL_BOUNDS(32) stir(float* sum, float by, const float* step) {
  const unsigned at = blockIdx.x * 32 + threadIdx.x;
  sum[at] = 3 * sum[at] + by + *step;
}

struct Numbers {
  cuda::Memory<float> sum{64}, step{1};
  cuda::Pinned<float> next{1};
  cuda::Stream stream;

  Numbers() { sum.zero(stream.handle()); }
  /// A step in four pieces. @param by  an argument by value
  void work(float by) {
    step.upload(next.data(), 1, 0, stream.handle());
    simt::launch(stir, 2u, 32u, 0, stream.handle(), sum.data(), by, step.data());
    simt::launch(stir, 1u, 32u, 0, stream.handle(), sum.data(), 2 * by, step.data());
    step.zero(stream.handle());
  }
  std::vector<float> values() const {
    std::vector<float> host(64);
    sum.download(host.data(), host.size(), 0, stream.handle());
    return host;
  }
};

}  // namespace

TEST_CASE("cuda graph: a replay is what was asked for, with the arguments of the recording") {
  Numbers eager, replayed;
  float by = 0.25f;
  const cuda::Graph graph(replayed.stream.handle(), [&] { replayed.work(by); });
  CHECK(graph.size() == 4);
  for (const float v : replayed.values()) CHECK(v == 0.0f);  // recording does nothing
  by = 17;                                                   // an argument is by value
  for (const float next : {1.0f, 5.0f, -2.0f}) {
    *eager.next.data() = *replayed.next.data() = next;  // the host's memory is read each time
    eager.work(0.25f);
    graph.launch(replayed.stream.handle());
    CHECK(replayed.values() == eager.values());
  }
  CHECK(eager.values()[0] != eager.values()[63]);
}

#ifndef __CUDACC__

TEST_CASE("cuda graph: what a capture does not allow is refused, and the stream goes on") {
  Numbers n;
  cuda::Memory<float> spare(4);
  cuda::Stream other;
  cuda::Event event;
  float host = 0;
  const auto refused = [&](const std::string& word, auto&& forbidden) {
    CAPTURE(word);
    std::string text;
    try {
      const cuda::Graph graph(n.stream.handle(), [&] {
        n.work(1);
        forbidden();
      });
    } catch (const DeviceError& error) {
      text = error.what();
    }
    CHECK(text.find(word) != std::string::npos);
    CHECK(text.find("StreamCapture") != std::string::npos);
  };
  refused("cudaMalloc", [] { const cuda::Memory<float> more(8); });
  refused("cudaStreamEndCapture", [&] { spare = {}; });
  refused("waits", [&] { n.sum.download(&host, 1, 0, n.stream.handle()); });
  refused("cudaStreamSynchronize", [&] { n.stream.synchronize(); });
  refused("cudaStreamSynchronize", [&] {
    cuda::DeviceMemory::to_host(&host, n.sum.data(), sizeof host);
  });
  refused("another stream", [&] { n.sum.zero(other.handle()); });
  refused("another stream", [&] { n.sum.zero(); });
  refused("graph in a graph", [&] { cuda::Graph().launch(n.stream.handle()); });
  refused("cudaEventRecord", [&] { event.record(n.stream.handle()); });
  refused("cudaHostAlloc", [] { const cuda::Pinned<float> more(8); });
  CHECK_THROWS_AS(cuda::Graph(nullptr, [] {}), DeviceError);
  // A launch that no device takes is refused while it is recorded.
  CHECK_THROWS_AS(
      cuda::Graph(
          n.stream.handle(),
          [&] {
            simt::launch(stir, 1u, 2048u, 0, n.stream.handle(), n.sum.data(), 0.0f, n.step.data());
          }),
      DeviceError);
  n.work(1);  // nothing captures any more
  CHECK(n.values()[0] == 5.0f);
}

#endif

TEST_CASE("cuda graph: a copy to the host in the stream's order is part of a graph") {
  Numbers n;
  cuda::Pinned<float> first(1);
  const cuda::Graph graph(n.stream.handle(), [&] {
    n.work(1);
    simt::download_later(first.data(), n.sum.data(), sizeof(float), n.stream.handle());
  });
  CHECK(*first.data() == 0.0f);
  graph.launch(n.stream.handle());
  n.stream.synchronize();
  CHECK(*first.data() == n.values()[0]);
  CHECK(*first.data() == 5.0f);
}
