// CudnnEngine: convolutions and depthwise convolutions through cuDNN 9. Empty without
// OCELLI_WITH_CUDNN.
//
// cuDNN wants filters as [out, rows, columns, in] and the same padding on both sides. So weights
// are turned over into workspace, their gradient from there; a picture whose padding differs (SAME
// at stride 2) is copied into zeros, its gradient out of them; a deferred norm is applied on the
// way. A bias and an activation follow in a launch of ours.
//
// Bits: plans that cuDNN notes as CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC are not taken. Neither are
// Fourier and Winograd transforms, rounded sums and inputs that it would round by itself, whatever
// the precision; and in float32 no tensor cores, which would round float factors to tf32.
// cuDNN's results have the type of its factors. So float tensors are multiplied in float32 and tf32
// alone, bfloat16 tensors in bf16; and no gradient of weights is made of bfloat16, since it would
// be rounded to it. An engine never computes in less precision than our own kernels.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#ifdef OCELLI_WITH_CUDNN

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "ocelli/core/error.hpp"
#include "ocelli/cuda/cudnn_graph.hpp"
#include "ocelli/cuda/engine.hpp"
#include "ocelli/cuda/engine_copies.hpp"
#include "ocelli/cuda/work_arrays.hpp"

namespace ocelli::cuda {

namespace detail {

/// A key as cuDNN sees it.
template <class T>
struct CudnnProblem {
  static constexpr bool kFloat = std::is_same_v<T, float>;

  explicit CudnnProblem(const ProductKey& k) : key(k) {
    const Window& w = k.window;
    const auto after = [&](int in, int out, int kernel, int before) {
      return std::max(0, (out - 1) * w.stride + (kernel - 1) * w.dilation + 1 - in - before);
    };
    const int bottom = after(k.in.height, k.out.height, w.kernel_height, w.pad_top);
    const int right = after(k.in.width, k.out.width, w.kernel_width, w.pad_left);
    // A window that would not reach the end may read as many zeros there as before the beginning.
    const auto same = [&](int in, int out, int kernel, int before) {
      return (in + 2 * before - (kernel - 1) * w.dilation - 1) / w.stride + 1 == out;
    };
    copies_picture = !same(k.in.height, k.out.height, w.kernel_height, w.pad_top) ||
                     !same(k.in.width, k.out.width, w.kernel_width, w.pad_left);
    border = no_border(k.in);
    if (copies_picture)
      border = {k.in.height,
                k.in.width,
                k.in.height + w.pad_top + bottom,
                k.in.width + w.pad_left + right,
                w.pad_top,
                w.pad_left};
    depthwise = k.kind == OpKind::depthwise_conv2d;
    filter_rows = w.kernel_height * w.kernel_width * (depthwise ? 1 : k.in.channels);
    filter_columns = k.out.channels;
    copies_x = k.product != Product::data_gradient && (k.deferred || copies_picture);
    copies_dx = k.product == Product::data_gradient && (k.accumulate || copies_picture);
  }

  /// Why cuDNN is not asked; empty where it is.
  std::string refusal() const {
    if (kFloat && key.precision == Precision::bf16)
      return "its results of bf16 factors are bf16, and the tensors float32";
    if (!kFloat && key.product == Product::weight_gradient)
      return "it would round the gradient of the weights to bf16";
    if (outer_values() > 0x7FFFFFFFL)
      return "the picture with its zeros has more than 2^31 - 1 values";
    return {};
  }

  long outer_values() const {
    return long(key.batch) * border.outer_height * border.outer_width * key.in.channels;
  }
  long filter_values() const { return long(filter_rows) * filter_columns; }

