// The fast add, activation, pools, concat, dropout and softmax against the reference.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "ocelli/cpu/backend.hpp"
#include "ocelli/reference/backend.hpp"
#include "problem.hpp"

namespace ocelli::test {
namespace {

constexpr Activation kAll[] = {
    Activation::none, Activation::relu, Activation::relu6, Activation::swish, Activation::sigmoid};
constexpr int kChannels[] = {1, 3, 4, 17, 24, 33, 64};

Problem simple(OpKind kind, int batch, int height, int width, int channels) {
  Problem p;
  p.op.kind = kind;
  p.op.input_count = 1;
  p.op.output = 5;
  p.batch = batch;
  p.in[0] = p.out = {height, width, channels};
  return p;
}

/// Sums and clamps are exact on the grid; curves are a few units in the last place of 2^6.
void agree(const Problem& p, bool exact) {
  check_agreement<CpuBackend, ReferenceBackend<double>>(p, exact ? 0 : 64 * 16 * 0x1p-24);
}

}  // namespace

TEST_CASE("cpu add: agrees with the reference") {
  for (const int channels : kChannels)
    for (const Activation f : kAll)
      for (const int inputs : {2, 3}) {
        CAPTURE(channels);
        CAPTURE(name(f));
        CAPTURE(inputs);
        Problem p = simple(OpKind::add, 2, 7, 3, channels);
        p.op.activation = f;
        p.op.input_count = inputs;
        for (int k = 1; k < inputs; ++k) p.in[k] = p.in[0];
        const bool exact = f != Activation::swish && f != Activation::sigmoid;
        agree(p, exact);
        p.deferred = 2;
        p.accumulate = true;
        agree(p, exact);
        p.in_place = true;
        agree(p, exact);
      }
}

TEST_CASE("cpu activation: agrees with the reference") {
  for (const int channels : kChannels)
    for (const Activation f : kAll) {
      CAPTURE(channels);
      CAPTURE(name(f));
      Problem p = simple(OpKind::activation, 2, 5, 7, channels);
      p.op.activation = f;
      const bool exact = f != Activation::swish && f != Activation::sigmoid;
      agree(p, exact);
      p.accumulate = true;
      agree(p, exact);
      p.in_place = true;
      agree(p, exact);
    }
}

TEST_CASE("cpu pools: agree with the reference") {
  for (const OpKind kind : {OpKind::max_pool, OpKind::average_pool})
    for (const int channels : kChannels)
      for (const int kernel : {2, 3, 7})
        for (const int stride : {1, 2}) {
          CAPTURE(name(kind));
          CAPTURE(channels);
          CAPTURE(kernel);
          CAPTURE(stride);
          Problem p = simple(kind, 2, 7, 7, channels);
          set_window(p, kernel, stride, 1, kernel == 7 ? 0 : -1);
          const bool exact = kind == OpKind::max_pool;
          agree(p, exact);
          p.deferred = 1;
          p.accumulate = true;
          agree(p, exact);
        }
}

TEST_CASE("cpu max_pool: a NaN is the largest") {
  const Shape in{2, 2, 17}, out{1, 1, 17};
  std::vector<float> x(68, 1.0f), y(17);
  for (std::size_t i = 0; i < 17; ++i) x[i % 4 * 17 + i] = std::nanf("");
  Problem p = simple(OpKind::max_pool, 1, 2, 2, 17);
  set_window(p, 2, 1, 1, 0);
  OpCall<float> call;
  call.op = &p.op;
  call.batch = 1;
  call.in_shape[0] = in;
  call.out_shape = out;
  call.in[0].data = x.data();
  call.out = y.data();
  ThreadPool pool(1);
  CpuBackend(pool).forward(call);
  for (const float value : y) CHECK(std::isnan(value));
}

TEST_CASE("cpu concat: agrees with the reference") {
  Problem p = simple(OpKind::concat, 2, 3, 5, 0);
  p.op.input_count = 3;
  p.in[0].channels = 4, p.in[1] = {3, 5, 17}, p.in[2] = {3, 5, 24};
  p.out.channels = 45;
  p.deferred = 5;
  agree(p, true);
  p.accumulate = true;
  agree(p, true);
  p.in[1] = {2, 2, 17};  // flat
  p.out = {1, 1, 60 + 68 + 360};
  agree(p, true);
}

TEST_CASE("cpu dropout: the reference's mask") {
  for (const int channels : kChannels) {
    Problem p = simple(OpKind::dropout, 2, 33, 65, channels);
    p.op.keep = 0.5f;  // so that 1 / keep is exact
    agree(p, true);
    p.deferred = 1;
    p.accumulate = true;
    agree(p, true);
    p.mode = Mode::infer;
    agree(p, true);
  }
}

TEST_CASE("cpu softmax: agrees with the reference") {
  for (const int channels : kChannels) {
    Problem p = simple(OpKind::softmax, 2, 9, 7, channels);
    agree(p, false);
    p.accumulate = true;
    agree(p, false);
  }
}

}  // namespace ocelli::test
