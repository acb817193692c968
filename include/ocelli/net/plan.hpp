// Plan: where each activation and gradient lives, and what each operation need not do.
//
// Three decisions are made for every net, at compile time where the net is static:
//   deferred   a batch norm makes scale and shift only; who reads its result applies them on the
//   fly folded     in inference a batch norm disappears into the convolution before it aliased    a
//   gradient takes over the memory of the one it is made from (batch norm works in place,
//              an addition hands its gradient on)
// Then buffers get offsets from their life times: time-ordered best fit over a short free list.
//
// Time: forward of operation i is i, the loss is N, backward of operation i is 2N - i.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/net/graph.hpp"
#include "ocelli/net/list.hpp"
#include "ocelli/op/call.hpp"

namespace ocelli {

/// What backward does about the gradient of one input.
enum class GradientUse : signed char {
  none,   ///< not wanted
  write,  ///< overwritten
  add,    ///< added to: a later operation wrote it first
  alias,  ///< the output's gradient serves as it is; nothing to do
};

/// Offsets count floats of one picture; over a batch every buffer is batch times as long.
struct TensorPlan {
  int source = -1;     ///< tensor whose value is in memory; differs for a deferred norm
  int norm_op = -1;    ///< the deferred batch norm that turns `source` into this tensor
  long value = -1;     ///< offset, of `source == self` tensors; -1: the net's input, or never made
  long gradient = -1;  ///< offset; -1: no gradient
};

struct OpPlan {
  bool forward = true;   ///< false: folded away
  bool backward = true;  ///< false: nothing asks for its gradient
  int folded_norm = -1;  ///< convolution in inference: the batch norm operation folded into it
  GradientUse gradient[kMaxInputs] = {};
};

struct PlanView {
  const TensorPlan* tensors = nullptr;
  const OpPlan* ops = nullptr;
  long arena_floats = 0;  ///< per picture; values, whatever they are stored in
};

inline constexpr long kBufferAlignment = 16;  ///< floats: 64 bytes

/// Does backward read this operation's input value?
constexpr bool backward_reads_input(OpKind kind) {
  return kind == OpKind::conv2d || kind == OpKind::depthwise_conv2d || kind == OpKind::batch_norm ||
         kind == OpKind::activation || kind == OpKind::max_pool;
}
/// Does backward read this operation's output value?
constexpr bool backward_reads_output(const OpDesc& op) {
  return op.kind == OpKind::softmax ||
         (op.kind == OpKind::add && op.activation != Activation::none);
}
/// Can this operation apply a deferred batch norm while reading?
constexpr bool reads_deferred(OpKind kind) {
  return kind != OpKind::batch_norm && kind != OpKind::activation && kind != OpKind::softmax;
}

/// A buffer's life: [first, last] in plan time.
struct Lifetime {
  long size = 0;
  int first = 0, last = 0;
  long offset = -1;
};

/// Gives each life an offset so that lives that overlap do not share memory; lives must come in
/// order of `first`. Returns the arena's size.
constexpr long place(Lifetime* lives, int count, int end_of_time) {
  struct Gap {
    long offset = 0, size = 0;
  };
  List<Gap> gaps;       // ordered by offset
  List<int> ends_at;    // first life that ends at this time, or -1
  List<int> next_life;  // chain of lives with the same end
  for (int t = 0; t <= end_of_time; ++t) ends_at.push(-1);
  for (int i = 0; i < count; ++i) next_life.push(-1);
  long arena = 0;
  int released = 0;  // every life that ended before this time is free
  for (int i = 0; i < count; ++i) {
    Lifetime& life = lives[i];
    for (; released < life.first; ++released)
      for (int dead = ends_at[released]; dead >= 0; dead = next_life[dead]) {
        const long offset = lives[dead].offset, size = lives[dead].size;
        int at = 0;
        while (at < gaps.size() && gaps[at].offset < offset) ++at;
        const bool joins_before = at > 0 && gaps[at - 1].offset + gaps[at - 1].size == offset;
        const bool joins_after = at < gaps.size() && offset + size == gaps[at].offset;
        if (joins_before) {
          gaps[at - 1].size += size;
          if (joins_after) {
            gaps[at - 1].size += gaps[at].size;
            for (int j = at; j + 1 < gaps.size(); ++j) gaps[j] = gaps[j + 1];
            gaps.pop();
          }
        } else if (joins_after) {
          gaps[at].offset = offset;
          gaps[at].size += size;
        } else {
          gaps.push({});
          for (int j = gaps.size() - 1; j > at; --j) gaps[j] = gaps[j - 1];
          gaps[at] = {offset, size};
        }
      }
    int best = -1;
    for (int g = 0; g < gaps.size(); ++g)
      if (gaps[g].size >= life.size && (best < 0 || gaps[g].size < gaps[best].size)) best = g;
    if (best >= 0) {
      life.offset = gaps[best].offset;
      gaps[best].offset += life.size;
      gaps[best].size -= life.size;
      if (gaps[best].size == 0) {
        for (int j = best; j + 1 < gaps.size(); ++j) gaps[j] = gaps[j + 1];
        gaps.pop();
      }
    } else {
      // A gap at the very end only needs to grow.
      const bool grows = gaps.size() > 0 && gaps.back().offset + gaps.back().size == arena;
      life.offset = grows ? gaps.back().offset : arena;
      arena = life.offset + life.size;
      if (grows) gaps.pop();
    }
    next_life[i] = ends_at[life.last];
    ends_at[life.last] = i;
  }
  return arena;
}

/// Makes a plan into arrays as large as the graph's counts.
/// @param defer  let batch norms be deferred (training)
constexpr PlanView make_plan(
    const GraphView& graph, Mode mode, TensorPlan* tensors, OpPlan* ops, bool defer = true) {
  const int op_count = graph.op_count, tensor_count = graph.tensor_count;
  const bool train = mode == Mode::train;
  const int loss_time = op_count;
  const int end_of_time = train ? 2 * op_count : op_count;
  const auto backward_time = [&](int op) { return 2 * op_count - op; };

  List<int> consumers;  // how many operations read each tensor
  List<bool> is_output, needs_gradient, defers_for_all;
  for (int t = 0; t < tensor_count; ++t) {
    consumers.push(0);
    is_output.push(false);
    needs_gradient.push(false);
    defers_for_all.push(true);
    tensors[t] = {};
    tensors[t].source = t;
  }
  for (int i = 0; i < graph.output_count; ++i) is_output[graph.outputs[i]] = true;
  for (int j = 0; j < op_count; ++j) {
    const OpDesc& op = graph.ops[j];
    ops[j] = {};
    bool trains = op.weight >= 0 || op.bias >= 0;
    for (int k = 0; k < op.input_count; ++k) {
      const int t = op.inputs[k];
      ++consumers[t];
      if (needs_gradient[t]) trains = true;
      if (!reads_deferred(op.kind)) defers_for_all[t] = false;
    }
    needs_gradient[op.output] = trains;
  }

  // Deferred and folded norms.
  for (int j = 0; j < op_count; ++j) {
    const OpDesc& op = graph.ops[j];
    if (op.kind != OpKind::batch_norm) continue;
    const int in = op.inputs[0], out = op.output;
    const int before = graph.tensors[in].producer;
    const bool after_convolution =
        before >= 0 && (graph.ops[before].kind == OpKind::conv2d ||
                        graph.ops[before].kind == OpKind::depthwise_conv2d);
    if (!train && after_convolution && consumers[in] == 1 && !is_output[in]) {
      ops[before].folded_norm = j;
      ops[j].forward = false;
      tensors[in].source = -1;  // the convolution writes the norm's output
    } else if (
        train && defer && !is_output[out] && consumers[out] > 0 && defers_for_all[out] &&
        tensors[in].source == in && in != 0) {
      tensors[out].source = in;
      tensors[out].norm_op = j;
    }
  }

  // Lives of values, in the order of their makers.
  List<int> last_use;  // of each source tensor
  for (int t = 0; t < tensor_count; ++t) {
    const int maker = graph.tensors[t].producer;
    last_use.push(maker < 0 ? 0 : maker);
  }
  const auto used = [&](int t, int time) {
    const int source = tensors[t].source;
    if (source >= 0 && last_use[source] < time) last_use[source] = time;
  };
  for (int j = 0; j < op_count; ++j) {
    const OpDesc& op = graph.ops[j];
    for (int k = 0; k < op.input_count; ++k) {
      used(op.inputs[k], j);
      if (train && backward_reads_input(op.kind)) used(op.inputs[k], backward_time(j));
    }
    if (train && backward_reads_output(op)) used(op.output, backward_time(j));
    if (is_output[op.output]) used(op.output, loss_time);
  }
  List<Lifetime> lives;
  List<int> owner;  // tensor of a value's life; slots of gradients follow
  for (int j = 0; j < op_count; ++j) {
    int t = graph.ops[j].output;
    if (ops[j].folded_norm >= 0) t = graph.ops[ops[j].folded_norm].output;
    if (!ops[j].forward || tensors[t].source != t) continue;
    lives.push({round_up(graph.tensors[t].shape.size(), kBufferAlignment), j, last_use[t], -1});
    owner.push(t);
  }
  const int value_count = lives.size();

  // Gradients: a slot is a life; several tensors may hold one slot in turn.
  List<int> slot;     // of each tensor, or -1
  List<int> holders;  // of each slot: tensors whose gradient is still to be read or written in it
  for (int t = 0; t < tensor_count; ++t) slot.push(-1);
  const auto open_slot = [&](int t, int time) {
    slot[t] =
        lives.push({round_up(graph.tensors[t].shape.size(), kBufferAlignment), time, time, -1});
    holders.push(1);
  };
  if (train) {
    for (int i = 0; i < graph.output_count; ++i) {
      const int t = graph.outputs[i];
      if (needs_gradient[t] && slot[t] < 0) open_slot(t, loss_time);
    }
    for (int j = op_count - 1; j >= 0; --j) {
      const OpDesc& op = graph.ops[j];
      const int mine = slot[op.output];
      if (mine < 0 || !needs_gradient[op.output]) {
        ops[j].backward = false;
        continue;
      }
      const int now = backward_time(j);
      lives[mine].last = now;
      const bool exclusive = holders[mine - value_count] == 1;
      --holders[mine - value_count];  // done with it afterwards, unless an input takes it over
      const bool in_place = op.kind == OpKind::batch_norm || op.kind == OpKind::activation;
      const bool masks = op.kind == OpKind::add && op.activation != Activation::none;
      // The last operation before this one that reads `t`: in backward it writes t's gradient next.
      const auto other_consumer = [&](int t) {
        for (int i = j - 1; i >= 0; --i)
          for (int k = 0; k < graph.ops[i].input_count; ++k)
            if (graph.ops[i].inputs[k] == t) return i;
        return -1;
      };
      const auto take_over = [&](int t, int k, GradientUse use) {
        slot[t] = mine;
        ++holders[mine - value_count];
        ops[j].gradient[k] = use;
      };
      // An addition hands its gradient to one input, or to two when the first is read before
      // anything is written for the second: its maker (no addition, so it writes elsewhere while
      // the slot is shared) comes later in the net than every other reader of the second.
      bool hands_on[kMaxInputs] = {};
      if (op.kind == OpKind::add && exclusive) {
        int keeper = -1;
        for (int k = op.input_count - 1; k >= 0; --k) {
          const int t = op.inputs[k];
          bool repeated = false;
          for (int i = 0; i < k; ++i) repeated = repeated || op.inputs[i] == t;
          if (!needs_gradient[t] || slot[t] >= 0 || repeated) continue;
          if (keeper < 0) {
            keeper = k;
            hands_on[k] = true;
            continue;
          }
          const int maker = graph.tensors[t].producer;
          const int kept = op.inputs[keeper];
          if (op.input_count == 2 && maker >= 0 && graph.ops[maker].kind != OpKind::add &&
              other_consumer(t) < 0 && other_consumer(kept) < maker &&
              graph.tensors[kept].producer < maker)
            hands_on[k] = true;
        }
      }
      for (int k = 0; k < op.input_count; ++k) {
        const int t = op.inputs[k];
        if (!needs_gradient[t]) continue;
        if (hands_on[k]) {
          // With an activation the mask is applied in place, once, through the first such input.
          bool first = true;
          for (int i = 0; i < k; ++i) first = first && !hands_on[i];
          take_over(t, k, masks && first ? GradientUse::write : GradientUse::alias);
        } else if (slot[t] >= 0) {
          ops[j].gradient[k] = GradientUse::add;
          if (lives[slot[t]].last < now) lives[slot[t]].last = now;
        } else if (in_place && exclusive) {
          take_over(t, k, GradientUse::write);
        } else {
          open_slot(t, now);
          ops[j].gradient[k] = GradientUse::write;
        }
      }
    }
  }

  PlanView plan;
  // Lists have no mutable data(): place works on a copy, then offsets are read back.
  Lifetime* placed = new Lifetime[static_cast<unsigned>(lives.size() + 1)]();
  for (int i = 0; i < lives.size(); ++i) placed[i] = lives[i];
  plan.arena_floats = place(placed, lives.size(), end_of_time);
  for (int i = 0; i < value_count; ++i) tensors[owner[i]].value = placed[i].offset;
  for (int t = 0; t < tensor_count; ++t)
    if (slot[t] >= 0) tensors[t].gradient = placed[slot[t]].offset;
  delete[] placed;
  plan.tensors = tensors;
  plan.ops = ops;
  return plan;
}

}  // namespace ocelli