  ProductKey key;
  kernel::Border border;
  bool depthwise = false;
  bool copies_picture = false;  ///< its padding differs from side to side
  bool copies_x = false, copies_dx = false;
  int filter_rows = 0, filter_columns = 0;  ///< of our weights as a matrix; cuDNN's are it turned
};

/// The product as an operation of cuDNN; needs no device.
/// @throws DeviceError where cuDNN does not take it
template <class T>
CudnnOperation cudnn_operation(const CudnnProblem<T>& p) {
  const ProductKey& k = p.key;
  const Window& w = k.window;
  const cudnnDataType_t type = CudnnProblem<T>::kFloat ? CUDNN_DATA_FLOAT : CUDNN_DATA_BFLOAT16;
  CudnnDescriptor conv(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  const std::int64_t top = p.copies_picture ? 0 : w.pad_top,
                     left = p.copies_picture ? 0 : w.pad_left;
  conv.set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, std::int64_t{2});
  conv.set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, CUDNN_DATA_FLOAT);
  conv.set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, CUDNN_CROSS_CORRELATION);
  conv.set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, {top, left});
  conv.set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, {top, left});
  conv.set(CUDNN_ATTR_CONVOLUTION_DILATIONS, {w.dilation, w.dilation});
  conv.set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, {w.stride, w.stride});
  conv.finalize();

  constexpr const std::int64_t* ids = CudnnGraph::kIds;
  std::vector<CudnnDescriptor> parts;
  parts.push_back(cudnn_tensor(
      ids[0], type, k.batch, k.in.channels, p.border.outer_height, p.border.outer_width));
  parts.push_back(cudnn_tensor(
      ids[1], type, k.out.channels, p.depthwise ? 1 : k.in.channels, w.kernel_height,
      w.kernel_width));
  parts.push_back(cudnn_tensor(ids[2], type, k.batch, k.out.channels, k.out.height, k.out.width));
  const auto operation = [&](cudnnBackendDescriptorType_t of, cudnnBackendAttributeName_t x,
                             cudnnBackendAttributeName_t filter, cudnnBackendAttributeName_t y,
                             cudnnBackendAttributeName_t desc, cudnnBackendAttributeName_t alpha,
                             cudnnBackendAttributeName_t beta) {
    CudnnDescriptor op(of);
    op.set(x, parts[0]);
    op.set(filter, parts[1]);
    op.set(y, parts[2]);
    op.set(desc, conv);
    op.set(alpha, CUDNN_TYPE_FLOAT, 1.0f);
    op.set(beta, CUDNN_TYPE_FLOAT, 0.0f);
    op.finalize();
    return op;
  };
  CudnnDescriptor op = k.product == Product::forward
                           ? operation(
                                 CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
                                 CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
                                 CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
                                 CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
                                 CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
                                 CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
                                 CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA)
                       : k.product == Product::data_gradient
                           ? operation(
                                 CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
                                 CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
                                 CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
                                 CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
                                 CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
                                 CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
                                 CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA)
                           : operation(
                                 CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
                                 CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
                                 CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
                                 CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
                                 CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
                                 CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
                                 CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA);
  parts.push_back(std::move(conv));
  return {std::move(parts), std::move(op)};
}

/// They would round float factors to tf32.
template <class T>
bool may_use_tensor_cores(const ProductKey& key) {
  return !CudnnProblem<T>::kFloat || key.precision == Precision::tf32;
}

/// Bytes of workspace that one plan of cuDNN may have.
inline constexpr std::size_t kCudnnWorkspace = std::size_t{512} << 20;

}  // namespace detail

template <class T>
class CudnnProduct final : public PreparedProduct<T> {
 public:
  CudnnProduct(
      simt::Stream stream, std::shared_ptr<CudnnGraph> graph,
      const detail::CudnnProblem<T>& problem, CudnnPlan plan)
      : stream_(stream), graph_(std::move(graph)), problem_(problem), plan_(std::move(plan)) {
    packs_.reserve(kPacks);
  }

  std::size_t workspace_bytes() const override {
    WorkArrays space;
    const Arrays arrays(space, *this);
    return space.bytes();
  }

  void run(const OpCall<T>& call, void* workspace) override {
    const detail::CudnnProblem<T>& p = problem_;
    const ProductKey& key = p.key;
    WorkArrays space(workspace);
    const Arrays arrays(space, *this);
    T* x = const_cast<T*>(call.in[0].data);
    T* const dy = const_cast<T*>(call.dout);
    if (p.copies_x) {
      copy_into_border(stream_, call.in[0], key.batch, key.in.channels, p.border, arrays.x);
      x = arrays.x;
    }
    if (key.product != Product::weight_gradient)
      transpose_matrix(stream_, call.weight, p.filter_rows, p.filter_columns, false, arrays.filter);
    switch (key.product) {
      case Product::forward:
        execute({x, arrays.filter, call.out, arrays.library});
        if (key.bias || key.epilogue != Activation::none)
          finish_rows(
              stream_, call.bias, key.epilogue, key.batch * key.out.pixels(), key.out.channels,
              call.out);
        return;
      case Product::data_gradient:
        execute({p.copies_dx ? arrays.x : call.din[0], arrays.filter, dy, arrays.library});
        if (p.copies_dx)
          copy_out_of_border(
              stream_, arrays.x, key.batch, key.in.channels, p.border, key.accumulate, call.din[0]);
        return;
      case Product::weight_gradient:
        execute({x, arrays.filter, dy, arrays.library});
        return transpose_matrix(
            stream_, arrays.filter, p.filter_columns, p.filter_rows, true, call.dweight);
    }
  }

