// dropout on the reference: the mask, gradients, inference.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/op/dropout.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "support/gradient_check.hpp"
#include "support/op_case.hpp"

namespace {
using namespace ocelli;
using namespace ocelli::test;

ReferenceBackend<double> loops;

OpSpec dropout_spec(float keep, Shape shape = {3, 3, 3}) {
  OpSpec spec = elementwise_spec(OpKind::dropout, 2, shape);
  spec.op.keep = keep;
  spec.op.output = 5;
  return spec;
}
}  // namespace

TEST_CASE("dropout: by hand") {
  const OpSpec spec = dropout_spec(0.5f);
  OpCase<double> made(spec);
  loops.forward(made.call);
  loops.backward(made.call);
  // Element e takes word e of the cursor, also past the last whole block of 4 (2 * 27 elements).
  Random words(spec.seed, Stream::dropout, made.call.step, 5);
  int kept = 0;
  for (std::size_t i = 0; i < made.out.size(); ++i) {
    const bool keeps = words.uniform() < 0.5f;
    kept += keeps;
    CHECK(made.out[i] == (keeps ? 2 * made.in[0][i] : 0));
    CHECK(made.din[0][i] == (keeps ? 2 * made.dout[i] : 0));
  }
  CHECK(kept > 10);
  CHECK(kept < 44);
}

TEST_CASE("dropout: the mask is a function of seed, step and operation") {
  OpDesc op;
  op.keep = 0.5f;
  op.output = 5;
  OpDesc other = op;
  other.output = 6;
  const auto word = [](const DropoutMask& mask) {
    unsigned bits = 0;
    for (long b = 0; b < 8; ++b)
      for (const bool kept : mask.block(b)) bits = bits << 1 | (kept ? 1u : 0u);
    return bits;
  };
  const unsigned mask = word(DropoutMask(1, 2, op));
  CHECK(word(DropoutMask(1, 2, op)) == mask);
  CHECK(word(DropoutMask(9, 2, op)) != mask);
  CHECK(word(DropoutMask(1, 3, op)) != mask);
  CHECK(word(DropoutMask(1, 2, other)) != mask);
}

TEST_CASE("dropout: keeps the asked share") {
  for (const float keep : {0.1f, 0.5f, 0.8f}) {
    OpCase<double> made(dropout_spec(keep, {64, 64, 8}));
    for (double& x : made.in[0].span()) x = 1;
    loops.forward(made.call);
    double kept = 0, sum = 0;
    for (const double y : made.out.span()) {
      kept += y != 0;
      sum += y;
    }
    // 65,536 draws: five standard deviations are 5 * sqrt(keep * (1 - keep) / 65536) < 0.01.
    const double count = double(made.out.size());
    CHECK(std::abs(kept / count - double(keep)) < 0.01);
    CHECK(std::abs(sum / count - 1) < 0.01 / double(keep));
  }
}

TEST_CASE("dropout: keeping all, and inference, copy") {
  OpCase<double> all(dropout_spec(1.0f));
  loops.forward(all.call);
  CHECK(difference(all.out, all.in[0]) == 0);
  OpSpec spec = dropout_spec(0.5f);
  spec.mode = Mode::infer;
  OpCase<double> infer(spec);
  loops.forward(infer.call);
  CHECK(difference(infer.out, infer.in[0]) == 0);
}

TEST_CASE("dropout: gradients") {
  for (const float keep : {0.3f, 0.8f}) {
    OpSpec spec = dropout_spec(keep);
    check_gradients(spec);
    spec.accumulate = true;
    spec.deferred = Activation::relu6;
    check_gradients(spec);
  }
}

TEST_CASE("dropout: din may be dout") {
  const OpSpec spec = dropout_spec(0.5f);
  OpCase<double> apart(spec), shared(spec);
  shared.call.din[0] = shared.dout.data();
  loops.backward(apart.call);
  loops.backward(shared.call);
  CHECK(difference(shared.dout, apart.din[0]) == 0);
}
