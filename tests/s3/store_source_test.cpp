// Training sets in a real bucket: the same as in a folder, each picture over the net once.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/data/store_source.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "ocelli/bucket/folder_store.hpp"
#include "ocelli/bucket/s3_store.hpp"
#include "ocelli/core/thread_pool.hpp"
#include "ocelli/data/cache.hpp"
#include "ocelli/data/check.hpp"
#include "ocelli/data/image_writer.hpp"
#include "ocelli/data/loader.hpp"
#include "ocelli/data/open.hpp"
#include "s3/fresh_bucket.hpp"
#include "support/temporary_folder.hpp"

namespace ocelli::data {
namespace {

using test::TemporaryFolder;

constexpr int kLabelled = 60, kUnlabelled = 20;

std::vector<std::byte> picture(unsigned number, int height, int width) {
  Image image = make_image(height, width);
  unsigned state = number;
  for (auto& value : image.pixels) {
    state = state * 1664525u + 1013904223u;
    value = static_cast<std::uint8_t>(state >> 24);
  }
  return encode_jpeg(image);
}

void fill(bucket::ObjectStore& store) {
  std::string text = R"({"version":"1.0","type":"localization","labels":["cat"],"annotations":{)";
  for (int i = 0; i < kLabelled; ++i) {
    const std::string key = "set/sub dir/\xC3\xA9+" + std::to_string(i) + ".jpg";
    // Every tenth is larger than what is read for a header.
    const int side = i % 10 == 0 ? 300 : 40 + i;
    store.put(key, bucket::BytesBody(picture(static_cast<unsigned>(i), side, side)));
    text += (i == 0 ? "\"" : ",\"") + key.substr(4) +
            R"(":[{"label":"cat","x":0.25,"y":0.5,"x2":0.75,"y2":1}])";
  }
  for (int i = 0; i < kUnlabelled; ++i)
    store.put(
        "set/u" + std::to_string(i) + ".jpg",
        bucket::BytesBody(picture(static_cast<unsigned>(1000 + i), i == 0 ? 400 : 30, 300)));
  store.put("set/_annotations.json", text + "}}");
  store.put("settings/other.jpg", "beside the set");
}

std::string text_of(const Dataset& data) {
  std::string text = data.format;
  for (const Picture& p : data.pictures) {
    text += "\n" + p.key + " " + std::to_string(p.width) + "x" + std::to_string(p.height) + " " +
            std::to_string(static_cast<int>(p.state));
    for (const Object& o : p.objects)
      text += " " + std::to_string(o.label) + ":" + std::to_string(o.box.xmin) + "," +
              std::to_string(o.box.ymin);
  }
  return text;
}

/// What an epoch of training reads, as a number that only equal pixels give.
double epoch_of(const Dataset& data, const ImageCache& cache) {
  LoaderOptions options;
  options.height = options.width = 32;
  options.batch = 10;
  options.threads = 2;
  Loader loader(data, cache, options);
  double sum = 0;
  for (int step = 0; step < kLabelled / options.batch; ++step) {
    const Batch& batch = loader.get(step);
    for (int i = 0; i < batch.size * 32 * 32 * 3; ++i) sum += double{batch.images[i]} * (1 + i % 7);
  }
  return sum;
}

TEST_CASE("s3 store_source: a training set in a bucket is the folder's, and is read once") {
  if (!test::gateway_there()) return;
  const test::FreshBucket fresh("source");
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "data");
  bucket::FolderStore local(folder / "data", Durability::buffered);
  const auto remote = std::make_shared<bucket::S3Store>(fresh.options);
  fill(local);
  fill(*remote);

  const FolderSource there((folder / "data/set").string());
  const Dataset expected = open(there);
  REQUIRE(expected.pictures.size() == kLabelled + kUnlabelled);
  ThreadPool pool(2);
  const CacheOptions small{.bytes = 200'000};  // most are read again in every epoch
  const ImageCache expected_pictures(expected, there, pool, small);

  StoreSourceOptions options;
  options.prefix = "set";
  options.cache =
      std::make_shared<bucket::ObjectCache>(bucket::ObjectCacheOptions{folder / "cache", {}, {}});
  const StoreSource source(remote, options);
  const auto before = remote->counts().requests;
  const Dataset data = open(source);
  CHECK(text_of(data) == text_of(expected));
  const ImageCache pictures(data, source, pool, small);
  CHECK(pictures.kept() < kLabelled / 2);
  // A listing; the labels' head and all of them, or once; each picture once.
  CHECK(remote->counts().requests - before <= 3 + kLabelled + kUnlabelled);

  const auto after = remote->counts().requests;
  const auto received = source.bytes_received();
  for (int epoch = 0; epoch < 2; ++epoch)
    CHECK(epoch_of(data, pictures) == epoch_of(expected, expected_pictures));
  CHECK(remote->counts().requests == after);
  CHECK(source.bytes_received() == received);

  // A second program asks for nothing but the listing.
  const StoreSource later(remote, options);
  const Dataset again = open(later);
  const ImageCache more(again, later, pool, small);
  CHECK(text_of(again) == text_of(expected));
  CHECK(remote->counts().requests - after <= 2);
  CHECK(later.bytes_received() == 0);
}

TEST_CASE("s3 store_source: a set is opened by its address") {
  if (!test::gateway_there()) return;
  const test::FreshBucket fresh("address");
  const TemporaryFolder folder;
  bucket::S3Store remote(fresh.options);
  fill(remote);
  SourceOptions where;
  where.store.endpoint = fresh.options.endpoint;
  where.store.keys = fresh.options.credentials->get();
  where.copies.folder = folder / "cache";
  const std::string root = "s3://" + fresh.options.bucket + "/set";
  const Dataset data = open(root, {}, where);
  CHECK(data.root == root);
  CHECK(data.pictures.size() == kLabelled + kUnlabelled);
  const Dataset of_file = open(root + "/_annotations.json", {}, where);
  CHECK(of_file.root == root);
  CHECK(text_of(of_file) == text_of(data));
  const auto source = open_source(data.root, where);
  CHECK(check(data, *source, 2).hashes.size() == data.pictures.size());
  CHECK(std::filesystem::exists(folder / "cache/objects"));
  where.store.keys.secret_access_key = bucket::Secret("wrong");
  CHECK_THROWS_AS(open(root, {}, where), bucket::AccessError);
  where.store.keys = fresh.options.credentials->get();
  CHECK_THROWS_AS(open("s3://ocelli-no-such-bucket/x", {}, where), bucket::NotFoundError);
}

}  // namespace
}  // namespace ocelli::data
