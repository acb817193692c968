// The engines on a GPU: cuBLASLt and cuDNN make what our own kernels make, the same bits in every
// run, also out of a captured graph, and a trial's plan can be followed.
//
// Values lie on the coarse grid of cpu/problem.hpp, where every product and sum is exact in float
// and the factors are exact in tf32 and bf16. So engines must agree to the bit, whatever their
// order.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "cpu/problem.hpp"
#include "ocelli/cuda/backend.hpp"
#include "ocelli/cuda/stream.hpp"
#include "ocelli/simt/device_array.hpp"

namespace ocelli::test {
namespace {

using namespace cuda;
using simt::DeviceArray;

struct Case {
  OpKind kind;
  int batch, height, width, in, out, kernel, stride, padding;
};

// What both engines can do, and what one of them leaves to our own kernels: channels that are no
// multiples of 4 or 8, SAME padding that differs from side to side, one pixel.
constexpr Case kCases[] = {
    {OpKind::conv2d, 3, 7, 7, 24, 32, 1, 1, -1},
    {OpKind::conv2d, 2, 19, 19, 64, 96, 1, 1, -1},
    {OpKind::conv2d, 2, 5, 3, 8, 12, 1, 1, -1},
    {OpKind::conv2d, 1, 1, 1, 16, 8, 1, 1, -1},
    {OpKind::conv2d, 2, 10, 10, 16, 24, 3, 1, -1},
    {OpKind::conv2d, 2, 10, 8, 16, 24, 3, 2, -1},
    {OpKind::conv2d, 2, 9, 9, 4, 8, 3, 2, -1},
    {OpKind::conv2d, 2, 12, 12, 3, 32, 3, 2, -1},
    {OpKind::conv2d, 1, 7, 7, 5, 7, 1, 1, -1},
    {OpKind::depthwise_conv2d, 2, 10, 10, 32, 32, 3, 1, -1},
    {OpKind::depthwise_conv2d, 2, 10, 10, 24, 24, 3, 2, -1},
    {OpKind::depthwise_conv2d, 2, 7, 9, 16, 16, 5, 1, -1},
};

/// A convolution in device memory. Results begin as something, to which gradients are added.
class Conv {
 public:
  Conv(const Case& c, bool deferred, bool accumulate, bool random = false) {
    op_.kind = c.kind;
    op_.input_count = 1;
    const auto rows = padded_extent(c.height, c.kernel, c.stride, 1, c.padding);
    const auto columns = padded_extent(c.width, c.kernel, c.stride, 1, c.padding);
    op_.window = {c.kernel, c.kernel, c.stride, 1, rows.before, columns.before};
    call_.op = &op_;
    call_.batch = c.batch;
    call_.in_shape[0] = {c.height, c.width, c.in};
    call_.out_shape = {rows.out, columns.out, c.out};
    const long x = c.batch * call_.in_shape[0].size(), y = c.batch * call_.out_shape.size();
    const long w =
        long(c.kernel) * c.kernel * c.in * (c.kind == OpKind::depthwise_conv2d ? 1 : c.out);
    const auto device = [&](long count, std::uint32_t index) {
      std::vector<float> host = grid<float>(count, 1, index);
      if (random) {
        Random numbers(3, ocelli::Stream::init, 5, index);
        for (float& v : host) v = numbers.uniform(-1, 1);
      }
      first_.push_back(host);
      arrays_.push_back(std::make_unique<DeviceArray<float>>(host));
      return arrays_.back()->data();
    };
    call_.in[0].data = device(x, 0);
    if (deferred) {
      call_.in[0].scale = device(c.in, 1);
      call_.in[0].shift = device(c.in, 2);
      call_.in[0].activation = Activation::relu6;
    }
    call_.weight = device(w, 3);
    call_.bias = device(c.out, 4);
    call_.dout = device(y, 5);
    results_ = arrays_.size();
    call_.out = device(y, 6);
    call_.din[0] = device(x, 7);
    call_.accumulate[0] = accumulate;
    call_.dweight = device(w, 8);
    call_.dbias = device(c.out, 9);
  }

  OpCall<float>& call() { return call_; }

  void restart() {
    for (std::size_t i = 0; i < arrays_.size(); ++i)
      simt::upload(arrays_[i]->data(), first_[i].data(), first_[i].size() * sizeof(float));
    simt::synchronize();
  }
  /// Of a backend in its stream.
  std::vector<std::vector<float>> run(CudaBackend& backend) {
    restart();
    backend.reserve(call_);
    backend.forward(call_);
    backend.backward(call_);
    simt::synchronize(backend.stream());
    return results();
  }
  std::vector<std::vector<float>> results() const {
    std::vector<std::vector<float>> all;
    for (std::size_t i = results_; i < arrays_.size(); ++i) all.push_back(arrays_[i]->values());
    return all;
  }

