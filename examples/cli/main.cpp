// ocelli: train, evaluate and use object detectors and classifiers from the command line.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <cstdio>
#include <exception>

#include "ocelli/core/error.hpp"
#include "ocelli/version.hpp"
#include "program.hpp"

namespace program {

void print_json(const nlohmann::ordered_json& json) {
  fmt::print("{}\n", json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

namespace {

/// The exit code that a fault stands for, after its sentence.
int report_fault() {
  try {
    throw;
  } catch (const ocelli::ConfigError& error) {
    fmt::print(stderr, "ocelli: {}\n", error.what());
    return usage;
  } catch (const ocelli::DataError& error) {
    fmt::print(stderr, "ocelli: {}\n", error.what());
    return bad_data;
  } catch (const ocelli::StoreError& error) {
    fmt::print(stderr, "ocelli: {}\n", error.what());
    return store_failed;
  } catch (const ocelli::DeviceError& error) {
    fmt::print(stderr, "ocelli: {}\n", error.what());
    return device_failed;
  } catch (const ocelli::CheckpointError& error) {
    fmt::print(stderr, "ocelli: {}\n", error.what());
    return bad_checkpoint;
  } catch (const std::exception& error) {
    fmt::print(stderr, "ocelli: {}\n", error.what());
    return 1;
  }
}

int run_program(int argc, char** argv) {
  CLI::App app{
      "Train, evaluate and use object detectors and classifiers on your own labelled pictures."};
  app.set_version_flag(
      "--version",
      fmt::format(
          "ocelli {}.{}.{}", OCELLI_VERSION_MAJOR, OCELLI_VERSION_MINOR, OCELLI_VERSION_PATCH));
  app.require_subcommand(1);
  Run run;
  add_demo(app, run);
  add_train(app, run);
  add_evaluate(app, run);
  add_detect(app, run);
  add_classify(app, run);
  add_check(app, run);
  add_summary(app, run);
  add_step(app, run);
  add_publish(app, run);
  add_promote(app, run);
  add_rollback(app, run);
  add_models(app, run);
  add_watch(app, run);
  add_bucket(app, run);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? done : usage;
  }
  return run();
}

}  // namespace
}  // namespace program

int main(int argc, char** argv) {
  try {
    return program::run_program(argc, argv);
  } catch (...) {
    return program::report_fault();
  }
}
