// The bench of convolutions, norms and the optimizer, through CudaBackend and beside the peers.
// SPDX-License-Identifier: Apache-2.0
#include <exception>

#include "gpu/cases.hpp"
#include "gpu/device_op.hpp"
#include "gpu/peers.hpp"
#include "ocelli/cuda/rmsprop.hpp"

namespace ocelli::gpu_bench {
namespace {

/// Bytes of a tensor's value in memory, and of a weight as convolutions read it: bf16 is stored so,
/// and the weights are rounded once a step.
double value_bytes(Precision precision) { return precision == Precision::bf16 ? 2 : 4; }
double weight_bytes(const Shaped& s, Precision precision, Product product) {
  if (product == Product::weight_gradient) return 2 * 4;  // read and written, in float
  return precision == Precision::bf16 && s.op.kind == OpKind::conv2d ? 2 : 4;
}

/// What the work cannot do without: each tensor moved once (gradients of weights are added to).
Json floor_of(const Shaped& s, int batch, Precision precision, Product product) {
  const double weights = static_cast<double>(s.weights()) * weight_bytes(s, precision, product);
  const double values =
      static_cast<double>(batch * (s.in.size() + s.out.size())) * value_bytes(precision);
  const long taps = long(s.op.window.kernel_height) * s.op.window.kernel_width;
  const double products = static_cast<double>(batch * s.out.size() * taps) *
                          (s.op.kind == OpKind::conv2d ? s.in.channels : 1);
  Json floor;
  floor["bytes"] = values + weights;
  floor["flops"] = 2 * products;
  return floor;
}

Json line_of(const std::string& what, const Shaped& s, int batch, const char* precision) {
  Json line;
  line["kind"] = "kernel";
  line["what"] = what;
  line["shape"] = s.text() + (s.op.bias >= 0 && s.op.kind == OpKind::conv2d ? " bias" : "");
  line["batch"] = batch;
  line["precision"] = precision;
  line["count"] = s.models.size();
  return line;
}

/// A peer that fails at a shape is told on standard error and has no line.
template <class Make>
void beside(Stopwatch& watch, Json line, const char* by, Lines& lines, Make&& make) {
  try {
    const std::function<void()> run = make();
    if (!run) return;
    Lines::add(line, by, watch(run));
    lines.write(line);
  } catch (const std::exception& error) {
    std::fprintf(
        stderr, "%s at %s: %s\n", by, line["shape"].get<std::string>().c_str(), error.what());
  }
}

template <class T>
void measure(
    Stopwatch& watch, const Plan& plan, const Shaped& s, int batch, Precision precision,
    Lines& lines) {
  DeviceOp<T> op(s, batch);
  BasicCudaBackend<T> backend(watch.stream(), precision);
  backend.reserve(op.call);
  backend.reserve_weights(op.call.weight, s.weights());
  backend.weights_changed(op.call.weight);
  const OpCall<T> whole = op.call;
  for (const Product product : kProducts) {
    OpCall<T> call = whole;
    if (product != Product::data_gradient) call.din[0] = nullptr;
    if (product != Product::weight_gradient) call.dweight = nullptr;
    call.dbias = nullptr;
    Json line =
        line_of(std::string(name(s.op.kind)) + " " + name(product), s, batch, name(precision));
    line.update(floor_of(s, batch, precision, product));
    const auto run = [&] {
      if (product == Product::forward)
        backend.forward(call);
      else
        backend.backward(call);
    };
    Json ours = line;
    Lines::add(ours, "ocelli", watch(run));
    lines.write(ours);
    if (!plan.peers) continue;
    beside(watch, line, "cuDNN", lines, [&] {
      return cudnn_convolution(watch.stream(), s, batch, precision, product);
    });
    if (s.pointwise())
      beside(watch, line, "cuBLASLt", lines, [&] {
        return cublaslt_pointwise(watch.stream(), s, batch, precision, product);
      });
  }
}

}  // namespace

void measure_convolutions(Stopwatch& watch, const Plan& plan, Lines& lines) {
  for (const OpKind kind : {OpKind::conv2d, OpKind::depthwise_conv2d})
    for (const int batch : plan.batches)
      for (const Precision precision : plan.precisions)
        for (const Shaped& s : shapes_of(kind))
          if (precision == Precision::bf16)
            measure<bfloat16>(watch, plan, s, batch, precision, lines);
          else
            measure<float>(watch, plan, s, batch, precision, lines);
}

void measure_norms(Stopwatch& watch, const Plan& plan, Lines& lines) {
  for (const int batch : plan.batches)
    for (const Shaped& s : shapes_of(OpKind::batch_norm)) {
      DeviceOp<float> op(s, batch);
      CudaBackend backend(watch.stream());
      backend.reserve(op.call);
      backend.forward(op.call);
      for (const bool backward : {false, true}) {
        Json line =
            line_of(backward ? "batch_norm backward" : "batch_norm forward", s, batch, "float32");
        // Forward reads x twice, for its statistics and to apply them; backward reads x and dy
        // twice.
        const auto values = static_cast<double>(batch * s.in.size());
        line["bytes"] = 4 * values * (backward ? 5 : 3);
        line["flops"] = values * (backward ? 17 : 6);
        Json ours = line;
        Lines::add(ours, "ocelli", watch([&] {
                     if (backward)
                       backend.backward(op.call);
                     else
                       backend.forward(op.call);
                   }));
        lines.write(ours);
        if (plan.peers)
          beside(watch, line, "cuDNN", lines, [&] {
            return cudnn_norm(watch.stream(), s, batch, backward);
          });
      }
    }
}

void measure_optimizer(Stopwatch& watch, Lines& lines) {
  long size = 0;
  for_each_model([&](const std::string& model, const ModelView& view) {
    if (model == "ssd-mobilenet-v2") size = view.layout.param_floats;
  });
  const auto count = static_cast<std::size_t>(size);
  cuda::Memory<float> arrays[4], rate(1);
  for (auto& a : arrays) {
    a = cuda::Memory<float>(count);
    a.zero(watch.stream());
  }
  rate.zero(watch.stream());
  Json line;
  line["kind"] = "kernel";
  line["what"] = "rmsprop";
  line["shape"] = std::to_string(size) + " parameters";
  line["batch"] = 1;
  line["precision"] = "float32";
  line["bytes"] = kernel::rmsprop_floor(size).bytes;
  line["flops"] = kernel::rmsprop_floor(size).flops;
  Lines::add(line, "ocelli", watch([&] {
               cuda::rmsprop_update(
                   watch.stream(), arrays[0].data(), arrays[1].data(), arrays[2].data(),
                   arrays[3].data(), size, RmsPropOptions{}, {}, {.learning_rate = rate.data()});
             }));
  lines.write(line);
}

}  // namespace ocelli::gpu_bench
