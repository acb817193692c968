// Tests of StoreSource: the same data set as from a folder, and each object read once.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/data/store_source.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "ocelli/bucket/folder_store.hpp"
#include "ocelli/bucket/memory_store.hpp"
#include "ocelli/core/thread_pool.hpp"
#include "ocelli/data/cache.hpp"
#include "ocelli/data/check.hpp"
#include "ocelli/data/open.hpp"
#include "support/label_fixtures.hpp"
#include "support/message_of.hpp"
#include "support/temporary_folder.hpp"

namespace ocelli::data {
namespace {

using bucket::MemoryStore;
using bucket::ObjectCache;
using test::message_of;
using test::says;
using test::TemporaryFolder;

/// Another store, counting what is asked of it.
class CountingStore : public bucket::ObjectStore {
 public:
  using ObjectStore::get;
  using ObjectStore::list;
  using ObjectStore::put;
  explicit CountingStore(std::shared_ptr<bucket::ObjectStore> inner) : inner_(std::move(inner)) {}
  std::string name() const override { return inner_->name(); }
  std::string bucket() const override { return inner_->bucket(); }
  void list(const std::string& prefix, const Page& page) override {
    ++listings;
    inner_->list(prefix, page);
  }
  std::optional<bucket::ObjectInfo> head(const std::string& key) override {
    ++heads;
    return inner_->head(key);
  }
  std::optional<bucket::ObjectInfo> get(
      const std::string& key, bucket::Sink& sink, const bucket::GetOptions& options = {}) override {
    count(key, options.length.has_value());
    if (broken) throw StoreError("the network is down", name());
    return inner_->get(key, sink, options);
  }
  void get_many(std::span<const std::string> keys, const Arrived& each) override {
    ++many;
    ObjectStore::get_many(keys, each);
  }
  bucket::ObjectInfo put(
      const std::string& key, const bucket::Body& body,
      const bucket::PutOptions& options = {}) override {
    return inner_->put(key, body, options);
  }
  void remove(const std::string& key) override { inner_->remove(key); }
  bucket::ObjectInfo copy(
      const std::string& from, const std::string& to, const std::string& if_match = {}) override {
    return inner_->copy(from, to, if_match);
  }

  /// How often a key was read, whole or in part, and how often all keys together.
  int reads(const std::string& key) const {
    const std::lock_guard lock(mutex_);
    const auto at = reads_.find(key);
    return at == reads_.end() ? 0 : at->second;
  }
  int reads() const {
    const std::lock_guard lock(mutex_);
    int all = 0;
    for (const auto& [key, n] : reads_) all += n;
    return all;
  }
  void forget() {
    const std::lock_guard lock(mutex_);
    reads_.clear();
    listings = heads = many = parts = 0;
  }
  std::atomic<int> listings{0}, heads{0}, many{0}, parts{0};
  std::atomic<bool> broken{false};

