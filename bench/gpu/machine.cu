// The speeds of the machine itself: a copy of 1 GiB, and square products by cuBLASLt, or by our own
// kernels where it was not built in.
// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <ctime>
#include <string>

#include "gpu/cases.hpp"
#include "gpu/device_op.hpp"
#include "gpu/peers.hpp"
#include "ocelli/cuda/device.hpp"

#ifndef OCELLI_COMMIT
#define OCELLI_COMMIT "unknown"
#endif

namespace ocelli::gpu_bench {
namespace {

std::string today() {
  const std::time_t now = std::time(nullptr);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d", std::gmtime(&now));
  return text;
}

/// "580.65.06 for CUDA 13.0"; CUDA does not tell the first, so the script does.
std::string driver() {
  int version = 0;
  simt::check(cudaDriverGetVersion(&version), "cudaDriverGetVersion");
  const char* const given = std::getenv("GPU_DRIVER");
  return (given == nullptr ? std::string("?") : std::string(given)) + " for CUDA " +
         std::to_string(version / 1000) + "." + std::to_string(version / 10 % 100);
}

double copy_gb_s(Stopwatch& watch) {
  constexpr std::size_t bytes = std::size_t{1} << 30;
  const cuda::Memory<unsigned char> from(bytes);
  cuda::Memory<unsigned char> to(bytes);
  const Times times = watch([&] {
    simt::check(
        cudaMemcpyAsync(to.data(), from.data(), bytes, cudaMemcpyDeviceToDevice, watch.stream()),
        "cudaMemcpyAsync");
  });
  return 2.0 * static_cast<double>(bytes) / times.median / 1e6;
}

double gemm_tflop_s(Stopwatch& watch, Precision precision) {
  constexpr int n = 8192;
  const double flops = 2.0 * n * n * n;
  if (const auto run = cublaslt_square(watch.stream(), n, precision))
    return flops / watch(run).median / 1e9;
  Shaped square;  // as a 1x1 convolution
  square.in = square.out = {64, 128, n};
  DeviceOp<float> op(square, 1);
  CudaBackend backend(watch.stream(), precision);
  backend.reserve(op.call);
  return flops / watch([&] { backend.forward(op.call); }).median / 1e9;
}

}  // namespace

void measure_machine(Stopwatch& watch, const Plan& plan, Lines& lines) {
  const cuda::DeviceInfo device = cuda::device_info(0);
  Json line;
  line["kind"] = "machine";
  line["gpu"] = device.name;
  line["capability"] = std::to_string(device.major) + "." + std::to_string(device.minor);
  line["multiprocessors"] = device.multiprocessors;
  line["driver"] = driver();
  line["date"] = today();
  line["commit"] = OCELLI_COMMIT;
  line["runs"] = 20;
  line["l2"] = "flushed before each run";
  line["copy_gb_s"] = copy_gb_s(watch);
  const bool library = cublas_version() != "not built";
  line["gemm_by"] = library ? "cuBLASLt " + cublas_version() : "ocelli";
  for (const Precision precision : plan.precisions)
    line["gemm_tflop_s"][name(precision)] = gemm_tflop_s(watch, precision);
  line["cudnn"] = cudnn_version();
  lines.write(line);
  for (const auto& [by, version] :
       {std::pair<std::string, std::string>{"cuDNN", cudnn_version()},
        {"cuBLASLt", cublas_version()}})
    if (version == "not built" || !plan.peers) {
      Json absent;
      absent["kind"] = "absent";
      absent["by"] = by;
      absent["why"] = version == "not built" ? "not built" : "not run";
      lines.write(absent);
    }
}

}  // namespace ocelli::gpu_bench
