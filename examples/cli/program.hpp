// What the subcommands share: exit codes, the models this program was built with, opening data.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "ocelli/data/dataset.hpp"
#include "ocelli/data/read_progress.hpp"
#include "ocelli/data/source.hpp"
#include "ocelli/model/classifier.hpp"
#include "ocelli/model/ssd.hpp"
#include "ocelli/train/hyperparameters.hpp"

namespace ocelli::data {
struct SourceOptions;  // few files need what reaching a bucket takes
}

namespace program {

enum ExitCode : int {
  done = 0,
  usage = 2,
  bad_data = 3,
  store_failed = 4,
  device_failed = 5,
  bad_checkpoint = 6,
};

/// A model of this program, for a number of classes that the data told.
struct Model {
  ocelli::SsdSpec spec;                 ///< of a detector
  std::shared_ptr<const void> owner;    ///< keeps what the specs point to
  ocelli::ClassifierSpec classifier{};  ///< of a classifier

  bool classifies() const { return classifier.model.classes > 0; }
  const ocelli::ModelView& view() const { return classifies() ? classifier.model : spec.model; }
};

// model.cpp: the only file that compiles nets.

/// The models of this program by name; one in a program made by ocelli_add_trainer.
std::vector<std::string> model_names();
/// Throws ConfigError for a model that this program was not built with.
Model make_model(ocelli::train::ModelName model, int classes);
/// What a net of this program was compiled with.
ocelli::train::SsdCompiled compiled(ocelli::train::ModelName model);
bool is_classifier(ocelli::train::ModelName model);
/// The demo's net: SSDLite with MobileNet v2 of half width on pictures of 160 x 160.
Model make_demo_model(int classes);
ocelli::train::SsdCompiled demo_compiled();
/// The demo's classifier: MobileNet v1 of half width on pictures of 96 x 96.
Model make_demo_classifier(int classes);
ocelli::train::SsdCompiled demo_classifier_compiled();
/// The defaults that a program made by ocelli_add_trainer was given, as lines of key=value.
std::string built_in_params();
/// The model that is used when none is named.
std::string default_model();
/// The same for a set of pictures: a classifier where their only labels are of whole pictures.
std::string default_model(const ocelli::data::Dataset& dataset);

// data.cpp

/// Where labelled pictures are, and which of them.
struct DataOptions {
  std::string source;
  std::string format;
  std::string voc = "devkit";  ///< how VOC boxes count pixels: devkit or edges
  bool strict = false;
  bool skip_bad = false;                               ///< leave out pictures that cannot be read
  std::shared_ptr<ocelli::data::SourceOptions> where;  ///< of a bucket; add_data_options() makes it
};
void add_data_options(CLI::App& command, DataOptions& options);

/// A set that was read. What was found on the way is printed to standard error.
struct Data {
  std::unique_ptr<ocelli::data::Source> source;
  ocelli::data::Dataset dataset;
};
/// @param labels      the class order to read with; empty: the data set's own
/// @param keep_going  hand over a set with faulty labels instead of throwing
Data open_data(
    const DataOptions& options, const std::string& split = {},
    const std::vector<std::string>& labels = {}, bool keep_going = false);
/// Shows on standard error how the reading of pictures goes on, when it takes more than a second.
ocelli::data::ReadObserver show_reading();
/// Prints counts of findings by reason, and the first of each.
void print_findings(const ocelli::data::Dataset& dataset);

// Each subcommand has a file; its function adds the command and what runs it.

/// Set by the command that was chosen; called after parsing, returns the exit code.
using Run = std::function<int()>;
void add_train(CLI::App& app, Run& run);
void add_evaluate(CLI::App& app, Run& run);
void add_detect(CLI::App& app, Run& run);
void add_classify(CLI::App& app, Run& run);
void add_check(CLI::App& app, Run& run);
void add_step(CLI::App& app, Run& run);
void add_summary(CLI::App& app, Run& run);
void add_demo(CLI::App& app, Run& run);
void add_publish(CLI::App& app, Run& run);
void add_promote(CLI::App& app, Run& run);
void add_rollback(CLI::App& app, Run& run);
void add_models(CLI::App& app, Run& run);
void add_watch(CLI::App& app, Run& run);
void add_bucket(CLI::App& app, Run& run);

/// The last line of standard output: one JSON object.
void print_json(const nlohmann::ordered_json& json);

}  // namespace program
