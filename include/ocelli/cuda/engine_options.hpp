// EngineOptions: which engines a run wants, from a flag; and what was decided, for its log.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdio>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

#include "ocelli/core/error.hpp"
#include "ocelli/cuda/engine_plan.hpp"

namespace ocelli::cuda {

/// How the engine of a product is found.
enum class EngineMode : int {
  own,     ///< hand-written kernels for everything
  cublas,  ///< cuBLASLt for what it can do
  cudnn,   ///< cuDNN for what it can do
  trial,   ///< each product by the engine that is fastest in a timed trial: flag `auto`
  plan,    ///< as a plan says
};
constexpr const char* name(EngineMode mode) {
  switch (mode) {
    case EngineMode::own:
      return "own";
    case EngineMode::cublas:
      return "cublas";
    case EngineMode::cudnn:
      return "cudnn";
    case EngineMode::trial:
      return "auto";
    case EngineMode::plan:
      return "plan";
  }
  return "?";
}

/// A candidate's time in a trial.
struct EngineTime {
  EngineChoice choice;
  double microseconds = 0;
};

/// What was decided about a product, and why.
struct EngineDecision {
  ProductKey key;
  EngineChoice choice;
  bool fell_back = false;  ///< what was asked for cannot make it
  std::string reason;      ///< "asked for", "fastest", "cublas: only 1x1 ..."
  std::vector<EngineTime> times;

  /// A line of a plan, the reason behind a #: a log of them is a plan that can be given back.
  std::string text() const {
    std::string line = key.text() + " = " + choice.text() + "  # " + reason;
    char time[32];
    for (std::size_t i = 0; i < times.size(); ++i) {
      std::snprintf(time, sizeof time, "%.1f", times[i].microseconds);
      line += (i == 0 ? ": " : ", ") + times[i].choice.text() + " " + time + " us";
    }
    return line;
  }
};

/// Times a product: `run` puts it into the stream once. Microseconds, above 0.
using EngineTimer = std::function<double(
    const ProductKey& key, const EngineChoice& choice, const std::function<void()>& run)>;

struct EngineOptions {
  EngineMode mode = EngineMode::own;
  EnginePlan plan;    ///< of EngineMode::plan
  EngineTimer timer;  ///< of EngineMode::trial; empty: the device's events
  std::function<void(const EngineDecision&)> observer;  ///< hears of each decision; may be empty

  /// @param text  own, cublas, cudnn or auto; or a plan
  /// @throws ConfigError
  static EngineOptions parse(const std::string& text) {
    EngineOptions options;
    for (const EngineMode mode :
         {EngineMode::own, EngineMode::cublas, EngineMode::cudnn, EngineMode::trial})
      if (text == name(mode)) {
        options.mode = mode;
        return options;
      }
    if (text.rfind(EnginePlan::kHeader, 0) != 0)
      throw ConfigError(
          "'" + text.substr(0, 40) + "' is no choice of engines", "engines",
          "give own, cublas, cudnn, auto, or a plan that a run has kept");
    options.mode = EngineMode::plan;
    options.plan = EnginePlan::parse(text);
    return options;
  }

  /// @param flag  own, cublas, cudnn or auto; or the name of a file that holds a plan
  /// @throws ConfigError, or StoreError where the file cannot be read
  static EngineOptions of_flag(const std::string& flag) {
    for (const char* word : {"own", "cublas", "cudnn", "auto"})
      if (flag == word) return parse(flag);
    std::ifstream file(flag, std::ios::binary);
    if (!file)
      throw StoreError(
          "there is no such file", "engines '" + flag + "'",
          "give own, cublas, cudnn, auto, or the file of a plan");
    return parse({std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()});
  }
};

/// The fastest candidate, of equals the first.
/// @param times  at least one
inline EngineChoice fastest(const std::vector<EngineTime>& times) {
  EngineTime best = times.front();
  for (const EngineTime& t : times)
    if (t.microseconds < best.microseconds) best = t;
  return best.choice;
}

}  // namespace ocelli::cuda
