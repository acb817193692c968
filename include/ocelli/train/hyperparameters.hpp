// Hyperparameters: every value of a training with where it came from, set by name, checked, written
// to config.json and read back.
//
//   Hyperparameters settings(ModelName::ssd_mobilenet_v2, SsdCompiled::of<Config>());
//   settings.load_file("my.params");
//   settings.set_flag("num-steps=4000");
//   settings.check();
//   settings.values().num_steps;                                   // 4000
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "ocelli/core/error.hpp"
#include "ocelli/core/file.hpp"
#include "ocelli/core/nearest_name.hpp"
#include "ocelli/train/hyperparameter_parse.hpp"
#include "ocelli/train/hyperparameter_table.hpp"
#include "ocelli/train/hyperparameter_text.hpp"

namespace ocelli::train {

/// Where a value came from; a later one of this list overrides an earlier one.
enum class Provenance { builtin, file, environment, flag };

inline constexpr std::array<std::string_view, 4> provenance_names = {
    "default", "file", "environment", "flag"};

inline constexpr std::string_view environment_prefix = "OCELLI_SET_";

/// The row of a name or alias, '-' or '_', in any case. Throws ConfigError: unknown names with
/// their nearest neighbour, names of other models with what to do.
inline const Hyperparameter& find_hyperparameter(
    std::string_view name, const std::string& where,
    Architecture architecture = Architecture::ssd) {
  const std::string wanted = plain_name(name);
  const bool classifier = architecture == Architecture::classifier;
  const std::string own = classifier ? "a classifier" : "an SSD";
  std::vector<std::string> known;
  for (const Hyperparameter& row : all_hyperparameters()) {
    const bool meant = wanted == row.name || (!row.alias.empty() && wanted == row.alias);
    if (!belongs(row, architecture)) {
      if (!meant) continue;
      throw ConfigError(
          wanted + " belongs to " + (classifier ? "an SSD" : "a classifier") + ", this model is " +
              own,
          where, "remove it, or train a model of that kind");
    }
    if (meant) return row;
    known.emplace_back(row.name);
    if (!row.alias.empty()) known.emplace_back(row.alias);
  }
  for (const ForeignName& foreign : foreign_hyperparameters())
    if (wanted == foreign.name)
      throw ConfigError(
          wanted + " belongs to " + std::string(foreign.owner) + ", this model is " + own, where,
          std::string(foreign.advice));
  throw ConfigError(
      "there is no hyperparameter \"" + shown(name) + "\"", where,
      "did you mean " + nearest_name(wanted, known) + "?");
}

class Hyperparameters {
 public:
  struct Origin {
    Provenance from = Provenance::builtin;
    std::string where;  ///< "my.params:3", "OCELLI_SET_NUM_STEPS", "--set"
  };

  /// The defaults of a model.
  explicit Hyperparameters(ModelName model) : model_(model), values_(default_values(model)) {}
  /// The same with what the program's net was compiled with.
  Hyperparameters(ModelName model, const SsdCompiled& compiled) : Hyperparameters(model) {
    static_cast<SsdCompiled&>(values_) = compiled;
  }

  /// Sets one value, unless one of a stronger origin is there. A compile-time key may only repeat
  /// the program's own value. Throws ConfigError.
  void set(
      std::string_view name, std::string_view text, Provenance from = Provenance::flag,
      const std::string& where = "--set") {
    const Hyperparameter& row = find(name, where);
    const detail::ValueReader reader{row, where};
    HyperparameterValues asked = values_;
    std::visit([&](auto member) { reader.read(detail::trimmed(text), asked.*member); }, row.member);
    if (row.scope == Scope::compile_time) require_compiled(row, asked, where);
    if (row.name == "first_stage_features_stride")
      warnings_.push_back(where + ": first_stage_features_stride does nothing in an SSD");
    Origin& origin = origins_[std::string(row.name)];
    if (origin.from > from) return;
    if (from == Provenance::file && same_file(origin.where, where))
      warnings_.push_back(
          where + ": " + std::string(row.name) + " takes the place of " + origin.where);
    origin = {from, where};
    values_ = std::move(asked);
  }
  /// "key=value" or "key: value" from the command line.
  void set_flag(std::string_view text) {
    const Setting setting = detail::parse_setting(detail::trimmed(text), "--set");
    set(setting.key, setting.value, Provenance::flag, "--set " + shown(setting.key));
  }
  /// Lines or a JSON object; `where` names them in messages.
  void load_text(
      std::string_view text, const std::string& where, Provenance from = Provenance::file) {
    for (const Setting& setting : parse_settings(text, where))
      set(setting.key, setting.value, from, setting.where);
  }
  /// A --params file, or the config.json of a run. Throws StoreError when it cannot be read.
  void load_file(const std::filesystem::path& path) {
    constexpr std::size_t limit = 1 << 20;  // bytes; a real one has some hundred
    load_text(read_file(path, limit), path.string());
  }
  void load_map(
      const std::map<std::string, std::string>& settings, Provenance from = Provenance::flag,
      const std::string& where = "settings") {
    for (const auto& [key, value] : settings) set(key, value, from, where);
  }
  /// Variables such as OCELLI_SET_NUM_STEPS=4000, from an array that ends with a null (`environ`).
  void load_environment(const char* const* variables) {
    for (; variables != nullptr && *variables != nullptr; ++variables) {
      const std::string_view entry = *variables;
      const std::size_t equals = entry.find('=');
      if (!entry.starts_with(environment_prefix) || equals == std::string_view::npos) continue;
      const std::string_view name =
          entry.substr(environment_prefix.size(), equals - environment_prefix.size());
      set(name, entry.substr(equals + 1), Provenance::environment,
          std::string(entry.substr(0, equals)));
    }
  }

