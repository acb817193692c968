// gpu_bench: measures the kernels and the training step on this machine's GPU and writes a line of
// JSON a measurement, for gpu_report. scripts/run-gpu-bench runs both.
// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <cstring>
#include <exception>
#include <set>
#include <sstream>
#include <string>

#include "gpu/cases.hpp"
#include "ocelli/cuda/device.hpp"

namespace {

using namespace ocelli;
using namespace ocelli::gpu_bench;

const char* const kUsage =
    "gpu_bench LINES [--only PART,...] [--batch N,...] [--precision P,...] [--no-peers]\n"
    "  LINES       the file to write; the machine's own speeds come first, always\n"
    "  PART        convolutions, norms, optimizer, nms, training; without --only: all\n"
    "  N, P        24,128 and float32,tf32,bf16 where not given\n";

std::vector<std::string> cut(const std::string& list) {
  std::vector<std::string> parts;
  std::istringstream in(list);
  for (std::string part; std::getline(in, part, ',');) parts.push_back(part);
  return parts;
}

/// false: the arguments are none
bool read(int argc, char** argv, Plan& plan, std::set<std::string>& only) {
  for (int i = 2; i < argc; ++i) {
    const std::string flag = argv[i];
    if (flag == "--no-peers") {
      plan.peers = false;
      continue;
    }
    if (++i >= argc) return false;
    const std::vector<std::string> parts = cut(argv[i]);
    if (parts.empty()) return false;
    if (flag == "--only") {
      only = {parts.begin(), parts.end()};
      for (const std::string& part : only)
        if (part != "convolutions" && part != "norms" && part != "optimizer" && part != "nms" &&
            part != "training")
          return false;
    } else if (flag == "--batch") {
      plan.batches.clear();
      for (const std::string& part : parts) plan.batches.push_back(std::atoi(part.c_str()));
      for (const int batch : plan.batches)
        if (batch < 1) return false;
    } else if (flag == "--precision") {
      plan.precisions.clear();
      for (const std::string& part : parts) {
        const std::size_t before = plan.precisions.size();
        for (const Precision p : {Precision::float32, Precision::tf32, Precision::bf16})
          if (part == name(p)) plan.precisions.push_back(p);
        if (plan.precisions.size() == before) return false;
      }
    } else {
      return false;
    }
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  Plan plan;
  std::set<std::string> only;
  if (argc < 2 || argv[1][0] == '-' || !read(argc, argv, plan, only)) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  try {
    if (cuda::device_count() == 0) {
      std::fputs(
          "gpu_bench: there is no CUDA device here, or no driver for one; nothing was measured\n",
          stderr);
      return 1;
    }
    cuda::use_device(0);
    std::FILE* const file = std::fopen(argv[1], "w");
    if (file == nullptr) throw Error("cannot be written", argv[1]);
    Lines lines(file);
    const auto wanted = [&](const char* part) { return only.empty() || only.count(part) > 0; };
    {
      const cuda::Stream stream;
      Stopwatch watch(stream.handle());
      measure_machine(watch, plan, lines);
      if (wanted("optimizer")) measure_optimizer(watch, lines);
      if (wanted("nms")) measure_nms(watch, lines);
      if (wanted("convolutions")) measure_convolutions(watch, plan, lines);
      if (wanted("norms")) measure_norms(watch, plan, lines);
    }
    if (wanted("training")) measure_training(plan, lines);
    if (std::fclose(file) != 0) throw Error("cannot be written", argv[1]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "gpu_bench: %s\n", error.what());
    return 1;
  }
}
