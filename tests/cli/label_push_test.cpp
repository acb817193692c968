// Label files that are merged into a bucket while others write there.
// SPDX-License-Identifier: Apache-2.0
#include "label_push.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

#include "ocelli/bucket/memory_store.hpp"
#include "ocelli/core/file.hpp"
#include "ocelli/data/text.hpp"
#include "support/message_of.hpp"
#include "support/temporary_folder.hpp"

using namespace ocelli;
using namespace ocelli::test;
using program::LabelPush;

namespace {

/// A bucket in which something happens before or after a put.
struct BusyStore : bucket::MemoryStore {
  using MemoryStore::put;
  std::function<void()> before = [] {}, after = [] {};
  int puts = 0;
  bucket::ObjectInfo put(
      const std::string& key, const bucket::Body& body,
      const bucket::PutOptions& options = {}) override {
    ++puts;
    before();
    const bucket::ObjectInfo info = MemoryStore::put(key, body, options);
    after();
    return info;
  }
  /// As somebody else does it.
  void write(const std::string& key, const std::string& text) {
    MemoryStore::put(key, bucket::BytesBody(text), {});
  }
  std::string text(const std::string& key) {
    const auto bytes = MemoryStore::get(key);
    return std::string(data::as_text(bytes));
  }
};

struct Pushed {
  TemporaryFolder folder;
  BusyStore store;
  LabelPush push(const std::string& text, bool replace = false) {
    write_file(folder / "rows", text);
    return LabelPush(store, folder / "rows", "p/_annotations.csv", replace);
  }
};

}  // namespace

TEST_CASE("label push: what others write meanwhile is merged too") {
  Pushed pushed;
  LabelPush file = pushed.push("c.jpg,cat\n");
  file.prepare({});
  CHECK_FALSE(file.merged());  // nothing was there
  int others = 3;
  pushed.store.before = [&] {
    if (others > 0)
      pushed.store.write("p/_annotations.csv", std::to_string(others--) + ".jpg,dog\n");
  };
  file.write("text/csv");
  CHECK(pushed.store.text("p/_annotations.csv") == "1.jpg,dog\nc.jpg,cat\n");
  CHECK(pushed.store.puts == 4);
  CHECK(file.merged());
  CHECK(file.counts().pictures == 1);
}

TEST_CASE("label push: it ends when others write all the time") {
  Pushed pushed;
  LabelPush file = pushed.push("c.jpg,cat\n");
  file.prepare({});
  int others = 0;
  pushed.store.before = [&] {
    pushed.store.write("p/_annotations.csv", std::to_string(++others) + ".jpg,dog\n");
  };
  CHECK(says(message_of<bucket::ConditionError>([&] { file.write({}); }), "20 times"));
  CHECK(pushed.store.text("p/_annotations.csv") == "20.jpg,dog\n");
}

TEST_CASE("label push: an answer that was lost is no second merge") {
  Pushed pushed;
  pushed.store.write("p/_annotations.csv", "a.jpg,dog\n");
  LabelPush file = pushed.push("c.jpg,cat\n");
  file.prepare({});
  pushed.store.after = [] { throw bucket::ConditionError("the object is another one by now"); };
  file.write({});
  CHECK(pushed.store.puts == 1);
  CHECK(pushed.store.text("p/_annotations.csv") == "a.jpg,dog\nc.jpg,cat\n");
  CHECK(file.counts().labelled_before == 0);
}

TEST_CASE("label push: the same bytes are not written, and replacing asks for nothing") {
  Pushed pushed;
  pushed.store.write("p/_annotations.csv", "a.jpg,dog\n");
  LabelPush same = pushed.push("a.jpg,dog\n");
  same.prepare({});
  same.write({});
  CHECK_FALSE(same.merged());
  CHECK(pushed.store.puts == 0);
  CHECK(program::merge_text({same}).empty());

  pushed.store.write("p/_annotations.json", "{}");
  LabelPush other = pushed.push("b.jpg,dog\n", true);
  other.prepare({});
  other.write({});
  CHECK(pushed.store.text("p/_annotations.csv") == "b.jpg,dog\n");
}

TEST_CASE("label push: labels of the other kind are not hidden, nor hide") {
  Pushed pushed;
  const std::string csv = "p/_annotations.csv", json = "p/_annotations.json";
  pushed.store.write(json, R"({"annotations":{}})");
  LabelPush rows = pushed.push("b.jpg,dog\n");
  CHECK(says(message_of<DataError>([&] { rows.prepare({csv}); }), "so nobody would read these"));
  CHECK_NOTHROW(rows.prepare({csv, json}));  // both are pushed, as of a copy of a bucket

  pushed.store.remove(json);
  pushed.store.write(csv, "a.jpg,dog\n");
  write_file(pushed.folder / "json", R"({"annotations":{}})");
  LabelPush labels(pushed.store, pushed.folder / "json", json, false);
  CHECK(says(
      message_of<DataError>([&] { labels.prepare({json}); }), "nobody would read them any more"));
  CHECK_NOTHROW(labels.prepare({csv, json}));
}
