// The GPU bench's table and JSON, from made-up timings; and the shapes that it measures.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "../bench/gpu/report.hpp"
#include "../bench/gpu/shapes.hpp"

using namespace ocelli;
using namespace ocelli::gpu_bench;

namespace {

const char* const kMachine =
    R"({"kind":"machine","gpu":"Made-up 100","driver":"for CUDA 13.0","date":"2026-01-02",)"
    R"("commit":"abc","copy_gb_s":1000.0,"gemm_by":"cuBLASLt 13.0.0",)"
    R"("gemm_tflop_s":{"float32":10.0,"bf16":200.0}})";

/// A millisecond in which 500 MB and 50 GFLOP are moved and made; a peer takes two.
std::string kernel(const std::string& by, double ms, const std::string& shape = "conv A") {
  return R"({"kind":"kernel","what":"conv2d forward","shape":")" + shape +
         R"(","batch":24,"precision":"bf16","bytes":5e8,"flops":5e10,"count":3,"by":")" + by +
         R"(","ms":)" + std::to_string(ms) + R"(,"low":0.5,"high":3})";
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// The line of a table that begins with `start`.
std::string line_of(const std::string& table, const std::string& start) {
  const std::size_t at = table.find("\n" + start);
  if (at == std::string::npos) return {};
  return table.substr(at + 1, table.find('\n', at + 1) - at - 1);
}

}  // namespace

TEST_CASE("gpu report: rates, shares of the machine's, and how peers compare") {
  const Report report(
      {kMachine, kernel("ocelli", 1), kernel("cuDNN", 2), kernel("cuBLASLt", 0.5), ""});
  const Json all = report.json();
  REQUIRE(all["results"].size() == 1);
  const Json& one = all["results"][0];
  CHECK(one["rates"]["gb_s"] == doctest::Approx(500));
  CHECK(one["rates"]["of_copy"] == doctest::Approx(0.5));
  CHECK(one["rates"]["tflop_s"] == doctest::Approx(50));
  CHECK(one["rates"]["of_gemm"] == doctest::Approx(0.25));
  CHECK(one["by"]["cuDNN"]["ms"] == doctest::Approx(2));
  CHECK(one["by"]["ocelli"]["low"] == doctest::Approx(0.5));
  CHECK(all["machine"]["gpu"] == "Made-up 100");
  CHECK(all["machine"]["commit"] == "abc");

  const std::string table = report.table();
  CHECK(has(table, "Made-up 100, driver for CUDA 13.0, 2026-01-02, commit abc"));
  CHECK(has(table, "copy 1000 GB/s"));
  CHECK(has(table, "bf16 200.0 TFLOP/s"));
  const std::string row = line_of(table, "conv A");
  for (const char* part : {"1.0000", " 500", "50%", "50.0", "25%", "2.0000", "2.00x", "0.50x"}) {
    CAPTURE(part);
    CHECK(has(row, part));
  }
}

TEST_CASE("gpu report: sums over the shapes count each as often as the models have it") {
  const Report report(
      {kMachine, kernel("ocelli", 1), kernel("cuDNN", 2), kernel("ocelli", 4, "conv B"),
       kernel("cuDNN", 1, "conv B"), kernel("ocelli", 9, "conv C")});
  const std::string table = report.table();
  const std::size_t at = table.find("all shapes that both have");
  REQUIRE(at != std::string::npos);
  const std::string sum = line_of(table.substr(at), "conv2d forward, batch 24, bf16");
  CHECK(has(sum, "15.000 ms, cuDNN 9.000 ms, 0.60x over 2 shapes"));
  CHECK(has(line_of(table, "conv C"), "-"));
}

TEST_CASE("gpu report: what was not measured says why") {
  const Report report(
      {kMachine, R"({"kind":"absent","by":"cuDNN","why":"not built"})",
       R"({"kind":"absent","by":"torchvision","why":"python3 does not have it"})",
       kernel("ocelli", 1)});
  CHECK(has(line_of(report.table(), "conv A"), "not built"));
  CHECK(has(report.table(), "torchvision: python3 does not have it"));
  CHECK(report.json()["absent"]["cuDNN"] == "not built");
}

TEST_CASE("gpu report: training and suppression beside PyTorch") {
  const auto train = [](const char* by, double rate) {
    return R"({"kind":"train","batch":128,"precision":"bf16","by":")" + std::string(by) +
           R"(","images_per_second":)" + std::to_string(rate) + "}";
  };
  const auto nms = [](const char* by, double ms) {
    return R"({"kind":"nms","shape":"24 x 1917 x 90","by":")" + std::string(by) + R"(","ms":)" +
           std::to_string(ms) + "}";
  };
  const Report report(
      {kMachine, train("ocelli", 9000), train("torch.compile", 3000), nms("torchvision 1", 6),
       nms("ocelli", 0.5)});
  const std::string table = report.table();
  CHECK(has(table, "training step, images_per_second\nbatch 128, bf16"));
  CHECK(has(table, "3.00x"));
  CHECK(has(table, "12.00x"));
  CHECK(report.json()["results"].size() == 2);
}

TEST_CASE("gpu report: lines that are none are refused") {
  CHECK_THROWS_WITH(Report({"no JSON"}), "not a line of the GPU bench: no JSON");
  CHECK_THROWS(Report({kMachine, R"({"kind":"other"})"}));
  CHECK_THROWS_WITH(Report({kernel("ocelli", 1)}), "no line says which machine it was");
}

TEST_CASE("gpu bench: its shapes are all those of the three detectors") {
  for (const OpKind kind : {OpKind::conv2d, OpKind::depthwise_conv2d, OpKind::batch_norm}) {
    CAPTURE(name(kind));
    const std::vector<Shaped> shapes = shapes_of(kind);
    std::size_t listed = 0, in_graphs = 0;
    for (const Shaped& s : shapes) listed += s.models.size();
    for_each_model([&](const char*, const ModelView& model) {
      for (int i = 0; i < model.graph.op_count; ++i)
        in_graphs += model.graph.ops[i].kind == kind ? 1 : 0;
    });
    CHECK(listed == in_graphs);
    CHECK(shapes.size() < in_graphs);
  }
  double both = 0, whole = 0;
  for (const OpKind kind : {OpKind::conv2d, OpKind::depthwise_conv2d})
    for (const Shaped& s : shapes_of(kind))
      both += static_cast<double>(s.models.size()) * 2 *
              static_cast<double>(s.out.pixels() * s.weights());
  for_each_model([&](const char*, const ModelView& model) {
    whole += static_cast<double>(flops(model.graph));
  });
  CHECK(both == doctest::Approx(whole));
}
