// Who hands moments to whom.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/cuda/column_moments.hpp"

#include <doctest/doctest.h>

namespace ocelli::cuda {
namespace {

/// Three operations in a row over tensors 1, 2, 3 and 4.
struct Row {
  OpDesc ops[3];
  Row() {
    for (int i = 0; i < 3; ++i) {
      ops[i].inputs[0] = i + 1;
      ops[i].output = i + 2;
    }
  }
};

}  // namespace

TEST_CASE("cuda column_moments: chunks and floats") {
  const ColumnMoments moments{nullptr, 100, 7, 32};
  CHECK(moments.chunks() == 4);
  CHECK(moments.floats() == 2 * 4 * 7);
  CHECK(ColumnMoments{}.floats() == 0);
}

TEST_CASE("cuda column_moments: a place for those alone that the next operation wants") {
  const Row row;
  const ColumnMoments moments{nullptr, 100, 7, 32}, larger{nullptr, 100, 7, 16};
  MomentsHandover handover;
  handover.offer(row.ops[0], moments);
  CHECK(handover.place(row.ops[0], moments) == nullptr);
  handover.want(row.ops[2]);  // reads another tensor
  CHECK(handover.place(row.ops[0], moments) == nullptr);
  handover.want(row.ops[1]);
  CHECK(handover.place(row.ops[0], moments) != nullptr);
  CHECK(handover.place(row.ops[0], larger) == nullptr);
  CHECK(handover.place(row.ops[1], moments) == nullptr);
  CHECK(handover.bytes() == sizeof(float) * 2 * 4 * 7);
  // The same place for an operation of another net, which offers nothing.
  handover.offer(row.ops[0], {});
  handover.want(row.ops[1]);
  CHECK(handover.place(row.ops[0], moments) == nullptr);
}

TEST_CASE("cuda column_moments: taken once, by who reads the tensor as it is") {
  const ColumnMoments moments{nullptr, 2 * 5 * 3, 7, 32};
  const float tensor = 0, other = 0;
  OpCall<float> call;
  call.batch = 2;
  call.in_shape[0] = {5, 3, 7};
  call.in[0].data = &tensor;
  MomentsHandover handover;
  handover.leave(&tensor, moments);
  const TakenMoments taken = handover.take();
  CHECK(taken.of(call) != nullptr);
  CHECK(handover.take().of(call) == nullptr);
  call.batch = 1;
  CHECK(taken.of(call) == nullptr);
  call.batch = 2;
  call.in[0].scale = &other;
  CHECK(taken.of(call) == nullptr);
  call.in[0].scale = nullptr;
  call.in[0].data = &other;
  CHECK(taken.of(call) == nullptr);
}

}  // namespace ocelli::cuda
