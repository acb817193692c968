// Watching: the file is a whole published model at any time, whatever fails.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/deploy/watch.hpp"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <thread>

#include "deploy/failing_store.hpp"
#include "deploy/model_file.hpp"
#include "ocelli/bucket/memory_store.hpp"
#include "ocelli/deploy/publish.hpp"
#include "support/message_of.hpp"
#include "support/temporary_folder.hpp"

using namespace ocelli;
using namespace ocelli::deploy;
using namespace ocelli::test;
using Kind = WatchEvent::Kind;

namespace {

struct Field {
  TemporaryFolder folder;
  bucket::MemoryStore memory{"cats"};
  FailingStore store{memory};
  std::filesystem::path out = folder / "field/model.safetensors";

  std::string publish(int version, const std::string& branch = "master") {
    const auto file =
        write_model(folder / "new", version, {"cat", "dog", "v" + std::to_string(version)});
    return deploy::publish(memory, "p", file, branch).publication.id;
  }
  WatchOptions options(const std::string& branch = "master") const {
    WatchOptions options{.out = out, .prefix = "p"};
    options.branch = branch;
    return options;
  }
  /// The version in the file; 0: there is none.
  int version() const { return std::filesystem::exists(out) ? version_of(read_file(out)) : 0; }
  /// Nothing but the model, its state and the lock may lie there.
  void check_clean() const {
    for (const auto& entry : std::filesystem::directory_iterator(out.parent_path())) {
      const std::string name = entry.path().filename().string();
      CAPTURE(name);
      CHECK(
          (name == "model.safetensors" || name == "model.safetensors.state.json" ||
           name == "model.safetensors.lock"));
    }
  }
};

/// Changes the bytes of the weights that a branch names, under the same key.
void damage(bucket::ObjectStore& store, const std::string& branch, bool longer) {
  const ModelKeys keys("p", "cats", branch);
  const auto stored = find_manifest(store, keys);
  const std::string key = "p/" + stored->manifest.current.file(kWeightsExtension).key;
  auto bytes = store.get(key);
  if (longer) {
    bytes.push_back(std::byte{0});
  } else {
    bytes.back() ^= std::byte{1};
  }
  store.put(key, bucket::BytesBody(bytes));
}

}  // namespace

TEST_CASE("watch: updates, rollbacks and nothing new") {
  Field field;
  Watcher watcher(field.store, field.options());
  const WatchEvent none = watcher.check();
  CHECK(none.kind == Kind::failed);
  CHECK(says(none.text, "nothing is published on branch master"));
  CHECK(none.publication.id.empty());

  const std::string first = field.publish(1);
  const WatchEvent updated = watcher.check();
  CHECK(updated.kind == Kind::updated);
  CHECK(updated.text.empty());
  CHECK(updated.publication.id == first);
  CHECK(field.version() == 1);
  const int operations = field.store.operations();
  CHECK(watcher.check().kind == Kind::unchanged);
  CHECK(field.store.operations() == operations + 1);  // the manifest, which did not come

  field.publish(2);
  CHECK(watcher.check().kind == Kind::updated);
  CHECK(field.version() == 2);
  rollback(field.memory, "p", "master");
  CHECK(watcher.check().kind == Kind::updated);
  CHECK(field.version() == 1);
  CHECK(watcher.current().action == "rollback");
  CHECK(watcher.check().kind == Kind::unchanged);
  field.check_clean();
}

TEST_CASE("watch: a restart knows the model without a network, and asks for news alone") {
  Field field;
  field.publish(1);
  const std::string id = Watcher(field.store, field.options()).check().publication.id;
  field.store.fail_at(0);
  int loaded = 0;
  Watcher watcher(field.store, field.options(), [&](const auto& file, const auto&) {
    loaded = version_of(read_file(file));
  });
  CHECK(loaded == 1);
  CHECK(watcher.current().id == id);
  const WatchEvent offline = watcher.check();
  CHECK(offline.kind == Kind::failed);
  CHECK(says(offline.text, "the network is gone"));
  CHECK(offline.publication.id == id);
  field.store.heal();
  const int operations = field.store.operations();
  CHECK(watcher.check().kind == Kind::unchanged);
  CHECK(field.store.operations() == operations + 1);
}

TEST_CASE("watch: a state that is not the file's or the branch's counts for nothing") {
  Field field;
  field.publish(1);
  field.publish(2, "night");
  REQUIRE(Watcher(field.store, field.options()).check().kind == Kind::updated);
  // Another branch, and back: each has the model of its own, older or newer.
  for (const auto& [branch, version] : {std::pair{"night", 2}, {"master", 1}, {"night", 2}}) {
    Watcher watcher(field.store, field.options(branch));
    CHECK(watcher.current().id.empty());
    CHECK(watcher.check().kind == Kind::updated);
    CHECK(field.version() == version);
  }
  const std::filesystem::path state = field.out.string() + ".state.json";
  const auto again = [&] {
    Watcher watcher(field.store, field.options("night"));
    CHECK(watcher.current().id.empty());
    CHECK(watcher.check().kind == Kind::updated);
    CHECK(field.version() == 2);
  };
  write_model(field.out, 7);  // the file was changed
  again();
  std::filesystem::remove(field.out);
  again();
  write_file(state, "{\"version\": 1");
  again();
  std::filesystem::remove(state);
  again();
  // Removed while it is watched.
  Watcher watcher(field.store, field.options("night"));
  CHECK(watcher.check().kind == Kind::unchanged);
  std::filesystem::remove(field.out);
  CHECK(watcher.check().kind == Kind::updated);
  CHECK(field.version() == 2);
}