 private:
  OpDesc op_;
  OpCall<float> call_;
  std::vector<std::unique_ptr<DeviceArray<float>>> arrays_;
  std::vector<std::vector<float>> first_;
  std::size_t results_ = 0;
};

constexpr Engine kOthers[] = {Engine::cublas, Engine::cudnn};

/// Says what is not tested here.
bool there_is(Engine engine) {
  if (is_built(engine)) return true;
  MESSAGE("not tested: ", std::string(name(engine)), " was not built");
  return false;
}

}  // namespace

TEST_CASE("gpu engines: the bits of our own kernels on numbers that are exact") {
  for (const Engine engine : kOthers) {
    if (!there_is(engine)) continue;
    int made = 0;
    for (const Precision precision : {Precision::float32, Precision::tf32, Precision::bf16})
      for (const Case& c : kCases)
        for (const bool deferred : {false, true}) {
          // Through a norm the grid is finer than bf16.
          if (deferred && precision == Precision::bf16) continue;
          CAPTURE(name(engine));
          CAPTURE(name(precision));
          CAPTURE(c.height);
          CAPTURE(c.in);
          CAPTURE(c.kernel);
          CAPTURE(c.stride);
          Conv conv(c, deferred, deferred);
          CudaBackend own(nullptr, precision);
          const auto want = conv.run(own);
          CudaBackend other(nullptr, precision, EngineOptions::parse(name(engine)));
          CHECK(conv.run(other) == want);
          for (const EngineDecision& d : other.engine_log()) {
            made += d.choice.engine == engine ? 1 : 0;
            CHECK((d.fell_back || d.choice.engine == engine));
          }
        }
    CHECK(made > 30);  // else it was our own kernels that agreed with themselves
  }
}

TEST_CASE("gpu engines: bias and activations of inference") {
  for (const Engine engine : kOthers) {
    if (!there_is(engine)) continue;
    for (const Activation f : {Activation::none, Activation::relu, Activation::relu6})
      for (const bool bias : {false, true}) {
        CAPTURE(name(engine));
        CAPTURE(name(f));
        Conv conv(kCases[0], false, false);
        OpCall<float>& call = conv.call();
        call.mode = Mode::infer;
        call.epilogue = f;
        if (!bias) call.bias = nullptr;
        CudaBackend own, other(nullptr, Precision::float32, EngineOptions::parse(name(engine)));
        own.reserve(call);
        own.forward(call);
        const auto want = conv.results();
        conv.restart();
        other.reserve(call);
        other.forward(call);
        CHECK(conv.results() == want);
        CHECK(other.engine_log()[0].choice.engine == engine);
      }
  }
}

TEST_CASE("gpu engines: the same bits in every run, and out of a captured graph") {
  for (const Engine engine : kOthers) {
    if (!there_is(engine)) continue;
    for (const Case& c : kCases) {
      CAPTURE(name(engine));
      CAPTURE(c.in);
      CAPTURE(c.kernel);
      Conv conv(c, true, true, true);
      const cuda::Stream stream;
      CudaBackend backend(stream.handle(), Precision::tf32, EngineOptions::parse(name(engine)));
      const auto once = conv.run(backend);
      for (int i = 0; i < 5; ++i) CHECK(conv.run(backend) == once);
      cudaGraph_t graph = nullptr;
      cudaGraphExec_t runnable = nullptr;
      simt::check(
          cudaStreamBeginCapture(stream.handle(), cudaStreamCaptureModeThreadLocal), "capture");
      backend.forward(conv.call());
      backend.backward(conv.call());
      simt::check(cudaStreamEndCapture(stream.handle(), &graph), "end of capture");
      simt::check(cudaGraphInstantiate(&runnable, graph, 0), "cudaGraphInstantiate");
      for (int i = 0; i < 2; ++i) {
        conv.restart();
        simt::check(cudaGraphLaunch(runnable, stream.handle()), "cudaGraphLaunch");
        simt::synchronize(stream.handle());
        CHECK(conv.results() == once);
      }
      (void)cudaGraphExecDestroy(runnable);
      (void)cudaGraphDestroy(graph);
    }
  }
}

TEST_CASE("gpu engines: a trial times what is built, and its plan gives the same bits") {
  if (!is_built(Engine::cublas) && !is_built(Engine::cudnn)) {
    MESSAGE("not tested: no other engine was built");
    return;
  }
  for (const Precision precision : {Precision::tf32, Precision::bf16}) {
    Conv conv({OpKind::conv2d, 8, 19, 19, 96, 192, 1, 1, -1}, true, true, true);
    CudaBackend first(nullptr, precision, EngineOptions::parse("auto"));
    const auto want = conv.run(first);
    REQUIRE(first.engine_log().size() == 3);
    for (const EngineDecision& d : first.engine_log()) {
      CHECK(d.times.size() >= 2);
      for (const EngineTime& t : d.times) CHECK(t.microseconds > 0);
      MESSAGE(d.text());
    }
    const std::string plan = first.engine_plan().text();
    CudaBackend second(nullptr, precision, EngineOptions::parse(plan));
    CHECK(conv.run(second) == want);
    CHECK(second.engine_plan().text() == plan);
    for (const EngineDecision& d : second.engine_log()) CHECK(d.times.empty());
  }
}

}  // namespace ocelli::test
