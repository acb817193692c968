// The matrix products behind the convolutions against plain loops, where tiles, vectors and panels
// end. Numbers lie on a coarse grid, so that sums are exact in any order.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/cpu/gemm.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "problem.hpp"

namespace ocelli::test {
namespace {

using namespace cpu;

std::vector<float> numbers(long count, std::uint32_t index) { return grid<float>(count, 3, index); }

/// c[rows, columns] = a[rows, depth] * b[depth, columns].
std::vector<float> plain_product(
    const std::vector<float>& a, const std::vector<float>& b, long rows, long depth, int columns) {
  std::vector<float> c(static_cast<std::size_t>(rows * columns));
  for (long r = 0; r < rows; ++r)
    for (long k = 0; k < depth; ++k)
      for (int j = 0; j < columns; ++j)
        c[static_cast<std::size_t>(r * columns + j)] +=
            a[static_cast<std::size_t>(r * depth + k)] *
            b[static_cast<std::size_t>(k * columns + j)];
  return c;
}

constexpr int kSome[] = {
    1, 3, 7, 8, 17, kTileColumns - 1, kTileColumns, kTileColumns + 1, 3 * kTileColumns + 5};
constexpr float kUnwritten = -77;

}  // namespace

TEST_CASE("cpu gemm: a panel for each kTileColumns columns, padded with zeros") {
  ThreadPool pool(2);
  for (const int columns : kSome)
    for (const long depth : {1L, 4L, 6L, 13L}) {
      CAPTURE(columns);
      CAPTURE(depth);
      const std::vector<float> b = numbers(depth * columns, 1);
      std::vector<float> packed(static_cast<std::size_t>(packed_size(depth, columns)), kUnwritten);
      pack(pool, b.data(), depth, columns, packed.data());
      std::vector<float> transpose(b.size());
      for (long k = 0; k < depth; ++k)
        for (int j = 0; j < columns; ++j)
          transpose[static_cast<std::size_t>(j * depth + k)] =
              b[static_cast<std::size_t>(k * columns + j)];
      std::vector<float> turned(packed.size(), kUnwritten);
      pack_transposed(pool, transpose.data(), depth, columns, 0, depth, turned.data());
      bool right = true;
      for (long at = 0; at < static_cast<long>(packed.size()); ++at) {
        const long panel = at / (depth * kTileColumns), k = at / kTileColumns % depth;
        const long j = panel * kTileColumns + at % kTileColumns;
        const float wanted = j < columns ? b[static_cast<std::size_t>(k * columns + j)] : 0;
        right = right && packed[static_cast<std::size_t>(at)] == wanted &&
                turned[static_cast<std::size_t>(at)] == wanted;
      }
      CHECK(right);
    }
}

TEST_CASE("cpu gemm: products, with a bias, added, and bounded") {
  ThreadPool pool(1);
  for (const int columns : kSome)
    for (const long rows : {1L, 4L, 5L, long(kTileRows), 2L * kTileRows + 3})
      for (const long depth : {1L, 9L}) {
        CAPTURE(columns);
        CAPTURE(rows);
        CAPTURE(depth);
        const std::vector<float> a = numbers(rows * depth, 1), b = numbers(depth * columns, 2);
        const std::vector<float> product = plain_product(a, b, rows, depth, columns);
        std::vector<float> packed(static_cast<std::size_t>(packed_size(depth, columns)));
        pack(pool, b.data(), depth, columns, packed.data());
        std::vector<float> bias = numbers(columns, 3), before = numbers(rows * columns, 4);
        bias.resize(static_cast<std::size_t>(panel_count(columns) * kTileColumns), kUnwritten);
        for (const bool biased : {false, true})
          for (const bool add : {false, true}) {
            std::vector<float> c = before, wanted = before;
            c.push_back(kUnwritten);  // behind the end
            TileEnd end;
            end.c = c.data();
            end.c_row = columns;
            end.add = add;
            end.bias = biased ? bias.data() : nullptr;
            if (!add) end.low = -2, end.high = 3;
            gemm_block(rows, depth, a.data(), packed.data(), columns, 0, panel_count(columns), end);
            for (std::size_t i = 0; i < wanted.size(); ++i) {
              const float sum =
                  product[i] + (biased ? bias[i % static_cast<std::size_t>(columns)] : 0);
              wanted[i] = add ? before[i] + sum : std::clamp(sum, -2.0f, 3.0f);
            }
            wanted.push_back(kUnwritten);
            CHECK(c == wanted);
          }
      }
}

TEST_CASE("cpu gemm: gradients of weights are added to") {
  for (const int right : kSome)
    for (const int left : {1, 5, kTileRows + 1}) {
      CAPTURE(right);
      CAPTURE(left);
      constexpr long rows = 11, wider = 3, skipped = 2;
      const long a_row = left + wider;
      const std::vector<float> a = numbers(rows * a_row, 1), b = numbers(rows * right, 2);
      std::vector<float> c = numbers((skipped + left) * right, 3), wanted = c;
      std::vector<float> panel(static_cast<std::size_t>(reduce_scratch(rows)));
      gemm_reduce(rows, a.data(), a_row, skipped, left, b.data(), right, c.data(), panel.data());
      for (long l = skipped; l < skipped + left; ++l)
        for (int j = 0; j < right; ++j)
          for (long r = 0; r < rows; ++r)
            wanted[static_cast<std::size_t>(l * right + j)] +=
                a[static_cast<std::size_t>(r * a_row + l)] *
                b[static_cast<std::size_t>(r * right + j)];
      CHECK(c == wanted);
    }
}

TEST_CASE("cpu gemm: parts are added in order, the same bits on any number of threads") {
  constexpr long parts = 5, count = 4096 + 19, apart = count + 3;
  const std::vector<float> partial = numbers(parts * apart, 1), before = numbers(count, 2);
  for (const int threads : {1, 3}) {
    ThreadPool pool(threads);
    std::vector<float> sum = before;
    add_parts(pool, partial.data(), parts, apart, count, sum.data());
    bool right = true;
    for (long i = 0; i < count; ++i) {
      float wanted = 0;
      for (long part = 0; part < parts; ++part)
        wanted += partial[static_cast<std::size_t>(part * apart + i)];
      right =
          right && sum[static_cast<std::size_t>(i)] == before[static_cast<std::size_t>(i)] + wanted;
    }
    CHECK(right);
  }
}

}  // namespace ocelli::test
