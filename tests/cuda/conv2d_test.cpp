// The kernels of conv2d against the plain loops.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/cuda/conv2d.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <cstdint>

#include "agree.hpp"
#include "cpu/convolution.hpp"
#include "ocelli/cuda/conv2d_backward.hpp"

namespace ocelli::test {
namespace {

// Maps of 1, 3 and 7 pixels; channels that fill no lane of four, one, and several tiles; stride 2
// with asymmetric padding; windows beyond the picture, of even size, dilated.
const ConvCase kCases[] = {
    {1, 1, 1, 1, 1, 1, 1, 1, -1},  {3, 3, 3, 3, 4, 1, 1, 1, -1},   {1, 7, 7, 24, 33, 1, 1, 1, -1},
    {3, 7, 3, 4, 24, 1, 1, 1, -1}, {1, 1, 1, 33, 24, 3, 2, 1, -1}, {3, 7, 7, 3, 24, 3, 2, 1, -1},
    {1, 8, 6, 4, 4, 3, 2, 1, -1},  {1, 7, 7, 24, 4, 3, 1, 1, 1},   {1, 3, 3, 33, 3, 5, 1, 1, -1},
    {3, 7, 6, 4, 3, 5, 2, 1, -1},  {1, 7, 7, 4, 8, 4, 1, 1, -1},   {1, 6, 7, 3, 4, 2, 2, 1, 0},
    {1, 7, 7, 3, 4, 1, 2, 1, -1},  {1, 9, 9, 4, 8, 3, 1, 2, -1},   {1, 9, 8, 4, 4, 3, 2, 2, -1},
    {1, 7, 9, 4, 4, 3, 3, 1, -1},
};

}  // namespace

TEST_CASE("cuda conv2d: agrees with the reference") {
  for (const ConvCase& c : kCases) {
    CAPTURE(c.height);
    CAPTURE(c.in);
    CAPTURE(c.out);
    CAPTURE(c.kernel);
    CAPTURE(c.stride);
    Problem p = conv(c);
    check_on_emulator(p);
    p.deferred = 1;
    p.accumulate = true;
    check_on_emulator(p);
  }
}

TEST_CASE("cuda conv2d: a deferred input with each activation") {
  for (const Activation f : kActivations)
    for (const ConvCase& c : {kCases[3], kCases[5]}) {
      CAPTURE(name(f));
      CAPTURE(c.in);
      Problem p = conv(c);
      p.deferred = 1;
      p.deferred_activation = f;
      // Values up to 2^4 times weights up to 2, a few hundred of them.
      check_on_emulator(p, is_exact(f) ? 0 : rounding(1 << 12));
    }
}

TEST_CASE("cuda conv2d: what is not wanted") {
  for (const ConvCase& c : {kCases[2], kCases[5], kCases[9]}) {
    CAPTURE(c.in);
    each_unwanted(conv(c), [](const Problem& p) { check_on_emulator(p); });
  }
}

TEST_CASE("cuda conv2d: epilogues of inference") {
  for (const Activation f : kActivations)
    for (const ConvCase& c : {kCases[2], kCases[6]}) {
      CAPTURE(name(f));
      CAPTURE(c.in);
      Problem p = conv(c);
      p.mode = Mode::infer;
      p.epilogue = f;
      check_on_emulator(p, is_exact(f) ? 0 : rounding(1 << 8));
    }
}

TEST_CASE("cuda conv2d: every tile makes the same") {
  // More rows and columns than a tile has, the last tile not full, lanes of one and of four.
  for (const ConvCase& c :
       {ConvCase{1, 12, 12, 36, 132, 1, 1, 1, -1}, {1, 12, 12, 9, 130, 3, 2, 1, -1}}) {
    const Problem p = conv(c);
    OpCall<float> call;
    call.op = &p.op;
    call.batch = 1;
    call.in_shape[0] = p.in[0];
    call.out_shape = p.out;
    const auto x = grid<float>(p.in[0].size(), 1, 1), w = grid<float>(p.weights, 1, 2);
    const auto dy = grid<float>(p.out.size(), 1, 3);
    call.in[0].data = x.data();
    call.weight = w.data();
    call.dout = dy.data();
    const Conv2dGeometry g = conv2d_geometry(p.op, p.in[0], p.out);
    std::vector<float> y[8], dx[8], dw[8];
    // tf32 holds the numbers of this grid exactly, so it too makes the same.
    for (int t = 0; t < 8; ++t) {
      const auto tile = static_cast<cuda::ConvTile>(t % 4);
      const auto precision = static_cast<Precision>(t / 4);
      CAPTURE(t % 4);
      CAPTURE(name(precision));
      y[t].resize(dy.size());
      dx[t].resize(x.size());
      dw[t].resize(w.size());
      call.out = y[t].data();
      call.din[0] = dx[t].data();
      call.dweight = dw[t].data();
      const DeviceCall device(call);
      cuda::conv2d_forward_with(nullptr, device.call, precision, tile);
      cuda::conv2d_data_gradient_with(nullptr, device.call, precision, tile);
      const int part = 50;  // no multiple of the tile's depth
      const int parts = static_cast<int>((g.out_pixels() + part - 1) / part);
      cuda::Memory<float> partial(static_cast<std::size_t>(parts * g.weights()));
      cuda::conv2d_weight_gradient_with(
          nullptr, device.call, precision, {tile, part, parts}, partial.data());
      device.fetch();
      if (t == 0) {
        ReferenceBackend<float> plain;
        std::vector<float> expected(y[0].size());
        call.out = expected.data();
        plain.forward(call);
        CHECK(expected == y[0]);
        expected.assign(x.size(), 0.0f);
        call.din[0] = expected.data();
        std::vector<float> expected_dw(w.size());
        call.dweight = expected_dw.data();
        plain.backward(call);
        CHECK(expected == dx[0]);
        CHECK(expected_dw == dw[0]);
      }
      CHECK(y[t] == y[0]);
      CHECK(dx[t] == dx[0]);
      CHECK(dw[t] == dw[0]);
    }
  }
}

TEST_CASE("cuda conv2d: tensor cores round the factors, and nothing else") {
  const Problem p = conv({1, 5, 7, 12, 20, 3, 1, 1, -1});
  OpCall<float> call;
  call.op = &p.op;
  call.batch = 1;
  call.in_shape[0] = p.in[0];
  call.out_shape = p.out;
  Random random(3, Stream::init);
  std::vector<float> x(static_cast<std::size_t>(p.in[0].size()));
  std::vector<float> w(static_cast<std::size_t>(p.weights));
  for (float& v : x) v = random.uniform(-1, 1);
  for (float& v : w) v = random.uniform(-1, 1);
  call.in[0].data = x.data();
  call.weight = w.data();
  std::vector<float> y(static_cast<std::size_t>(p.out.size())), want(y.size());
  for (const Precision precision : {Precision::tf32, Precision::bf16}) {
    CAPTURE(name(precision));
    call.out = want.data();
    ReferenceBackend<float>().forward(call);
    call.out = y.data();
    DeviceCall far(call);
    CudaBackend backend(nullptr, precision);
    backend.reserve(far.call);
    backend.forward(far.call);
    far.fetch();
    // 108 products of factors below 1, each rounded by half a unit of its mantissa.
    const double unit = precision == Precision::tf32 ? 0x1p-11 : 0x1p-8;
    const double error = largest_difference(y, want);
    CHECK(error < 108 * 2 * unit / 2);
    CHECK(error > 0);  // they do round
    // The same product of factors that are rounded before has sums of float's precision.
    const auto round = [&](float v) {
      if (precision == Precision::bf16) return static_cast<float>(bfloat16(v));
      // To the nearest of 10 bits of mantissa, ties away from zero.
      return std::bit_cast<float>((std::bit_cast<std::uint32_t>(v) + 0x1000u) & 0xFFFFE000u);
    };
    for (float& v : x) v = round(v);
    for (float& v : w) v = round(v);
    call.out = want.data();
    ReferenceBackend<float>().forward(call);
    CHECK(largest_difference(y, want) < 108 * 0x1p-24 * 16);
  }
}

TEST_CASE("cuda conv2d: an operation that was not reserved is refused") {
  CudaBackend backend;
  const Problem p = conv(kCases[7]);
  OpCall<float> call;
  call.op = &p.op;
  call.batch = 1;
  call.in_shape[0] = p.in[0];
  call.out_shape = p.out;
  CHECK_THROWS_AS(backend.backward(call), Error);
  call.batch = 1 << 28;
  CHECK_THROWS_AS(backend.reserve(call), ShapeError);
}

TEST_CASE("cuda conv2d: tensors of bfloat16 are multiplied in bfloat16") {
  CudaBackendBf16 backend(nullptr, Precision::float32);
  const Problem p = conv(kCases[7]);
  OpCall<bfloat16> call;
  call.op = &p.op;
  call.batch = 1;
  call.in_shape[0] = p.in[0];
  call.out_shape = p.out;
  CHECK_THROWS_WITH_AS(
      backend.reserve(call),
      "cuda conv2d: convolutions of bfloat16 tensors in float32; store tensors in float, or take "
      "bf16",
      Error);
}

TEST_CASE("cuda conv2d: the floor is that of the geometry") {
  const ConvCase c{2, 7, 5, 6, 10, 3, 2, 1, -1};
  const Problem p = conv(c);
  const Conv2dGeometry g = conv2d_geometry(p.op, p.in[0], p.out);
  long products = 0;
  for (long pixel = 0; pixel < 2 * p.out.pixels(); ++pixel)
    for (int tap = 0; tap < c.kernel * c.kernel; ++tap) products += long(c.in) * c.out;
  const long values = 2 * (p.in[0].size() + p.out.size());
  using namespace kernel;
  CHECK(conv2d_forward_floor(g, 2, false) == Floor{4 * (values + p.weights), 2 * products});
  CHECK(conv2d_forward_floor(g, 2, true) == Floor{4 * (values + p.weights + 10), 2 * products});
  CHECK(conv2d_data_gradient_floor(g, 2, false) == Floor{4 * (values + p.weights), 2 * products});
  CHECK(
      conv2d_data_gradient_floor(g, 2, true) ==
      Floor{4 * (values + 2 * p.in[0].size() + p.weights), 2 * products});
  CHECK(conv2d_weight_gradient_floor(g, 2) == Floor{4 * (values + 2 * p.weights), 2 * products});
}

}  // namespace ocelli::test
