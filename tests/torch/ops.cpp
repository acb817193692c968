// Writes random cases of every operation, with the reference's results in double, one JSON object a
// line, for ops.py to compare with PyTorch.  Usage: ops CASES_PER_KIND
// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "ocelli/core/random.hpp"
#include "ocelli/reference/backend.hpp"
#include "support/op_case.hpp"

namespace {
using namespace ocelli;
using namespace ocelli::test;

int pick(Random& random, int low, int high) {
  return low + static_cast<int>(random.below(static_cast<std::uint32_t>(high - low + 1)));
}
Activation pick_activation(Random& random) { return static_cast<Activation>(pick(random, 0, 4)); }

OpSpec random_spec(OpKind kind, std::uint32_t number) {
  Random random(2024, Stream::demo, static_cast<std::uint32_t>(kind), number);
  const int batch = pick(random, 1, 3);
  const Shape x{pick(random, 2, 9), pick(random, 2, 9), pick(random, 1, 5)};
  const int kernel = pick(random, 1, 5), stride = pick(random, 1, 3);
  const int half = pick(random, 0, kernel / 2);  // PyTorch pads a pool by half its window at most
  const bool pool = kind == OpKind::max_pool || kind == OpKind::average_pool;
  const int dilation = pool ? 1 : pick(random, 1, 2);
  const bool fits = (kernel - 1) * dilation + 1 <= std::min(x.height, x.width) + 2 * half;
  const int padding = fits && random.chance(0.5f) ? half : kSame;
  const bool bias = random.chance(0.5f);

  OpSpec spec;
  switch (kind) {
    case OpKind::conv2d:
      spec = conv2d_spec(batch, x, pick(random, 1, 4), kernel, stride, padding, dilation, bias);
      break;
    case OpKind::depthwise_conv2d:
      spec = depthwise_conv2d_spec(batch, x, kernel, stride, padding, dilation, bias);
      break;
    case OpKind::batch_norm:
      spec = batch_norm_spec(
          batch, x, pick_activation(random), random.chance(0.8f), random.chance(0.8f));
      spec.op.stored_statistics = random.chance(0.3f);
      spec.norm = {0.9, 0.001};
      break;
    case OpKind::max_pool:
    case OpKind::average_pool:
      spec = pool_spec(kind, batch, x, kernel, stride, padding);
      break;
    case OpKind::add:
      spec = elementwise_spec(kind, batch, x, pick_activation(random), pick(random, 2, 4));
      break;
    case OpKind::concat:
      if (bias) {
        spec = concat_spec(batch, {x, {x.height, x.width, 2}}, {x.height, x.width, x.channels + 2});
      } else {
        const Shape other{1, 2, 3};
        spec = concat_spec(batch, {x, other}, {1, 1, static_cast<int>(x.size() + other.size())});
      }
      break;
    case OpKind::activation:
    case OpKind::softmax:
    case OpKind::dropout:
      spec = elementwise_spec(kind, batch, x, pick_activation(random));
      spec.op.keep = 0.7f;
      break;
  }
  spec.deviation = 2;
  if (random.chance(0.4f)) spec.deferred = pick_activation(random);
  // Behind relu taps tie at 0, and who takes a tie's gradient is not the same everywhere.
  if (kind == OpKind::max_pool && spec.deferred) spec.deferred = Activation::sigmoid;
  spec.seed = number + 1;
  return spec;
}

nlohmann::json list(const Buffer<double>& buffer) {
  return std::vector<double>(buffer.span().begin(), buffer.span().end());
}
/// What backward added to a buffer.
nlohmann::json added(const Buffer<double>& after, const Buffer<double>& before) {
  std::vector<double> values(after.size());
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = after[i] - before[i];
  return values;
}
nlohmann::json extents(const Shape& s) { return {s.height, s.width, s.channels}; }

nlohmann::json run(const OpSpec& spec) {
  OpCase<double> made(spec);
  const OpDesc& op = made.spec.op;
  nlohmann::json j = {
      {"kind", name(op.kind)},
      {"batch", spec.batch},
      {"out_shape", extents(spec.out)},
      {"stride", op.window.stride},
      {"dilation", op.window.dilation},
      {"kernel", {op.window.kernel_height, op.window.kernel_width}},
      {"pad", {op.window.pad_top, op.window.pad_left}},
      {"activation", name(op.activation)},
      {"stored", op.stored_statistics},
      {"decay", spec.norm.decay},
      {"epsilon", spec.norm.epsilon},
      {"moving_mean", list(made.moving_mean)},
      {"moving_variance", list(made.moving_variance)},
      {"weight", list(made.weight)},
      {"bias", list(made.bias)},
      {"dout", list(made.dout)},
      {"deferred", spec.deferred ? name(*spec.deferred) : ""}};
  if (op.kind == OpKind::dropout) {
    // PyTorch draws other numbers: it is given the mask.
    const DropoutMask mask(spec.seed, made.call.step, op);
    std::vector<int> kept;
    for (long b = 0; b * DropoutMask::kBlock < spec.batch * spec.out.size(); ++b)
      for (const bool k : mask.block(b)) kept.push_back(k ? 1 : 0);
    kept.resize(made.dout.size());
    j["mask"] = kept;
    j["keep"] = op.keep;
  }
  ReferenceBackend<double> reference;
  reference.forward(made.call);
  reference.backward(made.call);
  for (int k = 0; k < op.input_count; ++k)
    j["inputs"].push_back(
        {{"shape", extents(spec.in[static_cast<std::size_t>(k)])},
         {"data", list(made.in[k])},
         {"scale", list(made.scale[k])},
         {"shift", list(made.shift[k])},
         {"din", list(made.din[k])}});
  j["out"] = list(made.out);
  j["dweight"] = added(made.dweight, made.dweight_before);
  j["dbias"] = added(made.dbias, made.dbias_before);
  j["moving_mean_after"] = list(made.moving_mean);
  j["moving_variance_after"] = list(made.moving_variance);
  return j;
}
}  // namespace

int main(int argc, char** argv) {
  const int cases = argc == 2 ? std::atoi(argv[1]) : 0;
  if (cases < 1) {
    std::fprintf(stderr, "usage: ops CASES_PER_KIND\n");
    return 2;
  }
  for (int kind = 0; kind <= static_cast<int>(OpKind::dropout); ++kind)
    for (int number = 0; number < cases; ++number)
      std::printf(
          "%s\n", run(random_spec(static_cast<OpKind>(kind), static_cast<std::uint32_t>(number)))
                      .dump()
                      .c_str());
}
