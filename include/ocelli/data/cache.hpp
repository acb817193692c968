// ImageCache: the decoded pictures of a data set in memory, within a limit. Every picture that
// training will use is decoded once before it starts, so that a damaged file is told at once.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "ocelli/core/error.hpp"
#include "ocelli/core/thread_pool.hpp"
#include "ocelli/data/dataset.hpp"
#include "ocelli/data/image.hpp"
#include "ocelli/data/read_progress.hpp"
#include "ocelli/data/resize.hpp"
#include "ocelli/data/source.hpp"

namespace ocelli::data {

struct CacheOptions {
  /// What the decoded pictures may occupy; a 640x480 picture takes 0.9 MB. Pictures beyond it are
  /// read and decoded again each time.
  std::size_t bytes = std::size_t{2} << 30;
  /// Shrinks pictures whose longer side is above this, by area averaging; 0 keeps all as they are.
  int max_side = 0;
  /// Leaves out pictures that cannot be used, and counts them, instead of stopping.
  bool skip_bad = false;
  ReadObserver progress = {};  ///< is told how the reading goes on
};

/// A picture that cannot be used, and why.
struct BadPicture {
  std::size_t picture = 0;  ///< position in Dataset::pictures
  std::string reason;       ///< names the file
};

/// Pictures are named by their position in Dataset::pictures. Reading is safe from any thread.
class ImageCache {
 public:
  /// Reads and decodes every picture that somebody has looked at (not the unlabelled ones), on all
  /// threads of the pool. The data set and the source must outlive the cache.
  /// @throws DataError that lists every picture that cannot be decoded, or whose size is not the
  /// shape that its labels were drawn on; with skip_bad only when none is left. StoreError when the
  /// source fails
  ImageCache(
      const Dataset& dataset, const Source& source, ThreadPool& pool, CacheOptions options = {})
      : dataset_(&dataset),
        source_(&source),
        options_(std::move(options)),
        entries_(dataset.pictures.size()) {
    std::vector<std::size_t> wanted;
    for (std::size_t i = 0; i < dataset.pictures.size(); ++i) {
      if (dataset.pictures[i].state != PictureState::unlabelled) wanted.push_back(i);
    }
    std::vector<ReadAhead> ahead;
    for (const std::size_t i : wanted) ahead.push_back({dataset.pictures[i].key});
    source.prefetch(ahead);
    std::vector<std::string> reasons(wanted.size());
    std::mutex fault_lock;
    std::exception_ptr fault;
    std::atomic<bool> stopped{false};
    const auto stop = [&] {
      const std::lock_guard lock(fault_lock);
      if (!stopped.exchange(true)) fault = std::current_exception();
    };
    ReadMeter meter(options_.progress, source, wanted.size());
    pool.for_each(static_cast<long>(wanted.size()), [&](long task, int) {
      const auto t = static_cast<std::size_t>(task);
      if (stopped) return;
      try {
        load(wanted[t]);
      } catch (const std::exception& error) {
        if (!concerns_one_file(error)) return stop();
        reasons[t] = error.what();
      }
      try {
        meter.add();
      } catch (...) {
        stop();
      }
    });
    if (fault) std::rethrow_exception(fault);
    for (std::size_t t = 0; t < wanted.size(); ++t) {
      if (!reasons[t].empty()) bad_.push_back({wanted[t], reasons[t]});
    }
    if (!bad_.empty() && (!options_.skip_bad || bad_.size() == wanted.size())) throw_bad();
  }

  /// The pixels of a picture: those in memory, or `scratch` after decoding into it.
  /// @throws what decoding throws
  Pixels<std::uint8_t> get(std::size_t picture, Image& scratch) const {
    const Image& kept = entries_[picture].image;
    if (!kept.pixels.empty()) return {kept.pixels.data(), kept.height, kept.width};
    scratch = shrunk(read(picture));
    return {scratch.pixels.data(), scratch.height, scratch.width};
  }

  /// Reads and decodes a picture at its own size, whether or not it is in memory.
  Image read(std::size_t picture) const {
    const std::string& key = dataset_->pictures[picture].key;
    return decode(source_->read(key), key);
  }

