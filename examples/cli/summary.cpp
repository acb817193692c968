// ocelli summary: a model's layers, shapes, parameters, FLOPs and memory.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/net/summary.hpp"

#include <fmt/core.h>

#include "ocelli/cpu/backend.hpp"
#include "program.hpp"

namespace program {

void add_summary(CLI::App& app, Run& run) {
  struct Options {
    std::string model = default_model();
    int classes = 90, batch = 24;
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("summary", "Show a model's layers, cost and memory");
  command->add_option("--model", options->model, "Which model")->capture_default_str();
  command->add_option("--classes", options->classes, "Classes without background")
      ->capture_default_str()
      ->check(CLI::Range(1, 100000));
  command->add_option("--batch", options->batch, "Pictures in a training step")
      ->capture_default_str()
      ->check(CLI::Range(1, 65536));
  command->add_flag("--json", options->json, "End with one JSON object");
  command->callback([options, &run] {
    run = [options] {
      const auto name = ocelli::train::model_by_name(options->model);
      const Model model = make_model(name, options->classes);
      const ocelli::ModelView& view = model.view();
      fmt::print(
          "{}",
          ocelli::summary<ocelli::CpuBackend>(view, ocelli::train::name_of(name), options->batch));
      if (options->json)
        print_json(
            {{"model", ocelli::train::name_of(name)},
             {"parameters", ocelli::parameters(view.graph)},
             {"flops", ocelli::flops(view.graph)},
             {"anchors", model.spec.anchors},
             {"step_bytes", view.step_bytes(options->batch)}});
      return static_cast<int>(done);
    };
  });
}

}  // namespace program
