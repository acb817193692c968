// Plans as text, there and back; flags; and what is wrong with a text.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/cuda/engine_plan.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <string>

#include "ocelli/cuda/engine_options.hpp"
#include "support/message_of.hpp"
#include "support/temporary_folder.hpp"

namespace ocelli::test {
namespace {

using namespace cuda;

const std::string kHead = "ocelli engine plan 1\n";
const std::string kLine =
    "conv2d forward 24x19x19x96 -> 19x19x576 window 1x1 stride 1 dilation 1 pad 0,0 bf16 stored "
    "float32 bias relu6 deferred = cublas 2";

ProductKey some_key() {
  ProductKey key;
  key.kind = OpKind::depthwise_conv2d;
  key.product = Product::data_gradient;
  key.batch = 3;
  key.in = {7, 5, 24};
  key.out = {4, 3, 24};
  key.window = {3, 5, 2, 1, 1, 2};
  key.precision = Precision::tf32;
  key.accumulate = true;
  return key;
}

std::string fault_of(const std::string& text) {
  return message_of<ConfigError>([&] { EnginePlan::parse(text); });
}

}  // namespace

TEST_CASE("cuda engine_plan: a product as a line") {
  CHECK(
      some_key().text() ==
      "depthwise_conv2d data_gradient 3x7x5x24 -> 4x3x24 window 3x5 stride 2 dilation 1 pad 1,2 "
      "tf32 stored float32 accumulate");
  const EnginePlan plan = EnginePlan::parse(kHead + kLine + "\n");
  REQUIRE(plan.choices.size() == 1);
  const auto& [key, choice] = *plan.choices.begin();
  CHECK(key.text() + " = " + choice.text() == kLine);
  CHECK(key.in == Shape{19, 19, 96});
  CHECK(key.epilogue == Activation::relu6);
  CHECK(choice == EngineChoice{Engine::cublas, 2});
}

TEST_CASE("cuda engine_plan: text there and back, for every engine, product and flag") {
  EnginePlan plan;
  plan.device = "Some GPU, 80 GB";
  plan.versions = {{Engine::cublas, "130101"}, {Engine::cudnn, "91900"}};
  int number = 0;
  for (const Product product : kAllProducts)
    for (const Precision precision : {Precision::float32, Precision::tf32, Precision::bf16})
      for (int flags = 0; flags < 32; ++flags) {
        ProductKey key = some_key();
        key.product = product;
        key.precision = precision;
        key.bias = flags & 1, key.deferred = flags & 2, key.accumulate = flags & 4;
        key.stored_bf16 = flags & 8;
        if (flags & 16) key.epilogue = Activation::swish;
        plan.choices[key] = {kAllEngines[number % 3], number % 3 == 0 ? 0 : number};
        ++number;
      }
  CHECK(plan.choices.size() == static_cast<std::size_t>(number));  // no flag is lost in the order
  const EnginePlan back = EnginePlan::parse(plan.text());
  CHECK(back.device == plan.device);
  CHECK(back.versions == plan.versions);
  CHECK(back.choices == plan.choices);
  CHECK(back.text() == plan.text());
  CHECK(plan.uses(Engine::cudnn));
  plan.choices = {{some_key(), {}}};
  CHECK_FALSE(plan.uses(Engine::cudnn));
}

TEST_CASE("cuda engine_plan: a log is a plan, and remarks are the reader's") {
  EngineDecision decision{some_key(), {Engine::cudnn, 1}, false, "fastest", {}};
  decision.times = {{{Engine::own, 0}, 41.04}, {{Engine::cudnn, 1}, 30.25}};
  CHECK(
      decision.text() == some_key().text() + " = cudnn 1  # fastest: own 41.0 us, cudnn 1 30.2 us");
  const EnginePlan plan =
      EnginePlan::parse("# of a run\n" + kHead + "\n" + decision.text() + "\r\n\n" + kLine);
  CHECK(plan.choices.size() == 2);
  CHECK(plan.choices.at(some_key()) == EngineChoice{Engine::cudnn, 1});
}

TEST_CASE("cuda engine_plan: what is wrong, by line") {
  CHECK(says(fault_of(""), "the plan is empty"));
  CHECK(says(fault_of("engines 2"), "line 1: 'engines 2' where 'ocelli engine plan 1' belongs"));
  CHECK(says(fault_of(kHead + "\npool forward 1x1"), "line 3: 'pool' is not known here"));
  CHECK(says(fault_of(kHead + kLine + "\n" + kLine), "line 3: the product stands here twice"));
  CHECK(says(fault_of(kHead + kLine + " 7"), "'7' behind the choice"));
  const auto without = [](std::string part, const std::string& put = "") {
    std::string line = kLine;
    return fault_of(kHead + line.replace(line.find(part), part.size(), put));
  };
  CHECK(says(without("->"), "'19x19x576' where '->' belongs"));
  CHECK(says(without("x96"), "no 'x'"));
  CHECK(says(without(" 2", " two"), "a number is missing"));
  CHECK(says(without("bf16", "fp8"), "'fp8' is not known here"));
  CHECK(says(without("float32", "int8"), "'int8' is no way to store"));
  CHECK(says(without("relu6", "gelu"), "'gelu' is not known here"));
  CHECK(says(without("cublas", "mkl"), "'mkl' is not known here"));
  CHECK(says(without("= cublas 2"), "'' is not known here"));
  CHECK(says(without("bf16", "fp8"), "time the engines anew with 'auto'"));
}

TEST_CASE("cuda engine_plan: a call's key holds what its product depends on") {
  OpDesc op;
  op.kind = OpKind::conv2d;
  op.window = {3, 3, 1, 1, 1, 1};
  OpCall<float> call;
  call.op = &op;
  call.batch = 2;
  call.in_shape[0] = {5, 5, 4};
  call.out_shape = {5, 5, 8};
  float some = 0;
  call.bias = &some;
  call.in[0].scale = &some;
  call.epilogue = Activation::relu;
  call.accumulate[0] = true;
  const auto text = [&](Product p) { return product_key(call, p, Precision::tf32).text(); };
  CHECK(says(text(Product::forward), "tf32 stored float32 bias relu deferred"));
  CHECK_FALSE(says(text(Product::forward), "accumulate"));
  CHECK(says(text(Product::data_gradient), "tf32 stored float32 accumulate"));
  CHECK(says(text(Product::weight_gradient), "tf32 stored float32 deferred"));
}

TEST_CASE("cuda engine_options: flags and files") {
  CHECK(EngineOptions::parse("own").mode == EngineMode::own);
  CHECK(EngineOptions::parse("cublas").mode == EngineMode::cublas);
  CHECK(EngineOptions::parse("cudnn").mode == EngineMode::cudnn);
  CHECK(EngineOptions::of_flag("auto").mode == EngineMode::trial);
  CHECK(EngineOptions::parse(kHead + kLine).plan.choices.size() == 1);
  CHECK(EngineOptions::parse(kHead + kLine).mode == EngineMode::plan);
  CHECK(says(
      message_of<ConfigError>([] { EngineOptions::parse("mkl"); }),
      "engines: 'mkl' is no choice of engines; give own, cublas, cudnn, auto, or a plan"));
  CHECK(says(
      message_of<StoreError>([] { EngineOptions::of_flag("/no/such/plan"); }),
      "engines '/no/such/plan': there is no such file; give own"));
  const TemporaryFolder folder;
  const std::string file = (folder.path() / "plan.txt").string();
  std::ofstream(file) << kHead << kLine << "\n";
  CHECK(EngineOptions::of_flag(file).plan.choices.size() == 1);
}

TEST_CASE("cuda engine_options: the fastest, of equals the first") {
  const EngineTime own{{}, 5}, a{{Engine::cublas, 0}, 5}, b{{Engine::cudnn, 3}, 4};
  CHECK(fastest({own}) == own.choice);
  CHECK(fastest({own, a}) == own.choice);
  CHECK(fastest({own, a, b}) == b.choice);
  CHECK(fastest({b, own}) == b.choice);
}

}  // namespace ocelli::test
