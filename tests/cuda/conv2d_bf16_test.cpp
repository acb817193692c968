// The kernels of conv2d in bfloat16 against the plain loops, with each tile, whole and cut.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "agree.hpp"
#include "ocelli/cuda/conv2d_backward.hpp"
#include "ocelli/cuda/conv2d_bf16_forward.hpp"

namespace ocelli::test {
namespace {

struct Case {
  int batch, height, width, in, out, kernel, stride, dilation, padding;
};

// Maps of 1, 3 and 7 pixels; channels that fill no piece of eight, one, and several tiles; stride 2
// and 3, windows beyond the picture, of even size, dilated.
const Case kCases[] = {
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

Problem conv(const Case& c) {
  Problem p = of_one_input(OpKind::conv2d, c.batch, c.height, c.width, c.in);
  set_window(p, c.kernel, c.stride, c.dilation, c.padding);
  p.out.channels = c.out;
  p.weights = long(c.kernel) * c.kernel * c.in * c.out;
  return p;
}

template <class S>
std::vector<S> stored(const std::vector<float>& x) {
  std::vector<S> y(x.size());
  std::transform(x.begin(), x.end(), y.begin(), [](float v) { return S(v); });
  return y;
}
template <class S>
std::vector<float> widened(const std::vector<S>& x) {
  std::vector<float> y(x.size());
  std::transform(x.begin(), x.end(), y.begin(), [](S v) { return static_cast<float>(v); });
  return y;
}

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
  Convolution(const Case& c, const Settings& settings)
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

  /// By the kernels, cut into parts of `depth` (0: not cut).
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
    std::vector<float> partial(static_cast<std::size_t>(64 * std::max(dx_.size(), dy_.size())));
    cuda::conv2d_bf16_forward_with(
        nullptr, call, rounded_.data(), cut(g_.taps() * g_.channels), partial.data(), nullptr);
    cuda::conv2d_bf16_data_gradient_with(
        nullptr, call, rounded_.data(), cut(g_.taps() * g_.out_channels), partial.data());
    const cuda::ConvCut pixels = cut(batch() * g_.out_pixels());
    cuda::Memory<float> parts(static_cast<std::size_t>(pixels.parts * g_.weights()));
    cuda::conv2d_bf16_weight_gradient_with(nullptr, call, pixels, parts.data());
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
  std::vector<bfloat16> rounded_;
};

template <class S>
void check(const Case& c, const Settings& settings, cuda::ConvBf16Tile tile, int depth = 0) {
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
  const simt::ScheduleSeed shuffled(static_cast<std::uint64_t>(c.in + depth + 1));
  CHECK(got == convolution.made(tile, depth));
}

}  // namespace

TEST_CASE("cuda conv2d bf16: agrees with the reference, with each tile") {
  for (const Case& c : kCases)
    for (const cuda::ConvBf16Tile tile : kTiles) {
      check<bfloat16>(c, {}, tile);
      if (tile != cuda::ConvBf16Tile::wide) check<float>(c, {.bias = true}, tile);
    }
}

TEST_CASE("cuda conv2d bf16: a deferred input, accumulated gradients, a bias") {
  const Settings settings{.deferred = true, .accumulate = true, .bias = true};
  for (const Case& c : kCases)
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
  const Case c{3, 29, 27, 8, 8, 1, 1, 1, -1};
  const Convolution<bfloat16> convolution(c, {});
  const Made got = convolution.made(cuda::ConvBf16Tile::flat, 64);  // 37 parts
  CHECK(got.dw == convolution.expected().dw);
  const simt::ScheduleSeed shuffled(3);
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
      CHECK(largest_difference(got.y, want.y) / 100 < 0.0025);
      CHECK(largest_difference(got.dw, want.dw) <= 0.25);
    }
}