  /// The rules between values; call it when all are set. Throws ConfigError, adds warnings.
  void check() {
    const HyperparameterValues& v = values_;
    if (architecture() == Architecture::ssd) check_detector();
    require(
        v.schedule != "manual_step" || v.schedule_step_1 < v.schedule_step_2, "schedule_step_2",
        "must be greater than schedule_step_1", "schedule_step_1");
    if (v.warmup_steps >= v.num_steps)
      warnings_.push_back(
          "warmup_steps is not less than num_steps: the full rate is never reached");
    if (v.momentum_optimizer_value == 1)
      warnings_.push_back(
          "momentum_optimizer_value is 1: this does not converge in general; use 0.9");
    for (const Hyperparameter& row : all_hyperparameters())
      if (belongs(row, architecture())) check_needs(row);
  }

  ModelName model() const { return model_; }
  Architecture architecture() const { return model_info(model_).architecture; }
  const HyperparameterValues& values() const { return values_; }
  /// Where a value came from. Throws ConfigError for an unknown name.
  Origin origin(std::string_view name) const {
    const auto found = origins_.find(std::string(find(name, "origin").name));
    return found == origins_.end() ? Origin{} : found->second;
  }
  bool is_default(std::string_view name) const { return origin(name).from == Provenance::builtin; }
  /// A value as text.
  std::string text(std::string_view name) const {
    return detail::value_text(find(name, "text"), values_);
  }
  /// Sentences for the user, in the order of their finding.
  const std::vector<std::string>& warnings() const { return warnings_; }
  /// A choice of the program itself, such as the recommended number of steps: counts as a default.
  void choose(std::string_view name, std::string_view value, const std::string& why) {
    set(name, value, Provenance::builtin, why);
  }

  /// {"model": ..., "hyperparameters": {"num_steps": {"value": 4000, "from": "flag", "where":
  /// "--set"}}}
  nlohmann::ordered_json json() const {
    nlohmann::ordered_json all = nlohmann::ordered_json::object();
    for (const Hyperparameter& row : all_hyperparameters()) {
      if (!belongs(row, architecture())) continue;
      nlohmann::ordered_json entry;
      std::visit([&](auto member) { entry["value"] = values_.*member; }, row.member);
      const Origin from = origin(row.name);
      entry["from"] = provenance_names[static_cast<std::size_t>(from.from)];
      if (!from.where.empty()) entry["where"] = from.where;
      all[std::string(row.name)] = std::move(entry);
    }
    return {{"model", name_of(model_)}, {"hyperparameters", std::move(all)}};
  }
  /// Takes values and origins from what json() wrote. Throws ConfigError when it is something else,
  /// or names another model; compile-time values must be the program's.
  void load_json(const nlohmann::ordered_json& config, const std::string& where) {
    if (!config.is_object() || !config.contains("model") || !config["model"].is_string() ||
        !config.contains("hyperparameters") || !config["hyperparameters"].is_object())
      throw ConfigError("this is no config.json of a run", where, "use the one that ocelli wrote");
    const ModelName model = model_by_name(config["model"].get<std::string>());
    if (model != model_)
      throw ConfigError(
          "the run trains " + name_of(model) + ", this program " + name_of(model_), where,
          "use --model " + name_of(model));
    for (const auto& [key, entry] : config["hyperparameters"].items()) {
      const Hyperparameter& row = find(key, where);
      const auto field = [&entry = entry](const char* name) {
        const auto found = entry.find(name);
        return found != entry.end() && found->is_string() ? found->get<std::string>() : "";
      };
      const auto place = std::find(provenance_names.begin(), provenance_names.end(), field("from"));
      if (!entry.is_object() || !entry.contains("value") || place == provenance_names.end())
        throw ConfigError(
            std::string(row.name) + " needs a value and from: default, file, environment or flag",
            where, "use the file that ocelli wrote");
      const detail::ValueReader reader{row, where};
      HyperparameterValues asked = values_;
      const std::string text = detail::json_value_text(entry["value"], where);
      std::visit([&](auto member) { reader.read(text, asked.*member); }, row.member);
      if (row.scope == Scope::compile_time) require_compiled(row, asked, where);
      values_ = std::move(asked);
      origins_[std::string(row.name)] = {
          static_cast<Provenance>(place - provenance_names.begin()), field("where")};
    }
  }