 private:
  void count(const std::string& key, bool part) {
    const std::lock_guard lock(mutex_);
    ++reads_[key];
    parts += part;
  }
  std::shared_ptr<bucket::ObjectStore> inner_;
  mutable std::mutex mutex_;
  std::map<std::string, int> reads_;
};

/// A picture of more than 64 KiB, noise being hard to compress.
std::vector<std::byte> large_png() {
  Image image = make_image(200, 200);
  unsigned state = 1;
  for (auto& value : image.pixels) {
    state = state * 1664525u + 1013904223u;
    value = static_cast<std::uint8_t>(state >> 24);
  }
  return encode_png(image);
}

void put(bucket::ObjectStore& store, const std::string& key, const std::vector<std::byte>& bytes) {
  store.put(key, bucket::BytesBody(bytes));
}

/// A bucket of 12 labelled pictures, one of them large, and 3 unlabelled ones, one of them large.
void fill_cloud(bucket::ObjectStore& store, const std::string& at = {}) {
  std::string text =
      R"({"version":"1.0","type":"localization","labels":["cat","dog"],"annotations":{)";
  for (int i = 0; i < 12; ++i) {
    const std::string key = "sub/p " + std::to_string(i) + ".png";
    put(store, at + key,
        i == 7 ? large_png() : test::png(20 + i, 30, static_cast<std::uint8_t>(i)));
    text +=
        (i == 0 ? "\"" : ",\"") + key + R"(":[{"label":"dog","x":0.25,"y":0.5,"x2":0.75,"y2":1}])";
  }
  store.put(at + "_annotations.json", text + "}}");
  put(store, at + "u0.png", test::png(9, 9));
  put(store, at + "u1.png", test::png(10, 9));
  put(store, at + "u2.png", large_png());
  store.put(at + "notes.txt", "no picture");
}

void fill_voc(bucket::ObjectStore& store) {
  for (int i = 0; i < 8; ++i) {
    const std::string name = "a" + std::to_string(i);
    put(store, "JPEGImages/" + name + ".png", test::png(40, 50, static_cast<std::uint8_t>(i)));
    store.put(
        "Annotations/" + name + ".xml",
        "<annotation><filename>" + name +
            ".png</filename><size><width>50</width><height>40</height></size><object><name>cat"
            "</name><bndbox><xmin>3</xmin><ymin>4</ymin><xmax>" +
            std::to_string(20 + 9 * i) + "</xmax><ymax>30</ymax></bndbox></object></annotation>");
  }
}

void fill_yolo(bucket::ObjectStore& store) {
  store.put("classes.txt", "cat\ndog\n");
  for (int i = 0; i < 8; ++i) {
    const std::string name = "data/a" + std::to_string(i);
    put(store, name + ".png", test::png(40, 50, static_cast<std::uint8_t>(i)));
    store.put(name + ".txt", i == 3 ? "7 0.5 0.5 0.2 0.2\n" : "1 0.5 0.5 0.2 0.2\n");
  }
}

/// All that a data set holds, in a text; equal texts are equal sets.
std::string text_of(const Dataset& data, bool with_root = false) {
  std::string text = data.format + "\n";
  if (with_root) text += data.root + "\n";
  for (const auto& label : data.labels) text += label + ",";
  for (const Picture& p : data.pictures) {
    text += "\n" + p.key + " " + std::to_string(p.width) + "x" + std::to_string(p.height) + " " +
            std::to_string(static_cast<int>(p.state)) + " " + p.label_source;
    for (const Object& o : p.objects)
      text += " " + std::to_string(o.label) + ":" + std::to_string(o.box.xmin) + "," +
              std::to_string(o.box.ymin) + "," + std::to_string(o.box.xmax) + "," +
              std::to_string(o.box.ymax);
    for (const int tag : p.tags) text += " #" + std::to_string(tag);
  }
  for (const Finding& f : data.findings)
    text += "\n" + std::string(to_string(f.severity)) + " " + f.reason + " " +
            (f.where == data.root ? "ROOT" : f.where) + " " + f.text;
  return text;
}

Dataset open_source_of(const Source& source) {
  OpenOptions options;
  options.keep_going = true;
  return open(source, options);
}

std::shared_ptr<ObjectCache> cache_in(
    const TemporaryFolder& folder, std::optional<std::uint64_t> bytes = {}) {
  return std::make_shared<ObjectCache>(bucket::ObjectCacheOptions{folder / "cache", bytes, {}});
}

TEST_CASE("store_source: the same data set as from a folder") {
  for (const auto fill :
       {+[](bucket::ObjectStore& store) { fill_cloud(store); }, &fill_voc, &fill_yolo}) {
    const TemporaryFolder folder;
    std::filesystem::create_directory(folder / "data");
    const auto local = std::make_shared<bucket::FolderStore>(folder / "data");
    const auto memory = std::make_shared<MemoryStore>();
    fill(*local);
    fill(*memory);
    const Dataset expected = open_source_of(FolderSource((folder / "data").string()));
    CHECK(expected.pictures.size() >= 8);
    CHECK(text_of(open_source_of(StoreSource(memory))) == text_of(expected));
    CHECK(text_of(open_source_of(StoreSource(local)), true) == text_of(expected, true));
    const auto cache = cache_in(folder);
    StoreSourceOptions options;
    options.cache = cache;
    for (int time = 0; time < 2; ++time) {  // into the cache, and out of it
      CHECK(text_of(open_source_of(StoreSource(memory, options))) == text_of(expected));
    }
  }
}

TEST_CASE("store_source: each object crosses the net once, the listing too") {
  const TemporaryFolder folder;
  const auto memory = std::make_shared<MemoryStore>();
  fill_cloud(*memory);
  const auto store = std::make_shared<CountingStore>(memory);
  StoreSourceOptions options;
  options.cache = cache_in(folder);
  ThreadPool pool(2);
  {
    const StoreSource source(store, options);
    const Dataset data = open(source);
    const ImageCache pictures(data, source, pool, {.bytes = 5000});  // has not room for all
    CHECK(pictures.kept() < 12);
    Image scratch;
    for (int epoch = 0; epoch < 2; ++epoch)
      for (std::size_t i = 0; i < data.pictures.size(); ++i)
        if (pictures.usable(i)) pictures.get(i, scratch);
    CHECK(store->listings == 1);
    CHECK(store->heads == 0);
    CHECK(store->many >= 1);
    for (const Picture& picture : data.pictures) {
      CAPTURE(picture.key);
      CHECK(store->reads(picture.key) == 1);
    }
    CHECK(store->parts == 1);  // of the large unlabelled picture, whose pixels nobody wants
    CHECK(store->reads("_annotations.json") == 1);
    CHECK(store->reads("notes.txt") == 0);
    CHECK(source.bytes_received() > 64 * 1024);
  }
  store->forget();
  {  // another program, later
    const StoreSource source(store, options);
    const Dataset data = open(source);
    const ImageCache pictures(data, source, pool);
    CHECK(pictures.kept() == 12);
    CHECK(store->reads() == 0);
    CHECK(store->listings == 1);
    CHECK(source.bytes_received() == 0);
    // The check wants all pixels: of the unlabelled picture the rest is read now.
    CHECK(check(data, source, 2).hashes.size() == 15);
    CHECK(store->reads() == 1);
    CHECK(store->reads("u2.png") == 1);
  }
}

TEST_CASE("store_source: a changed object is read anew, others are not") {
  const TemporaryFolder folder;
  const auto memory = std::make_shared<MemoryStore>();
  memory->put("a.txt", "one");
  memory->put("b.txt", "same");
  const auto store = std::make_shared<CountingStore>(memory);
  StoreSourceOptions options;
  options.cache = cache_in(folder);
  const auto read = [&](const StoreSource& source, const std::string& key) {
    return std::string(as_text(source.read(key)));
  };
  const StoreSource first(store, options);
  CHECK(read(first, "a.txt") == "one");
  CHECK(read(first, "b.txt") == "same");
  memory->put("a.txt", "two");
  CHECK(read(first, "a.txt") == "one");  // as it was listed
  const StoreSource second(store, options);
  CHECK(read(second, "a.txt") == "two");
  CHECK(read(second, "b.txt") == "same");
  CHECK(store->reads("a.txt") == 2);
  CHECK(store->reads("b.txt") == 1);
  // Replaced between the listing and the reading: the new bytes, and a copy of them.
  const StoreSource third(store, options);
  CHECK(third.exists("b.txt"));
  memory->put("b.txt", "other");
  std::filesystem::remove_all(folder / "cache/objects");
  CHECK(read(third, "b.txt") == "other");
  CHECK(store->reads("b.txt") == 2);
}

TEST_CASE("store_source: without a cache, and with one that is too small or damaged") {
  const TemporaryFolder folder;
  const auto memory = std::make_shared<MemoryStore>();
  fill_cloud(*memory);
  const Dataset expected = open(StoreSource(memory));
  ThreadPool pool(2);
  const auto fits = [&](const StoreSource& source) {
    const Dataset data = open(source);
    CHECK(text_of(data) == text_of(expected));
    CHECK(ImageCache(data, source, pool).kept() == 12);
  };
  fits(StoreSource(memory));
  StoreSourceOptions options;
  options.cache = cache_in(folder, 1000);
  fits(StoreSource(memory, options));
  options.cache = cache_in(folder);
  fits(StoreSource(memory, options));
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder / "cache/objects"))
    if (entry.is_regular_file()) write_file(entry.path(), "damaged");
  fits(StoreSource(memory, options));
}

