// Engines: chooses who makes each product of the convolutions, keeps what it has prepared, and runs
// it. What it chooses for our own kernels it leaves to the caller.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ocelli/core/error.hpp"
#include "ocelli/cuda/built_engines.hpp"
#include "ocelli/cuda/device.hpp"
#include "ocelli/cuda/engine.hpp"
#include "ocelli/cuda/engine_options.hpp"
#include "ocelli/cuda/engine_trial.hpp"
#include "ocelli/cuda/workspace.hpp"

namespace ocelli::cuda {

/// Most algorithms of an engine that a trial times.
inline constexpr int kTrialAlgorithms = 6;

template <class T>
class Engines {
 public:
  /// Runs our own kernels for the one product that the call asks for.
  using Own = std::function<void(const OpCall<T>&, Product)>;

  Engines() = default;
  /// @param engines  beside our own
  /// @throws ConfigError where the options want an engine that is not among them, or hold a plan
  ///         for another device or another version of a library
  Engines(simt::Stream stream, Precision precision, EngineOptions options, EngineList<T> engines)
      : stream_(stream),
        precision_(precision),
        options_(std::move(options)),
        engines_(std::move(engines)) {
    if (options_.mode == EngineMode::cublas) engine(Engine::cublas);
    if (options_.mode == EngineMode::cudnn) engine(Engine::cudnn);
    if (options_.mode == EngineMode::plan) check_plan();
  }

  /// Whether anything but our own kernels may be chosen.
  bool active() const { return options_.mode != EngineMode::own; }

  /// Chooses for each product of a convolution that was not seen before, and makes room.
  void reserve(const OpCall<T>& call, Workspace& workspace, const Own& own) {
    if (!active()) return;
    for (const Product product : kAllProducts) {
      if (!wanted(call, product)) continue;
      const ProductKey key = product_key(call, product, precision_);
      if (slots_.count(key) != 0) continue;
      EngineDecision decision{key, {}, false, {}, {}};
      std::unique_ptr<PreparedProduct<T>> prepared = decide(decision, own);
      if (prepared != nullptr) workspace.reserve(floats_of(*prepared));
      if (options_.observer) options_.observer(decision);
      slots_.emplace(key, Slot{decision.choice, std::move(prepared)});
      log_.push_back(std::move(decision));
    }
  }

  /// Makes the output, where another engine does; tells whether.
  bool forward(const OpCall<T>& call, Workspace& workspace) {
    return active() && run(call, Product::forward, workspace);
  }
  /// Makes the gradients that other engines make.
  /// @return the call with what is left for our own kernels
  OpCall<T> backward(const OpCall<T>& call, Workspace& workspace) {
    OpCall<T> rest = call;
    if (!active()) return rest;
    if (wanted(call, Product::weight_gradient) && run(call, Product::weight_gradient, workspace))
      rest.dweight = nullptr;
    if (wanted(call, Product::data_gradient) && run(call, Product::data_gradient, workspace))
      rest.din[0] = nullptr;
    return rest;
  }

  /// What was decided, in the order of `reserve`.
  const std::vector<EngineDecision>& log() const { return log_; }

  /// The choices so far, to be given back to another run.
  EnginePlan plan() const {
    EnginePlan plan;
    plan.device = device_name();
    for (const auto& e : engines_) plan.versions[e->engine()] = e->version();
    for (const auto& [key, slot] : slots_) plan.choices[key] = slot.choice;
    return plan;
  }

 private:
  struct Slot {
    EngineChoice choice;
    std::unique_ptr<PreparedProduct<T>> prepared;  ///< null: our own kernels
  };

  static bool wanted(const OpCall<T>& call, Product product) {
    if (product == Product::forward) return true;
    if (call.mode == Mode::infer) return false;
    return product == Product::weight_gradient ? call.dweight != nullptr : call.din[0] != nullptr;
  }
  static long floats_of(const PreparedProduct<T>& prepared) {
    return static_cast<long>((prepared.workspace_bytes() + sizeof(float) - 1) / sizeof(float));
  }

  ProductEngine<T>* find(Engine wanted) const {
    for (const auto& e : engines_)
      if (e->engine() == wanted) return e.get();
    return nullptr;
  }
  ProductEngine<T>& engine(Engine wanted) const {
    ProductEngine<T>* const e = find(wanted);
    if (e == nullptr) throw not_built(wanted);
    return *e;
  }

  /// A plan's numbers hold for a version on a kind of device.
  void check_plan() const {
    const EnginePlan& plan = options_.plan;
    bool others = false;
    for (const Engine wanted : {Engine::cublas, Engine::cudnn}) {
      if (!plan.uses(wanted)) continue;
      others = true;
      const std::string version = engine(wanted).version();
      const auto with = plan.versions.find(wanted);
      if (with == plan.versions.end() || with->second != version)
        throw ConfigError(
            std::string("the plan was made with ") + name(wanted) + " " +
                (with == plan.versions.end() ? "of an unknown version" : with->second) +
                ", here is " + version,
            "engine plan", "time the engines anew with 'auto'");
    }
    if (others && plan.device != device_name())
      throw ConfigError(
          "the plan was made on '" + plan.device + "', here is '" + device_name() + "'",
          "engine plan", "time the engines anew with 'auto'");
  }

