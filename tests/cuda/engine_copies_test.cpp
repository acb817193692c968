// The copies around a library's product, against plain loops.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/cuda/engine_copies.hpp"

#include "cuda/kernel_case.hpp"

using namespace ocelli;
using namespace ocelli::kernel_test;
using kernel::Border;

namespace {

std::vector<float> floats(const std::vector<bfloat16>& values) {
  std::vector<float> all;
  for (const bfloat16 v : values) all.push_back(static_cast<float>(v));
  return all;
}
std::vector<float> floats(const std::vector<float>& values) { return values; }
template <class T>
float rounded(float v) {
  return static_cast<float>(static_cast<T>(v));
}

constexpr Border kBorders[] = {
    {5, 3, 5, 3, 0, 0}, {5, 3, 6, 4, 0, 0}, {4, 6, 7, 9, 2, 1}, {1, 1, 3, 3, 1, 1}};

/// Channels of lanes of four and of one; one is one pixel's all.
constexpr int kChannels[] = {1, 4, 7, 24};

template <class To>
void check_into(const Border& b, int channels, bool deferred) {
  const int batch = 2;
  const auto C = static_cast<std::size_t>(channels);
  const std::vector<float> x =
      numbers(static_cast<std::size_t>(batch * b.height * b.width) * C, 1, -4, 4);
  const std::vector<float> scale = numbers(C, 2), shift = numbers(C, 3);
  std::vector<float> want;
  for (int n = 0; n < batch; ++n)
    for (int h = -b.top; h < b.outer_height - b.top; ++h)
      for (int w = -b.left; w < b.outer_width - b.left; ++w)
        for (int c = 0; c < channels; ++c) {
          const bool inside = h >= 0 && h < b.height && w >= 0 && w < b.width;
          float v = 0;
          if (inside) {
            const auto i =
                static_cast<std::size_t>(((n * b.height + h) * b.width + w) * channels + c);
            v = x[i];
            if (deferred) v = activate(Activation::relu6, scale[i % C] * v + shift[i % C]);
          }
          want.push_back(rounded<To>(v));
        }
  const DeviceArray<float> from(x), by(scale), plus(shift);
  const auto got = in_any_order([&] {
    DeviceArray<To> to(want.size());
    Operand<float> operand{from.data(), nullptr, nullptr, Activation::relu6};
    if (deferred) operand.scale = by.data(), operand.shift = plus.data();
    cuda::copy_into_border(nullptr, operand, batch, channels, b, to.data());
    return floats(to.values());
  });
  // A fused product may round the other way, by a unit of bfloat16 at most.
  if (!deferred)
    CHECK(got == want);
  else
    check_equal(got, want, sizeof(To) == 2 ? 0x1p16f : 4, 1);
}

template <class From, class To>
void check_out(const Border& b, int channels, bool accumulate) {
  const int batch = 2;
  std::vector<From> outer;
  for (const float v :
       numbers(static_cast<std::size_t>(batch * b.outer_height * b.outer_width * channels), 4))
    outer.push_back(static_cast<From>(v));
  std::vector<To> dx;
  for (const float v : numbers(static_cast<std::size_t>(batch * b.height * b.width * channels), 5))
    dx.push_back(static_cast<To>(v));
  std::vector<float> want;
  std::size_t i = 0;
  for (int n = 0; n < batch; ++n)
    for (int h = 0; h < b.height; ++h)
      for (int w = 0; w < b.width; ++w)
        for (int c = 0; c < channels; ++c, ++i) {
          const float v = static_cast<float>(outer[static_cast<std::size_t>(
              ((n * b.outer_height + h + b.top) * b.outer_width + w + b.left) * channels + c)]);
          want.push_back(rounded<To>(accumulate ? static_cast<float>(dx[i]) + v : v));
        }
  const DeviceArray<From> from(outer);
  CHECK(want == in_any_order([&] {
          DeviceArray<To> to(dx);
          cuda::copy_out_of_border(nullptr, from.data(), batch, channels, b, accumulate, to.data());
          return floats(to.values());
        }));
}

template <class From, class To>
void check_transpose(int rows, int columns, bool accumulate) {
  const auto R = static_cast<std::size_t>(rows), K = static_cast<std::size_t>(columns);
  std::vector<From> from;
  std::vector<To> to;
  for (const float v : numbers(R * K, 6)) from.push_back(static_cast<From>(v));
  for (const float v : numbers(R * K, 7)) to.push_back(static_cast<To>(v));
  std::vector<float> want(R * K);
  for (std::size_t i = 0; i < R; ++i)
    for (std::size_t j = 0; j < K; ++j) {
      const float v = static_cast<float>(from[i * K + j]);
      want[j * R + i] = rounded<To>(accumulate ? static_cast<float>(to[j * R + i]) + v : v);
    }
  const DeviceArray<From> source(from);
  CHECK(want == in_any_order([&] {
          DeviceArray<To> result(to);
          cuda::transpose_matrix(nullptr, source.data(), rows, columns, accumulate, result.data());
          return floats(result.values());
        }));
}

template <class T>
void check_finish(int channels, bool bias, Activation f) {
  const int rows = 37;
  const auto C = static_cast<std::size_t>(channels);
  std::vector<T> y;
  for (const float v : numbers(rows * C, 8, -4, 4)) y.push_back(static_cast<T>(v));
  const std::vector<float> b = numbers(C, 9);
  std::vector<float> want;
  for (std::size_t i = 0; i < y.size(); ++i)
    want.push_back(rounded<T>(activate(f, static_cast<float>(y[i]) + (bias ? b[i % C] : 0.0f))));
  const DeviceArray<float> by(b);
  const auto got = in_any_order([&] {
    DeviceArray<T> to(y);
    cuda::finish_rows(nullptr, bias ? by.data() : nullptr, f, rows, channels, to.data());
    return floats(to.values());
  });
  CHECK(got == want);
}

}  // namespace