TEST_CASE("store_source: below a prefix, with its name, and odd keys") {
  const auto memory = std::make_shared<MemoryStore>("b");
  fill_cloud(*memory, "deep/er/");
  memory->put("deep/er/", "");
  memory->put("deep/erratic.txt", "beside it");
  StoreSourceOptions options;
  options.prefix = "deep/er";
  const StoreSource source(memory, options);
  CHECK(source.name() == "memory://b/deep/er");
  CHECK(source.keys().size() == 17);
  CHECK(source.exists("u0.png"));
  CHECK_FALSE(source.exists("deep/er/u0.png"));
  CHECK_FALSE(source.exists(""));
  CHECK(open(source).root == "memory://b/deep/er");
  CHECK(open(source).pictures.size() == 15);
  CHECK(as_text(source.read_head("notes.txt", 2)) == "no");
  CHECK(message_of<StoreError>([&] {
          source.read("none.txt");
        }) == "memory://b/deep/er/none.txt: there is no such object; check the name");

  const TemporaryFolder folder;
  const auto odd = std::make_shared<MemoryStore>();
  const std::vector<std::string> keys = {"/leading", "a//b", "../../up", "trailing/", "..", "."};
  for (const std::string& key : keys) odd->put(key, "of " + key);
  StoreSourceOptions cached;
  cached.cache = cache_in(folder);
  for (int time = 0; time < 2; ++time) {
    const StoreSource all(odd, cached);
    CHECK(all.keys().size() == keys.size());
    all.prefetch({keys.begin(), keys.end()});
    for (const std::string& key : keys) CHECK(as_text(all.read(key)) == "of " + key);
  }
}