  std::unique_ptr<PreparedProduct<T>> decide(EngineDecision& decision, const Own& own) {
    switch (options_.mode) {
      case EngineMode::own:
        break;
      case EngineMode::cublas:
        return ask(decision, Engine::cublas);
      case EngineMode::cudnn:
        return ask(decision, Engine::cudnn);
      case EngineMode::trial:
        return trial(decision, own);
      case EngineMode::plan:
        return follow(decision);
    }
    return nullptr;
  }

  /// The engine that is wanted, or our own kernels where it cannot.
  std::unique_ptr<PreparedProduct<T>> ask(EngineDecision& decision, Engine wanted) {
    EngineOffer<T> offer = engine(wanted).offer(decision.key, 1);
    if (offer.algorithms.empty()) {
      decision.fell_back = true;
      decision.reason = std::string(name(wanted)) + ": " + offer.refusal;
      return nullptr;
    }
    decision.choice = {wanted, 0};
    decision.reason = "asked for";
    return std::move(offer.algorithms[0]);
  }

  std::unique_ptr<PreparedProduct<T>> follow(EngineDecision& decision) {
    const auto at = options_.plan.choices.find(decision.key);
    if (at == options_.plan.choices.end()) {
      decision.fell_back = true;
      decision.reason = "the plan does not have it";
      return nullptr;
    }
    decision.choice = at->second;
    decision.reason = "the plan";
    if (decision.choice.engine == Engine::own) return nullptr;
    const int algorithm = decision.choice.algorithm;
    EngineOffer<T> offer = engine(decision.choice.engine).offer(decision.key, algorithm + 1);
    if (static_cast<int>(offer.algorithms.size()) <= algorithm)
      throw ConfigError(
          "there is no " + decision.choice.text() + " for " + decision.key.text() + ": " +
              (offer.refusal.empty() ? "fewer are offered" : offer.refusal),
          "engine plan", "time the engines anew with 'auto'");
    return std::move(offer.algorithms[static_cast<std::size_t>(algorithm)]);
  }

  std::unique_ptr<PreparedProduct<T>> trial(EngineDecision& decision, const Own& own) {
    struct Candidate {
      EngineChoice choice;
      std::unique_ptr<PreparedProduct<T>> prepared;
    };
    std::vector<Candidate> candidates(1);  // our own kernels
    std::string refusals;
    for (const auto& e : engines_) {
      EngineOffer<T> offer = e->offer(decision.key, kTrialAlgorithms);
      for (std::size_t i = 0; i < offer.algorithms.size(); ++i)
        candidates.push_back({{e->engine(), static_cast<int>(i)}, std::move(offer.algorithms[i])});
      if (offer.algorithms.empty())
        refusals +=
            (refusals.empty() ? "" : "; ") + std::string(name(e->engine())) + ": " + offer.refusal;
    }
    if (candidates.size() == 1) {
      decision.reason = engines_.empty() ? "no other engine was built" : refusals;
      return nullptr;
    }
    // The device's timer holds memory, so it lives no longer than this.
    const EngineTimer timer = options_.timer ? options_.timer : device_timer(stream_);
    TrialCall<T> tensors(stream_, decision.key);
    Workspace workspace;
    for (const Candidate& c : candidates)
      if (c.prepared != nullptr) workspace.reserve(floats_of(*c.prepared));
    for (const Candidate& c : candidates) {
      const auto make = [&] {
        if (c.prepared == nullptr)
          own(tensors.call(), decision.key.product);
        else
          c.prepared->run(tensors.call(), workspace.get(floats_of(*c.prepared)));
      };
      try {
        decision.times.push_back({c.choice, timer(decision.key, c.choice, make)});
      } catch (const DeviceError& error) {
        // A library may refuse what it has proposed. Where the device itself has failed, our own
        // kernels are the first to say so.
        if (c.prepared == nullptr) throw;
        refusals += (refusals.empty() ? "" : "; ") + c.choice.text() + ": " + error.what();
      }
    }
    simt::synchronize(stream_);  // before the tensors go
    decision.choice = fastest(decision.times);
    decision.reason = "fastest" + (refusals.empty() ? "" : " (" + refusals + ")");
    for (Candidate& c : candidates)
      if (c.choice == decision.choice) return std::move(c.prepared);
    return nullptr;
  }

  bool run(const OpCall<T>& call, Product product, Workspace& workspace) {
    const auto at = slots_.find(product_key(call, product, precision_));
    if (at == slots_.end())
      throw Error(
          std::string("a ") + name(product) + " that was not reserved", "cuda engines",
          "call reserve for every operation before the first step");
    PreparedProduct<T>* const prepared = at->second.prepared.get();
    if (prepared == nullptr) return false;
    prepared->run(call, workspace.get(floats_of(*prepared)));
    return true;
  }

  simt::Stream stream_ = nullptr;
  Precision precision_ = Precision::float32;
  EngineOptions options_;
  EngineList<T> engines_;
  std::map<ProductKey, Slot> slots_;
  std::vector<EngineDecision> log_;
};

}  // namespace ocelli::cuda
