// CublasEngine: 1x1 convolutions of stride 1 as matrix products of cuBLASLt. Empty without
// OCELLI_WITH_CUBLAS.
//
//   forward          y  [rows, K]  = x [rows, C] * w [C, K], + bias, relu in the same launch
//   data gradient    dx [rows, C]  = dy [rows, K] * w' [K, C]          + dx to accumulate
//   weight gradient  dw [C, K]    += x' [C, rows] * dy [rows, K]
//
// cuBLASLt counts columns first, so it gets each transposed: y' = w' * x' with the same memory.
// A deferred norm is applied into workspace first. Activations but relu follow in a launch of ours.
//
// Bits: algorithms that cut the inner extent are taken only where the parts' sums lie in workspace
// and are added in a step of its own (CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE), in float. A chosen
// algorithm then gives the same bits in every run on one kind of device.
// Precision: of float tensors, float32 keeps all bits; tf32 and bf16 round the factors inside the
// kernel (CUBLAS_COMPUTE_32F_FAST_TF32, _16BF). Of bfloat16 tensors the weights are rounded first.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#ifdef OCELLI_WITH_CUBLAS

#include <cublasLt.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "ocelli/core/error.hpp"
#include "ocelli/cuda/engine.hpp"
#include "ocelli/cuda/engine_copies.hpp"
#include "ocelli/cuda/work_arrays.hpp"
#include "ocelli/op/conv2d.hpp"

namespace ocelli::cuda {

namespace detail {

/// @throws DeviceError unless `status` is success
inline void check_cublas(cublasStatus_t status, const char* call) {
  if (status != CUBLAS_STATUS_SUCCESS)
    throw DeviceError(
        std::string(call) + ": " + cublasLtGetStatusName(status) + ", " +
            cublasLtGetStatusString(status),
        "engine cublas");
}

/// Owns a handle or descriptor of cuBLASLt.
template <class Handle, cublasStatus_t (*Destroy)(Handle)>
struct CublasObject {
  Handle handle = nullptr;

  CublasObject() = default;
  ~CublasObject() {
    if (handle != nullptr) (void)Destroy(handle);
  }
  CublasObject(const CublasObject&) = delete;
  CublasObject& operator=(const CublasObject&) = delete;
};
using CublasLibrary = CublasObject<cublasLtHandle_t, cublasLtDestroy>;
using CublasProductDesc = CublasObject<cublasLtMatmulDesc_t, cublasLtMatmulDescDestroy>;
using CublasPreference = CublasObject<cublasLtMatmulPreference_t, cublasLtMatmulPreferenceDestroy>;

/// A matrix, columns first.
struct CublasMatrix : CublasObject<cublasLtMatrixLayout_t, cublasLtMatrixLayoutDestroy> {
  CublasMatrix(cudaDataType type, long rows, long columns) {
    check_cublas(
        cublasLtMatrixLayoutCreate(
            &handle, type, static_cast<std::uint64_t>(rows), static_cast<std::uint64_t>(columns),
            rows),
        "cublasLtMatrixLayoutCreate");
  }
};

/// The product of a key as cuBLASLt describes it; its algorithms share it.
template <class T>
struct CublasProblem {
  static constexpr bool kFloat = std::is_same_v<T, float>;
  static constexpr cudaDataType kType = kFloat ? CUDA_R_32F : CUDA_R_16BF;

