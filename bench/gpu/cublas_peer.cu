// cuBLASLt on the bench's products.
// SPDX-License-Identifier: Apache-2.0
#include "gpu/peers.hpp"

#ifdef OCELLI_BENCH_CUBLAS

#include <cublasLt.h>

#include <limits>
#include <memory>
#include <vector>

#include "gpu/timing.hpp"
#include "gpu/values.hpp"

namespace ocelli::gpu_bench {
namespace {

void check(cublasStatus_t status, const char* call) {
  if (status != CUBLAS_STATUS_SUCCESS)
    throw DeviceError(std::string(call) + ": " + cublasLtGetStatusString(status), "cuBLASLt");
}

/// D [rows, columns] = op(A) op(B), all in row-major order as this library has them. cuBLAS counts
/// by columns, so it is asked for the transposed product.
class MatrixProduct {
 public:
  MatrixProduct(
      simt::Stream stream, long rows, long columns, long depth, bool a_transposed,
      bool b_transposed, Precision precision)
      : stream_(stream) {
    const bool half = precision == Precision::bf16;
    const cudaDataType_t type = half ? CUDA_R_16BF : CUDA_R_32F;
    const auto make = [half](long count) {
      const auto n = static_cast<std::size_t>(count);
      cuda::Memory<unsigned char> memory(n * (half ? 2 : 4));
      if (half)
        fill_with_numbers<bfloat16>(memory.data(), n);
      else
        fill_with_numbers<float>(memory.data(), n);
      return memory;
    };
    a_ = make(rows * depth);
    b_ = make(depth * columns);
    d_ = make(rows * columns);
    check(cublasLtCreate(&handle_), "cublasLtCreate");
    check(
        cublasLtMatmulDescCreate(
            &product_,
            precision == Precision::tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F,
            CUDA_R_32F),
        "cublasLtMatmulDescCreate");
    const cublasOperation_t first = b_transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
    const cublasOperation_t second = a_transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
    set(CUBLASLT_MATMUL_DESC_TRANSA, first);
    set(CUBLASLT_MATMUL_DESC_TRANSB, second);
    const auto layout = [&](cublasLtMatrixLayout_t& to, long r, long c, bool transposed) {
      const auto inner = static_cast<std::uint64_t>(transposed ? r : c);
      const auto outer = static_cast<std::uint64_t>(transposed ? c : r);
      check(
          cublasLtMatrixLayoutCreate(&to, type, inner, outer, static_cast<std::int64_t>(inner)),
          "cublasLtMatrixLayoutCreate");
    };
    layout(left_, depth, columns, b_transposed);
    layout(right_, rows, depth, a_transposed);
    layout(result_, rows, columns, false);
    choose();
  }
  ~MatrixProduct() {
    for (auto layout : {left_, right_, result_}) (void)cublasLtMatrixLayoutDestroy(layout);
    (void)cublasLtMatmulDescDestroy(product_);
    (void)cublasLtDestroy(handle_);
  }
  MatrixProduct(const MatrixProduct&) = delete;
  MatrixProduct& operator=(const MatrixProduct&) = delete;

  void run() { check(run_with(best_), "cublasLtMatmul"); }

 private:
  void set(cublasLtMatmulDescAttributes_t attribute, cublasOperation_t value) {
    check(
        cublasLtMatmulDescSetAttribute(product_, attribute, &value, sizeof value),
        "cublasLtMatmulDescSetAttribute");
  }
  cublasStatus_t run_with(const cublasLtMatmulAlgo_t& algorithm) {
    const float one = 1, zero = 0;
    return cublasLtMatmul(
        handle_, product_, &one, b_.data(), left_, a_.data(), right_, &zero, d_.data(), result_,
        d_.data(), result_, &algorithm, space_.data(), space_.size(), stream_);
  }
  /// The fastest of what the heuristic proposes.
  void choose() {
    cublasLtMatmulPreference_t preference;
    check(cublasLtMatmulPreferenceCreate(&preference), "cublasLtMatmulPreferenceCreate");
    const std::size_t bytes = space_.size();
    check(
        cublasLtMatmulPreferenceSetAttribute(
            preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &bytes, sizeof bytes),
        "cublasLtMatmulPreferenceSetAttribute");
    cublasLtMatmulHeuristicResult_t found[8];
    int count = 0;
    const cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(
        handle_, product_, left_, right_, result_, result_, preference, 8, found, &count);
    (void)cublasLtMatmulPreferenceDestroy(preference);
    check(status, "cublasLtMatmulAlgoGetHeuristic");
    Stopwatch watch(stream_, 5);
    double least = std::numeric_limits<double>::max();
    for (int i = 0; i < count; ++i) {
      if (run_with(found[i].algo) != CUBLAS_STATUS_SUCCESS) continue;
      const double ms = watch([&] { (void)run_with(found[i].algo); }).median;
      if (ms >= least) continue;
      least = ms;
      best_ = found[i].algo;
    }
    if (least == std::numeric_limits<double>::max())
      throw DeviceError("no algorithm for this product", "cuBLASLt");
  }

  simt::Stream stream_;
  cublasLtHandle_t handle_{};
  cublasLtMatmulDesc_t product_{};
  cublasLtMatrixLayout_t left_{}, right_{}, result_{};
  cublasLtMatmulAlgo_t best_{};
  cuda::Memory<unsigned char> a_, b_, d_, space_{std::size_t{64} << 20};
};

std::function<void()> runner(std::shared_ptr<MatrixProduct> product) {
  return [product = std::move(product)] { product->run(); };
}

}  // namespace

std::string cublas_version() {
  const std::size_t v = cublasLtGetVersion();
  return std::to_string(v / 10000) + "." + std::to_string(v / 100 % 100) + "." +
         std::to_string(v % 100);
}

std::function<void()> cublaslt_pointwise(
    simt::Stream stream, const Shaped& shaped, int batch, Precision precision, Product product) {
  const long pixels = batch * shaped.out.pixels(), in = shaped.in.channels;
  const long out = shaped.out.channels;
  const auto make = [&](long rows, long columns, long depth, bool a, bool b) {
    return runner(std::make_shared<MatrixProduct>(stream, rows, columns, depth, a, b, precision));
  };
  if (product == Product::forward) return make(pixels, out, in, false, false);       // x w
  if (product == Product::data_gradient) return make(pixels, in, out, false, true);  // dy w^T
  return make(in, out, pixels, true, false);                                         // x^T dy
}

std::function<void()> cublaslt_square(simt::Stream stream, int n, Precision precision) {
  return runner(std::make_shared<MatrixProduct>(stream, n, n, n, false, false, precision));
}

}  // namespace ocelli::gpu_bench

#else

namespace ocelli::gpu_bench {
std::string cublas_version() { return "not built"; }
std::function<void()> cublaslt_pointwise(simt::Stream, const Shaped&, int, Precision, Product) {
  return {};
}
std::function<void()> cublaslt_square(simt::Stream, int, Precision) { return {}; }
}  // namespace ocelli::gpu_bench

#endif
