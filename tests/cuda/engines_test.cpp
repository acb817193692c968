// Who makes a product: asked for, tried with made-up times, or as a plan says. The other engines
// are plain loops under their names, over memory of the host: so this runs on the emulator alone,
// and tests/gpu/engines_test.cu has the real ones.
// SPDX-License-Identifier: Apache-2.0
#ifndef __CUDACC__
#include "ocelli/cuda/engines.hpp"

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "cpu/problem.hpp"
#include "ocelli/cuda/backend.hpp"
#include "ocelli/reference/backend.hpp"
#include "support/message_of.hpp"

namespace ocelli::test {
namespace {

using namespace cuda;

/// How often an engine made something, by product.
using Counts = std::map<Product, int>;

/// The plain loops, for products of which `can` says so; they touch all of their workspace.
class Loops final : public ProductEngine<float> {
 public:
  Loops(Engine as, Counts& counts, int algorithms = 3, std::string version = "1")
      : as_(as), counts_(counts), algorithms_(algorithms), version_(std::move(version)) {}

  Engine engine() const override { return as_; }
  std::string version() const override { return version_; }
  EngineOffer<float> offer(const ProductKey& key, int most) override {
    EngineOffer<float> offer;
    if (key.window.kernel_height != 1) {
      offer.refusal = "only 1x1";
      return offer;
    }
    for (int i = 0; i < std::min(most, algorithms_); ++i)
      offer.algorithms.push_back(std::make_unique<Prepared>(key, counts_, 1000 * (i + 1)));
    return offer;
  }

 private:
  class Prepared final : public PreparedProduct<float> {
   public:
    Prepared(const ProductKey& key, Counts& counts, std::size_t bytes)
        : key_(key), counts_(counts), bytes_(bytes) {}
    std::size_t workspace_bytes() const override { return bytes_; }
    void run(const OpCall<float>& call, void* workspace) override {
      for (std::size_t i = 0; i < bytes_; ++i) static_cast<unsigned char*>(workspace)[i] = 7;
      ++counts_[key_.product];
      OpCall<float> one = call;
      one.dbias = nullptr;
      if (key_.product != Product::data_gradient) one.din[0] = nullptr;
      if (key_.product != Product::weight_gradient) one.dweight = nullptr;
      ReferenceBackend<float> loops;
      key_.product == Product::forward ? loops.forward(one) : loops.backward(one);
    }

   private:
    ProductKey key_;
    Counts& counts_;
    std::size_t bytes_;
  };

  Engine as_;
  Counts& counts_;
  int algorithms_;
  std::string version_;
};

/// While it lives the host's memory is the device's: the engines here compute on the host.
struct NearMemory {
  bool before = std::exchange(simt::settings().far_memory, false);
  ~NearMemory() { simt::settings().far_memory = before; }
};

/// A 1x1 convolution, or a 3x3 one, with what it reads and writes.
struct Conv {
  NearMemory near;
  OpDesc op;
  OpCall<float> call;
  std::vector<float> x, w, b, y, dy, dx, dw, db;

  explicit Conv(int kernel, Mode mode = Mode::train) {
    op.kind = OpKind::conv2d;
    op.input_count = 1;
    op.window = {kernel, kernel, 1, 1, kernel / 2, kernel / 2};
    x = grid<float>(2 * 5 * 5 * 4, 1, 1), w = grid<float>(kernel * kernel * 4 * 8, 1, 2);
    b = grid<float>(8, 1, 3), dy = grid<float>(2 * 5 * 5 * 8, 1, 4);
    y.resize(dy.size()), dx.resize(x.size()), dw.resize(w.size()), db.resize(8);
    call.op = &op;
    call.batch = 2;
    call.mode = mode;
    call.in_shape[0] = {5, 5, 4};
    call.out_shape = {5, 5, 8};
    call.in[0].data = x.data();
    call.weight = w.data(), call.bias = b.data(), call.out = y.data(), call.dout = dy.data();
    call.din[0] = dx.data(), call.dweight = dw.data(), call.dbias = db.data();
  }
  Conv(const Conv&) = delete;

