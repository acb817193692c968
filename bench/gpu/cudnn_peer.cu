// cuDNN on the bench's convolutions and norms.
// SPDX-License-Identifier: Apache-2.0
#include "gpu/peers.hpp"

#ifdef OCELLI_BENCH_CUDNN

#include <cudnn.h>

#include <algorithm>
#include <cstddef>
#include <memory>

#include "gpu/timing.hpp"
#include "gpu/values.hpp"

namespace ocelli::gpu_bench {
namespace {

void check(cudnnStatus_t status, const char* call) {
  if (status != CUDNN_STATUS_SUCCESS)
    throw DeviceError(std::string(call) + ": " + cudnnGetErrorString(status), "cuDNN");
}

cudnnHandle_t handle_on(simt::Stream stream) {
  static const cudnnHandle_t handle = [] {
    cudnnHandle_t made;
    check(cudnnCreate(&made), "cudnnCreate");
    return made;
  }();
  check(cudnnSetStream(handle, stream), "cudnnSetStream");
  return handle;
}

using Bytes = cuda::Memory<unsigned char>;
constexpr std::size_t kSpace = std::size_t{512} << 20;

Bytes numbers(long count, cudnnDataType_t type) {
  const auto n = static_cast<std::size_t>(count);
  const bool half = type == CUDNN_DATA_BFLOAT16;
  Bytes memory(n * (half ? 2 : 4));
  if (half)
    fill_with_numbers<bfloat16>(memory.data(), n);
  else
    fill_with_numbers<float>(memory.data(), n);
  return memory;
}

struct Tensor {
  cudnnTensorDescriptor_t about{};
  Bytes memory;

  Tensor(int batch, const Shape& s, cudnnDataType_t type) {
    check(cudnnCreateTensorDescriptor(&about), "cudnnCreateTensorDescriptor");
    check(
        cudnnSetTensor4dDescriptor(
            about, CUDNN_TENSOR_NHWC, type, batch, s.channels, s.height, s.width),
        "cudnnSetTensor4dDescriptor");
    memory = numbers(batch * s.size(), type);
  }
  ~Tensor() { (void)cudnnDestroyTensorDescriptor(about); }
  Tensor(const Tensor&) = delete;
  Tensor& operator=(const Tensor&) = delete;
};

cudnnDataType_t type_of(Precision precision) {
  return precision == Precision::bf16 ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT;
}

class Convolution {
 public:
  Convolution(simt::Stream stream, const Shaped& s, int batch, Precision precision, Product product)
      : handle_(handle_on(stream)),
        product_(product),
        x_(batch, s.in, type_of(precision)),
        y_(batch, s.out, type_of(precision)),
        w_(numbers(s.weights(), type_of(precision))) {
    const bool depthwise = s.op.kind == OpKind::depthwise_conv2d;
    const Window& window = s.op.window;
    check(cudnnCreateFilterDescriptor(&filter_), "cudnnCreateFilterDescriptor");
    check(
        cudnnSetFilter4dDescriptor(
            filter_, type_of(precision), CUDNN_TENSOR_NHWC, s.out.channels,
            depthwise ? 1 : s.in.channels, window.kernel_height, window.kernel_width),
        "cudnnSetFilter4dDescriptor");
    const auto pad = [&](int in, int out, int kernel, int before) {
      const int total = (out - 1) * window.stride + (kernel - 1) * window.dilation + 1 - in;
      return std::max(before, total - before);
    };
    check(cudnnCreateConvolutionDescriptor(&about_), "cudnnCreateConvolutionDescriptor");
    check(
        cudnnSetConvolution2dDescriptor(
            about_, pad(s.in.height, s.out.height, window.kernel_height, window.pad_top),
            pad(s.in.width, s.out.width, window.kernel_width, window.pad_left), window.stride,
            window.stride, window.dilation, window.dilation, CUDNN_CROSS_CORRELATION,
            CUDNN_DATA_FLOAT),
        "cudnnSetConvolution2dDescriptor");
    check(
        cudnnSetConvolutionGroupCount(about_, depthwise ? s.in.channels : 1),
        "cudnnSetConvolutionGroupCount");
    check(
        cudnnSetConvolutionMathType(
            about_, precision == Precision::float32 ? CUDNN_FMA_MATH : CUDNN_DEFAULT_MATH),
        "cudnnSetConvolutionMathType");
    choose(precision);
  }
  ~Convolution() {
    (void)cudnnDestroyConvolutionDescriptor(about_);
    (void)cudnnDestroyFilterDescriptor(filter_);
  }
  Convolution(const Convolution&) = delete;
  Convolution& operator=(const Convolution&) = delete;

