// ocelli watch: keeps a file that is the model of a branch.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/deploy/watch.hpp"

#include <fmt/core.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <optional>
#include <thread>

#include "loaded.hpp"
#include "model_options.hpp"
#include "ocelli/train/signals.hpp"
#include "program.hpp"
#include "store_options.hpp"

namespace program {
namespace {

using namespace ocelli;

struct Options {
  ModelOptions model;
  std::string out, branch = std::string(deploy::kMaster), interval = "30s", command;
  bool once = false;
};

/// One line an event; with --json one object a line.
void tell(const Options& options, const deploy::WatchEvent& event) {
  if (options.model.json) {
    print_json(
        {{"event", deploy::name(event.kind)},
         {"id", event.publication.id},
         {"branch", options.branch},
         {"step", event.publication.step},
         {"file", options.out},
         {"text", event.text}});
  } else {
    std::string line = deploy::name(event.kind);
    if (!event.text.empty()) line += ": " + event.text;
    if (event.kind != deploy::WatchEvent::Kind::failed)
      line += ": " + line_of(event.publication);
    else if (!event.publication.id.empty())
      line += "; " + event.publication.id + " stays";
    fmt::print("{} {}\n", date_text(std::time(nullptr)), line);
  }
  std::fflush(stdout);
}

/// Runs the user's command after an update. What it needs is in its environment.
void execute(const Options& options, const deploy::WatchEvent& event) {
  ::setenv("OCELLI_MODEL", options.out.c_str(), 1);
  ::setenv("OCELLI_PUBLICATION", event.publication.id.c_str(), 1);
  ::setenv("OCELLI_BRANCH", options.branch.c_str(), 1);
  const int status = std::system(options.command.c_str());
  if (status != 0)
    fmt::print(
        stderr, "warning: the command ended with code {}\n",
        WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

int run_watch(const Options& options) {
  using Kind = deploy::WatchEvent::Kind;
  const bucket::OpenedStore opened = program::open_store(options.model.bucket, options.model.store);
  deploy::WatchOptions watch{.out = options.out, .prefix = opened.prefix};
  watch.name = options.model.name;
  watch.branch = options.branch;
  watch.interval = std::chrono::milliseconds(
      static_cast<std::int64_t>(1000 * parse_duration(options.interval, "--interval")));
  if (watch.interval < std::chrono::milliseconds(100))
    throw ConfigError(
        "the shortest interval is a tenth of a second", "--interval", "give the store a rest");
  watch.longest_interval = std::max(watch.longest_interval, watch.interval);
  // A model of a kind that this program knows must be one that it can use.
  const auto names = model_names();
  const auto load = [&](const std::filesystem::path& file, const deploy::Publication& publication) {
    if (std::ranges::find(names, publication.model) != names.end()) load_weights(file.string());
  };
  deploy::Watcher watcher(*opened.store, watch, load);
  if (options.once) {
    const deploy::WatchEvent event = watcher.check();
    tell(options, event);
    if (event.kind == Kind::updated && !options.command.empty()) execute(options, event);
    return event.kind == Kind::failed ? store_failed : done;
  }
  const train::StopSignals signals;
  std::optional<Kind> last;
  std::jthread thread([&](const std::stop_token& stop) {
    watcher.run(stop, [&](const deploy::WatchEvent& event) {
      // That nothing changed is news only at first and after failures.
      if (event.kind != Kind::unchanged || !last || last == Kind::failed) tell(options, event);
      last = event.kind;
      if (event.kind == Kind::updated && !options.command.empty()) execute(options, event);
    });
  });
  while (!train::StopSignals::requested())
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  thread.request_stop();
  thread.join();
  return done;
}

}  // namespace

void add_watch(CLI::App& app, Run& run) {
  auto options = std::make_shared<Options>();
  Options& o = *options;
  CLI::App* command =
      app.add_subcommand("watch", "Keep a file that is the model of a branch, until stopped");
  command->add_option("--out", o.out, "The weights file")->required();
  command->add_option("--branch", o.branch, "Which branch")->capture_default_str();
  command->add_option("--interval", o.interval, "Between two looks: 90s, 30m or 11h")
      ->capture_default_str();
  command->add_flag("--once", o.once, "Look once; exit code 4 when that fails");
  command->add_option(
      "--exec", o.command,
      "Command of the shell after each update, with OCELLI_MODEL, OCELLI_PUBLICATION and "
      "OCELLI_BRANCH in its environment");
  add_model_options(*command, o.model);
  command->callback([options, &run] { run = [options] { return run_watch(*options); }; });
}

}  // namespace program
