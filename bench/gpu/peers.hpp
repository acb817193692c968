// cuDNN and cuBLASLt on the bench's shapes. Each function gives what runs the work once on the
// stream, or nothing where the library was not built in or cannot.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

#include "gpu/shapes.hpp"
#include "ocelli/kernels/precision.cuh"
#include "ocelli/simt/device.hpp"

namespace ocelli::gpu_bench {

/// The three products of a convolution.
enum class Product { forward, data_gradient, weight_gradient };
inline constexpr Product kProducts[] = {
    Product::forward, Product::data_gradient, Product::weight_gradient};
inline const char* name(Product p) {
  return p == Product::forward         ? "forward"
         : p == Product::data_gradient ? "data gradient"
                                       : "weight gradient";
}

/// "9.13.0", or "not built".
std::string cudnn_version();
std::string cublas_version();

/// A convolution by the fastest of cuDNN's algorithms; tensors of the precision (float32 in memory
/// for tf32), NHWC, no bias. SAME at stride 2 pads one side only, which this interface of cuDNN
/// cannot: it pads both, for an output of the same size.
std::function<void()> cudnn_convolution(
    simt::Stream stream, const Shaped& shaped, int batch, Precision precision, Product product);
/// Batch norm in training, without activation.
std::function<void()> cudnn_norm(
    simt::Stream stream, const Shaped& shaped, int batch, bool backward);
/// A 1x1 convolution as the product of matrices that it is, by the fastest of cuBLASLt's
/// algorithms.
std::function<void()> cublaslt_pointwise(
    simt::Stream stream, const Shaped& shaped, int batch, Precision precision, Product product);
/// C = A B of n x n matrices.
std::function<void()> cublaslt_square(simt::Stream stream, int n, Precision precision);

}  // namespace ocelli::gpu_bench