 private:
  const Hyperparameter& find(std::string_view name, const std::string& where) const {
    return find_hyperparameter(name, where, architecture());
  }
  /// The rules between values that only a detector has.
  void check_detector() const {
    const SsdHyperparameters& v = values_;
    require(
        v.unmatched_threshold <= v.matched_threshold, "unmatched_threshold",
        "must be at most matched_threshold", "matched_threshold");
    require(
        v.second_stage_max_detections_per_class <=
            v.second_stage_max_detections_max_total_detections,
        "second_stage_max_detections_per_class",
        "must be at most second_stage_max_detections_max_total_detections",
        "second_stage_max_detections_max_total_detections");
    require(
        v.anchor_generator_min_scale <= v.anchor_generator_max_scale, "anchor_generator_min_scale",
        "must be at most anchor_generator_max_scale", "anchor_generator_max_scale");
    const std::size_t scales = v.anchor_generator_scales.size();
    const auto maps = static_cast<std::size_t>(v.anchor_generator_num_layers);
    require(
        scales == 0 || scales == maps || scales == maps + 1, "anchor_generator_scales",
        "must have anchor_generator_num_layers numbers, or one more",
        "anchor_generator_num_layers");
    require(v.freeze.size() < 3, "freeze", "must leave a group to be trained", "freeze");
  }
  /// Are "my.params:3" and "my.params:7" lines of one file?
  static bool same_file(std::string_view a, std::string_view b) {
    return a != b && a.substr(0, a.rfind(':')) == b.substr(0, b.rfind(':'));
  }
  void require_compiled(
      const Hyperparameter& row, const HyperparameterValues& asked,
      const std::string& where) const {
    const std::string own = detail::value_text(row, values_),
                      wanted = detail::value_text(row, asked);
    if (own == wanted) return;
    throw ConfigError(
        std::string(row.name) + " changes the net: this program was compiled with " + own +
            ", not " + wanted,
        where,
        "build a program of your own in CMakeLists.txt: ocelli_add_trainer(my_trainer MODEL " +
            name_of(model_) + " PARAMS my.params), with " + std::string(row.name) + "=" + wanted +
            " in my.params");
  }
  void require(bool holds, std::string_view name, const char* rule, std::string_view other) const {
    if (holds) return;
    const Origin from = origin(name), peer = origin(other);
    throw ConfigError(
        std::string(name) + "=" + text(name) + " " + rule +
            (name == other ? "" : " (" + text(other) + ")"),
        !from.where.empty() ? from.where : peer.where, "change one of them");
  }
  /// What is set but does nothing is said; a key that usually belongs to Faster R-CNN is refused.
  void check_needs(const Hyperparameter& row) {
    if (row.needs_key.empty() || is_default(row.name) || text(row.needs_key) == row.needs_value)
      return;
    const std::string needed = std::string(row.needs_key) + "=" + std::string(row.needs_value);
    const std::string where = origin(row.name).where;
    if (row.needs_value == "manual_step")
      throw ConfigError(
          std::string(row.name) + " belongs to Faster R-CNN or to " + needed + ", and " +
              std::string(row.needs_key) + " is " + text(row.needs_key),
          where, "remove it, or set " + needed);
    warnings_.push_back(where + ": " + std::string(row.name) + " does nothing without " + needed);
  }

  ModelName model_;
  HyperparameterValues values_;
  std::map<std::string, Origin> origins_;
  std::vector<std::string> warnings_;
};

/// Steps for a model on `pictures` training pictures, at its batch size.
inline long recommended_steps(const Hyperparameters& settings, long pictures) {
  const HyperparameterValues& v = settings.values();
  return settings.architecture() == Architecture::classifier
             ? recommended_classifier_steps(pictures, v.batch_size, v.freeze_backbone)
             : recommended_steps(pictures, v.batch_size);
}

}  // namespace ocelli::train