namespace {

/// Mean and variance of each column of y [rows, columns].
struct Moments {
  std::vector<double> mean, variance;
  template <class S>
  Moments(const std::vector<S>& y, int columns)
      : mean(static_cast<std::size_t>(columns)), variance(mean.size()) {
    const double n = static_cast<double>(y.size() / mean.size());
    const auto value = [&](std::size_t i) { return double(static_cast<float>(y[i])); };
    for (std::size_t i = 0; i < y.size(); ++i) mean[i % mean.size()] += value(i) / n;
    for (std::size_t i = 0; i < y.size(); ++i) {
      const double d = value(i) - mean[i % mean.size()];
      variance[i % mean.size()] += d * d / n;
    }
  }
};

/// A convolution and the batch norm behind it, forward on a backend.
template <class S>
class NormedConvolution {
 public:
  NormedConvolution(const Case& c, float offset) : conv_(conv(c)), norm_(conv_) {
    norm_.op.kind = OpKind::batch_norm;
    norm_.op.inputs[0] = conv_.op.output = 6;
    norm_.op.output = 7;
    conv_.op.inputs[0] = 5;
    x_ = stored<S>(grid<float>(c.batch * conv_.in[0].size(), 3, 1));
    w_ = grid<float>(conv_.weights, 3, 2);
    bias_.assign(static_cast<std::size_t>(c.out), offset);
    y_.resize(static_cast<std::size_t>(c.batch * conv_.out.size()));
    normed_ = y_;
    statistics_.resize(static_cast<std::size_t>(4 * c.out));
    moving_mean_.assign(static_cast<std::size_t>(c.out), 0.0f);
    moving_variance_.assign(static_cast<std::size_t>(c.out), 1.0f);
    conv_call_.op = &conv_.op;
    norm_call_.op = &norm_.op;
    conv_call_.batch = norm_call_.batch = c.batch;
    conv_call_.in_shape[0] = conv_.in[0];
    conv_call_.out_shape = norm_call_.in_shape[0] = norm_call_.out_shape = conv_.out;
    conv_call_.in[0].data = x_.data();
    conv_call_.weight = w_.data();
    conv_call_.bias = bias_.data();
    conv_call_.out = y_.data();
    norm_call_.in[0].data = y_.data();
    norm_call_.out = normed_.data();
    norm_call_.batch_norm = statistics_.data();
    norm_call_.moving_mean = moving_mean_.data();
    norm_call_.moving_variance = moving_variance_.data();
    norm_call_.norm.decay = 0.5;
  }
  NormedConvolution(const NormedConvolution&) = delete;
  NormedConvolution& operator=(const NormedConvolution&) = delete;

  /// Checks the statistics against those of y.
  /// @param spoil    y is overwritten before the norm runs, which must not matter
  /// @param between  something else runs between the two, so the norm must read y
  void check(double tolerance, bool spoil, bool between) {
    BasicCudaBackend<S> backend(nullptr, Precision::bf16);
    backend.reserve(conv_call_);
    backend.reserve(norm_call_);
    backend.forward(conv_call_);
    const Moments want(y_, conv_.out.channels);
    if (between) {
      OpCall<S> again = norm_call_;
      again.in[0].data = normed_.data();
      again.out = nullptr;
      backend.forward(again);
      std::fill(moving_mean_.begin(), moving_mean_.end(), 0.0f);
      std::fill(moving_variance_.begin(), moving_variance_.end(), 1.0f);
    }
    if (spoil) std::fill(y_.begin(), y_.end(), S(77.0f));
    backend.forward(norm_call_);
    const double rows = double(conv_.batch) * double(conv_.out.pixels());
    for (std::size_t c = 0; c < bias_.size(); ++c) {
      CAPTURE(c);
      const double deviation = std::sqrt(want.variance[c] + norm_call_.norm.epsilon);
      CHECK(std::abs(statistics_[c] - want.mean[c]) <= tolerance * (1 + std::abs(want.mean[c])));
      CHECK(std::abs(statistics_[bias_.size() + c] * deviation - 1) <= tolerance);
      CHECK(
          std::abs(moving_mean_[c] - 0.5 * want.mean[c]) <=
          tolerance * (1 + std::abs(want.mean[c])));
      const double unbiased = want.variance[c] * (rows > 1 ? rows / (rows - 1) : 1);
      CHECK(std::abs(moving_variance_[c] - 0.5 - 0.5 * unbiased) <= tolerance * (1 + unbiased));
    }
  }
  const std::vector<float>& statistics() const { return statistics_; }

