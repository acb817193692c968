// The kernels of conv2d in bfloat16 against the plain loops, with each tile, whole and cut.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

#include "conv2d_bf16_case.hpp"
#include "ocelli/cuda/conv2d_backward.hpp"
#include "ocelli/cuda/conv2d_bf16_forward.hpp"

namespace ocelli::test {
namespace {

// Maps of 1, 3 and 7 pixels; channels that fill no piece of eight, one, and several tiles; stride 2
// and 3, windows beyond the picture, of even size, dilated.
const ConvCase kCases[] = {
    {1, 1, 1, 1, 1, 1, 1, 1, -1},      {2, 1, 1, 8, 8, 3, 1, 1, -1},
    {1, 7, 7, 24, 40, 1, 1, 1, -1},    {3, 7, 3, 8, 24, 3, 1, 1, -1},
    {1, 3, 3, 33, 24, 3, 2, 1, -1},    {2, 9, 9, 3, 32, 3, 2, 1, -1},
    {1, 8, 6, 16, 5, 3, 2, 1, -1},     {1, 7, 7, 40, 12, 3, 1, 1, 1},
    {1, 5, 5, 5, 8, 5, 1, 1, -1},      {1, 7, 7, 8, 8, 4, 1, 1, -1},
    {1, 6, 7, 16, 8, 2, 2, 1, 0},      {1, 7, 7, 8, 16, 1, 2, 1, -1},
    {1, 9, 9, 8, 8, 3, 1, 2, -1},      {1, 9, 8, 8, 8, 3, 2, 2, -1},
    {1, 7, 9, 8, 8, 3, 3, 1, -1},      {1, 4, 4, 16, 24, 4, 1, 1, 0},
    {1, 12, 11, 40, 136, 1, 1, 1, -1},
};
constexpr cuda::ConvBf16Tile kTiles[] = {
    cuda::ConvBf16Tile::wide, cuda::ConvBf16Tile::narrow, cuda::ConvBf16Tile::flat,
    cuda::ConvBf16Tile::middle, cuda::ConvBf16Tile::small};

/// What a convolution makes, and what it should.
struct Made {
  std::vector<float> y, dx, dw;
  friend bool operator==(const Made&, const Made&) = default;
};

struct Settings {
  bool deferred = false, accumulate = false, bias = false;
  Activation before = Activation::relu6, after = Activation::none;
};

/// Numbers of the grid are bfloat16, and so exact in every product.
template <class S>
class Convolution {
 public:
  Convolution(const ConvCase& c, const Settings& settings)
      : settings_(settings),
        problem_(conv(c)),
        g_(conv2d_geometry(problem_.op, problem_.in[0], problem_.out)),
        x_(grid<float>(c.batch * problem_.in[0].size(), 1, 1)),
        w_(grid<float>(problem_.weights, 1, 2)),
        dy_(grid<float>(c.batch * problem_.out.size(), 1, 3)),
        bias_(grid<float>(c.out, 1, 4)),
        scale_(grid<float>(c.in, 1, 5)),
        shift_(grid<float>(c.in, 1, 6)),
        dx_(grid<float>(c.batch * problem_.in[0].size(), 1, 7)),
        dw_(grid<float>(problem_.weights, 1, 8)),
        stored_x_(stored<S>(x_)),
        stored_dy_(stored<S>(dy_)),
        rounded_(stored<bfloat16>(w_)) {}

  const Conv2dGeometry& geometry() const { return g_; }
  int batch() const { return problem_.batch; }

  /// By the plain loops in float, from what bfloat16 holds of the operand; rounded as S.
  Made expected() const {
    OpCall<float> call = plain_call<float>();
    std::vector<float> x = x_;
    if (settings_.deferred)
      for (std::size_t i = 0; i < x.size(); ++i) {
        const std::size_t c = i % scale_.size();
        const float value = activate(settings_.before, scale_[c] * x[i] + shift_[c]);
        x[i] = static_cast<float>(bfloat16(value));
      }
    Made made{std::vector<float>(dy_.size()), dx_, dw_};
    call.in[0].data = x.data();
    call.out = made.y.data();
    call.dout = dy_.data();
    call.din[0] = made.dx.data();
    call.dweight = made.dw.data();
    ReferenceBackend<float> reference;
    reference.forward(call);
    reference.backward(call);
    made.y = widened(stored<S>(made.y));
    made.dx = widened(stored<S>(made.dx));
    return made;
  }