TEST_CASE("store_source: what prefetch brings in any order, in part, or not at all") {
  const auto memory = std::make_shared<MemoryStore>();
  std::vector<ReadAhead> ahead;
  for (int i = 0; i < 2000; ++i) {
    const std::string key = std::to_string(i);
    memory->put(key, "text of " + key);
    ahead.push_back(i % 3 == 0 ? ReadAhead{key, 4} : ReadAhead{key});
  }
  ahead.push_back({"none"});
  const auto store = std::make_shared<CountingStore>(memory);
  const StoreSource source(store);
  // More than one group of them, by several threads, each file as head or whole.
  source.prefetch(ahead);
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([&, t] {
      for (int k = t; k < 2000; k += 3) {
        const int i = t == 2 ? 2000 - 1 - (k - t) : k;  // one of them from behind
        const std::string key = std::to_string(i), text = "text of " + key;
        if (k % 2 == 0 && as_text(source.read(key)) != text) ++wrong;
        if (k % 2 == 1 && as_text(source.read_head(key, 4)) != text.substr(0, 4)) ++wrong;
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
  CHECK_THROWS_AS(source.read("none"), bucket::NotFoundError);
  // A list that is given up, and a new one.
  source.prefetch(ahead);
  source.prefetch({{"5"}, {"6"}});
  CHECK(as_text(source.read("6")) == "text of 6");
  source.prefetch({});
  CHECK(as_text(source.read("5")) == "text of 5");
  source.prefetch(ahead);  // and its end in the middle of it
}

TEST_CASE("store_source: what does not fit ahead waits for its reader") {
  const auto memory = std::make_shared<MemoryStore>();
  const std::string large(40u << 20, 'x');
  std::vector<ReadAhead> ahead;
  for (int i = 0; i < 8; ++i) {
    memory->put(std::to_string(i), large);
    ahead.push_back({std::to_string(i)});
  }
  const auto store = std::make_shared<CountingStore>(memory);
  const StoreSource source(store);
  source.prefetch(ahead);
  while (store->reads() < 4) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  CHECK(store->reads() <= 6);
  for (int i = 0; i < 8; ++i) CHECK(source.read(std::to_string(i)).size() == large.size());
  CHECK(store->reads() == 8);
}

TEST_CASE("store_source: a store that fails ends the reading with its own error") {
  const auto memory = std::make_shared<MemoryStore>();
  fill_cloud(*memory);
  const auto store = std::make_shared<CountingStore>(memory);
  const StoreSource source(store);
  const Dataset data = open(source);
  store->broken = true;
  store->forget();
  ThreadPool pool(2);
  CacheOptions skipping;
  skipping.skip_bad = true;
  const std::string expected = "memory://memory: the network is down";
  CHECK(message_of<StoreError>([&] { ImageCache(data, source, pool, skipping); }) == expected);
  CHECK(message_of<StoreError>([&] { check(data, source, 2); }) == expected);
  CHECK(message_of<StoreError>([&] { open(StoreSource(store)); }) == expected);
  store->broken = false;
  memory->remove("sub/p 3.png");  // one picture alone is another matter
  CHECK(ImageCache(data, source, pool, skipping).bad().size() == 1);
}

TEST_CASE("store_source: progress says how many, how fast and how long") {
  const auto memory = std::make_shared<MemoryStore>();
  fill_cloud(*memory);
  const StoreSource source(memory);
  std::vector<ReadProgress> told;
  OpenOptions options;
  options.progress = [&](const ReadProgress& progress) { told.push_back(progress); };
  const Dataset data = open(source, options);
  REQUIRE(told.size() == 15);
  CHECK(told[14].done == 15);
  CHECK(told[14].total == 15);
  CHECK(told[14].bytes > 64 * 1024);
  CHECK(told[14].seconds >= told[0].seconds);
  told.clear();
  check(data, source, 2, options.progress);
  CHECK(told.size() == 15);
  const ReadProgress half{500, 2000, 30'000'000, 2.0};
  CHECK(half.pictures_per_second() == 250);
  CHECK(half.bytes_per_second() == 15e6);
  CHECK(half.seconds_left() == 6);
  CHECK(to_string(half) == "500 of 2000 pictures, 250/s, 15.0 MB/s, 6 s left");
  CHECK(to_string({1, 1, 0, 0.5}) == "1 of 1 picture, 2.0/s");
  CHECK(to_string({0, 3, 0, 0}) == "0 of 3 pictures");
}

}  // namespace
}  // namespace ocelli::data