  bool usable() const { return usable_; }
  void run() {
    const float one = 1, zero = 0;
    if (product_ == Product::forward)
      check(
          cudnnConvolutionForward(
              handle_, &one, x_.about, x_.memory.data(), filter_, w_.data(), about_, forward_,
              space_.data(), space_.size(), &zero, y_.about, y_.memory.data()),
          "cudnnConvolutionForward");
    else if (product_ == Product::data_gradient)
      check(
          cudnnConvolutionBackwardData(
              handle_, &one, filter_, w_.data(), y_.about, y_.memory.data(), about_, data_,
              space_.data(), space_.size(), &zero, x_.about, x_.memory.data()),
          "cudnnConvolutionBackwardData");
    else
      check(
          cudnnConvolutionBackwardFilter(
              handle_, &one, x_.about, x_.memory.data(), y_.about, y_.memory.data(), about_,
              weight_, space_.data(), space_.size(), &zero, filter_, w_.data()),
          "cudnnConvolutionBackwardFilter");
  }

 private:
  /// The fastest of the algorithms that cuDNN tries, tensor cores only where they are wanted.
  void choose(Precision precision) {
    constexpr int kMost = 8;
    int count = 0;
    const auto pick = [&](const auto* found, auto& algorithm) {
      for (int i = 0; i < count; ++i) {  // by rising time
        if (found[i].status != CUDNN_STATUS_SUCCESS) continue;
        if (precision == Precision::float32 && found[i].mathType != CUDNN_FMA_MATH) continue;
        algorithm = found[i].algo;
        check(cudnnSetConvolutionMathType(about_, found[i].mathType), "math type");
        space_ = Bytes(std::max<std::size_t>(found[i].memory, 1));
        usable_ = true;
        return;
      }
    };
    space_ = Bytes(kSpace);
    if (product_ == Product::forward) {
      cudnnConvolutionFwdAlgoPerf_t found[kMost];
      check(
          cudnnFindConvolutionForwardAlgorithmEx(
              handle_, x_.about, x_.memory.data(), filter_, w_.data(), about_, y_.about,
              y_.memory.data(), kMost, &count, found, space_.data(), space_.size()),
          "cudnnFindConvolutionForwardAlgorithmEx");
      pick(found, forward_);
    } else if (product_ == Product::data_gradient) {
      cudnnConvolutionBwdDataAlgoPerf_t found[kMost];
      check(
          cudnnFindConvolutionBackwardDataAlgorithmEx(
              handle_, filter_, w_.data(), y_.about, y_.memory.data(), about_, x_.about,
              x_.memory.data(), kMost, &count, found, space_.data(), space_.size()),
          "cudnnFindConvolutionBackwardDataAlgorithmEx");
      pick(found, data_);
    } else {
      cudnnConvolutionBwdFilterAlgoPerf_t found[kMost];
      check(
          cudnnFindConvolutionBackwardFilterAlgorithmEx(
              handle_, x_.about, x_.memory.data(), y_.about, y_.memory.data(), about_, filter_,
              w_.data(), kMost, &count, found, space_.data(), space_.size()),
          "cudnnFindConvolutionBackwardFilterAlgorithmEx");
      pick(found, weight_);
    }
  }