  /// By the kernels on the device, cut into parts of `depth` (0: not cut).
  Made made(cuda::ConvBf16Tile tile, int depth) const {
    std::vector<S> y(dy_.size()), dx = stored<S>(dx_);
    Made result;
    result.dw = dw_;
    OpCall<S> call = plain_call<S>();
    call.in[0].data = stored_x_.data();
    if (settings_.deferred) {
      call.in[0].scale = scale_.data();
      call.in[0].shift = shift_.data();
      call.in[0].activation = settings_.before;
    }
    call.out = y.data();
    call.dout = stored_dy_.data();
    call.din[0] = dx.data();
    call.dweight = result.dw.data();
    const auto cut = [&](long of) {
      const int each = depth == 0 ? static_cast<int>((of + 63) / 64 * 64) : depth;
      return cuda::ConvCut{tile, each, static_cast<int>((of + each - 1) / each)};
    };
    const auto floats = [](long count) {
      return simt::DeviceArray<float>(static_cast<std::size_t>(count));
    };
    const FarCall<S, cuda::DeviceMemory> device(call);
    const long rows = batch() * g_.out_pixels(), pixels = batch() * g_.pixels();
    const cuda::ConvCut forward = cut(g_.taps() * g_.channels);
    auto partial = floats(forward.partial_floats(rows, g_.out_channels));
    cuda::conv2d_bf16_forward_with(
        nullptr, device.call, rounded_.data(), forward, partial.data(), nullptr);
    const cuda::ConvCut data = cut(g_.taps() * g_.out_channels);
    auto data_partial = floats(data.partial_floats(pixels, g_.channels));
    cuda::conv2d_bf16_data_gradient_with(
        nullptr, device.call, rounded_.data(), data, data_partial.data());
    const cuda::ConvCut weight = cut(rows);
    auto weight_partial = floats(weight.parts * g_.weights());
    cuda::conv2d_bf16_weight_gradient_with(nullptr, device.call, weight, weight_partial.data());
    device.fetch();
    result.y = widened(y);
    result.dx = widened(dx);
    return result;
  }

 private:
  template <class T>
  OpCall<T> plain_call() const {
    OpCall<T> call;
    call.op = &problem_.op;
    call.batch = problem_.batch;
    call.in_shape[0] = problem_.in[0];
    call.out_shape = problem_.out;
    call.weight = w_.data();
    if (settings_.bias) call.bias = bias_.data();
    call.epilogue = settings_.after;
    call.accumulate[0] = settings_.accumulate;
    return call;
  }