 private:
  struct Arrays {
    unsigned char* library;
    T* filter;       ///< as cuDNN has it
    T* x = nullptr;  ///< or dx: through the norm, inside its zeros

    Arrays(WorkArrays& space, const CudnnProduct& product) {
      const detail::CudnnProblem<T>& p = product.problem_;
      library = space.take<unsigned char>(static_cast<long>(product.plan_.bytes));
      filter = space.take<T>(p.filter_values());
      if (p.copies_x || p.copies_dx) x = space.take<T>(p.outer_values());
    }
  };

  /// Tensors 1, 2, 3 and the workspace.
  using Pointers = std::array<void*, 4>;

  void execute(const Pointers& pointers) {
    check_aligned(pointers);
    check_cudnn(
        cudnnBackendExecute(graph_->library().handle(), plan_.plan->raw(), pack(pointers).raw()),
        "cudnnBackendExecute");
  }
  static void check_aligned(const Pointers& pointers) {
    for (const void* p : pointers)
      if (reinterpret_cast<std::uintptr_t>(p) % 16 != 0)
        throw Error(
            "a tensor that is not aligned to 16 bytes", "engine cudnn",
            "choose own, or align the tensors");
  }

  /// The same pointers come in every step, so their packs are kept; beyond kPacks, in turns.
  const CudnnDescriptor& pack(const Pointers& pointers) {
    for (const auto& [of, pack] : packs_)
      if (of == pointers) return pack;
    CudnnDescriptor made(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
    made.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, CudnnGraph::kIds, 3);
    made.set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, pointers.data(), 3);
    made.set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, &pointers[3], 1);
    made.finalize();
    if (packs_.size() < kPacks) {
      packs_.emplace_back(pointers, std::move(made));
      return packs_.back().second;
    }
    auto& at = packs_[next_pack_++ % kPacks];
    at = {pointers, std::move(made)};
    return at.second;
  }

  static constexpr std::size_t kPacks = 64;

  simt::Stream stream_;
  std::shared_ptr<CudnnGraph> graph_;
  detail::CudnnProblem<T> problem_;
  CudnnPlan plan_;
  std::vector<std::pair<Pointers, CudnnDescriptor>> packs_;
  std::size_t next_pack_ = 0;
};

template <class T>
class CudnnEngine final : public ProductEngine<T> {
 public:
  /// @throws DeviceError where cuDNN does not start
  explicit CudnnEngine(simt::Stream stream)
      : stream_(stream), library_(std::make_shared<CudnnLibrary>(stream)) {}

  Engine engine() const override { return Engine::cudnn; }
  std::string version() const override { return std::to_string(cudnnGetVersion()); }

  EngineOffer<T> offer(const ProductKey& key, int most) override {
    EngineOffer<T> offer;
    const detail::CudnnProblem<T> problem(key);
    offer.refusal = problem.refusal();
    if (!offer.refusal.empty()) return offer;
    std::shared_ptr<CudnnGraph> graph;
    try {
      graph = std::make_shared<CudnnGraph>(library_, detail::cudnn_operation(problem));
    } catch (const DeviceError& error) {
      offer.refusal = std::string("it does not take such an operation (") + error.what() + ")";
      return offer;
    }
    int proposed = 0;
    for (CudnnPlan& plan : graph->plans(
             detail::may_use_tensor_cores<T>(key), detail::kCudnnWorkspace, most, proposed))
      offer.algorithms.push_back(
          std::make_unique<CudnnProduct<T>>(stream_, graph, problem, std::move(plan)));
    if (offer.algorithms.empty())
      offer.refusal =
          "none of the " + std::to_string(proposed) +
          " plans that it proposes is deterministic, of the wanted arithmetic and for this device";
    return offer;
  }

 private:
  simt::Stream stream_;
  std::shared_ptr<CudnnLibrary> library_;
};

}  // namespace ocelli::cuda

#endif  // OCELLI_WITH_CUDNN
