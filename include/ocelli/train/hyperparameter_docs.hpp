// The hyperparameters as a page of Markdown and as the text of --help, both made from the table.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

#include "ocelli/train/hyperparameter_parse.hpp"
#include "ocelli/train/hyperparameter_table.hpp"
#include "ocelli/train/model_name.hpp"

namespace ocelli::train {

/// "integer", "number", "a or b": what a value can be, in a few words.
inline std::string kind_text(const Hyperparameter& row) {
  const std::span<const std::string_view> words = detail::words_of(row.choices);
  const std::string range =
      detail::range_text(row.range).substr(std::string_view("must be ").size());
  return std::visit(
      [&](auto member) -> std::string {
        using T = std::decay_t<decltype(HyperparameterValues{}.*member)>;
        if constexpr (std::is_same_v<T, long>) {
          return (row.odd ? "odd integer, " : "integer, ") + range;
        } else if constexpr (std::is_same_v<T, double>) {
          return std::isfinite(row.range.low) ? "number, " + range : "number";
        } else if constexpr (std::is_same_v<T, bool>) {
          return "true or false";
        } else if constexpr (std::is_same_v<T, std::string>) {
          return words.empty() ? "text" : detail::joined(words, ", ");
        } else if constexpr (std::is_same_v<T, std::vector<double>>) {
          return "list of numbers, each " + range;
        } else {
          return "list of " + detail::joined(words, ", ");
        }
      },
      row.member);
}

/// The default, or for each model its own where they differ.
inline std::string default_text(const Hyperparameter& row) {
  constexpr std::array models = {
      ModelName::ssd_mobilenet_v1, ModelName::ssd_mobilenet_v2, ModelName::ssdlite_mobilenet_v2};
  std::array<std::string, models.size()> values;
  for (std::size_t k = 0; k < models.size(); ++k)
    values[k] = detail::value_text(row, default_values(models[k]));
  const std::string of_classifiers =
      detail::value_text(row, default_values(ModelName::mobilenet_v2_classifier));
  if (row.kinds == Kinds::classifier) return of_classifiers;
  if (values[0] != values[1] || values[1] != values[2])
    return values[0] + " (v1), " + values[1] + " (v2), " + values[2] + " (lite)";
  if (row.kinds == Kinds::ssd || values[0] == of_classifiers) return values[0];
  return values[0] + " (SSD), " + of_classifiers + " (classifier)";
}

/// Which models have it.
inline std::string kinds_text(const Hyperparameter& row) {
  return row.kinds == Kinds::all ? "all" : row.kinds == Kinds::ssd ? "SSD" : "classifier";
}

/// docs/hyperparameters.md.
inline std::string describe_hyperparameters() {
  std::string page = R"(# Hyperparameters

This page is made from the table in `include/ocelli/train/hyperparameter_table.hpp`; do not edit it.

Every name works with `-` or `_`, from the command line (`--set num-steps=4000`), from the environment
(`OCELLI_SET_NUM_STEPS=4000`), from C++ (`Hyperparameters::set`) and from a file (`--params my.params`) of lines

    num-steps=4000                  # or
    initial_learning_rate: 0.01

or of one JSON object, `{"num_steps": 4000}`. A flag overrides the environment, that a file, and that the defaults.
An unknown name, or a value out of range, is an error that names the file and line. Nothing is ignored in silence.

What changes the net is marked **compiled**: a program takes only the value it was built with, and
`ocelli_add_trainer(my_trainer MODEL ssd-mobilenet-v2 PARAMS my.params)` in CMake builds one from the same file.

The models are)";
  for (const ModelInfo& info : model_table)
    if (info.architecture != Architecture::faster_rcnn) {
      page += " `" + std::string(info.name) + "` (also";
      for (const std::string_view alias : info.aliases)
        if (!alias.empty()) page += " `" + std::string(alias) + "`";
      page += ")";
    }
  page +=
      ".\nThe workflow these names come from trains its SSDLite with `momentum_optimizer_value` "
      "1.0, "
      "`momentum_epsilon` 3e-6 and 1000 steps,\nwhich looks like an error and does not converge in "
      "general: the defaults here are those of the other two.\n";
  std::string_view section;
  for (const Hyperparameter& row : all_hyperparameters()) {
    if (row.section != section) {
      section = row.section;
      page += "\n## " + std::string(section) +
              "\n\n| name | default | values | models | effect |\n|---|---|---|---|---|\n";
    }
    std::string effect(row.effect);
    if (row.scope == Scope::compile_time) effect = "**compiled** " + effect;
    if (!row.needs_key.empty())
      effect += " With `" + std::string(row.needs_key) + "=" + std::string(row.needs_value) + "`.";
    if (!row.alias.empty()) effect += " Also `" + std::string(row.alias) + "`.";
    page += "| `" + std::string(row.name) + "` | " + default_text(row) + " | " + kind_text(row) +
            " | " + kinds_text(row) + " | " + effect + " |\n";
  }
  page +=
      "\n## Names of other models\n\nThese are known, and refused with the advice given here.\n\n"
      "| name | belongs to | instead |\n|---|---|---|\n";
  for (const ForeignName& name : foreign_hyperparameters())
    page += "| `" + std::string(name.name) + "` | " + std::string(name.owner) + " | " +
            std::string(name.advice) + " |\n";
  return page;
}

/// The same for a terminal: a line for the name, its default and values, a line for its effect.
inline std::string help_hyperparameters() {
  std::string text;
  std::string_view section;
  for (const Hyperparameter& row : all_hyperparameters()) {
    if (row.section != section) {
      section = row.section;
      text += (text.empty() ? "" : "\n") + std::string(section) + "\n";
    }
    text += "  " + std::string(row.name) + "=" + default_text(row) + "  (" + kind_text(row) +
            (row.scope == Scope::compile_time ? "; compiled" : "") +
            (row.kinds == Kinds::all ? "" : "; " + kinds_text(row)) + ")\n      " +
            std::string(row.effect) + "\n";
  }
  return text;
}

}  // namespace ocelli::train
