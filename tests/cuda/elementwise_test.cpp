// The kernels of activation, add, concat, dropout and softmax against the plain loops.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/cuda/elementwise.hpp"

#include <doctest/doctest.h>

#include <climits>
#include <cstdint>
#include <vector>

#include "agree.hpp"
#include "ocelli/core/thread_pool.hpp"
#include "ocelli/cpu/backend.hpp"
#include "ocelli/cuda/activation.hpp"
#include "ocelli/cuda/add.hpp"
#include "ocelli/cuda/concat.hpp"
#include "ocelli/cuda/dropout.hpp"
#include "ocelli/cuda/softmax.hpp"
#include "ocelli/reference/dropout.hpp"
#include "ocelli/simt/device_array.hpp"

namespace ocelli::test {
namespace {

/// quotient[i], remainder[i] = n[i] / d, n[i] % d
OCELLI_KERNEL divide(
    const int* n, int count, kernel::Divider divider, int* quotient, int* remainder) {
  const int i = static_cast<int>(threadIdx.x);
  if (i >= count) return;
  quotient[i] = divider.quotient(n[i]);
  remainder[i] = divider.remainder(n[i]);
}

/// Sums and clamps are exact on the grid; curves round values up to 2^6.
double tolerance(Activation f) { return is_exact(f) ? 0 : rounding(64); }

}  // namespace

TEST_CASE("cuda activation: agrees with the reference") {
  for (const int channels : kAwkwardChannels)
    for (const Activation f : kActivations) {
      CAPTURE(channels);
      CAPTURE(name(f));
      Problem p = of_one_input(OpKind::activation, 3, 3, 7, channels);
      p.op.activation = f;
      check_on_emulator(p, tolerance(f));
      p.accumulate = true;
      p.deferred = 1;
      check_on_emulator(p, tolerance(f));
      p.in_place = true;
      check_on_emulator(p, tolerance(f));
      p.wants_input = p.in_place = false;
      check_on_emulator(p, tolerance(f));
    }
}

TEST_CASE("cuda activation: NaN stays NaN") {
  for (const Activation f : kActivations) {
    Problem p = of_one_input(OpKind::activation, 1, 1, 1, 4);
    p.op.activation = f;
    const float x[] = {std::nanf(""), 1, -1, 7};
    float y[4] = {};
    OpCall<float> call;
    call.op = &p.op;
    call.batch = 1;
    call.in_shape[0] = call.out_shape = p.in[0];
    call.in[0].data = x;
    call.out = y;
    forward_on_device(call);
    CHECK(std::isnan(y[0]));
    CHECK_FALSE(std::isnan(y[3]));
  }
}

TEST_CASE("cuda add: agrees with the reference") {
  for (const int channels : kAwkwardChannels)
    for (const Activation f : kActivations)
      for (const int inputs : {2, 3, 8}) {
        CAPTURE(channels);
        CAPTURE(name(f));
        CAPTURE(inputs);
        Problem p = of_one_input(OpKind::add, 1, 7, 3, channels);
        p.op.activation = f;
        p.op.input_count = inputs;
        for (int k = 1; k < inputs; ++k) p.in[k] = p.in[0];
        check_on_emulator(p, tolerance(f));
        p.deferred = 2;
        p.accumulate = true;
        p.in_place = true;
        check_on_emulator(p, tolerance(f));
      }
}

TEST_CASE("cuda concat: agrees with the reference") {
  for (const int middle : {17, 8}) {  // 8: lanes of four throughout
    Problem p = of_one_input(OpKind::concat, 3, 3, 5, 4);
    p.op.input_count = 3;
    p.in[1] = {3, 5, middle}, p.in[2] = {3, 5, 24};
    p.out.channels = 28 + middle;
    p.deferred = 5;
    check_on_emulator(p);
    p.accumulate = true;
    check_on_emulator(p);
    p.in[1] = {2, 2, middle};  // flat
    p.out = {1, 1, 60 + 4 * middle + 360};
    check_on_emulator(p);
    p.wants_input = false;
    check_on_emulator(p);
  }
}

TEST_CASE("cuda dropout: the reference's mask, bit for bit") {
  for (const int channels : {1, 3, 4, 33}) {
    CAPTURE(channels);
    Problem p = of_one_input(OpKind::dropout, 3, 7, 5, channels);
    p.op.keep = 0.5f;  // so that 1 / keep is exact
    check_on_emulator(p);
    p.deferred = 1;
    p.accumulate = true;
    check_on_emulator(p);
    p.in_place = true;
    check_on_emulator(p);
    p.in_place = false;
    p.mode = Mode::infer;
    check_on_emulator(p);
  }
}

TEST_CASE("cuda dropout: seed and step may lie on the device") {
  for (const int channels : {3, 4}) {
    const OpDesc op = [] {
      OpDesc one;
      one.kind = OpKind::dropout;
      one.output = 6;
      one.keep = 0.5f;
      return one;
    }();
    OpCall<float> call;
    call.op = &op;
    call.batch = 2;
    call.in_shape[0] = call.out_shape = {5, 7, channels};
    const std::vector<float> ones(static_cast<std::size_t>(2 * 5 * 7 * channels), 1.0f);
    const simt::DeviceArray<float> x(ones);
    simt::DeviceArray<float> y(ones.size()), dx(ones.size());
    const simt::DeviceArray<Draw> word(std::vector<Draw>{{77, 5}});
    call.in[0].data = call.dout = x.data();
    call.out = y.data();
    call.din[0] = dx.data();
    const auto run = [&](std::uint64_t seed, std::uint32_t step, const Draw* draw) {
      call.seed = seed;
      call.step = step;
      call.draw = draw;
      cuda::dropout_forward(nullptr, call);
      cuda::dropout_backward(nullptr, call);
      CHECK(dx.values() == y.values());
      return y.values();
    };
    const std::vector<float> wanted = run(77, 5, nullptr);
    CHECK(run(1, 2, word.data()) == wanted);
    CHECK(run(77, 6, nullptr) != wanted);
    CHECK(run(78, 5, nullptr) != wanted);
    // Backends in the host's memory follow it too.
    std::vector<float> host(ones.size());
    const Draw draw{77, 5};
    call.draw = &draw;
    call.in[0].data = ones.data();
    call.out = host.data();
    reference::dropout_forward(call);
    CHECK(host == wanted);
    host.assign(host.size(), 0);
    ThreadPool pool(1);
    CpuBackend(pool).forward(call);
    CHECK(host == wanted);
  }
}

TEST_CASE("cuda softmax: agrees with the reference") {
  for (const int channels : {1, 3, 4, 33, 91}) {
    CAPTURE(channels);
    Problem p = of_one_input(OpKind::softmax, 3, 3, 7, channels);
    check_on_emulator(p, rounding(4));
    p.accumulate = true;
    p.deferred = 1;
    check_on_emulator(p, rounding(64));
    p.in_place = true;
    check_on_emulator(p, rounding(64));
  }
}

TEST_CASE("cuda: the divider divides") {
  for (const int d : {1, 2, 3, 5, 7, 9, 12, 25, 33, 64, 90000, 65537, (1 << 30) + 1, INT_MAX}) {
    CAPTURE(d);
    std::vector<int> n{INT_MAX};
    for (const long q : {0L, 1L, 2L, 3L, 1000L, long(INT_MAX) / d})
      for (const long beside : {-1L, 0L, 1L})
        if (const long one = q * d + beside; one >= 0 && one <= INT_MAX)
          n.push_back(static_cast<int>(one));
    const simt::DeviceArray<int> numbers(n);
    simt::DeviceArray<int> quotients(n.size()), remainders(n.size());
    simt::launch(
        &divide, 1, 32, 0, nullptr, numbers.data(), static_cast<int>(n.size()), kernel::Divider(d),
        quotients.data(), remainders.data());
    const std::vector<int> got_quotients = quotients.values(), got_remainders = remainders.values();
    for (std::size_t i = 0; i < n.size(); ++i) {
      CAPTURE(n[i]);
      CHECK(got_quotients[i] == n[i] / d);
      CHECK(got_remainders[i] == n[i] % d);
    }
  }
}

TEST_CASE("cuda: lanes of four are not taken at crooked addresses") {
  // A tensor of 4 channels one float behind a 16-byte boundary.
  Problem p = of_one_input(OpKind::activation, 1, 3, 3, 4);
  p.op.activation = Activation::relu;
  alignas(16) float x[37], y[37] = {}, want[37] = {};
  for (int i = 0; i < 37; ++i) x[i] = static_cast<float>(i - 18);
  OpCall<float> call;
  call.op = &p.op;
  call.batch = 1;
  call.in_shape[0] = call.out_shape = p.in[0];
  call.in[0].data = x + 1;
  call.out = want + 1;
  ReferenceBackend<float>().forward(call);
  call.out = y + 1;
  forward_on_device(call);
  for (int i = 0; i < 37; ++i) CHECK(y[i] == want[i]);
}

TEST_CASE("cuda: the floors of the elementwise operations are those of their tensors") {
  const long n = 2 * 7 * 5 * 6, bytes = 4 * n;
  using namespace kernel;
  CHECK(activation_forward_floor(n) == Floor{bytes + bytes, n});
  CHECK(activation_backward_floor(n, false) == Floor{bytes + bytes + bytes, n + n});
  CHECK(activation_backward_floor(n, true) == Floor{4 * bytes, n + n});
  CHECK(add_forward_floor(n, 3) == Floor{3 * bytes + bytes, 3 * n});
  // dy and y in, two dx out, one of them read before.
  CHECK(add_backward_floor(n, 3, Activation::relu, 2, 1) == Floor{5 * bytes, 3 * n});
  CHECK(add_backward_floor(n, 3, Activation::swish, 3, 0) == Floor{7 * bytes, 2 * n});
  CHECK(add_backward_floor(n, 2, Activation::none, 2, 0) == Floor{3 * bytes, 2 * n});
  CHECK(concat_forward_floor(n) == Floor{bytes + bytes, 0});
  CHECK(concat_backward_floor(n, true) == Floor{3 * bytes, n});
  CHECK(dropout_forward_floor(n) == Floor{bytes + bytes, n});
  CHECK(dropout_backward_floor(n, true) == Floor{3 * bytes, n});
  CHECK(softmax_forward_floor(70, 6) == Floor{bytes + bytes, 5 * n});
  CHECK(softmax_backward_floor(70, 6, false) == Floor{3 * bytes, 4 * n});
  CHECK(softmax_backward_floor(70, 6, true) == Floor{4 * bytes, 4 * n});
}

}  // namespace ocelli::test