  /// Reserves and runs it; all results in a row.
  template <class Backend>
  std::vector<float> run(Backend& backend) {
    for (auto* v : {&y, &dx, &dw, &db}) std::fill(v->begin(), v->end(), 0.0f);
    backend.reserve(call);
    backend.forward(call);
    if (call.mode == Mode::train) backend.backward(call);
    std::vector<float> all;
    for (const auto* v : {&y, &dx, &dw, &db}) all.insert(all.end(), v->begin(), v->end());
    return all;
  }
};

EngineOptions options_of(const char* flag, std::vector<std::string>* heard = nullptr) {
  EngineOptions options = EngineOptions::parse(flag);
  if (heard != nullptr)
    options.observer = [heard](const EngineDecision& d) { heard->push_back(d.text()); };
  return options;
}
CudaBackend backend_of(const EngineOptions& options, EngineList<float> engines) {
  CudaBackend backend;
  backend.choose_engines(options, std::move(engines));
  return backend;
}
EngineList<float> loops(Counts& cublas, Counts& cudnn) {
  EngineList<float> engines;
  engines.push_back(std::make_unique<Loops>(Engine::cublas, cublas));
  engines.push_back(std::make_unique<Loops>(Engine::cudnn, cudnn));
  return engines;
}

/// Made-up times: of our own kernels 10, of the others as `times` says by product.
EngineTimer clock_of(std::map<Product, std::map<std::string, double>> times, int* asked = nullptr) {
  return [=](const ProductKey& key, const EngineChoice& choice,
             const std::function<void()>& run) mutable {
    run();
    if (asked != nullptr) ++*asked;
    const auto& of = times[key.product];
    const auto at = of.find(choice.text());
    return at != of.end() ? at->second : choice.engine == Engine::own ? 10.0 : 99.0;
  };
}

}  // namespace

TEST_CASE("cuda engines: without a wish everything is our own, and nothing is said") {
  CudaBackend backend;
  Conv conv(1);
  conv.run(backend);
  CHECK(backend.engine_log().empty());
  CHECK(backend.engine_plan().choices.empty());
}

TEST_CASE("cuda engines: the wanted one makes what it can, the rest falls to our own and is said") {
  ReferenceBackend<float> plain;
  Counts cublas, cudnn;
  std::vector<std::string> heard;
  CudaBackend backend = backend_of(options_of("cudnn", &heard), loops(cublas, cudnn));
  Conv one(1), three(3);
  CHECK(one.run(backend) == one.run(plain));
  CHECK(three.run(backend) == three.run(plain));
  CHECK(cublas.empty());
  CHECK(
      cudnn ==
      Counts{{Product::forward, 1}, {Product::data_gradient, 1}, {Product::weight_gradient, 1}});
  REQUIRE(heard.size() == 6);
  CHECK(says(heard[0], "conv2d forward 2x5x5x4 -> 5x5x8 window 1x1"));
  CHECK(says(heard[0], "bias = cudnn 0  # asked for"));
  CHECK(says(heard[3], "window 3x3"));
  CHECK(says(heard[3], "= own  # cudnn: only 1x1"));
  REQUIRE(backend.engine_log().size() == 6);
  CHECK_FALSE(backend.engine_log()[2].fell_back);
  CHECK(backend.engine_log()[3].fell_back);
  // The same geometry again is the same product.
  Conv again(1);
  again.run(backend);
  CHECK(heard.size() == 6);
  CHECK(cudnn[Product::forward] == 2);
}

TEST_CASE("cuda engines: what is not wanted is not asked") {
  Counts cublas, cudnn;
  CudaBackend backend = backend_of(options_of("cublas"), loops(cublas, cudnn));
  Conv infer(1, Mode::infer);
  infer.run(backend);
  CHECK(backend.engine_log().size() == 1);
  Conv frozen(1);
  frozen.call.dweight = nullptr, frozen.call.din[0] = nullptr;
  frozen.run(backend);
  CHECK(backend.engine_log().size() == 1);
  CHECK(cublas == Counts{{Product::forward, 2}});
}

TEST_CASE("cuda engines: a trial takes the fastest of each product") {
  ReferenceBackend<float> plain;
  Counts cublas, cudnn;
  int asked = 0;
  EngineOptions options = options_of("auto");
  options.timer = clock_of(
      {{Product::forward, {{"cublas 1", 8}, {"cudnn 2", 9}}},
       {Product::data_gradient, {{"cublas 0", 10}}},  // no faster than ours
       {Product::weight_gradient, {{"cudnn 1", 2.5}}}},
      &asked);
  CudaBackend backend = backend_of(options, loops(cublas, cudnn));
  Conv one(1), three(3);
  const std::vector<float> got = one.run(backend);
  CHECK(asked == 3 * 7);
  CHECK(got == one.run(plain));
  REQUIRE(backend.engine_log().size() == 3);
  const auto& log = backend.engine_log();
  CHECK(log[0].choice == EngineChoice{Engine::cublas, 1});
  CHECK(log[1].choice == EngineChoice{});
  CHECK(log[2].choice == EngineChoice{Engine::cudnn, 1});
  CHECK(log[0].times.size() == 7);
  CHECK(says(
      log[2].text(),
      "= cudnn 1  # fastest: own 10.0 us, cublas 0 99.0 us, cublas 1 99.0 us, cublas 2 99.0 us, "
      "cudnn 0 99.0 us, cudnn 1 2.5 us, cudnn 2 99.0 us"));
  // Where no other can, nothing is timed.
  three.run(backend);
  CHECK(asked == 3 * 7);
  CHECK(says(log[3].text(), "= own  # cublas: only 1x1; cudnn: only 1x1"));
  CHECK(three.run(backend) == three.run(plain));
}

TEST_CASE("cuda engines: a trial's tensors are its own") {
  Counts cublas, cudnn;
  EngineOptions options = options_of("auto");
  options.timer = clock_of({});
  CudaBackend backend = backend_of(options, loops(cublas, cudnn));
  Conv conv(1);
  std::fill(conv.y.begin(), conv.y.end(), 5.0f);
  std::fill(conv.dw.begin(), conv.dw.end(), 6.0f);
  std::vector<float> scale(4, 1.0f);
  conv.call.in[0].scale = conv.call.in[0].shift = scale.data();
  conv.call.accumulate[0] = true;
  backend.reserve(conv.call);
  CHECK(cublas[Product::forward] == 3);
  CHECK(conv.y == std::vector<float>(conv.y.size(), 5.0f));
  CHECK(conv.dw == std::vector<float>(conv.dw.size(), 6.0f));
  for (const EngineDecision& d : backend.engine_log()) CHECK((d.key.deferred || d.key.accumulate));
}

TEST_CASE("cuda engines: what fails in a trial is out of it, and is said") {
  Counts cublas, cudnn;
  EngineOptions options = options_of("auto");
  options.timer = [](const ProductKey&, const EngineChoice& choice,
                     const std::function<void()>& run) {
    run();
    if (choice.engine == Engine::cublas) throw DeviceError("it will not");
    return choice.engine == Engine::own ? 10.0 : 5.0;
  };
  CudaBackend backend = backend_of(options, loops(cublas, cudnn));
  Conv conv(1);
  backend.reserve(conv.call);
  CHECK(backend.engine_log()[0].choice == EngineChoice{Engine::cudnn, 0});
  CHECK(says(backend.engine_log()[0].reason, "fastest (cublas 0: it will not; cublas 1: it"));
  options.timer = [](const ProductKey&, const EngineChoice&, const std::function<void()>&) {
    throw DeviceError("the device is gone");
    return 0.0;
  };
  CudaBackend broken = backend_of(options, loops(cublas, cudnn));
  CHECK_THROWS_AS(broken.reserve(conv.call), DeviceError);
}

TEST_CASE("cuda engines: a plan given back chooses the same without timing") {
  Counts cublas, cudnn, again, other;
  EngineOptions options = options_of("auto");
  options.timer = clock_of(
      {{Product::forward, {{"cublas 1", 8}}}, {Product::weight_gradient, {{"cudnn 2", 1}}}});
  CudaBackend first = backend_of(options, loops(cublas, cudnn));
  Conv one(1), three(3);
  const std::vector<float> want = one.run(first);
  three.run(first);
  const std::string text = first.engine_plan().text();

  EngineOptions given = EngineOptions::parse(text);
  given.timer = [](const ProductKey&, const EngineChoice&, const std::function<void()>&) {
    FAIL("a plan is not timed");
    return 0.0;
  };
  CudaBackend second = backend_of(given, loops(again, other));
  CHECK(one.run(second) == want);
  three.run(second);
  CHECK(second.engine_plan().text() == text);
  CHECK(again == Counts{{Product::forward, 1}});
  CHECK(other == Counts{{Product::weight_gradient, 1}});
  CHECK_FALSE(second.engine_log()[0].fell_back);
  CHECK(says(second.engine_log()[0].text(), "# the plan"));
  // What the plan does not have is our own's, and is said.
  Conv infer(1, Mode::infer);
  infer.call.epilogue = Activation::relu;
  infer.run(second);
  CHECK(second.engine_log().back().fell_back);
  CHECK(says(second.engine_log().back().text(), "= own  # the plan does not have it"));
  // The log as it was printed is a plan as well.
  std::string log = std::string(EnginePlan::kHeader) + "\n";
  for (const EngineDecision& d : first.engine_log()) log += d.text() + "\n";
  CHECK(EnginePlan::parse(log).choices == first.engine_plan().choices);
}

TEST_CASE("cuda engines: a plan that cannot be followed is refused") {
  Counts cublas, cudnn;
  CudaBackend first = backend_of(options_of("cublas"), loops(cublas, cudnn));
  Conv one(1);
  one.run(first);
  EnginePlan plan = first.engine_plan();
  const auto follow = [&](const EnginePlan& p, int algorithms, const std::string& version) {
    EngineList<float> engines;
    engines.push_back(std::make_unique<Loops>(Engine::cublas, cublas, algorithms, version));
    return message_of<ConfigError>([&] {
      CudaBackend backend = backend_of(EngineOptions::parse(p.text()), std::move(engines));
      one.run(backend);
    });
  };
  CHECK(says(follow(plan, 3, "1"), "(nothing was thrown)"));
  CHECK(says(follow(plan, 3, "2"), "the plan was made with cublas 1, here is 2"));
  EnginePlan elsewhere = plan;
  elsewhere.device = "another";
  CHECK(says(follow(elsewhere, 3, "1"), "the plan was made on 'another', here is 'emulator"));
  EnginePlan later = plan;
  for (auto& [key, choice] : later.choices) choice.algorithm = 2;
  CHECK(says(follow(later, 2, "1"), "there is no cublas 2 for conv2d forward"));
  CHECK(says(follow(later, 2, "1"), "fewer are offered"));
  // A plan of our own kernels alone holds everywhere.
  for (auto& [key, choice] : elsewhere.choices) choice = {};
  CHECK(says(follow(elsewhere, 3, "2"), "(nothing was thrown)"));
}

TEST_CASE("cuda engines: one that was not built is an error that says how to build it") {
  for (const char* flag : {"cublas", "cudnn"}) {
    const std::string message = message_of<ConfigError>(
        [&] { CudaBackend backend(nullptr, Precision::float32, EngineOptions::parse(flag)); });
    CHECK(says(message, std::string("engine ") + flag + ": this program was built without it"));
    CHECK(says(message, std::string("link the CMake target ocelli::") + flag));
  }
  // A trial takes what there is.
  CudaBackend backend(nullptr, Precision::float32, EngineOptions::parse("auto"));
  Conv conv(1);
  conv.run(backend);
  REQUIRE(backend.engine_log().size() == 3);
  CHECK(says(backend.engine_log()[0].text(), "= own  # no other engine was built"));
}

TEST_CASE("cuda engines: an operation that was not reserved is refused") {
  Counts cublas, cudnn;
  CudaBackend backend = backend_of(options_of("cublas"), loops(cublas, cudnn));
  Conv conv(1);
  CHECK_THROWS_AS(backend.forward(conv.call), Error);
  backend.reserve(conv.call);
  backend.forward(conv.call);
  conv.call.batch = 1;
  CHECK_THROWS_AS(backend.forward(conv.call), Error);
}

}  // namespace ocelli::test

#endif  // __CUDACC__
