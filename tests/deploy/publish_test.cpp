// Publishing: what is on a branch after each way to put it there, and after each way to fail.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/deploy/publish.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <functional>

#include "deploy/failing_store.hpp"
#include "deploy/model_file.hpp"
#include "ocelli/bucket/memory_store.hpp"
#include "ocelli/bucket/sha256.hpp"
#include "support/message_of.hpp"
#include "support/temporary_folder.hpp"

using namespace ocelli;
using namespace ocelli::deploy;
using namespace ocelli::test;

namespace {

std::string text_of(bucket::ObjectStore& store, const std::string& key) {
  const auto bytes = store.get(key);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string one_a_line(const Labels& labels) {
  std::string text;
  for (const std::string& label : labels) text += label + "\n";
  return text;
}

/// Whatever a reader finds belongs together: through the manifest, whose every word is true, and at
/// the copies, where there may be no weights, but never with the labels of others. Returns the
/// version that the manifest has, or 0.
int check_agreement(bucket::ObjectStore& store, const ModelKeys& keys) {
  int version = 0;
  if (const auto stored = find_manifest(store, keys)) {
    const Publication& now = stored->manifest.current;
    std::vector<Publication> all = stored->manifest.history;
    all.push_back(now);
    for (const Publication& one : all) {
      const std::string weights = text_of(store, keys.prefix + one.file(kWeightsExtension).key);
      const std::string labels = text_of(store, keys.prefix + one.file(kLabelsExtension).key);
      CHECK(bucket::Sha256::hex_of(weights) == one.file(kWeightsExtension).sha256);
      CHECK(bucket::Sha256::hex_of(labels) == one.file(kLabelsExtension).sha256);
      CHECK(labels_of(weights) == one.labels);
      CHECK(labels == one_a_line(one.labels));
      if (one.id == now.id) version = version_of(weights);
    }
  }
  if (store.head(keys.copy(kWeightsExtension))) {
    const std::string weights = text_of(store, keys.copy(kWeightsExtension));
    REQUIRE(store.head(keys.copy(kLabelsExtension)));
    CHECK(text_of(store, keys.copy(kLabelsExtension)) == one_a_line(labels_of(weights)));
  }
  return version;
}

/// After a change that went well the copies are the model, too.
void check_copies(bucket::ObjectStore& store, const ModelKeys& keys, int version) {
  CHECK(check_agreement(store, keys) == version);
  CHECK(version_of(text_of(store, keys.copy(kWeightsExtension))) == version);
}

struct Models {
  TemporaryFolder folder;
  std::filesystem::path one = write_model(folder / "one", 1);
  std::filesystem::path two = write_model(folder / "two", 2, {"cat", "dog", "Caf\xC3\xA9 #2"});
  std::filesystem::path three = write_model(folder / "three", 3);
};

}  // namespace

TEST_CASE("publish: weights, labels exactly as written, manifest and copies") {
  const Models models;
  bucket::MemoryStore store("cats");
  PublishOptions options;
  options.metrics = {{"ap", 0.5}};
  const Published first = publish(store, "team", models.one, "master", options);
  CHECK(first.changed);
  CHECK(first.publication.action == "publish");
  CHECK(first.publication.model == "ssdlite-mobilenet-v2");
  CHECK(first.publication.step == 1000);
  CHECK(first.publication.previous.empty());
  CHECK(first.publication.metrics.at("ap") == 0.5);
  const ModelKeys master("team", "cats", "master"), night("team", "cats", "night");
  check_copies(store, master, 1);
  CHECK(store.head("team/cats.safetensors"));

  const Published second = publish(store, "team", models.two, "master");
  CHECK(second.publication.previous == first.publication.id);
  check_copies(store, master, 2);
  CHECK(text_of(store, "team/cats.labels") == "cat\ndog\nCaf\xC3\xA9 #2\n");

  publish(store, "team", models.three, "night");
  check_copies(store, night, 3);
  check_copies(store, master, 2);
  CHECK(store.head("team/cats-night.safetensors"));

  const std::vector<Publication> had = history(store, "team", "master");
  REQUIRE(had.size() == 2);
  CHECK(had[0].id == second.publication.id);
  CHECK(had[1].id == first.publication.id);
  CHECK(history(store, "team", "nobody").empty());
}

TEST_CASE("publish: the same model again changes nothing but brings the copies up") {
  const Models models;
  bucket::MemoryStore store("cats");
  const Published first = publish(store, "", models.one, "master");
  store.remove("cats.safetensors");
  const Published again = publish(store, "", models.one, "master");
  CHECK_FALSE(again.changed);
  CHECK(again.publication.id == first.publication.id);
  check_copies(store, ModelKeys("", "cats", "master"), 1);
  CHECK(history(store, "", "master").size() == 1);
}

TEST_CASE("publish: a damaged object goes nowhere, and publishing again mends it") {
  const Models models;
  bucket::MemoryStore store("cats");
  const ModelKeys keys("", "cats", "master");
  const Published first = publish(store, "", models.one, "master");
  (void)publish(store, "", models.two, "master");
  const std::string key = first.publication.file(kWeightsExtension).key;
  const std::string good = text_of(store, key);
  std::string damaged = good;
  damaged.back() = static_cast<char>(damaged.back() ^ 1);
  store.put(key, damaged);
  CHECK(says(
      message_of<StoreError>([&] { rollback(store, "", "master"); }),
      key + ": the object is damaged: its SHA-256 is another one; publish the model again"));
  CHECK(find_manifest(store, keys)->manifest.current.action == "publish");
  (void)publish(store, "", models.one, "master");
  CHECK(text_of(store, key) == good);
  store.put(key, damaged);
  CHECK_THROWS_AS(promote(store, "", "master", "trial"), StoreError);
  CHECK_FALSE(find_manifest(store, ModelKeys("", "cats", "trial")));
  CHECK_FALSE(publish(store, "", models.one, "master").changed);
  CHECK(text_of(store, key) == good);
  check_copies(store, keys, 1);
}

TEST_CASE("publish: an expectation that is not met is told before anything is written") {
  const Models models;
  bucket::MemoryStore store("cats");
  (void)publish(store, "", models.one, "master");
  const std::size_t objects = store.list().size();
  PublishOptions options;
  options.expected = "another";
  CHECK_THROWS_AS(publish(store, "", models.two, "master", options), bucket::ConditionError);
  CHECK(store.list().size() == objects);
}

TEST_CASE("publish: files and labels that cannot be published") {
  const TemporaryFolder folder;
  bucket::MemoryStore store("cats");
  const auto refusal = [&](const std::filesystem::path& file, const PublishOptions& options = {}) {
    return message_of<Error>([&] { publish(store, "", file, "master", options); });
  };
  CHECK(says(refusal(folder / "nothing"), "nothing"));
  write_model(folder / "cut", 1);
  std::filesystem::resize_file(folder / "cut", 300);
  CHECK(says(refusal(folder / "cut"), "damaged"));
  CHECK(says(refusal(write_model(folder / "a", 1, {})), "no labels"));
  CHECK(says(refusal(write_model(folder / "a", 1, {"a\nb"})), "one line"));
  CHECK(says(refusal(write_model(folder / "a", 1, {"a", ""})), "one line"));
  PublishOptions options;
  options.labels = {"x"};
  CHECK(says(refusal(write_model(folder / "a", 1), options), "other labels"));
  CHECK(store.list("").empty());

  // Weights of others, with labels from outside.
  const float value = 1;
  const train::TensorView view{"w", train::TensorDtype::f32, {1}, &value};
  train::write_safetensors(folder / "foreign", std::span(&view, 1));
  CHECK(says(refusal(folder / "foreign"), "no labels"));
  CHECK(
      publish(store, "", folder / "foreign", "master", options).publication.labels == Labels{"x"});
}

TEST_CASE("promote: the model of one branch on another") {
  const Models models;
  bucket::MemoryStore store("cats");
  publish(store, "p", models.one, "master");
  const Published night = publish(store, "p", models.two, "night");
  const Published promoted = promote(store, "p", "night", "master");
  CHECK(promoted.changed);
  CHECK(promoted.publication.action == "promote");
  CHECK(promoted.publication.from == "night " + night.publication.id);
  CHECK(promoted.publication.step == 2000);
  check_copies(store, ModelKeys("p", "cats", "master"), 2);
  CHECK_FALSE(promote(store, "p", "night", "master").changed);
  CHECK(says(
      message_of<bucket::NotFoundError>([&] { promote(store, "p", "day", "master"); }),
      "nothing was published on branch day"));
  CHECK_THROWS_AS(promote(store, "p", "night", "night"), ConfigError);
}

TEST_CASE("rollback: step by step back, or to an id, always as a new publication") {
  const Models models;
  bucket::MemoryStore store("cats");
  const ModelKeys keys("", "cats", "master");
  CHECK_THROWS_AS(rollback(store, "", "master"), bucket::NotFoundError);
  const std::string first = publish(store, "", models.one, "master").publication.id;
  CHECK(says(
      message_of<bucket::NotFoundError>([&] { rollback(store, "", "master"); }),
      "no publication before"));
  publish(store, "", models.two, "master");
  const std::string third = publish(store, "", models.three, "master").publication.id;

  const Published back = rollback(store, "", "master");
  check_copies(store, keys, 2);
  CHECK(back.publication.action == "rollback");
  CHECK(back.publication.id != third);
  rollback(store, "", "master");
  check_copies(store, keys, 1);
  CHECK_THROWS_AS(rollback(store, "", "master"), bucket::NotFoundError);
  rollback(store, "", "master", third);
  check_copies(store, keys, 3);
  CHECK(history(store, "", "master").size() == 6);
  CHECK(says(
      message_of<bucket::NotFoundError>([&] { rollback(store, "", "master", "nonsense"); }),
      "no publication nonsense"));
  CHECK_FALSE(rollback(store, "", "master", third).changed);
  CHECK(rollback(store, "", "master", first).changed);
}

TEST_CASE("publish: only the newest publications are kept, and what nobody names is pruned") {
  const TemporaryFolder folder;
  bucket::MemoryStore store("cats");
  PublishOptions options;
  options.history = 2;
  for (int version = 1; version <= 5; ++version)
    publish(store, "p", write_model(folder / "m", version), "master", options);
  publish(store, "p", write_model(folder / "m", 9), "night");
  publish(store, "p", write_model(folder / "m", 7), "master", {.name = "other"});
  CHECK(history(store, "p", "master").size() == 3);
  store.put("p/models/elsewhere", "x");
  const auto removed = prune(store, "p");
  CHECK(removed.size() == 2);  // versions 1 and 2; the labels are shared
  CHECK(check_agreement(store, ModelKeys("p", "cats", "master")) == 5);
  CHECK(check_agreement(store, ModelKeys("p", "cats", "night")) == 9);
  CHECK(check_agreement(store, ModelKeys("p", "other", "master")) == 7);
  CHECK(prune(store, "p").empty());
  CHECK(store.head("p/models/elsewhere"));

  store.put("p/cats-broken.model.json", "{");
  publish(store, "p", write_model(folder / "m", 6), "master", options);
  CHECK(says(message_of<StoreError>([&] { prune(store, "p"); }), "nothing is removed"));
}

TEST_CASE("list_models: the branches of a model, and none of a model with a longer name") {
  const Models models;
  bucket::MemoryStore store("cats");
  publish(store, "", models.one, "master");
  publish(store, "", models.two, "night");
  publish(store, "", models.three, "master", {.name = "cats-and-dogs"});
  publish(store, "", models.three, "master", {.name = "catsup"});
  store.put("cats-x.model.json", "nonsense");
  const ModelList list = list_models(store, "");
  REQUIRE(list.models.size() == 2);
  CHECK(list.models[0].branch == "night");  // by key: "cats-..." is before "cats."
  CHECK(list.models[1].branch == "master");
  REQUIRE(list.faults.size() == 1);
  CHECK(says(list.faults[0], "cats-x.model.json"));
  CHECK(list_models(store, "", "catsup").models.size() == 1);
  CHECK(list_models(store, "elsewhere").models.empty());
  // The same key for another model is refused, not overwritten.
  CHECK(says(
      message_of<StoreError>([&] { publish(store, "", models.one, "and-dogs"); }),
      "belongs to branch master of cats-and-dogs"));
}

TEST_CASE("publish: of two at once the second is told, and what came first stays") {
  const Models models;
  bucket::MemoryStore memory("cats");
  publish(memory, "", models.one, "master");
  FailingStore store(memory);
  bool done = false;
  store.on_operation = [&](const std::string& operation, const std::string& key) {
    if (done || operation != "put" || key != "cats.model.json") return;
    done = true;
    publish(memory, "", models.two, "master");
  };
  CHECK(says(
      message_of<bucket::ConditionError>([&] { publish(store, "", models.three, "master"); }),
      "another publication came first"));
  check_copies(memory, ModelKeys("", "cats", "master"), 2);

  PublishOptions expecting;
  expecting.expected = "somebody else's";
  CHECK_THROWS_AS(publish(memory, "", models.three, "master", expecting), bucket::ConditionError);
  expecting.expected = history(memory, "", "master").front().id;
  CHECK(publish(memory, "", models.three, "master", expecting).changed);

  // The first publication on a branch, too.
  done = false;
  store.on_operation = [&](const std::string& operation, const std::string& key) {
    if (done || operation != "put" || key != "cats-new.model.json") return;
    done = true;
    publish(memory, "", models.two, "new");
  };
  CHECK_THROWS_AS(publish(store, "", models.one, "new"), bucket::ConditionError);
  check_copies(memory, ModelKeys("", "cats", "new"), 2);
}

TEST_CASE("publish: the copies are those of the last of two that overlap") {
  const Models models;
  bucket::MemoryStore memory("cats");
  FailingStore store(memory);
  bool done = false;
  store.on_operation = [&](const std::string& operation, const std::string& key) {
    if (done || operation != "copy" || key != "cats.safetensors") return;
    done = true;  // between the labels and the weights of the first
    publish(memory, "", models.two, "master");
  };
  publish(store, "", models.one, "master");
  check_copies(memory, ModelKeys("", "cats", "master"), 2);
}

TEST_CASE("publish: a fault at any operation leaves a model or none, whole, and the way on") {
  const Models models;
  const ModelKeys keys("p", "cats", "master");
  struct Change {
    const char* name;
    std::function<void(bucket::ObjectStore&)> make;
    int before, after;
  };
  const Change changes[] = {
      {"first", [&](auto& s) { publish(s, "p", models.one, "master"); }, 0, 1},
      {"new labels", [&](auto& s) { publish(s, "p", models.two, "master"); }, 3, 2},
      {"same labels", [&](auto& s) { publish(s, "p", models.one, "master"); }, 3, 1},
      {"promote", [&](auto& s) { promote(s, "p", "night", "master"); }, 3, 2},
      {"rollback", [&](auto& s) { rollback(s, "p", "master"); }, 3, 2}};
  for (const Change& change : changes)
    for (const auto way : {FailingStore::Way::before, FailingStore::Way::after})
      for (const bool once : {false, true})
        for (int k = 0;; ++k) {
          CAPTURE(change.name);
          CAPTURE(k);
          CAPTURE(once);
          CAPTURE(static_cast<int>(way));
          bucket::MemoryStore memory("cats");
          publish(memory, "p", models.two, "night");
          if (change.before != 0) {
            publish(memory, "p", models.two, "master");
            publish(memory, "p", models.three, "master");
          }
          FailingStore store(memory);
          store.fail_at(k, way, once);
          bool thrown = false;
          try {
            change.make(store);
          } catch (const StoreError&) {
            thrown = true;
          }
          const int version = check_agreement(memory, keys);
          CHECK((version == change.before || version == change.after));
          if (!thrown) check_copies(memory, keys, change.after);
          if (!store.failed()) break;
          CHECK(thrown);
          // Once more, with the network back. A rollback that had been made goes one further.
          if (std::string(change.name) == "rollback" && version == change.after) continue;
          store.heal();
          change.make(store);
          check_copies(memory, keys, change.after);
        }
}
