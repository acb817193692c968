// The engines of other libraries, as far as a machine without a GPU can show them: that they
// compile and link, what they say where there is no device, and what cuDNN plans for a device that
// is only described to it.
// SPDX-License-Identifier: Apache-2.0
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "ocelli/cuda/engines.hpp"

using namespace ocelli;
using namespace ocelli::cuda;

namespace {

ProductKey key_of(const std::string& line) {
  return EnginePlan::parse(std::string(EnginePlan::kHeader) + "\n" + line + " = own\n")
      .choices.begin()
      ->first;
}

}  // namespace

TEST_CASE("engines: built ones start on a device, others say how to build them") {
  for (const Engine engine : {Engine::cublas, Engine::cudnn}) {
    CAPTURE(name(engine));
    const EngineOptions options = EngineOptions::parse(name(engine));
    if (!is_built(engine)) {
      CHECK(built_engines<float>(nullptr, options).empty());
      CHECK_THROWS_WITH_AS(
          (Engines<float>(nullptr, Precision::tf32, options, {})),
          doctest::Contains("=ON, which says where"), ConfigError);
    } else if (device_count() == 0) {
      // Never our own kernels in silence.
      CHECK_THROWS_AS(built_engines<float>(nullptr, options), DeviceError);
    } else {
      const EngineList<float> engines = built_engines<float>(nullptr, options);
      REQUIRE(engines.size() == 1);
      CHECK(engines[0]->engine() == engine);
      CHECK(engines[0]->version().size() >= 5);
    }
  }
  CHECK(built_engines<float>(nullptr, EngineOptions::parse("own")).empty());
}

#if defined(OCELLI_WITH_CUDNN) && CUDNN_VERSION >= 91900

namespace {

/// A device of compute capability 9.0 as cuDNN describes them.
const char* const kDescription =
    R"({"deviceName":"described","cudaDeviceId":0,"deviceVer":900,"driverVer":13000,
        "maxGridSize":[2147483647,65535,65535],"maxBlockSize":[1024,1024,64],"warpSize":32,
        "regsPerBlock":65536,"maxRegistersPerSM":65536,"multiProcessorCount":132,
        "smClockRateKHz":1980000,"memClockRateKHz":3201000,"l2CacheSize":62914560,
        "maxSharedMemoryPerBlock":49152,"maxSharedMemoryPerBlockOptin":232448,
        "reservedSharedMemoryPerBlock":1024,"maxCtasPerSM":32,"maxThreadsPerBlock":1024,
        "maxThreadsPerSM":2048,"pciDeviceId":0,"isTccDriver":0,"supportCoopLaunch":1,
        "totalGlobalMem":150000000000})";

template <class T>
int plans(const std::string& line, int most = 100) {
  const ProductKey key = key_of(line);
  const cuda::detail::CudnnProblem<T> problem(key);
  CHECK(problem.refusal() == "");
  const CudnnGraph graph(
      std::make_shared<CudnnLibrary>(kDescription), cuda::detail::cudnn_operation(problem));
  int proposed = 0;
  const auto found = graph.plans(
      cuda::detail::may_use_tensor_cores<T>(key), cuda::detail::kCudnnWorkspace, most, proposed);
  CHECK(proposed >= static_cast<int>(found.size()));
  return static_cast<int>(found.size());
}

}  // namespace

TEST_CASE("engines: cuDNN has deterministic plans for every product of an SSD") {
  const std::string shapes[][2] = {
      {"conv2d ", " 24x300x300x3 -> 150x150x32 window 3x3 stride 2 dilation 1 pad 0,0 "},
      {"conv2d ", " 24x75x75x32 -> 38x38x64 window 3x3 stride 2 dilation 1 pad 1,1 "},
      {"conv2d ", " 24x38x38x64 -> 38x38x96 window 3x3 stride 1 dilation 1 pad 1,1 "},
      {"conv2d ", " 24x19x19x96 -> 19x19x576 window 1x1 stride 1 dilation 1 pad 0,0 "},
      {"depthwise_conv2d ", " 24x150x150x32 -> 150x150x32 window 3x3 stride 1 dilation 1 pad 1,1 "},
      {"depthwise_conv2d ", " 24x150x150x32 -> 75x75x32 window 3x3 stride 2 dilation 1 pad 0,0 "},
      {"depthwise_conv2d ", " 24x10x10x960 -> 10x10x960 window 5x5 stride 1 dilation 1 pad 2,2 "}};
  for (const auto& [kind, shape] : shapes)
    for (const Product product : kAllProducts) {
      const std::string line = kind + name(product) + shape;
      CAPTURE(line);
      const int full = plans<float>(line + "float32 stored float32");
      const int tf32 = plans<float>(line + "tf32 stored float32");
      CHECK(full > 0);
      CHECK(tf32 >= full);  // with tensor cores there are more to choose from
      CHECK(plans<float>(line + "tf32 stored float32", 1) == 1);
      if (product != Product::weight_gradient)
        CHECK(plans<bfloat16>(line + "bf16 stored bf16") > 0);
    }
}

TEST_CASE("engines: what cuDNN is not asked, and which copies surround what it is") {
  const auto problem = [](const std::string& line) {
    return cuda::detail::CudnnProblem<float>(key_of(line));
  };
  const std::string even = " 2x8x8x4 -> 4x4x8 window 3x3 stride 2 dilation 1 pad 0,0 ";
  CHECK(problem("conv2d forward" + even + "bf16 stored float32").refusal() != "");
  CHECK(
      cuda::detail::CudnnProblem<bfloat16>(
          key_of("conv2d weight_gradient" + even + "bf16 stored bf16"))
          .refusal() != "");
  const auto x = problem("conv2d forward" + even + "tf32 stored float32");
  CHECK(x.copies_picture);
  CHECK(x.copies_x);
  CHECK(x.border.outer_height == 9);
  CHECK(x.border.top == 0);
  const auto dx = problem("conv2d data_gradient" + even + "tf32 stored float32");
  CHECK(dx.copies_dx);
  CHECK_FALSE(dx.copies_x);
  const std::string odd = " 2x7x7x4 -> 4x4x8 window 3x3 stride 2 dilation 1 pad 1,1 ";
  CHECK_FALSE(problem("conv2d forward" + odd + "tf32 stored float32").copies_x);
  CHECK(problem("conv2d forward" + odd + "tf32 stored float32 deferred").copies_x);
  CHECK(problem("conv2d data_gradient" + odd + "tf32 stored float32 accumulate").copies_dx);
  CHECK_FALSE(problem("conv2d data_gradient" + odd + "tf32 stored float32").copies_dx);
}

#endif