  /// Pixels of the picture in its file; 0 when it was not read, or is bad.
  int height(std::size_t picture) const { return entries_[picture].height; }
  int width(std::size_t picture) const { return entries_[picture].width; }
  bool usable(std::size_t picture) const { return entries_[picture].height > 0; }

  const std::vector<BadPicture>& bad() const { return bad_; }
  /// Bytes of pixels in memory, and how many pictures they are.
  std::size_t bytes() const { return bytes_.load(); }
  std::size_t kept() const { return kept_.load(); }
  int max_side() const { return options_.max_side; }

 private:
  struct Entry {
    Image image;  ///< empty when the limit was reached
    int height = 0, width = 0;
  };

  void load(std::size_t picture) {
    Image image = read(picture);
    check_shape(picture, image);
    Entry& entry = entries_[picture];
    const int height = image.height, width = image.width;
    image = shrunk(std::move(image));
    const std::size_t size = image.pixels.size();
    // Reserve first: two threads must not both take the last free bytes.
    if (bytes_.fetch_add(size) + size <= options_.bytes) {
      kept_.fetch_add(1);
      entry.image = std::move(image);
    } else {
      bytes_.fetch_sub(size);
    }
    entry.height = height;
    entry.width = width;
  }

  /// A copy of another size is fine, since boxes scale along; another shape is not.
  void check_shape(std::size_t picture, const Image& image) const {
    const Picture& labels = dataset_->pictures[picture];
    if (labels.width <= 0 || labels.height <= 0) return;
    const long a = static_cast<long>(labels.width) * image.height;
    const long b = static_cast<long>(labels.height) * image.width;
    // Rounding a side to whole pixels moves a product by at most half the longest side.
    const long slack = std::max({labels.width, labels.height, image.width, image.height});
    if (std::labs(a - b) <= slack) return;
    const auto size = [](int w, int h) { return std::to_string(w) + "x" + std::to_string(h); };
    const bool swapped = labels.width == image.height && labels.height == image.width;
    throw DataError(
        "the labels are for " + size(labels.width, labels.height) + ", the picture is " +
            size(image.width, image.height),
        labels.label_source.empty() ? labels.key : labels.key + " (" + labels.label_source + ")",
        swapped ? "width and height are exchanged: correct the labels, or save the picture turned"
                : "label this picture again, or bring back the one that was labelled");
  }

  Image shrunk(Image image) const {
    const int side = std::max(image.height, image.width);
    if (options_.max_side <= 0 || side <= options_.max_side) return image;
    const auto scaled = [&](int n) {
      return std::max(
          1, static_cast<int>((static_cast<long>(n) * options_.max_side + side / 2) / side));
    };
    Image result = make_image(scaled(image.height), scaled(image.width));
    std::vector<float> values(result.pixels.size());
    const Window whole{0, 0, image.height, image.width, false, false, {}};
    const Pixels<std::uint8_t> pixels{image.pixels.data(), image.height, image.width};
    Resizer resize;
    resize(
        pixels, whole, result.height, result.width, values.data(), PixelScale{1, 0.5f},
        Resampling::area);  // 0.5: the conversion below truncates
    for (std::size_t k = 0; k < values.size(); ++k) {
      result.pixels[k] = static_cast<std::uint8_t>(std::min(values[k], 255.0f));
    }
    return result;
  }

  [[noreturn]] void throw_bad() const {
    std::string list;
    for (const BadPicture& bad : bad_) list += "\n  " + bad.reason;
    throw DataError(
        std::to_string(bad_.size()) + (bad_.size() == 1 ? " picture" : " pictures") +
            " of the data set cannot be used:" + list + "\n",
        dataset_->root, "correct or remove them, or have them skipped");
  }

  const Dataset* dataset_;
  const Source* source_;
  CacheOptions options_;
  std::vector<Entry> entries_;
  std::vector<BadPicture> bad_;
  std::atomic<std::size_t> bytes_{0}, kept_{0};
};

}  // namespace ocelli::data