  cudnnHandle_t handle_;
  Product product_;
  Tensor x_, y_;
  Bytes w_, space_;
  cudnnFilterDescriptor_t filter_{};
  cudnnConvolutionDescriptor_t about_{};
  cudnnConvolutionFwdAlgo_t forward_{};
  cudnnConvolutionBwdDataAlgo_t data_{};
  cudnnConvolutionBwdFilterAlgo_t weight_{};
  bool usable_ = false;
};

class Norm {
 public:
  Norm(simt::Stream stream, const Shaped& s, int batch)
      : handle_(handle_on(stream)),
        x_(batch, s.in, CUDNN_DATA_FLOAT),
        y_(batch, s.in, CUDNN_DATA_FLOAT),
        dx_(batch, s.in, CUDNN_DATA_FLOAT) {
    check(cudnnCreateTensorDescriptor(&about_), "cudnnCreateTensorDescriptor");
    check(
        cudnnDeriveBNTensorDescriptor(about_, x_.about, CUDNN_BATCHNORM_SPATIAL_PERSISTENT),
        "cudnnDeriveBNTensorDescriptor");
    for (auto& m : channels_) {
      m = cuda::Memory<float>(static_cast<std::size_t>(s.in.channels));
      fill_with_numbers<float>(m.data(), m.size());
    }
  }
  ~Norm() { (void)cudnnDestroyTensorDescriptor(about_); }
  Norm(const Norm&) = delete;
  Norm& operator=(const Norm&) = delete;

  void forward() {
    const float one = 1, zero = 0;
    check(
        cudnnBatchNormalizationForwardTraining(
            handle_, CUDNN_BATCHNORM_SPATIAL_PERSISTENT, &one, &zero, x_.about, x_.memory.data(),
            y_.about, y_.memory.data(), about_, at(0), at(1), 0.1, at(2), at(3), 1e-3, at(4),
            at(5)),
        "cudnnBatchNormalizationForwardTraining");
  }
  void backward() {
    const float one = 1, zero = 0;
    check(
        cudnnBatchNormalizationBackward(
            handle_, CUDNN_BATCHNORM_SPATIAL_PERSISTENT, &one, &zero, &one, &zero, x_.about,
            x_.memory.data(), y_.about, y_.memory.data(), dx_.about, dx_.memory.data(), about_,
            at(0), at(6), at(7), 1e-3, at(4), at(5)),
        "cudnnBatchNormalizationBackward");
  }

 private:
  float* at(std::size_t i) { return channels_[i].data(); }

  cudnnHandle_t handle_;
  Tensor x_, y_, dx_;
  cudnnTensorDescriptor_t about_{};
  cuda::Memory<float> channels_[8];  // gamma, beta, moving mean and variance, mean, 1/deviation ...
};

}  // namespace

std::string cudnn_version() {
  const std::size_t v = cudnnGetVersion();
  return std::to_string(v / 10000) + "." + std::to_string(v / 100 % 100) + "." +
         std::to_string(v % 100);
}

std::function<void()> cudnn_convolution(
    simt::Stream stream, const Shaped& shaped, int batch, Precision precision, Product product) {
  auto its = std::make_shared<Convolution>(stream, shaped, batch, precision, product);
  if (!its->usable()) return {};
  return [its] { its->run(); };
}

std::function<void()> cudnn_norm(
    simt::Stream stream, const Shaped& shaped, int batch, bool backward) {
  auto its = std::make_shared<Norm>(stream, shaped, batch);
  its->forward();  // makes what backward reads
  if (backward) return [its] { its->backward(); };
  return [its] { its->forward(); };
}

}  // namespace ocelli::gpu_bench

#else

namespace ocelli::gpu_bench {
std::string cudnn_version() { return "not built"; }
std::function<void()> cudnn_convolution(simt::Stream, const Shaped&, int, Precision, Product) {
  return {};
}
std::function<void()> cudnn_norm(simt::Stream, const Shaped&, int, bool) { return {}; }
}  // namespace ocelli::gpu_bench

#endif
