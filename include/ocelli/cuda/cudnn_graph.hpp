// cuDNN's graph of one convolution, through its C interface: descriptors, the graph, and the
// execution plans whose arithmetic is as wanted. Empty without nvcc and OCELLI_WITH_CUDNN.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#ifdef OCELLI_WITH_CUDNN

#include <cudnn.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ocelli/core/error.hpp"
#include "ocelli/simt/device.hpp"

namespace ocelli::cuda {

/// @throws DeviceError unless `status` is success
inline void check_cudnn(cudnnStatus_t status, const char* call) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  char last[256] = "";
  cudnnGetLastErrorString(last, sizeof last);
  throw DeviceError(
      std::string(call) + ": " + cudnnGetErrorString(status) +
          (last[0] == 0 ? "" : std::string(", ") + last),
      "engine cudnn");
}

/// Owns a descriptor.
class CudnnDescriptor {
 public:
  explicit CudnnDescriptor(cudnnBackendDescriptorType_t type) {
    check_cudnn(cudnnBackendCreateDescriptor(type, &raw_), "cudnnBackendCreateDescriptor");
  }
  ~CudnnDescriptor() {
    if (raw_ != nullptr) (void)cudnnBackendDestroyDescriptor(raw_);
  }
  CudnnDescriptor(CudnnDescriptor&& other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}
  CudnnDescriptor& operator=(CudnnDescriptor&& other) noexcept {
    std::swap(raw_, other.raw_);
    return *this;
  }

  const cudnnBackendDescriptor_t& raw() const { return raw_; }

  template <class V>
  void set(
      cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, const V* values,
      std::int64_t count) {
    check_cudnn(
        cudnnBackendSetAttribute(raw_, name, type, count, values), "cudnnBackendSetAttribute");
  }
  template <class V>
  void set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, V value) {
    set(name, type, &value, 1);
  }
  void set(cudnnBackendAttributeName_t name, const CudnnDescriptor& other) {
    set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, &other.raw_, 1);
  }
  void set(cudnnBackendAttributeName_t name, std::int64_t value) {
    set(name, CUDNN_TYPE_INT64, &value, 1);
  }
  void set(cudnnBackendAttributeName_t name, const std::vector<std::int64_t>& values) {
    set(name, CUDNN_TYPE_INT64, values.data(), static_cast<std::int64_t>(values.size()));
  }
  cudnnStatus_t try_finalize() { return cudnnBackendFinalize(raw_); }
  void finalize() { check_cudnn(try_finalize(), "cudnnBackendFinalize"); }

 private:
  cudnnBackendDescriptor_t raw_ = nullptr;
};

/// The library on a device, with the stream in which it works; or a device that is only described,
/// for which it can plan but not run.
class CudnnLibrary {
 public:
  explicit CudnnLibrary(simt::Stream stream) {
    check_cudnn(cudnnCreate(&handle_), "cudnnCreate");
    check_cudnn(cudnnSetStream(handle_, stream), "cudnnSetStream");
  }
#if CUDNN_VERSION >= 91900
  /// @param description  JSON, as cuDNN writes it
  explicit CudnnLibrary(const std::string& description) {
    described_ = std::make_unique<CudnnDescriptor>(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
    described_->set(
        CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR, description.c_str(),
        static_cast<std::int64_t>(description.size()) + 1);
    described_->finalize();
  }
#endif
  ~CudnnLibrary() {
    if (handle_ != nullptr) (void)cudnnDestroy(handle_);
  }
  CudnnLibrary(const CudnnLibrary&) = delete;
  CudnnLibrary& operator=(const CudnnLibrary&) = delete;

  const cudnnHandle_t& handle() const { return handle_; }

  void set_on_graph(CudnnDescriptor& graph) const {
    if (handle_ != nullptr) graph.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, handle_);
  }
  void set_on_heuristics([[maybe_unused]] CudnnDescriptor& heuristics) const {
#if CUDNN_VERSION >= 91900
    if (described_ != nullptr) heuristics.set(CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, *described_);
#endif
  }
  void set_on_plan(CudnnDescriptor& plan) const {
    if (handle_ != nullptr) plan.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, handle_);
#if CUDNN_VERSION >= 91900
    if (described_ != nullptr) plan.set(CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, *described_);
#endif
  }

 private:
  cudnnHandle_t handle_ = nullptr;
  std::unique_ptr<CudnnDescriptor> described_;
};

/// A tensor of four extents, channels innermost in memory.
/// @param n, c, h, w  extents; of a filter: outputs, inputs, rows, columns
inline CudnnDescriptor cudnn_tensor(
    std::int64_t id, cudnnDataType_t type, std::int64_t n, std::int64_t c, std::int64_t h,
    std::int64_t w) {
  CudnnDescriptor tensor(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  tensor.set(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, type);
  tensor.set(CUDNN_ATTR_TENSOR_DIMENSIONS, {n, c, h, w});
  tensor.set(CUDNN_ATTR_TENSOR_STRIDES, {h * w * c, 1, w * c, c});
  tensor.set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, std::int64_t{16});
  tensor.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, id);
  tensor.finalize();
  return tensor;
}

