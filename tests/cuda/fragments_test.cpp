// What each PTX wrapper leaves in the registers of each lane, against
// tests/vectors/ptx_fragments.txt. The emulator wrote that file (OCELLI_WRITE_FRAGMENTS=1) and is
// held to it; on a GPU the same test asks the hardware whether the manual was read right.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <bit>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "ocelli/simt/device_array.hpp"

using namespace ocelli;

namespace {

/// Element (i, j) of matrix m is 1000 m + 10 i + j: every place has a number of its own.
OCELLI_DEVICE void fill_matrices(std::uint16_t (&matrix)[4][8][8], int lane) {
  for (int j = 0; j < 8; ++j)
    matrix[lane / 8][lane % 8][j] =
        static_cast<std::uint16_t>(1000 * (lane / 8) + 10 * (lane % 8) + j);
  __syncwarp();
}

template <bool Transposed>
OCELLI_KERNEL_BOUNDS(32)
load_four(std::uint32_t* out) {
  OCELLI_SHARED(std::uint16_t, matrix, [4][8][8]);
  const int lane = static_cast<int>(threadIdx.x);
  fill_matrices(matrix, lane);
  std::uint32_t r[4];
  if (Transposed)
    ptx::ldmatrix_x4_trans(r, &matrix[lane / 8][lane % 8][0]);
  else
    ptx::ldmatrix_x4(r, &matrix[lane / 8][lane % 8][0]);
  for (int i = 0; i < 4; ++i) out[4 * lane + i] = r[i];
}

template <bool Transposed>
OCELLI_KERNEL_BOUNDS(32)
load_two(std::uint32_t* out) {
  OCELLI_SHARED(std::uint16_t, matrix, [4][8][8]);
  const int lane = static_cast<int>(threadIdx.x);
  fill_matrices(matrix, lane);
  std::uint32_t r[2];
  // Lanes 16 .. 31 point elsewhere, which must make no difference.
  if (Transposed)
    ptx::ldmatrix_x2_trans(r, &matrix[lane / 8][lane % 8][0]);
  else
    ptx::ldmatrix_x2(r, &matrix[lane / 8][lane % 8][0]);
  for (int i = 0; i < 2; ++i) out[2 * lane + i] = r[i];
}

/// Whole numbers from 1 to 13 for each register of each lane; all sums of their products are exact.
OCELLI_DEVICE float number(int lane, int i, int salt) {
  return static_cast<float>(1 + (lane * 29 + i * 17 + salt * 5 + lane * lane * 3) % 13);
}
OCELLI_DEVICE std::uint32_t pair_of(int lane, int i, int salt) {
  const bfloat16 low(number(lane, 2 * i, salt)), high(number(lane, 2 * i + 1, salt));
  return low.bits | static_cast<std::uint32_t>(high.bits) << 16;
}

OCELLI_KERNEL_BOUNDS(32) multiply_tf32(std::uint32_t* out) {
  const int lane = static_cast<int>(threadIdx.x);
  std::uint32_t a[4], b[2];
  float c[4], d[4];
  for (int i = 0; i < 4; ++i) a[i] = ptx::round_to_tf32(number(lane, i, 0));
  for (int i = 0; i < 2; ++i) b[i] = ptx::round_to_tf32(number(lane, i, 1));
  for (int i = 0; i < 4; ++i) c[i] = 1000.0f * number(lane, i, 2);
  ptx::mma_m16n8k8_tf32(d, a, b, c);
  for (int i = 0; i < 4; ++i) out[4 * lane + i] = __float_as_uint(d[i]);
}

OCELLI_KERNEL_BOUNDS(32) multiply_bf16(std::uint32_t* out) {
  const int lane = static_cast<int>(threadIdx.x);
  std::uint32_t a[4], b[2];
  float c[4], d[4];
  for (int i = 0; i < 4; ++i) a[i] = pair_of(lane, i, 0);
  for (int i = 0; i < 2; ++i) b[i] = pair_of(lane, i, 1);
  for (int i = 0; i < 4; ++i) c[i] = 1000.0f * number(lane, i, 2);
  ptx::mma_m16n8k16_bf16(d, a, b, c);
  for (int i = 0; i < 4; ++i) out[4 * lane + i] = __float_as_uint(d[i]);
}

/// Copies of `Bytes`, of which lane l's first l % (Bytes + 1) are read and the others become 0.
template <int Bytes>
OCELLI_KERNEL_BOUNDS(32)
copy_some(const unsigned char* from, std::uint32_t* out) {
  OCELLI_SHARED(unsigned char, tile, [32][Bytes]);
  const int lane = static_cast<int>(threadIdx.x);
  for (int i = 0; i < Bytes; ++i) tile[lane][i] = 0xEE;
  __syncwarp();
  const unsigned valid = static_cast<unsigned>(lane % (Bytes + 1));
  if (Bytes == 16) ptx::cp_async_16(tile[lane], from + lane * Bytes, valid);
  if (Bytes == 8) ptx::cp_async_8(tile[lane], from + lane * Bytes, valid);
  if (Bytes == 4) ptx::cp_async_4(tile[lane], from + lane * Bytes, valid);
  ptx::cp_async_commit();
  ptx::cp_async_wait<0>();
  __syncwarp();
  const unsigned char(&row)[Bytes] = tile[31 - lane];  // another lane's
  for (int i = 0; i < Bytes / 4; ++i)
    out[Bytes / 4 * lane + i] = row[4 * i] | static_cast<std::uint32_t>(row[4 * i + 1]) << 8 |
                                static_cast<std::uint32_t>(row[4 * i + 2]) << 16 |
                                static_cast<std::uint32_t>(row[4 * i + 3]) << 24;
}

OCELLI_KERNEL_BOUNDS(32) round_all(const float* x, std::uint32_t* out) {
  out[threadIdx.x] = ptx::round_to_tf32(x[threadIdx.x]);
}

std::string listed(const char* name, const std::vector<std::uint32_t>& registers) {
  std::string text = std::string(name) + "\n";
  const std::size_t each = registers.size() / 32;
  for (std::size_t lane = 0; lane < 32; ++lane) {
    for (std::size_t i = 0; i < each; ++i) {
      char word[16];
      std::snprintf(word, sizeof word, i == 0 ? "%08x" : " %08x", registers[lane * each + i]);
      text += word;
    }
    text += '\n';
  }
  return text;
}

template <class Kernel, class... Input>
std::string run(const char* name, Kernel kernel, std::size_t each, Input... input) {
  simt::DeviceArray<std::uint32_t> out(32 * each);
  simt::launch(kernel, 1, 32, 0, nullptr, input..., out.data());
  return listed(name, out.values());
}

std::string all_fragments() {
  std::vector<unsigned char> bytes(32 * 16);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<unsigned char>(1 + i % 251);
  const simt::DeviceArray<unsigned char> from(bytes);
  std::vector<float> x(32);
  for (std::size_t i = 0; i < 26; ++i)  // down, up, and halfway between two neighbours
    x[i] = (i % 2 == 0 ? 1.0f : -1.0f) *
           std::bit_cast<float>(0x3F800000u + 0x400u * static_cast<std::uint32_t>(i * i));
  const std::uint32_t odd[] = {0x00000001u, 0x00001000u, 0x7F7FFFFFu,
                               0x7F800000u, 0xFF800000u, 0x80000000u};
  for (std::size_t i = 0; i < 6; ++i) x[26 + i] = std::bit_cast<float>(odd[i]);
  const simt::DeviceArray<float> numbers(x);
  return run("ldmatrix x4", &load_four<false>, 4) + run("ldmatrix x4 trans", &load_four<true>, 4) +
         run("ldmatrix x2", &load_two<false>, 2) + run("ldmatrix x2 trans", &load_two<true>, 2) +
         run("mma m16n8k8 tf32", &multiply_tf32, 4) + run("mma m16n8k16 bf16", &multiply_bf16, 4) +
         run("cp.async 16", &copy_some<16>, 4, from.data()) +
         run("cp.async 8", &copy_some<8>, 2, from.data()) +
         run("cp.async 4", &copy_some<4>, 1, from.data()) +
         run("cvt.rna.tf32", &round_all, 1, numbers.data());
}

}  // namespace

TEST_CASE("cuda fragments: registers are those of the committed table") {
  const std::string path = OCELLI_TEST_VECTORS "/ptx_fragments.txt";
  const std::string got = all_fragments();
#ifndef __CUDACC__
  if (std::getenv("OCELLI_WRITE_FRAGMENTS") != nullptr) std::ofstream(path) << got;
#endif
  std::ifstream file(path);
  REQUIRE(file);
  std::istringstream lines(got);
  std::string wanted, line, name;
  int number = 0, wrong = 0;
  while (std::getline(file, wanted)) {
    ++number;
    const bool more = static_cast<bool>(std::getline(lines, line));
    REQUIRE(more);
    if (wanted.find_first_not_of("0123456789abcdef ") != std::string::npos) {
      name = wanted;
      wrong = 0;
    }
    if (line != wanted && wrong++ == 0)
      FAIL_CHECK(name, ", line ", number, " of the table: ", wanted, ", but here: ", line);
  }
  CHECK(number == 10 * 33);
}