TEST_CASE("watch: bytes that are not the manifest's are never used") {
  for (const bool longer : {false, true}) {
    Field field;
    field.publish(1);
    int loaded = 0;
    Watcher watcher(field.store, field.options(), [&](const auto&, const auto&) { ++loaded; });
    watcher.check();
    const std::string second = field.publish(2);
    damage(field.memory, "master", longer);
    const WatchEvent event = watcher.check();
    CHECK(event.kind == Kind::failed);
    CHECK(says(event.text, longer ? "longer than" : "SHA-256 differs"));
    CHECK(event.publication.id != second);
    CHECK(field.version() == 1);
    CHECK(loaded == 1);
    field.check_clean();
    field.publish(3);
    CHECK(watcher.check().kind == Kind::updated);
    CHECK(field.version() == 3);
  }
}

TEST_CASE("watch: a model that the program refuses is left, and asked for again when it changes") {
  Field field;
  field.publish(1);
  Watcher watcher(field.store, field.options(), [](const auto& file, const auto&) {
    if (version_of(read_file(file)) == 2) throw Error("I want no such model");
  });
  CHECK(watcher.check().kind == Kind::updated);
  field.publish(2);
  for (int poll = 0; poll < 3; ++poll) {
    const int operations = field.store.operations();
    const WatchEvent event = watcher.check();
    CHECK(event.kind == Kind::failed);
    CHECK(says(event.text, "I want no such model"));
    CHECK(field.store.operations() == operations + (poll == 0 ? 2 : 1));
    CHECK(field.version() == 1);
  }
  field.check_clean();
  rollback(field.memory, "p", "master");
  CHECK(watcher.check().kind == Kind::updated);
  CHECK(field.version() == 1);
}

TEST_CASE("watch: weights whose labels are not the manifest's are refused") {
  Field field;
  field.publish(1);
  const ModelKeys keys("p", "cats", "master");
  auto stored = find_manifest(field.memory, keys);
  stored->manifest.current.labels.back() = "another";
  field.memory.put(keys.manifest(), to_text(stored->manifest));
  Watcher watcher(field.store, field.options());
  CHECK(says(watcher.check().text, "other labels"));
  CHECK(field.version() == 0);
}

TEST_CASE("watch: a fault at any request leaves the old model, and the next poll has the new") {
  for (const auto way : {FailingStore::Way::before, FailingStore::Way::after})
    for (int k = 0; k < 3; ++k) {
      Field field;
      field.publish(1);
      Watcher watcher(field.store, field.options());
      watcher.check();
      field.publish(2);
      field.store.fail_at(k, way);
      const WatchEvent event = watcher.check();
      CHECK(event.kind == (k < 2 ? Kind::failed : Kind::updated));
      CHECK(field.version() == (k < 2 ? 1 : 2));
      field.check_clean();
      field.store.heal();
      CHECK(watcher.check().kind == (k < 2 ? Kind::updated : Kind::unchanged));
      CHECK(field.version() == 2);
    }
}

TEST_CASE("watch: a place that cannot be written, and one that is taken") {
  Field field;
  field.publish(1);
  WatchOptions options = field.options();
  options.out = field.folder.path();
  CHECK_THROWS_AS(Watcher(field.store, options), ConfigError);
  const Watcher first(field.store, field.options());
  CHECK(says(
      message_of<StoreError>([&] { Watcher(field.store, field.options()); }),
      "another process watches into this file"));
  CHECK_THROWS_AS(Watcher(field.store, field.options("a/b")), ConfigError);

  // A drive that takes no more bytes: in a child, whose limit it is.
  options.out = field.folder / "small/model.safetensors";
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{200, 200};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    Watcher watcher(field.store, options);
    const WatchEvent event = watcher.check();
    ::_exit(event.kind == Kind::failed && says(event.text, "writing failed") ? 0 : 1);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  CHECK(status == 0);
  CHECK_FALSE(std::filesystem::exists(options.out));
}

TEST_CASE("watch: a thread swaps the model in memory; who holds the old one keeps it") {
  Field field;
  field.publish(1);
  LiveModel<int> live(field.store, field.options(), [](const auto& file, const auto&) {
    return std::make_shared<int>(version_of(read_file(file)));
  });
  CHECK(live.get() == nullptr);
  std::promise<void> one, two;
  std::atomic<int> updates{0};
  WatchOptions options = field.options();
  std::jthread thread([&](const std::stop_token& stop) {
    live.watcher().run(stop, [&](const WatchEvent& event) {
      if (event.kind != Kind::updated) return;
      (updates++ == 0 ? one : two).set_value();
    });
  });
  one.get_future().wait();
  const std::shared_ptr<const int> held = live.get();
  REQUIRE(held);
  CHECK(*held == 1);
  thread.request_stop();  // in the middle of 30 seconds
  thread.join();

  options.interval = std::chrono::milliseconds(1);
  options.out = field.folder / "other/model";
  LiveModel<int> quick(field.store, options, [](const auto& file, const auto&) {
    return std::make_shared<int>(version_of(read_file(file)));
  });
  std::jthread polling([&](const std::stop_token& stop) {
    quick.watcher().run(stop, [&](const WatchEvent& event) {
      if (event.kind == Kind::updated && event.publication.step == 2000) two.set_value();
    });
  });
  field.publish(2);
  two.get_future().wait();
  CHECK(*quick.get() == 2);
  CHECK(*held == 1);
}

TEST_CASE("watch: a download is left when the watcher is asked to stop") {
  Field field;
  field.publish(1);
  Watcher watcher(field.store, field.options());
  std::stop_source stop;
  field.store.on_operation = [&](const std::string&, const std::string& key) {
    if (key.starts_with("p/models/")) stop.request_stop();
  };
  std::size_t events = 0;
  watcher.run(stop.get_token(), [&](const WatchEvent&) { ++events; });
  CHECK(events == 0);
  CHECK(field.version() == 0);
}
