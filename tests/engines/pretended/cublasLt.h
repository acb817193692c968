// What CublasEngine uses of cuBLASLt, as plain loops: so that its matrices, their order and their
// transposes are tested where there is no GPU. Float matrices alone; all memory is the host's.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

enum cublasStatus_t {
  CUBLAS_STATUS_SUCCESS,
  CUBLAS_STATUS_INVALID_VALUE = 7,
  CUBLAS_STATUS_NOT_SUPPORTED = 15
};
enum cudaDataType { CUDA_R_32F, CUDA_R_16BF = 14 };
enum cublasComputeType_t {
  CUBLAS_COMPUTE_32F = 68,
  CUBLAS_COMPUTE_32F_FAST_16BF = 75,
  CUBLAS_COMPUTE_32F_FAST_TF32 = 77
};
enum cublasOperation_t { CUBLAS_OP_N, CUBLAS_OP_T };
enum cublasLtEpilogue_t {
  CUBLASLT_EPILOGUE_DEFAULT = 1,
  CUBLASLT_EPILOGUE_RELU = 2,
  CUBLASLT_EPILOGUE_BIAS = 4,
  CUBLASLT_EPILOGUE_RELU_BIAS = 6
};
enum cublasLtMatmulDescAttributes_t {
  CUBLASLT_MATMUL_DESC_TRANSA = 3,
  CUBLASLT_MATMUL_DESC_TRANSB = 4,
  CUBLASLT_MATMUL_DESC_EPILOGUE = 7,
  CUBLASLT_MATMUL_DESC_BIAS_POINTER = 8
};
enum cublasLtMatmulPreferenceAttributes_t {
  CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES = 1,
  CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK = 3,
  CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES = 5,
  CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
  CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES,
  CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES
};
enum cublasLtReductionScheme_t { CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE = 2 };

namespace pretended {
/// What the library would offer, and what it was asked for last.
struct Cublas {
  int offered = 3;
  cublasStatus_t heuristics = CUBLAS_STATUS_SUCCESS;
  cublasComputeType_t compute = CUBLAS_COMPUTE_32F;
  std::uint32_t reductions = 0;
  int products = 0;
};
inline Cublas cublas;

struct Library {};
struct Matrix {
  long rows, columns, leading;
};
struct Product {
  int trans_a = 0, trans_b = 0, epilogue = CUBLASLT_EPILOGUE_DEFAULT;
  const float* bias = nullptr;
};
struct Preference {};
}  // namespace pretended

using cublasLtHandle_t = pretended::Library*;
using cublasLtMatrixLayout_t = pretended::Matrix*;
using cublasLtMatmulDesc_t = pretended::Product*;
using cublasLtMatmulPreference_t = pretended::Preference*;
struct cublasLtMatmulAlgo_t {
  int number;
};
struct cublasLtMatmulHeuristicResult_t {
  cublasLtMatmulAlgo_t algo;
  std::size_t workspaceSize;
  cublasStatus_t state;
};

inline const char* cublasLtGetStatusName(cublasStatus_t) { return "pretended"; }
inline const char* cublasLtGetStatusString(cublasStatus_t) { return "pretended"; }
inline std::size_t cublasLtGetVersion() { return 130000; }