TEST_CASE("cuda engine_copies: into a border of zeros, through a norm, rounded") {
  for (const Border& b : kBorders)
    for (const int channels : kChannels)
      for (const bool deferred : {false, true}) {
        CAPTURE(b.outer_height);
        CAPTURE(channels);
        check_into<float>(b, channels, deferred);
        check_into<bfloat16>(b, channels, deferred);
      }
}

TEST_CASE("cuda engine_copies: out of a border, added to what is there") {
  for (const Border& b : kBorders)
    for (const int channels : kChannels)
      for (const bool accumulate : {false, true}) {
        CAPTURE(b.outer_height);
        CAPTURE(channels);
        check_out<float, float>(b, channels, accumulate);
        check_out<bfloat16, bfloat16>(b, channels, accumulate);
      }
}

TEST_CASE("cuda engine_copies: matrices turned over") {
  constexpr int extents[][2] = {{1, 1}, {9, 24}, {27, 32}, {64, 33}, {31, 65}, {1, 70}};
  for (const auto& extent : extents)
    for (const bool accumulate : {false, true}) {
      const int rows = extent[0], columns = extent[1];
      CAPTURE(rows);
      check_transpose<float, float>(rows, columns, accumulate);
      check_transpose<float, bfloat16>(rows, columns, false);
      check_transpose<bfloat16, float>(rows, columns, accumulate);
    }
}

TEST_CASE("cuda engine_copies: a bias and an activation in place") {
  for (const int channels : kChannels)
    for (const Activation f : {Activation::none, Activation::relu, Activation::relu6})
      for (const bool bias : {false, true}) {
        check_finish<float>(channels, bias, f);
        check_finish<bfloat16>(channels, bias, f);
      }
}

TEST_CASE("cuda engine_copies: numbers of a trial lie in [-1, 1), and differ by seed") {
  DeviceArray<float> a(1000), b(1000), c(1000);
  cuda::fill_for_trial(nullptr, 1, 1000, a.data());
  cuda::fill_for_trial(nullptr, 1, 1000, b.data());
  cuda::fill_for_trial(nullptr, 2, 1000, c.data());
  CHECK(a.values() == b.values());
  CHECK(a.values() != c.values());
  double sum = 0;
  for (const float v : a.values()) {
    CHECK((v >= -1 && v < 1));
    sum += static_cast<double>(v);
  }
  CHECK(std::fabs(sum) < 1000 * 0.1);  // of uniform numbers the mean's deviation is 0.02
}

TEST_CASE("cuda engine_copies: the floor") {
  using namespace kernel;
  const Border b{4, 6, 7, 9, 2, 1};
  const long n = 2L * b.height * b.width * 8, m = 2L * b.outer_height * b.outer_width * 8;
  CHECK(copy_into_border_floor(n, m, 8, 4, 2, false) == Floor{4 * n + 2 * m, 0});
  CHECK(
      copy_into_border_floor(n, m, 8, 4, 2, true) ==
      Floor{4 * n + 2 * m + 2 * 4 * 8, (1 + 1 + 1) * n});
  CHECK(copy_out_of_border_floor(n, 2, 4, false) == Floor{2 * n + 4 * n, 0});
  CHECK(copy_out_of_border_floor(n, 2, 4, true) == Floor{2 * n + 4 * n + 4 * n, n});
  CHECK(transpose_matrix_floor(n, 4, 4, true) == Floor{12 * n, n});
  CHECK(finish_rows_floor(n, 8, 2, true) == Floor{2 * n + 2 * n + 4 * 8, 2 * n});
  CHECK(finish_rows_floor(n, 8, 4, false) == Floor{8 * n, n});
}
