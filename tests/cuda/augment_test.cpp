// SPDX-License-Identifier: Apache-2.0
#include "ocelli/cuda/augment.hpp"

#include "cuda/box_case.hpp"
#include "ocelli/data/augment.hpp"

using namespace ocelli;
using namespace ocelli::kernel_test;

namespace {

/// A few small pictures with objects, on the host and on the device.
struct Album {
  struct Picture {
    int height, width;
    std::vector<std::uint8_t> pixels;
    std::vector<data::Object> objects;
    data::Pixels<std::uint8_t> view() const { return {pixels.data(), height, width}; }
  };
  std::vector<Picture> pictures;
  std::vector<std::uint8_t> bytes;
  std::vector<kernel::StoredPicture> stored;
  std::vector<PixelBox> boxes;
  std::vector<std::int32_t> labels;

  Album() {
    const int extents[][3] = {{40, 31, 3}, {17, 64, 40}, {1, 1, 0}, {33, 33, 1}, {50, 50, 0}};
    std::uint32_t index = 0;
    for (const auto& [height, width, objects] : extents) {
      Random random(2, Stream::demo, 3, index++);
      Picture p{height, width, {}, {}};
      p.pixels.resize(static_cast<std::size_t>(height * width * 3));
      for (auto& v : p.pixels) v = static_cast<std::uint8_t>(random.below(256));
      for (int k = 0; k < objects; ++k) {
        const float h = static_cast<float>(height), w = static_cast<float>(width);
        const float y = random.uniform(0.0f, 0.8f * h), x = random.uniform(0.0f, 0.8f * w);
        data::Object object;
        object.box = {
            y, x, std::min(h, y + random.uniform(0.5f, 0.5f * h)),
            std::min(w, x + random.uniform(0.5f, 0.5f * w))};
        object.label = 1 + k % 3;
        p.objects.push_back(object);
      }
      pictures.push_back(p);
    }
    for (const Picture& p : pictures) {
      data::Sample sample;
      sample.begin(p.view(), 1, 1);
      const auto mean = sample.mean();
      stored.push_back(
          {static_cast<long>(bytes.size()),
           p.height,
           p.width,
           static_cast<int>(boxes.size()),
           static_cast<int>(p.objects.size()),
           {mean[0], mean[1], mean[2]}});
      bytes.insert(bytes.end(), p.pixels.begin(), p.pixels.end());
      for (const data::Object& object : p.objects) {
        boxes.push_back(object.box);
        labels.push_back(object.label);
      }
    }
  }
};

struct Result {
  std::vector<float> images, boxes;
  std::vector<std::int32_t> labels, counts;
  bool operator==(const Result& o) const {
    return same_bits(images, o.images) && same_bits(boxes, o.boxes) && labels == o.labels &&
           counts == o.counts;
  }
};

constexpr std::uint64_t kSeed = 99;

Result on_device(
    const Album& album, const cuda::AugmentShape& shape, const kernel::AugmentRule& rule,
    std::int64_t step) {
  DeviceArray<std::uint8_t> bytes(album.bytes);
  DeviceArray<kernel::StoredPicture> stored(album.stored);
  DeviceArray<PixelBox> objects(album.boxes);
  DeviceArray<std::int32_t> object_labels(album.labels);
  const auto batch = static_cast<std::size_t>(shape.batch);
  const auto rows = batch * static_cast<std::size_t>(shape.capacity);
  DeviceArray<float> images(batch * static_cast<std::size_t>(shape.pixels()) * 3);
  DeviceArray<Box> boxes(rows);
  DeviceArray<std::int32_t> labels(rows), counts(batch);
  DeviceArray<char> work(cuda::augment_workspace(shape));
  DeviceArray<kernel::AugmentStep> which(std::vector<kernel::AugmentStep>{{kSeed, step}});
  cuda::augment(
      nullptr, shape,
      {bytes.data(), stored.data(), objects.data(), object_labels.data(),
       static_cast<int>(album.stored.size())},
      rule, which.data(), work.data(), {images.data(), boxes.data(), labels.data(), counts.data()});
  return {images.values(), flat(boxes.values()), labels.values(), counts.values()};
}

Result on_host(
    const Album& album, const cuda::AugmentShape& shape, const data::Augmentation& augmentation,
    std::int64_t step) {
  Result all;
  const std::size_t n = album.pictures.size();
  const auto values = static_cast<std::size_t>(shape.pixels()) * 3;
  for (int i = 0; i < shape.batch; ++i) {
    const auto g = static_cast<std::uint64_t>(step * shape.batch + i);
    const Permutation order(
        kSeed, static_cast<std::uint32_t>(g / n), static_cast<std::uint32_t>(n));
    const Album::Picture& p = album.pictures[order(static_cast<std::uint32_t>(g % n))];
    data::Sample sample;
    sample.begin(p.view(), shape.height, shape.width);
    sample.objects = p.objects;
    Random random(
        kSeed, Stream::augment, static_cast<std::uint32_t>(step), static_cast<std::uint32_t>(i));
    augmentation.apply(sample, random);
    all.images.resize(all.images.size() + values);
    sample.finish(all.images.data() + all.images.size() - values);
    const std::size_t count =
        std::min(sample.objects.size(), static_cast<std::size_t>(shape.capacity));
    for (std::size_t k = 0; k < static_cast<std::size_t>(shape.capacity); ++k) {
      const bool real = k < count;
      const Box box =
          real ? normalised(sample.objects[k].box, sample.height(), sample.width()) : Box{};
      all.boxes.insert(all.boxes.end(), {box.ymin, box.xmin, box.ymax, box.xmax});
      all.labels.push_back(real ? sample.objects[k].label : 0);
    }
    all.counts.push_back(static_cast<std::int32_t>(count));
  }
  return all;
}

kernel::AugmentRule ssd_rule() {
  kernel::AugmentRule rule{};
  rule.flip_x = {1, 0.5f};
  rule.crop = {1, 1};
  const data::SsdRandomCrop crop;
  rule.keep = static_cast<float>(crop.keep);
  rule.min_area = static_cast<float>(crop.min_area);
  rule.max_area = static_cast<float>(crop.max_area);
  rule.min_aspect = static_cast<float>(crop.min_aspect);
  rule.max_aspect = static_cast<float>(crop.max_aspect);
  return rule;
}

kernel::AugmentRule distort_rule() {
  kernel::AugmentRule rule = ssd_rule();
  const data::Expand expand;
  rule.expand = {1, static_cast<float>(expand.p)};
  rule.max_ratio = static_cast<float>(expand.max_ratio);
  rule.fill = static_cast<float>(expand.fill);
  rule.resize = {1, 1};
  rule.brightness = rule.contrast = rule.hue = rule.saturation = {1, 0.5f};
  rule.max_shift = static_cast<float>(32.0 / 255);
  rule.min_contrast = rule.min_saturation = 0.5f;
  rule.max_contrast = rule.max_saturation = 1.5f;
  rule.max_turn = 0.05f;
  return rule;
}

/// @param error  most difference of a pixel, in the net's range
void check(
    const cuda::AugmentShape& shape, const kernel::AugmentRule& rule,
    const data::Augmentation& augmentation, int steps, float error) {
  const Album album;
  for (std::int64_t step = 0; step < steps; ++step) {
    CAPTURE(step);
    const Result got =
        in_any_order([&] { return on_device(album, shape, rule, step); }, step == 0 ? 2 : 0);
    const Result wanted = on_host(album, shape, augmentation, step);
    REQUIRE(got.counts == wanted.counts);
    CHECK(got.labels == wanted.labels);
    float most = 0;
    for (std::size_t k = 0; k < got.boxes.size(); ++k)
      most = std::max(most, std::fabs(got.boxes[k] - wanted.boxes[k]));
    CHECK(most <= 4e-7f);  // the host resizes boxes before it normalises them
    most = 0;
    for (std::size_t k = 0; k < got.images.size(); ++k)
      most = std::max(most, std::fabs(got.images[k] - wanted.images[k]));
    CHECK(most <= error);
  }
}

}  // namespace