 private:
  Problem conv_, norm_;
  std::vector<S> x_, y_, normed_;
  std::vector<float> w_, bias_, statistics_, moving_mean_, moving_variance_;
  OpCall<S> conv_call_, norm_call_;
};

}  // namespace

TEST_CASE("cuda conv2d bf16: leaves batch norm the moments of its output") {
  // Rows of less than a tile, of several, of several blocks; columns of one tile and of several.
  for (const Case& c :
       {Case{1, 1, 1, 8, 8, 1, 1, 1, -1},
        {1, 7, 5, 3, 5, 3, 1, 1, -1},
        {3, 17, 13, 8, 24, 1, 1, 1, -1},
        {2, 9, 9, 16, 136, 3, 1, 1, -1}})
    for (const bool spoil : {false, true}) {
      CAPTURE(c.out);
      CAPTURE(spoil);
      // Sums of some hundred numbers in float, of numbers below 2^7.
      NormedConvolution<bfloat16>(c, 0).check(0x1p-16, spoil, false);
      NormedConvolution<float>(c, 0.5f).check(0x1p-16, spoil, false);
    }
}

TEST_CASE("cuda conv2d bf16: moments about a mean that is large") {
  // y = 1000 + some 10: float keeps 2^-14 of it, of which squares are made.
  NormedConvolution<float>({3, 17, 13, 8, 24, 1, 1, 1, -1}, 1000).check(0x1p-15, true, false);
}

TEST_CASE("cuda conv2d bf16: moments of what has run before are not taken") {
  NormedConvolution<bfloat16>({2, 9, 7, 8, 24, 1, 1, 1, -1}, 0).check(0x1p-16, false, true);
}

TEST_CASE("cuda conv2d bf16: moments have the same bits in any order") {
  const Case c{3, 17, 13, 8, 24, 1, 1, 1, -1};
  NormedConvolution<bfloat16> straight(c, 0), shuffled(c, 0);
  straight.check(0x1p-16, true, false);
  const simt::ScheduleSeed seed(5);
  shuffled.check(0x1p-16, true, false);
  CHECK(straight.statistics() == shuffled.statistics());
}

namespace {

/// That `moments` [chunks, 2, columns] are those of chunks of y's rows.
template <class S>
void check_moments(const std::vector<S>& y, int columns, int chunk, const float* moments) {
  const long rows = static_cast<long>(y.size()) / columns;
  for (long first = 0; first < rows; first += chunk, moments += 2 * columns) {
    const long last = std::min(rows, first + chunk);
    const std::vector<S> part(y.begin() + first * columns, y.begin() + last * columns);
    const Moments want(part, columns);
    for (std::size_t c = 0; c < want.mean.size(); ++c) {
      CHECK(std::abs(moments[c] - want.mean[c]) < 0x1p-18);
      const double squares = want.variance[c] * static_cast<double>(last - first);
      CHECK(std::abs(moments[want.mean.size() + c] - squares) < 0x1p-18 * squares);
    }
  }
}

}  // namespace