  explicit CublasProblem(const ProductKey& k)
      : key(k),
        rows(long(k.batch) * k.out.pixels()),
        channels(k.in.channels),
        out_channels(k.out.channels),
        a(kType, out_channels, k.product == Product::weight_gradient ? rows : channels),
        b(kType, k.product == Product::data_gradient ? out_channels : channels, rows),
        d(k.product == Product::weight_gradient ? CUDA_R_32F : kType,
          k.product == Product::data_gradient ? channels : out_channels,
          k.product == Product::weight_gradient ? channels : rows),
        beta(k.product == Product::weight_gradient || k.accumulate ? 1.0f : 0.0f) {
    const cublasComputeType_t compute =
        !kFloat || k.precision == Precision::float32 ? CUBLAS_COMPUTE_32F
        : k.precision == Precision::tf32             ? CUBLAS_COMPUTE_32F_FAST_TF32
                                                     : CUBLAS_COMPUTE_32F_FAST_16BF;
    check_cublas(
        cublasLtMatmulDescCreate(&desc.handle, compute, CUDA_R_32F), "cublasLtMatmulDescCreate");
    if (k.product == Product::data_gradient) set(CUBLASLT_MATMUL_DESC_TRANSA, CUBLAS_OP_T);
    if (k.product == Product::weight_gradient) set(CUBLASLT_MATMUL_DESC_TRANSB, CUBLAS_OP_T);
    if (k.product != Product::forward) return;
    fused_bias = kFloat && k.bias;
    fused_relu = k.epilogue == Activation::relu && (fused_bias || !k.bias);
    if (fused_bias || fused_relu)
      set(CUBLASLT_MATMUL_DESC_EPILOGUE, fused_bias && fused_relu ? CUBLASLT_EPILOGUE_RELU_BIAS
                                         : fused_bias             ? CUBLASLT_EPILOGUE_BIAS
                                                                  : CUBLASLT_EPILOGUE_RELU);
    // Its alignment is what the heuristics see.
    if (fused_bias) set_bias(reinterpret_cast<const float*>(std::uintptr_t{16}));
  }

  template <class V>
  void set(cublasLtMatmulDescAttributes_t attribute, V value) {
    static_assert(sizeof(V) == 4);
    check_cublas(
        cublasLtMatmulDescSetAttribute(desc.handle, attribute, &value, sizeof value),
        "cublasLtMatmulDescSetAttribute");
  }
  void set_bias(const float* bias) {
    check_cublas(
        cublasLtMatmulDescSetAttribute(
            desc.handle, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &bias, sizeof bias),
        "cublasLtMatmulDescSetAttribute");
  }

  ProductKey key;
  long rows, channels, out_channels;
  CublasMatrix a, b, d;
  float beta;
  bool fused_bias = false, fused_relu = false;
  CublasProductDesc desc;
};

/// Bytes of workspace that cuBLASLt may have; what its makers advise for a Hopper.
inline constexpr std::uint64_t kCublasWorkspace = std::uint64_t{32} << 20;

}  // namespace detail

template <class T>
class CublasProduct final : public PreparedProduct<T> {
 public:
  CublasProduct(
      simt::Stream stream, std::shared_ptr<detail::CublasLibrary> library,
      std::shared_ptr<detail::CublasProblem<T>> problem,
      const cublasLtMatmulHeuristicResult_t& found)
      : stream_(stream),
        library_(std::move(library)),
        problem_(std::move(problem)),
        algorithm_(found.algo),
        library_bytes_(found.workspaceSize) {}

  std::size_t workspace_bytes() const override {
    WorkArrays space;
    const Arrays arrays(space, *this);
    return space.bytes();
  }

  void run(const OpCall<T>& call, void* workspace) override {
    detail::CublasProblem<T>& p = *problem_;
    const ProductKey& key = p.key;
    WorkArrays space(workspace);
    const Arrays arrays(space, *this);
    const T* x = call.in[0].data;
    if (arrays.x != nullptr && key.deferred) {
      copy_into_border(
          stream_, call.in[0], key.batch, key.in.channels, no_border(key.in), arrays.x);
      x = arrays.x;
    }
    const T* w = nullptr;
    if constexpr (detail::CublasProblem<T>::kFloat) {
      w = call.weight;
    } else if (key.product != Product::weight_gradient) {
      Operand<float> weights;
      weights.data = call.weight;
      copy_into_border(
          stream_, weights, 1, key.out.channels,
          no_border(Shape{1, key.in.channels, key.out.channels}), arrays.w);
      w = arrays.w;
    }
    switch (key.product) {
      case Product::forward:
        if (p.fused_bias) p.set_bias(call.bias);
        multiply(w, x, call.out, arrays.library);
        if ((key.bias && !p.fused_bias) || (key.epilogue != Activation::none && !p.fused_relu))
          finish_rows(
              stream_, p.fused_bias ? nullptr : call.bias,
              p.fused_relu ? Activation::none : key.epilogue, p.rows, key.out.channels, call.out);
        return;
      case Product::data_gradient:
        return multiply(w, call.dout, call.din[0], arrays.library);
      case Product::weight_gradient:
        return multiply(call.dout, x, call.dweight, arrays.library);
    }
  }

 private:
  struct Arrays {
    unsigned char* library;
    T* x = nullptr;  ///< with its norm applied
    T* w = nullptr;  ///< rounded

