// The memory plan: no two tensors that live at the same time share memory.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/net/plan.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "ocelli/core/random.hpp"
#include "ocelli/model/resnet.hpp"
#include "ocelli/model/ssd.hpp"

namespace {
using namespace ocelli;

bool overlaps(const Lifetime& a, const Lifetime& b) {
  const bool in_time = a.first <= b.last && b.first <= a.last;
  const bool in_space = a.offset < b.offset + b.size && b.offset < a.offset + a.size;
  return in_time && in_space;
}
}  // namespace

TEST_CASE("plan: place keeps lives that overlap in time apart, on random lives") {
  for (std::uint32_t seed = 0; seed < 50; ++seed) {
    Random random(seed, Stream::init);
    std::vector<Lifetime> lives;
    int now = 0;
    for (int i = 0; i < 60; ++i) {
      now += static_cast<int>(random.below(3));
      lives.push_back(
          {16 * (1 + static_cast<long>(random.below(20))), now,
           now + static_cast<int>(random.below(25)), -1});
    }
    const long arena = place(lives.data(), static_cast<int>(lives.size()), now + 30);
    long alive_peak = 0;
    for (int t = 0; t <= now; ++t) {
      long alive = 0;
      for (const Lifetime& life : lives)
        if (life.first <= t && t <= life.last) alive += life.size;
      alive_peak = std::max(alive_peak, alive);
    }
    CHECK(arena >= alive_peak);
    // Best fit without moving wastes little on such lives; a plan that never reuses would be far
    // above.
    CHECK(arena <= 2 * alive_peak);
    for (std::size_t i = 0; i < lives.size(); ++i) {
      CHECK(lives[i].offset >= 0);
      CHECK(lives[i].offset + lives[i].size <= arena);
      for (std::size_t j = 0; j < i; ++j) CHECK_FALSE(overlaps(lives[i], lives[j]));
    }
  }
}

TEST_CASE(
    "plan: values and gradients of a whole detector never share memory while both are needed") {
  // Recomputed from the graph alone, by the rules in words: a value lives from its maker to its
  // last reader in forward, and to the backward of those readers that need it.
  const SsdLite<MobileNetV2, Input<3, 64, 96>, Classes<3>> model;
  const GraphView graph = model.view().graph;
  const PlanView plan = model.view().train;
  const int N = graph.op_count;
  struct Life {
    long offset, size;
    int first, last;
    int tensor;
  };
  std::vector<Life> values;
  for (int t = 1; t < graph.tensor_count; ++t) {
    if (plan.tensors[t].source != t) continue;
    Life life{
        plan.tensors[t].value, graph.tensors[t].shape.size(), graph.tensors[t].producer,
        graph.tensors[t].producer, t};
    for (int j = 0; j < N; ++j)
      for (int k = 0; k < graph.ops[j].input_count; ++k)
        if (plan.tensors[graph.ops[j].inputs[k]].source == t) {
          life.last = std::max(life.last, j);
          if (backward_reads_input(graph.ops[j].kind)) life.last = std::max(life.last, 2 * N - j);
        }
    values.push_back(life);
  }
  CHECK(values.size() > 50);
  long shared = 0;
  for (std::size_t i = 0; i < values.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) {
      const Life &a = values[i], &b = values[j];
      const bool in_space = a.offset < b.offset + b.size && b.offset < a.offset + a.size;
      if (in_space) ++shared;
      CHECK_FALSE((in_space && a.first <= b.last && b.first <= a.last));
    }
  // A gradient in backward against every value that backward still reads.
  for (int j = 0; j < N; ++j) {
    const long gradient = plan.tensors[graph.ops[j].output].gradient;
    if (gradient < 0 || !plan.ops[j].backward) continue;
    const long size = graph.tensors[graph.ops[j].output].shape.size();
    for (const Life& value : values)
      if (value.last >= 2 * N - j)
        CHECK_FALSE((gradient < value.offset + value.size && value.offset < gradient + size));
  }
}

TEST_CASE("plan: every batch norm of a detector is deferred in training and folded in inference") {
  const SsdLite<MobileNetV2, Input<3, 64, 64>, Classes<3>> model;
  const GraphView graph = model.view().graph;
  int norms = 0;
  for (int j = 0; j < graph.op_count; ++j) {
    if (graph.ops[j].kind != OpKind::batch_norm) continue;
    ++norms;
    CHECK(model.view().train.tensors[graph.ops[j].output].norm_op == j);
    CHECK_FALSE(model.view().infer.ops[j].forward);
  }
  CHECK(norms == graph.norm_count);
}

TEST_CASE("plan: training SSD MobileNet v2 at 300 keeps one tensor per convolution") {
  // 12.4 million convolution outputs a picture are 47 MiB; two tensors per convolution would be 95.
  using Detector = Ssd<MobileNetV2, Input<3, 300, 300>, Classes<90>>;
  const Detector model;
  CHECK(model.view().train.arena_floats * 4 < 55L * 1024 * 1024);
  static_assert(Detector::step_bytes<8>() < 700UL * 1024 * 1024);
}