TEST_CASE("cuda augment: without any step it is a resize, to the host's bits") {
  const Album album;
  for (const auto& [height, width] : {std::pair{1, 1}, {7, 33}, {33, 7}, {60, 60}}) {
    const cuda::AugmentShape shape{5, height, width, 4};
    const Result got = in_any_order([&] { return on_device(album, shape, {}, 1); });
    const Result wanted = on_host(album, shape, {}, 1);
    check_equal(got.images, wanted.images, 16, 1);
    check_equal(got.boxes, wanted.boxes, 2, 1);
    CHECK(got.labels == wanted.labels);
    CHECK(got.counts == wanted.counts);
  }
}

TEST_CASE("cuda augment: mirroring and random crops, as the loader draws them") {
  check({6, 30, 30, 50}, ssd_rule(), data::Augmentation::ssd(), 12, 2e-6f);
  kernel::AugmentRule rule = ssd_rule();
  rule.flip_y = {1, 0.3f};
  check(
      {3, 7, 33, 3}, rule,
      data::Augmentation(
          {data::HorizontalFlip{}, data::VerticalFlip{.p = 0.3}, data::SsdRandomCrop{}}),
      12, 2e-6f);
}

TEST_CASE("cuda augment: zooming out and colours") {
  // Means are summed in another order; hue and saturation divide by differences of colours.
  check({4, 20, 24, 50}, distort_rule(), data::Augmentation::ssd_distort(), 25, 1e-4f);
}

