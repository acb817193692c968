// Tests of the loader: order, contents, the same bits however it runs, faults, allocations.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/data/loader.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "ocelli/data/image_writer.hpp"
#include "support/counting_allocator.hpp"

namespace ocelli::data {
namespace {

/// `count` noisy pictures of various sizes, with k % 4 boxes each.
struct Set {
  MemorySource source;
  Dataset dataset;
  ThreadPool pool{1};

  explicit Set(int count) {
    dataset.labels = {"a", "b", "c"};
    for (int k = 0; k < count; ++k) {
      Random random(1, Stream::demo, 0, static_cast<std::uint32_t>(k));
      const int h = 40 + static_cast<int>(random.below(30)), w = 40 + k;
      Image image = make_image(h, w);
      for (auto& v : image.pixels) v = static_cast<std::uint8_t>(random.below(256));
      Picture picture;
      picture.key = std::to_string(k) + ".png";
      picture.width = w;
      picture.height = h;
      picture.state = k % 4 == 0 ? PictureState::negative : PictureState::labelled;
      for (int b = 0; b < k % 4; ++b) {
        Object object;
        const float y = random.uniform(0, 20), x = random.uniform(0, 20);
        object.box = {y, x, y + random.uniform(5, 20), x + random.uniform(5, 20)};
        object.label = 1 + b;
        picture.objects.push_back(object);
      }
      source.put(picture.key, encode_png(image));
      dataset.pictures.push_back(picture);
    }
  }
  ImageCache cache(CacheOptions options = {}) { return {dataset, source, pool, options}; }
};

LoaderOptions small(int threads = 1, int prefetch = 2) {
  LoaderOptions options;
  options.height = 33;
  options.width = 37;
  options.batch = 4;
  options.seed = 5;
  options.max_boxes = 6;
  options.threads = threads;
  options.prefetch = prefetch;
  return options;
}

/// All bytes of a batch.
std::string bytes_of(const Batch& batch) {
  const auto n = static_cast<std::size_t>(batch.size);
  const auto rows = n * static_cast<std::size_t>(batch.max_boxes);
  const auto values =
      n * static_cast<std::size_t>(batch.height) * static_cast<std::size_t>(batch.width) * 3;
  std::string bytes;
  const auto add = [&](const auto* data, std::size_t count) {
    bytes.append(reinterpret_cast<const char*>(data), count * sizeof *data);
  };
  add(&batch.step, 1);
  add(batch.images, values);
  add(batch.boxes, rows);
  add(batch.labels, rows);
  add(batch.counts, n);
  add(batch.pictures, n);
  return bytes;
}

}  // namespace

TEST_CASE("loader: the same bits on any number of threads, and after seeking") {
  Set set(11);
  const ImageCache cache = set.cache();
  std::vector<std::string> expected;
  {
    Loader loader(set.dataset, cache, small(0));
    for (int step = 0; step < 12; ++step) expected.push_back(bytes_of(loader.get(step)));
  }
  std::set<std::string> different(expected.begin(), expected.end());
  CHECK(different.size() == expected.size());
  for (const int threads : {1, 2, 4}) {
    for (const int prefetch : {1, 3}) {
      CAPTURE(threads);
      CAPTURE(prefetch);
      Loader loader(set.dataset, cache, small(threads, prefetch));
      // In sequence, again, forward within and beyond what is prepared, back, and on.
      for (const int step : {0, 1, 2, 2, 3, 5, 6, 11, 4, 5, 6, 7, 0, 8, 9}) {
        CHECK(bytes_of(loader.get(step)) == expected[static_cast<std::size_t>(step)]);
      }
    }
  }
  // A cache without room, and another seed.
  const ImageCache none = set.cache({.bytes = 0});
  Loader decoding(set.dataset, none, small(2));
  CHECK(bytes_of(decoding.get(7)) == expected[7]);
  LoaderOptions other = small();
  other.seed = 6;
  Loader reseeded(set.dataset, cache, other);
  CHECK(bytes_of(reseeded.get(7)) != expected[7]);
}

TEST_CASE("loader: every epoch shows each picture once, in its own order") {
  Set set(10);
  set.dataset.pictures[3].state = PictureState::unlabelled;
  const ImageCache cache = set.cache();
  Loader loader(set.dataset, cache, small());
  CHECK(loader.counts().pictures == 9);
  CHECK(loader.counts().unlabelled == 1);
  CHECK(loader.counts().negatives == 3);
  std::vector<std::vector<std::size_t>> epochs(4);
  for (int g = 0; g < 36; ++g) {
    epochs[static_cast<std::size_t>(g / 9)].push_back(loader.picture_of(g / 4, g % 4));
  }
  for (const auto& epoch : epochs) {
    const std::set<std::size_t> pictures(epoch.begin(), epoch.end());
    CHECK(pictures.size() == 9);
    CHECK(!pictures.contains(3));
  }
  CHECK(epochs[0] != epochs[1]);
  CHECK(epochs[1] != epochs[2]);
  const Batch& batch = loader.get(5);
  for (int i = 0; i < 4; ++i) {
    CHECK(static_cast<std::size_t>(batch.pictures[i]) == loader.picture_of(5, i));
  }
}

TEST_CASE("loader: without augmentation a batch is the resized pictures and their boxes") {
  Set set(8);
  const ImageCache cache = set.cache();
  LoaderOptions options = small();
  options.augmentation = Augmentation();
  Loader loader(set.dataset, cache, options);
  std::vector<float> picture(33 * 37 * 3);
  int boxes_seen = 0;
  for (int step = 0; step < 4; ++step) {
    const Batch& batch = loader.get(step);
    CHECK(batch.step == step);
    CHECK(reinterpret_cast<std::uintptr_t>(batch.images) % 64 == 0);
    for (int i = 0; i < batch.size; ++i) {
      const auto p = static_cast<std::size_t>(batch.pictures[i]);
      const Picture& source = set.dataset.pictures[p];
      const ImageSize size = load_for_eval(cache, p, 33, 37, picture.data());
      CHECK(size == ImageSize{source.height, source.width});
      CHECK(
          std::memcmp(
              picture.data(), batch.images + i * 33 * 37 * 3, picture.size() * sizeof(float)) == 0);
      REQUIRE(batch.counts[i] == static_cast<int>(source.objects.size()));
      for (int k = 0; k < batch.max_boxes; ++k) {
        const Box& box = batch.boxes[i * batch.max_boxes + k];
        const int label = batch.labels[i * batch.max_boxes + k];
        if (k >= batch.counts[i]) {
          CHECK(label == 0);
          CHECK(box == Box{});
          continue;
        }
        ++boxes_seen;
        const Object& object = source.objects[static_cast<std::size_t>(k)];
        CHECK(label == object.label);
        CHECK(box == normalised(object.box, source.height, source.width));
      }
    }
  }
  CHECK(boxes_seen > 0);
}

TEST_CASE("loader: boxes in the frame of a copy of another size, and shrunken pictures") {
  Set set(1);
  Picture& picture = set.dataset.pictures[0];
  picture.state = PictureState::labelled;
  Object object;
  object.label = 1;
  // Labelled on a copy three times as large.
  object.box = {30, 30, 60, 90};
  const float h = static_cast<float>(picture.height), w = static_cast<float>(picture.width);
  picture.objects = {object};
  picture.width *= 3;
  picture.height *= 3;
  for (const int max_side : {0, 20}) {
    const ImageCache cache = set.cache({.max_side = max_side});
    LoaderOptions options = small();
    options.augmentation = Augmentation::parse("vertical_flip(p=1)");
    Loader loader(set.dataset, cache, options);
    const Box box = loader.get(0).boxes[0];
    CHECK(box.ymin == doctest::Approx(1 - 20 / h));
    CHECK(box.ymax == doctest::Approx(1 - 10 / h));
    CHECK(box.xmin == doctest::Approx(10 / w));
    CHECK(box.xmax == doctest::Approx(30 / w));
  }
}

TEST_CASE("loader: batches larger than the set, and more boxes than there is room for") {
  Set set(3);
  const ImageCache cache = set.cache();
  LoaderOptions options = small(2);
  options.batch = 8;
  options.max_boxes = 1;
  options.augmentation = Augmentation();
  Loader loader(set.dataset, cache, options);
  const Batch& batch = loader.get(0);
  int seen[3] = {};
  for (int i = 0; i < 8; ++i) {
    ++seen[batch.pictures[i]];
    CHECK(batch.counts[i] == std::min(1, batch.pictures[i]));  // picture k has k boxes
    CHECK(batch.labels[i] == std::min(1, batch.pictures[i]));
  }
  // Two whole epochs and two more.
  for (const int times : seen) CHECK((times == 2 || times == 3));
}

TEST_CASE("loader: nothing is allocated once it runs") {
  Set set(9);
  const ImageCache cache = set.cache();
  for (const int threads : {0, 1, 2}) {
    Loader loader(set.dataset, cache, small(threads));
    for (int step = 0; step < 3; ++step) loader.get(step);
    // Every picture and size has its memory reserved; get(30) drains the threads and starts anew.
    const test::AllocationCount count;
    for (int step = 3; step < 20; ++step) loader.get(step);
    loader.get(30);
    CHECK(count.so_far() == 0);
  }
}

TEST_CASE("loader: a fault reaches the consumer, others still get through") {
  Set set(6);
  const ImageCache cache = set.cache({.bytes = 0});
  set.source.put("4.png", "damaged since");
  for (const int threads : {0, 2}) {
    Loader loader(set.dataset, cache, small(threads));
    int failed = 0, passed = 0;
    for (int step = 0; step < 6; ++step) {
      bool has_bad = false;
      for (int i = 0; i < 4; ++i) has_bad |= loader.picture_of(step, i) == 4;
      if (has_bad) {
        CHECK_THROWS_WITH_AS(loader.get(step), doctest::Contains("4.png"), DataError);
        CHECK_THROWS_AS(loader.get(step), DataError);  // and again
        ++failed;
      } else {
        CHECK(loader.get(step).step == step);
        ++passed;
      }
    }
    CHECK(failed > 0);
    CHECK(passed > 0);
  }
}

TEST_CASE("loader: options out of range") {
  Set set(2);
  const ImageCache cache = set.cache();
  LoaderOptions options = small();
  options.batch = 0;
  CHECK_THROWS_WITH_AS(
      Loader(set.dataset, cache, options), "loader: batch is 0; it must be at least 1",
      ConfigError);
  options = small();
  options.prefetch = 0;
  CHECK_THROWS_AS(Loader(set.dataset, cache, options), ConfigError);
  Loader loader(set.dataset, cache, small());
  CHECK_THROWS_AS(loader.get(-1), ConfigError);
}

TEST_CASE("loader: evaluation sees unlabelled pictures too, from any thread") {
  Set set(4);
  set.dataset.pictures[2].state = PictureState::unlabelled;
  const ImageCache cache = set.cache({.max_side = 30});
  std::vector<float> a(40 * 40 * 3), b(a.size());
  std::thread other([&] { load_for_eval(cache, 2, 40, 40, a.data()); });
  const ImageSize size = load_for_eval(cache, 2, 40, 40, b.data());
  other.join();
  CHECK(a == b);
  CHECK(size == ImageSize{set.dataset.pictures[2].height, set.dataset.pictures[2].width});
  // The size of a picture that is kept smaller is that of its file.
  CHECK(load_for_eval(cache, 1, 40, 40, a.data()).width == set.dataset.pictures[1].width);
}

TEST_CASE("loader: waiting is measured") {
  Set set(4);
  const ImageCache cache = set.cache();
  Loader loader(set.dataset, cache, small(0));
  CHECK(loader.data_wait_seconds() == 0);
  loader.get(0);
  CHECK(loader.data_wait_seconds() > 0);
}

}  // namespace ocelli::data