  Settings settings_;
  Problem problem_;
  Conv2dGeometry g_;
  std::vector<float> x_, w_, dy_, bias_, scale_, shift_, dx_, dw_;
  std::vector<S> stored_x_, stored_dy_;
  simt::DeviceArray<bfloat16> rounded_;
};

template <class S>
void check(const ConvCase& c, const Settings& settings, cuda::ConvBf16Tile tile, int depth = 0) {
  CAPTURE(c.height);
  CAPTURE(c.in);
  CAPTURE(c.out);
  CAPTURE(c.kernel);
  CAPTURE(c.stride);
  CAPTURE(static_cast<int>(tile));
  CAPTURE(depth);
  CAPTURE(sizeof(S));
  const Convolution<S> convolution(c, settings);
  const Made want = convolution.expected(), got = convolution.made(tile, depth);
  CHECK(largest_difference(got.y, want.y) == 0);
  CHECK(largest_difference(got.dx, want.dx) == 0);
  CHECK(largest_difference(got.dw, want.dw) == 0);
#ifndef __CUDACC__
  const simt::ScheduleSeed shuffled(static_cast<std::uint64_t>(c.in + depth + 1));
#endif
  CHECK(got == convolution.made(tile, depth));
}

}  // namespace

TEST_CASE("cuda conv2d bf16: agrees with the reference, with each tile") {
  for (const ConvCase& c : kCases)
    for (const cuda::ConvBf16Tile tile : kTiles) {
      check<bfloat16>(c, {}, tile);
      if (tile != cuda::ConvBf16Tile::wide) check<float>(c, {.bias = true}, tile);
    }
}

TEST_CASE("cuda conv2d bf16: a deferred input, accumulated gradients, a bias") {
  const Settings settings{.deferred = true, .accumulate = true, .bias = true};
  for (const ConvCase& c : kCases)
    for (const cuda::ConvBf16Tile tile : {cuda::ConvBf16Tile::narrow, cuda::ConvBf16Tile::small}) {
      check<bfloat16>(c, settings, tile);
      check<float>(c, settings, tile);
    }
  check<bfloat16>(kCases[16], settings, cuda::ConvBf16Tile::wide);
  check<bfloat16>(kCases[16], settings, cuda::ConvBf16Tile::middle);
  check<float>(kCases[16], settings, cuda::ConvBf16Tile::middle);
}

TEST_CASE("cuda conv2d bf16: cut along the depth") {
  const Settings settings{.deferred = true, .accumulate = true, .bias = true};
  for (const int i : {4, 5, 7, 13, 15, 16})
    for (const cuda::ConvBf16Tile tile : kTiles) {
      check<bfloat16>(kCases[i], settings, tile, 64);
      if (tile == cuda::ConvBf16Tile::small) check<float>(kCases[i], settings, tile, 128);
    }
}

TEST_CASE("cuda conv2d bf16: a weight gradient of many parts") {
  const ConvCase c{3, 29, 27, 8, 8, 1, 1, 1, -1};
  const Convolution<bfloat16> convolution(c, {});
  const Made got = convolution.made(cuda::ConvBf16Tile::flat, 64);  // 37 parts
  CHECK(got.dw == convolution.expected().dw);
#ifndef __CUDACC__
  const simt::ScheduleSeed shuffled(3);
#endif
  CHECK(got == convolution.made(cuda::ConvBf16Tile::flat, 64));
}

TEST_CASE("cuda conv2d bf16: activations before and behind") {
  for (const Activation f : {Activation::none, Activation::relu, Activation::relu6})
    for (const int i : {2, 5})
      check<bfloat16>(
          kCases[i], {.deferred = f != Activation::none, .bias = true, .before = f, .after = f},
          cuda::ConvBf16Tile::middle);
}

TEST_CASE("cuda conv2d bf16: activations with an exponential") {
  for (const Activation f : {Activation::swish, Activation::sigmoid})
    for (const int i : {2, 5}) {
      const Convolution<float> convolution(
          kCases[i], {.deferred = true, .bias = true, .before = f, .after = f});
      const Made want = convolution.expected(),
                 got = convolution.made(cuda::ConvBf16Tile::small, 0);
      // An operand of up to 2^4 that rounds the other way is 2^-4 off; weights are below 2.
      CHECK(largest_difference(got.y, want.y) <= 0.25);
      CHECK(largest_difference(got.dw, want.dw) <= 0.25);
    }
}

TEST_CASE("cuda conv2d bf16: parts are made where tiles are few") {
  // 25 rows of 256 columns are 8 tiles.
  Conv2dGeometry g{5, 5, 1280, 5, 5, 256, 1, 1, 1, 1, 0, 0};
  const cuda::ConvCut cut = cuda::conv2d_bf16_forward_cut(g, 1);
  CHECK(cut.parts == 5);
  CHECK(cut.depth == 256);
  CHECK(cuda::conv2d_bf16_moments(g, 1).chunks() == 0);
  CHECK(cuda::conv2d_bf16_forward_cut(g, 100).parts == 1);
  CHECK(cuda::conv2d_bf16_data_gradient_cut(g, 1).parts == 1);  // a depth of 256
  g.out_channels = 1024;
  CHECK(cuda::conv2d_bf16_data_gradient_cut(g, 1).parts == 4);
  // Wide tiles where columns fill them.
  CHECK(cuda::conv2d_bf16_tile(100'000, 96, true, 1) == cuda::ConvBf16Tile::wide);
  CHECK(cuda::conv2d_bf16_tile(100'000, 144, true, 1) == cuda::ConvBf16Tile::middle);
  CHECK(cuda::conv2d_bf16_tile(100'000, 576, true, 1) == cuda::ConvBf16Tile::wide);
}

TEST_CASE("cuda conv2d bf16: pieces are not taken at crooked addresses") {
  const ConvCase& c = kCases[16];
  const Problem p = conv(c);
  const Conv2dGeometry g = conv2d_geometry(p.op, p.in[0], p.out);
  const auto odd = [](const std::vector<float>& values) {
    std::vector<bfloat16> x = stored<bfloat16>(values);
    x.insert(x.begin(), bfloat16(0.0f));
    return simt::DeviceArray<bfloat16>(x);
  };
  const auto x = odd(grid<float>(p.in[0].size(), 1, 1)), w = odd(grid<float>(p.weights, 1, 2));
  const auto dy = odd(grid<float>(p.out.size(), 1, 3));
  simt::DeviceArray<bfloat16> y(dy.size()), dx(x.size());
  simt::DeviceArray<float> dw(grid<float>(p.weights, 1, 8));
  OpCall<bfloat16> call;
  call.op = &p.op;
  call.batch = 1;
  call.in_shape[0] = p.in[0];
  call.out_shape = p.out;
  call.in[0].data = x.data() + 1;
  call.dout = dy.data() + 1;
  call.out = y.data() + 1;
  call.din[0] = dx.data() + 1;
  call.dweight = dw.data();
  const auto cut = [](long of) {
    return cuda::ConvCut{cuda::ConvBf16Tile::wide, static_cast<int>((of + 63) / 64 * 64), 1};
  };
  cuda::conv2d_bf16_forward_with(nullptr, call, w.data() + 1, cut(g.channels), nullptr, nullptr);
  cuda::conv2d_bf16_data_gradient_with(nullptr, call, w.data() + 1, cut(g.out_channels), nullptr);
  simt::DeviceArray<float> partial(static_cast<std::size_t>(g.weights()));
  cuda::conv2d_bf16_weight_gradient_with(nullptr, call, cut(g.out_pixels()), partial.data());
  const Made want = Convolution<bfloat16>(c, {}).expected();
  const auto behind_the_first = [](const simt::DeviceArray<bfloat16>& made) {
    std::vector<float> values = widened(made.values());
    values.erase(values.begin());
    return values;
  };
  CHECK(behind_the_first(y) == want.y);
  CHECK(behind_the_first(dx) == want.dx);
  CHECK(dw.values() == want.dw);
}

TEST_CASE("cuda conv2d bf16: the floors are those of the geometry") {
  using namespace kernel;
  const Conv2dGeometry g =
      conv2d_geometry(conv(kCases[3]).op, conv(kCases[3]).in[0], conv(kCases[3]).out);
  const long x = 3 * 7 * 3 * 8, y = 3 * 7 * 3 * 24, w = 9 * 8 * 24, products = 3 * 21 * w;
  CHECK(
      conv2d_mma_forward_floor<bfloat16>(g, 3, true) ==
      Floor{2 * (x + y) + 2 * w + 4 * 24, 2 * products});
  CHECK(
      conv2d_mma_data_gradient_floor<bfloat16>(g, 3, true) ==
      Floor{2 * (2 * x + y) + 2 * w, 2 * products});
  CHECK(
      conv2d_mma_data_gradient_floor<float>(g, 3, false) ==
      Floor{4 * (x + y) + 2 * w, 2 * products});
  CHECK(
      conv2d_mma_weight_gradient_floor<bfloat16>(g, 3) == Floor{2 * (x + y) + 8 * w, 2 * products});
  // Reads the parts and the bias, maybe what was there; writes the sums.
  CHECK(
      conv2d_add_parts_floor<bfloat16>(70, 7, 3, true, false) ==
      Floor{4 * 3 * 70 + 2 * 70 + 4 * 7, 3 * 70 + 70 - 70});
  CHECK(
      conv2d_add_parts_floor<float>(70, 7, 3, false, true) ==
      Floor{4 * 3 * 70 + 2 * 4 * 70, 3 * 70});
  CHECK(conv2d_add_weight_parts_floor(70, 40) == Floor{4 * (40 * 70 + 70 + 70), 40 * 70});
}

}  // namespace ocelli::test
