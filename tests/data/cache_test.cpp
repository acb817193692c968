// Tests of the decoded cache: limits, shrinking, and the list of pictures that cannot be used.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/data/cache.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "ocelli/data/image_writer.hpp"

namespace ocelli::data {
namespace {

/// `count` pictures of 20 x 30, each of one grey, 10 * number; all negatives.
struct Set {
  MemorySource source;
  Dataset dataset;

  explicit Set(int count) {
    dataset.root = "memory";
    for (int k = 0; k < count; ++k) {
      Image image = make_image(20, 30);
      for (auto& v : image.pixels) v = static_cast<std::uint8_t>(10 * k);
      Picture picture;
      picture.key = "p" + std::to_string(k) + ".png";
      picture.state = PictureState::negative;
      source.put(picture.key, encode_png(image));
      dataset.pictures.push_back(picture);
    }
  }
};

constexpr std::size_t kSize = 20 * 30 * 3;

std::string message_of(const Set& set, CacheOptions options = {}) {
  ThreadPool pool(2);
  try {
    ImageCache cache(set.dataset, set.source, pool, options);
  } catch (const DataError& error) {
    return error.what();
  }
  return "";
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("cache: pictures beyond the limit are decoded again, and are the same") {
  Set set(7);
  set.dataset.pictures[6].state = PictureState::unlabelled;
  for (const int threads : {1, 2}) {
    ThreadPool pool(threads);
    std::size_t calls = 0, last = 0;
    CacheOptions options{.bytes = 3 * kSize};
    options.progress = [&](const ReadProgress& progress) {
      ++calls;
      CHECK(progress.done == last + 1);
      CHECK(progress.total == 6);
      last = progress.done;
    };
    const ImageCache cache(set.dataset, set.source, pool, options);
    CHECK(calls == 6);
    CHECK(cache.kept() == 3);
    CHECK(cache.bytes() == 3 * kSize);
    Image scratch;
    for (std::size_t k = 0; k < 6; ++k) {
      CHECK(cache.usable(k));
      CHECK(cache.height(k) == 20);
      CHECK(cache.width(k) == 30);
      const auto pixels = cache.get(k, scratch);
      REQUIRE(pixels.height == 20);
      REQUIRE(pixels.width == 30);
      CHECK(pixels.data[0] == 10 * k);
      CHECK(pixels.data[kSize - 1] == 10 * k);
    }
    CHECK(!cache.usable(6));
    CHECK(cache.read(6).pixels[0] == 60);
  }
}

TEST_CASE("cache: large pictures can be kept smaller") {
  Set set(2);
  ThreadPool pool(1);
  const ImageCache cache(set.dataset, set.source, pool, {.max_side = 15});
  Image scratch;
  const auto pixels = cache.get(1, scratch);
  CHECK(pixels.height == 10);
  CHECK(pixels.width == 15);
  CHECK(pixels.data[0] == 10);
  CHECK(pixels.data[10 * 15 * 3 - 1] == 10);
  CHECK(cache.bytes() == 2 * 10 * 15 * 3);
  CHECK(cache.height(1) == 20);
  // A picture that is smaller already stays as it is.
  const ImageCache same(set.dataset, set.source, pool, {.max_side = 30});
  CHECK(same.get(1, scratch).width == 30);
}

TEST_CASE("cache: every picture that cannot be used is listed") {
  Set set(5);
  set.source.put("p1.png", "not a picture");
  set.dataset.pictures[3].key = "gone.png";
  const std::string text = message_of(set);
  CHECK(contains(text, "memory: 2 pictures of the data set cannot be used"));
  CHECK(contains(text, "p1.png"));
  CHECK(contains(text, "gone.png"));
  CHECK(!contains(text, "p2.png"));

  ThreadPool pool(2);
  const ImageCache cache(set.dataset, set.source, pool, {.skip_bad = true});
  REQUIRE(cache.bad().size() == 2);
  CHECK(cache.bad()[0].picture == 1);
  CHECK(contains(cache.bad()[0].reason, "p1.png"));
  CHECK(cache.bad()[1].picture == 3);
  CHECK(!cache.usable(1));
  CHECK(cache.usable(4));

  // When nothing is left there is nothing to go on with.
  Set none(1);
  none.source.put("p0.png", "");
  CHECK(contains(message_of(none, {.skip_bad = true}), "1 picture of the data set"));
}

TEST_CASE("cache: the labels' size must have the picture's shape") {
  Set set(1);
  Picture& picture = set.dataset.pictures[0];
  picture.label_source = "labels.xml";
  const auto labelled_as = [&](int width, int height) {
    picture.width = width;
    picture.height = height;
    return message_of(set);
  };
  CHECK(labelled_as(30, 20).empty());
  CHECK(labelled_as(60, 40).empty());  // a copy of half the size
  CHECK(labelled_as(15, 10).empty());
  CHECK(labelled_as(7, 5).empty());  // as close as whole pixels come
  CHECK(contains(labelled_as(20, 30), "p0.png (labels.xml): the labels are for 20x30"));
  CHECK(contains(labelled_as(20, 30), "width and height are exchanged"));
  CHECK(contains(labelled_as(40, 30), "the labels are for 40x30, the picture is 30x20"));
}

TEST_CASE("cache: an error of the progress callback arrives") {
  const Set set(3);
  ThreadPool pool(2);
  CacheOptions options;
  options.progress = [](const ReadProgress&) { throw ConfigError("stop"); };
  CHECK_THROWS_AS(ImageCache(set.dataset, set.source, pool, options), ConfigError);
}

}  // namespace ocelli::data