/// An execution plan, and the bytes of workspace that it needs.
struct CudnnPlan {
  std::shared_ptr<CudnnDescriptor> config, plan;
  std::size_t bytes;
};

/// One operation on tensors 1, 2, 3, with everything that it was made of.
struct CudnnOperation {
  std::vector<CudnnDescriptor> parts;
  CudnnDescriptor operation;
};

/// The graph of an operation.
class CudnnGraph {
 public:
  static constexpr std::int64_t kIds[3] = {1, 2, 3};

  CudnnGraph(std::shared_ptr<CudnnLibrary> library, CudnnOperation of)
      : library_(std::move(library)),
        of_(std::move(of)),
        graph_(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR) {
    library_->set_on_graph(graph_);
    graph_.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, of_.operation);
    graph_.finalize();
  }

  const CudnnLibrary& library() const { return *library_; }

  /// The plans that cuDNN proposes, its best guess first, whose sums have one order and whose
  /// arithmetic is as wanted; at most `most`.
  /// @param tensor_cores  whether they may be used, which round float factors to tf32
  /// @param proposed      set to how many there were to choose from
  std::vector<CudnnPlan> plans(
      bool tensor_cores, std::size_t most_bytes, int most, int& proposed) const {
    std::vector<CudnnPlan> found;
    proposed = 0;
    for (const cudnnBackendHeurMode_t mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK})
      for (CudnnDescriptor& config : configs(mode)) {
        ++proposed;
        if (static_cast<int>(found.size()) >= most) return found;
        if (!allowed(config, tensor_cores)) continue;
        CudnnDescriptor plan(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
        library_->set_on_plan(plan);
        plan.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, config);
        if (plan.try_finalize() != CUDNN_STATUS_SUCCESS) continue;  // not on this device
        std::int64_t bytes = 0, count = 0;
        check_cudnn(
            cudnnBackendGetAttribute(
                plan.raw(), CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64, 1, &count,
                &bytes),
            "cudnnBackendGetAttribute");
        if (static_cast<std::size_t>(bytes) > most_bytes) continue;
        found.push_back(
            {std::make_shared<CudnnDescriptor>(std::move(config)),
             std::make_shared<CudnnDescriptor>(std::move(plan)), static_cast<std::size_t>(bytes)});
      }
    return found;
  }

 private:
  std::vector<CudnnDescriptor> configs(cudnnBackendHeurMode_t mode) const {
    std::vector<CudnnDescriptor> all;
    CudnnDescriptor heuristics(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
    heuristics.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph_);
    heuristics.set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, mode);
    library_->set_on_heuristics(heuristics);
    if (heuristics.try_finalize() != CUDNN_STATUS_SUCCESS) return all;  // knows no such operation
    std::int64_t count = 0;
    check_cudnn(
        cudnnBackendGetAttribute(
            heuristics.raw(), CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR, 0,
            &count, nullptr),
        "cudnnBackendGetAttribute");
    std::vector<cudnnBackendDescriptor_t> raw;
    for (std::int64_t i = 0; i < count; ++i) {
      all.emplace_back(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
      raw.push_back(all.back().raw());
    }
    if (count == 0) return all;
    std::int64_t given = 0;
    check_cudnn(
        cudnnBackendGetAttribute(
            heuristics.raw(), CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR, count,
            &given, raw.data()),
        "cudnnBackendGetAttribute");
    while (static_cast<std::int64_t>(all.size()) > given) all.pop_back();
    return all;
  }

  static bool allowed(const CudnnDescriptor& config, bool tensor_cores) {
    CudnnDescriptor engine(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
    cudnnBackendDescriptor_t raw = engine.raw();
    std::int64_t count = 0;
    check_cudnn(
        cudnnBackendGetAttribute(
            config.raw(), CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &count,
            &raw),
        "cudnnBackendGetAttribute");
    std::array<cudnnBackendNumericalNote_t, CUDNN_NUMERICAL_NOTE_TYPE_COUNT> notes{};
    check_cudnn(
        cudnnBackendGetAttribute(
            raw, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE,
            CUDNN_NUMERICAL_NOTE_TYPE_COUNT, &count, notes.data()),
        "cudnnBackendGetAttribute");
    for (std::int64_t i = 0; i < count; ++i) {
      const cudnnBackendNumericalNote_t note = notes[static_cast<std::size_t>(i)];
      if (note == CUDNN_NUMERICAL_NOTE_STRICT_NAN_PROP) continue;
      if (note == CUDNN_NUMERICAL_NOTE_TENSOR_CORE && tensor_cores) continue;
      return false;
    }
    return true;
  }

  std::shared_ptr<CudnnLibrary> library_;
  CudnnOperation of_;
  CudnnDescriptor graph_;
};

}  // namespace ocelli::cuda

#endif  // OCELLI_WITH_CUDNN