template <class T>
cublasStatus_t pretended_create(T** object, const T& value = {}) {
  *object = new T(value);
  return CUBLAS_STATUS_SUCCESS;
}
template <class T>
cublasStatus_t pretended_destroy(T* object) {
  delete object;
  return CUBLAS_STATUS_SUCCESS;
}
inline cublasStatus_t cublasLtCreate(cublasLtHandle_t* h) { return pretended_create(h); }
inline cublasStatus_t cublasLtDestroy(cublasLtHandle_t h) { return pretended_destroy(h); }
inline cublasStatus_t cublasLtMatmulDescCreate(
    cublasLtMatmulDesc_t* d, cublasComputeType_t compute, cudaDataType) {
  pretended::cublas.compute = compute;
  return pretended_create(d);
}
inline cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t d) {
  return pretended_destroy(d);
}
inline cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t* p) {
  return pretended_create(p);
}
inline cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t p) {
  return pretended_destroy(p);
}
inline cublasStatus_t cublasLtMatmulPreferenceSetAttribute(
    cublasLtMatmulPreference_t, cublasLtMatmulPreferenceAttributes_t attribute, const void* value,
    std::size_t bytes) {
  if (attribute == CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK)
    std::memcpy(&pretended::cublas.reductions, value, bytes);
  return CUBLAS_STATUS_SUCCESS;
}
inline cublasStatus_t cublasLtMatrixLayoutCreate(
    cublasLtMatrixLayout_t* m, cudaDataType, std::uint64_t rows, std::uint64_t columns,
    std::int64_t leading) {
  return pretended_create(
      m, {static_cast<long>(rows), static_cast<long>(columns), static_cast<long>(leading)});
}
inline cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t m) {
  return pretended_destroy(m);
}
inline cublasStatus_t cublasLtMatmulDescSetAttribute(
    cublasLtMatmulDesc_t d, cublasLtMatmulDescAttributes_t attribute, const void* value,
    std::size_t bytes) {
  void* const to = attribute == CUBLASLT_MATMUL_DESC_BIAS_POINTER ? static_cast<void*>(&d->bias)
                   : attribute == CUBLASLT_MATMUL_DESC_TRANSA     ? &d->trans_a
                   : attribute == CUBLASLT_MATMUL_DESC_TRANSB     ? &d->trans_b
                                                                  : &d->epilogue;
  std::memcpy(to, value, bytes);
  return CUBLAS_STATUS_SUCCESS;
}
inline cublasStatus_t cublasLtMatmulAlgoGetHeuristic(
    cublasLtHandle_t, cublasLtMatmulDesc_t, cublasLtMatrixLayout_t, cublasLtMatrixLayout_t,
    cublasLtMatrixLayout_t, cublasLtMatrixLayout_t, cublasLtMatmulPreference_t, int wanted,
    cublasLtMatmulHeuristicResult_t* results, int* count) {
  *count = 0;
  for (int i = 0; i < wanted && i < pretended::cublas.offered; ++i)
    results[(*count)++] = {{i}, static_cast<std::size_t>(100 * i), CUBLAS_STATUS_SUCCESS};
  return pretended::cublas.heuristics;
}
/// Columns first: element (i, j) of a matrix lies at j * leading + i.
inline cublasStatus_t cublasLtMatmul(
    cublasLtHandle_t, cublasLtMatmulDesc_t p, const void* alpha, const void* a,
    cublasLtMatrixLayout_t a_layout, const void* b, cublasLtMatrixLayout_t b_layout,
    const void* beta, const void* c, cublasLtMatrixLayout_t, void* d,
    cublasLtMatrixLayout_t d_layout, const cublasLtMatmulAlgo_t*, void* workspace,
    std::size_t bytes, void*) {
  if (bytes > 0) std::memset(workspace, 7, bytes);
  const auto rows = [](const pretended::Matrix& m, int trans) {
    return trans ? m.columns : m.rows;
  };
  const auto at = [](const void* of, const pretended::Matrix& m, int trans, long i, long j) {
    return static_cast<const float*>(of)[trans ? i * m.leading + j : j * m.leading + i];
  };
  const long inner = rows(*a_layout, 1 - p->trans_a);
  if (rows(*a_layout, p->trans_a) != d_layout->rows || inner != rows(*b_layout, p->trans_b) ||
      rows(*b_layout, 1 - p->trans_b) != d_layout->columns)
    return CUBLAS_STATUS_INVALID_VALUE;
  const float old = *static_cast<const float*>(beta);
  for (long j = 0; j < d_layout->columns; ++j)
    for (long i = 0; i < d_layout->rows; ++i) {
      float sum = 0;
      for (long k = 0; k < inner; ++k)
        sum += at(a, *a_layout, p->trans_a, i, k) * at(b, *b_layout, p->trans_b, k, j);
      sum *= *static_cast<const float*>(alpha);
      if (old != 0) sum += old * at(c, *d_layout, 0, i, j);
      if (p->epilogue & CUBLASLT_EPILOGUE_BIAS) sum += p->bias[i];
      if ((p->epilogue & CUBLASLT_EPILOGUE_RELU) && sum < 0) sum = 0;
      static_cast<float*>(d)[j * d_layout->leading + i] = sum;
    }
  ++pretended::cublas.products;
  return CUBLAS_STATUS_SUCCESS;
}