TEST_CASE("cuda augment: each colour step by itself") {
  const auto only = [](auto set) {
    kernel::AugmentRule rule{};
    rule.resize = {1, 1};
    set(rule);
    return rule;
  };
  const cuda::AugmentShape shape{5, 16, 16, 2};
  check(
      shape, only([](kernel::AugmentRule& r) {
        r.brightness = {1, 1}, r.max_shift = 0.2f;
      }),
      data::Augmentation({data::Resize{}, data::RandomAdjustBrightness{}}), 3, 2e-6f);
  check(
      shape, only([](kernel::AugmentRule& r) {
        r.contrast = {1, 1}, r.min_contrast = 0.8f, r.max_contrast = 1.25f;
      }),
      data::Augmentation({data::Resize{}, data::RandomAdjustContrast{}}), 3, 1e-5f);
  check(
      shape, only([](kernel::AugmentRule& r) {
        r.hue = {1, 1}, r.max_turn = static_cast<float>(data::RandomAdjustHue{}.max_delta);
      }),
      data::Augmentation({data::Resize{}, data::RandomAdjustHue{}}), 3, 1e-5f);
  check(
      shape, only([](kernel::AugmentRule& r) {
        r.saturation = {1, 1}, r.min_saturation = 0.8f, r.max_saturation = 1.25f;
      }),
      data::Augmentation({data::Resize{}, data::RandomAdjustSaturation{}}), 3, 1e-5f);
}

TEST_CASE("cuda augment: what cannot be is refused") {
  CHECK_THROWS_AS(cuda::augment(nullptr, {1, 4, 4, 1}, {}, {}, nullptr, nullptr, {}), ShapeError);
  CHECK_THROWS_AS(
      cuda::apply_plans(nullptr, {1, 0, 4, 1}, {}, nullptr, false, {}, nullptr, {}), ShapeError);
}

TEST_CASE("cuda augment: the floors") {
  const long plan = sizeof(kernel::AugmentPlan), stored = sizeof(kernel::StoredPicture);
  CHECK(kernel::draw_plans_floor(24, 168) == kernel::Floor{24 * (plan + stored) + 16 * 168, 0});
  CHECK(
      kernel::move_boxes_floor(24, 100, 168) ==
      kernel::Floor{24 * (plan + stored) + 20 * 168 + 24 * (100 * (16 + 4) + 4), 24 * 168});
  CHECK(
      kernel::resize_pictures_floor(2, 100, 300, 0) ==
      kernel::Floor{2 * (3 * 4 * 100 + plan + stored) + 3 * 300, 2 * 100 * (10 + 3 * (9 + 2))});
  CHECK(
      kernel::resize_pictures_floor(2, 100, 300, 1) ==
      kernel::Floor{
          2 * (3 * 4 * 100 + plan + stored + 3 * 8) + 3 * 300, 2 * 100 * (10 + 3 * (9 + 2) + 6)});
  CHECK(kernel::colour_means_floor(2, 10) == kernel::Floor{2 * 10 * 3 * 8 + 2 * 3 * 4, 2 * 10 * 3});
  CHECK(kernel::adjust_colours_floor(2, 100) == kernel::Floor{2 * 100 * (12 + 12), 2 * 100 * 51});
}
