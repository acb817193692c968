// add on the reference: by hand, gradients, sharing of memory.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/op/add.hpp"

#include <doctest/doctest.h>

#include "support/gradient_check.hpp"
#include "support/op_case.hpp"

namespace {
using namespace ocelli;
using namespace ocelli::test;

ReferenceBackend<double> loops;

constexpr Activation kActivations[] = {
    Activation::none, Activation::relu, Activation::relu6, Activation::swish, Activation::sigmoid};
OpSpec add_spec(int inputs, Activation f) {
  return elementwise_spec(OpKind::add, 2, {2, 3, 2}, f, inputs);
}
}  // namespace

TEST_CASE("add: by hand") {
  OpCase<double> made(elementwise_spec(OpKind::add, 1, {1, 1, 3}, Activation::relu6, 3));
  assign(made.in[0], {1, -5, 4});
  assign(made.in[1], {0.5, 1, 1});
  assign(made.in[2], {2, 1, 2});
  loops.forward(made.call);
  CHECK(difference(made.out, buffer_of({3.5, 0, 6})) == 0);
  assign(made.dout, {10, 20, 30});
  loops.backward(made.call);
  for (const auto& dx : {&made.din[0], &made.din[1], &made.din[2]})
    CHECK(difference(*dx, buffer_of({10, 0, 0})) == 0);
}

TEST_CASE("add: gradients") {
  for (const Activation f : kActivations)
    for (const int inputs : {1, 2, 3, kMaxInputs}) {
      OpSpec spec = add_spec(inputs, f);
      check_gradients(spec);
      spec.accumulate = true;
      check_gradients(spec);
      spec.deferred = Activation::relu6;
      check_gradients(spec);
    }
}

TEST_CASE("add: a din may be dout, some may be unwanted") {
  for (const Activation f : kActivations)
    for (const int shared_input : {0, 1}) {
      OpCase<double> apart(add_spec(2, f)), shared(add_spec(2, f)), alone(add_spec(2, f));
      shared.call.din[shared_input] = shared.dout.data();
      alone.call.din[shared_input] = alone.dout.data();
      alone.call.din[1 - shared_input] = nullptr;
      for (OpCase<double>* each : {&apart, &shared, &alone}) {
        loops.forward(each->call);
        loops.backward(each->call);
      }
      CHECK(difference(shared.dout, apart.din[0]) == 0);
      CHECK(difference(shared.din[1 - shared_input], apart.din[0]) == 0);
      CHECK(difference(alone.dout, apart.din[0]) == 0);
    }
}

TEST_CASE("add: twice the same tensor") {
  OpCase<double> made(add_spec(2, Activation::none));
  made.call.in[1] = made.call.in[0];
  made.call.din[1] = made.call.din[0];
  made.call.accumulate[1] = true;
  loops.forward(made.call);
  loops.backward(made.call);
  for (std::size_t i = 0; i < made.out.size(); ++i) {
    CHECK(made.out[i] == 2 * made.in[0][i]);
    CHECK(made.din[0][i] == 2 * made.dout[i]);
  }
}

TEST_CASE("add: out may be an input; backward then has what it says it reads") {
  for (const Activation f : kActivations) {
    if (add_backward_reads_inputs(f)) continue;
    OpCase<double> apart(add_spec(2, f)), shared(add_spec(2, f));
    shared.call.out = shared.in[0].data();
    for (OpCase<double>* each : {&apart, &shared}) {
      loops.forward(each->call);
      if (!add_backward_reads_output(f)) each->call.out = nullptr;
      loops.backward(each->call);
    }
    CHECK(difference(shared.in[0], apart.out) == 0);
    CHECK(difference(shared.din[1], apart.din[1]) == 0);
  }
}
