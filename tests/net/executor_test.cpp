// The executor over the reference backend: gradients of whole small nets by finite differences.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/net/executor.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "ocelli/core/random.hpp"
#include "ocelli/reference/backend.hpp"

namespace {

using namespace ocelli;
using Backend64 = ReferenceBackend<double>;

void fill(double* data, std::size_t count, std::uint32_t index, double scale) {
  Random random(7, Stream::init, 0, index);
  for (std::size_t i = 0; i < count; ++i) data[i] = scale * random.normal();
}

/// Loss = sum over outputs of a fixed random number times the value: its gradient is that number.
template <class Net, class In>
struct Case {
  Model<Net, In, Classes<2>> model;
  int batch;
  Weights<double> weights{model.view()};
  Buffer<double> gradient{static_cast<std::size_t>(model.view().layout.param_floats)};
  GroupSettings groups[kMaxGroups];
  Backend64 backend;
  std::vector<double> images;
  std::vector<std::vector<double>> direction;

  explicit Case(int batch_size) : batch(batch_size) {
    const ModelView& view = model.view();
    for (int p = 0; p < view.graph.param_count; ++p) {
      const ParamDesc& desc = view.graph.params[p];
      double* at = weights.params.data() + view.layout.params[p];
      fill(at, static_cast<std::size_t>(desc.size()), static_cast<std::uint32_t>(p), 0.5);
      if (desc.kind == ParamKind::gamma)
        for (long i = 0; i < desc.size(); ++i) at[i] += 1.0;
    }
    images.resize(static_cast<std::size_t>(view.input.size() * batch));
    fill(images.data(), images.size(), 999, 1.0);
  }

  double loss(Executor<Backend64>& executor) {
    executor.forward(images.data(), 1, 1);
    double sum = 0;
    for (int o = 0; o < model.view().graph.output_count; ++o) {
      const auto& d = direction[static_cast<std::size_t>(o)];
      for (std::size_t i = 0; i < d.size(); ++i) sum += d[i] * executor.output(o)[i];
    }
    return sum;
  }

  void check() {
    const ModelView& view = model.view();
    Executor<Backend64> executor(backend, view, batch, weights, gradient, groups);
    for (int o = 0; o < view.graph.output_count; ++o) {
      direction.emplace_back(static_cast<std::size_t>(executor.output_size(o)));
      fill(direction.back().data(), direction.back().size(), 500 + static_cast<unsigned>(o), 1.0);
    }
    loss(executor);
    for (int o = 0; o < view.graph.output_count; ++o) {
      const auto& d = direction[static_cast<std::size_t>(o)];
      for (std::size_t i = 0; i < d.size(); ++i) executor.output_gradient(o)[i] = d[i];
    }
    gradient.zero();
    executor.backward();

    // Central differences: error about h^2 from the curvature and epsilon * |loss| / h from
    // rounding. A kink of relu6 within h of a value would show as a large error; the seeds are
    // chosen so that none is.
    const double h = 1e-5;
    for (int p = 0; p < view.graph.param_count; ++p) {
      const long size = view.graph.params[p].size();
      for (long k = 0; k < size; k += 1 + size / 5) {
        const auto at = static_cast<std::size_t>(view.layout.params[p] + k);
        const double before = weights.params[at];
        weights.params[at] = before + h;
        const double high = loss(executor);
        weights.params[at] = before - h;
        const double low = loss(executor);
        weights.params[at] = before;
        const double wanted = (high - low) / (2 * h);
        INFO(view.graph.param_name(p), " element ", k);
        CHECK(gradient[at] == doctest::Approx(wanted).epsilon(1e-5).scale(1.0));
      }
    }
  }
};

template <int C, int K, int S>
using ConvNormRelu = Sequential<Conv<C, K, S>, BatchNorm, Relu6>;
template <int Wide, int Out, int S>
using Inverted = ResidualWhereSame<Sequential<
    Conv<Wide, 1>, BatchNorm, Relu6, DepthwiseConv<3, S>, BatchNorm, Relu6, Conv<Out, 1>,
    BatchNorm>>;
struct Low {
  static constexpr char name[] = "low";
};
struct High {
  static constexpr char name[] = "high";
};

}  // namespace

TEST_CASE("executor: gradients of inverted residuals, two outputs, a tap inside") {
  using Net = Sequential<
      ConvNormRelu<4, 3, 2>, Inverted<6, 4, 1>, Inverted<6, 4, 1>, Tap<Low>, Inverted<8, 5, 2>,
      Inverted<10, 5, 1>, Tap<High>, From<Low>, Conv<3, 3, 1, Same, Bias>, Output, From<High>,
      DepthwiseConv<3>, BatchNorm, Relu6, BasicConv<PerClass<2, 1, 1>, 1, 1, Same, Bias>, Output>;
  Case<Net, Input<3, 13, 12>>(2).check();
}

TEST_CASE("executor: gradients of a bottleneck with projection, max pool and relu after addition") {
  using Bottleneck = Sequential<
      Residual<
          Sequential<
              Conv<4, 1>, BatchNorm, Relu, Conv<4, 3, 2, Symmetric<1>>, BatchNorm, Relu, Conv<8, 1>,
              BatchNorm>,
          Sequential<Conv<8, 1, 2>, BatchNorm>>,
      Relu>;
  using Plain = Sequential<
      Residual<Sequential<Conv<4, 1>, BatchNorm, Relu, Conv<8, 3>, FrozenBatchNorm>>, Relu>;
  using Net = Sequential<
      ConvNormRelu<6, 7, 2>, MaxPool<3, 2>, Bottleneck, Plain, Plain, GlobalPool, Linear<3>>;
  Case<Net, Input<3, 24, 23>>(3).check();
}

TEST_CASE(
    "executor: gradients through concat, swish, pools, a sum of a tensor with itself, softmax") {
  using Net = Sequential<
      Conv<4, 3, 1, Same, Bias>, Swish,
      Concat<Sequential<Conv<3, 1>, BatchNorm, Swish>, AveragePool<3, 1>, Identity>,
      Residual<Identity, Identity>, Residual<Dropout<500>, Sequential<BatchNorm, Sigmoid>>,
      Conv<4, 3, 2, Valid, NoBias, 2>, BatchNorm, Softmax>;
  Case<Net, Input<2, 9, 8>>(2).check();
}