    Arrays(WorkArrays& space, const CublasProduct& product) {
      const ProductKey& key = product.problem_->key;
      library = space.take<unsigned char>(static_cast<long>(product.library_bytes_));
      if (key.deferred) x = space.take<T>(key.batch * key.in.size());
      if (!detail::CublasProblem<T>::kFloat && key.product != Product::weight_gradient)
        w = space.take<T>(long(key.in.channels) * key.out.channels);
    }
  };

  void multiply(const void* a, const void* b, void* d, void* workspace) {
    for (const void* p : {a, b, static_cast<const void*>(d)})
      if (reinterpret_cast<std::uintptr_t>(p) % 16 != 0)
        throw Error(
            "a tensor that is not aligned to 16 bytes", "engine cublas",
            "choose own, or align the tensors");
    const detail::CublasProblem<T>& p = *problem_;
    const float one = 1.0f;
    detail::check_cublas(
        cublasLtMatmul(
            library_->handle, p.desc.handle, &one, a, p.a.handle, b, p.b.handle, &p.beta, d,
            p.d.handle, d, p.d.handle, &algorithm_, workspace, library_bytes_, stream_),
        "cublasLtMatmul");
  }

  simt::Stream stream_;
  std::shared_ptr<detail::CublasLibrary> library_;
  std::shared_ptr<detail::CublasProblem<T>> problem_;
  cublasLtMatmulAlgo_t algorithm_;
  std::size_t library_bytes_;
};

template <class T>
class CublasEngine final : public ProductEngine<T> {
 public:
  /// @throws DeviceError where cuBLASLt does not start
  explicit CublasEngine(simt::Stream stream)
      : stream_(stream), library_(std::make_shared<detail::CublasLibrary>()) {
    detail::check_cublas(cublasLtCreate(&library_->handle), "cublasLtCreate");
  }

  Engine engine() const override { return Engine::cublas; }
  std::string version() const override { return std::to_string(cublasLtGetVersion()); }

  EngineOffer<T> offer(const ProductKey& key, int most) override {
    EngineOffer<T> offer;
    if (key.kind != OpKind::conv2d || !conv2d_geometry(op_of(key), key.in, key.out).pointwise()) {
      offer.refusal = "only a 1x1 convolution of stride 1 is one matrix product";
      return offer;
    }
    auto problem = std::make_shared<detail::CublasProblem<T>>(key);
    detail::CublasPreference preference;
    detail::check_cublas(
        cublasLtMatmulPreferenceCreate(&preference.handle), "cublasLtMatmulPreferenceCreate");
    const auto prefer = [&](cublasLtMatmulPreferenceAttributes_t attribute, auto value) {
      detail::check_cublas(
          cublasLtMatmulPreferenceSetAttribute(preference.handle, attribute, &value, sizeof value),
          "cublasLtMatmulPreferenceSetAttribute");
    };
    prefer(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, detail::kCublasWorkspace);
    prefer(
        CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
        std::uint32_t{CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE});
    for (const auto side :
         {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
          CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES})
      prefer(side, std::uint32_t{16});
    // Always as many, so that the numbers of algorithms do not depend on who asks.
    std::array<cublasLtMatmulHeuristicResult_t, 16> found{};
    int count = 0;
    const cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(
        library_->handle, problem->desc.handle, problem->a.handle, problem->b.handle,
        problem->d.handle, problem->d.handle, preference.handle, static_cast<int>(found.size()),
        found.data(), &count);
    if (status != CUBLAS_STATUS_NOT_SUPPORTED)
      detail::check_cublas(status, "cublasLtMatmulAlgoGetHeuristic");
    for (int i = 0; i < count && static_cast<int>(offer.algorithms.size()) < most; ++i) {
      const cublasLtMatmulHeuristicResult_t& f = found[static_cast<std::size_t>(i)];
      if (f.state == CUBLAS_STATUS_SUCCESS)
        offer.algorithms.push_back(
            std::make_unique<CublasProduct<T>>(stream_, library_, problem, f));
    }
    if (offer.algorithms.empty())
      offer.refusal = "it has no deterministic algorithm for these extents and types";
    return offer;
  }

 private:
  simt::Stream stream_;
  std::shared_ptr<detail::CublasLibrary> library_;
};

}  // namespace ocelli::cuda

#endif  // OCELLI_WITH_CUBLAS