TEST_CASE("cuda conv2d bf16: blocks that take several tiles of rows") {
  // As a large batch makes them: chunks of three tiles, of which the last block has one.
  const Case c{5, 12, 11, 8, 24, 1, 1, 1, -1};
  const Problem p = conv(c);
  const Conv2dGeometry g = conv2d_geometry(p.op, p.in[0], p.out);
  const auto x = grid<float>(5 * p.in[0].size(), 1, 1);
  const auto stored_x = stored<bfloat16>(x);
  const auto w = stored<bfloat16>(grid<float>(p.weights, 1, 2));
  std::vector<bfloat16> y(static_cast<std::size_t>(5 * p.out.size()));
  const int rows = static_cast<int>(5 * g.out_pixels()), tiles = 3;
  using T = cuda::detail::Bf16Tile<cuda::ConvBf16Tile::narrow>::Type;
  const int chunk = tiles * T::rows, chunks = (rows + chunk - 1) / chunk;
  CHECK(chunks == 2);
  cuda::Memory<float> moments(static_cast<std::size_t>(2 * 6 * c.out));
  simt::launch(
      kernel::conv2d_mma_forward<T, bfloat16>, dim3(1, static_cast<unsigned>(chunks)),
      dim3(T::threads), 0, nullptr, cuda::detail::conv2d_plan(g, 5, g.channels, true, true),
      Operand<bfloat16>{stored_x.data()}, w.data(), tiles, kernel::DepthCut{64, nullptr}, nullptr,
      Activation::none, y.data(), true, moments.data());
  check_moments(y, c.out, chunk, moments.data());

  // Middle tiles in place of a wide one leave the wide one's chunks.
  std::vector<float> wide_y(y.size());
  OpCall<float> call;
  call.op = &p.op;
  call.batch = 5;
  call.in_shape[0] = p.in[0];
  call.out_shape = p.out;
  call.in[0].data = x.data();
  call.out = wide_y.data();
  cuda::conv2d_bf16_forward_with(
      nullptr, call, w.data(), {cuda::ConvBf16Tile::wide, 64, 1}, nullptr, moments.data());
  CHECK(cuda::conv2d_bf16_chunk(g, 5, cuda::ConvBf16Tile::wide) == 128);
  check_moments(wide_y, c.out, 128, moments.data());
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
  const Case& c = kCases[16];
  const Problem p = conv(c);
  const Conv2dGeometry g = conv2d_geometry(p.op, p.in[0], p.out);
  const auto odd = [](const std::vector<float>& values) {
    std::vector<bfloat16> x = stored<bfloat16>(values);
    x.insert(x.begin(), bfloat16(0.0f));
    return x;
  };
  const auto x = odd(grid<float>(p.in[0].size(), 1, 1)), w = odd(grid<float>(p.weights, 1, 2));
  const auto dy = odd(grid<float>(p.out.size(), 1, 3));
  std::vector<bfloat16> y(dy.size()), dx(x.size());
  std::vector<float> dw = grid<float>(p.weights, 1, 8);
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
  cuda::Memory<float> partial(static_cast<std::size_t>(g.weights()));
  cuda::conv2d_bf16_weight_gradient_with(nullptr, call, cut(g.out_pixels()), partial.data());
  const Made want = Convolution<bfloat16>(c, {}).expected();
  y.erase(y.begin());
  dx.erase(dx.begin());
  CHECK(widened(y) == want.y);
  CHECK(widened(dx) == want.dx);
  CHECK(dw == want.dw);
}

TEST_CASE("cuda conv2d bf16: weights are read from the shared copy") {
  const Case c{1, 3, 3, 8, 8, 1, 1, 1, -1};
  const Problem p = conv(c);
  std::vector<float> x = grid<float>(p.in[0].size(), 1, 1), slab = grid<float>(100, 1, 2);
  std::vector<float> first(x.size()), second(x.size());
  CudaBackend backend(nullptr, Precision::bf16);
  OpCall<float> call;
  call.op = &p.op;
  call.batch = 1;
  call.in_shape[0] = p.in[0];
  call.out_shape = p.out;
  call.in[0].data = x.data();
  call.weight = slab.data() + 16;
  call.out = first.data();
  backend.reserve(call);
  const std::size_t before = backend.scratch_bytes();
  backend.reserve_weights(slab.data(), 100);
  CHECK(backend.scratch_bytes() == before + 200);
  backend.forward(call);  // makes its own: nobody has filled the copy
  backend.weights_changed(slab.data());
  const std::vector<float> old = slab;
  slab.assign(slab.size(), 0.0f);
  call.out = second.data();
  backend.forward(call);
  CHECK(second == first);
  backend.weights_changed(slab.data());
  backend.forward(call);
  CHECK(second == std::vector<float>(x.size()));
  slab = old;
  backend.forget_weights(slab.data());
  CHECK(backend.scratch_bytes() == before);
  backend.forward(call);
  CHECK(second == first);
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
  // Reads the moments, gamma, beta and the moving ones; writes the moving ones and four more.
  CHECK(batch_norm_collect_floor(6, 9) == Floor{4 * (2 * 9 * 6 + 10 * 6), 5 * 9 * 6});
}

}  // namespace ocelli::test
