// SsdPostprocess: from a picture's box codes and class logits to its detections.
//
//   boxes   decoded from the codes and the anchors
//   scores  sigmoid(logits), column 0 (background) left out
//   then    MulticlassNms, clipped to the picture
//
// One anchor can be reported for several classes.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "ocelli/box/box.hpp"
#include "ocelli/box/coder.hpp"
#include "ocelli/box/multiclass_nms.hpp"
#include "ocelli/core/fast_math.hpp"

namespace ocelli {

/// For one thread at a time; calls allocate nothing.
template <class T>
class SsdPostprocess {
 public:
  /// Throws ConfigError for options out of range.
  SsdPostprocess(
      std::span<const BoxOf<T>> anchors, int num_classes, const BoxCoder<T>& coder = {},
      const MulticlassNmsOptions& options = {})
      : classes_(num_classes),
        coder_(coder),
        nms_(static_cast<int>(anchors.size()), num_classes, options),
        boxes_(anchors.size()),
        scores_(anchors.size() * static_cast<std::size_t>(num_classes)),
        row_(static_cast<std::size_t>(num_classes) + 1),
        found_(static_cast<std::size_t>(options.max_total_detections)) {
    coder.check();
    anchors_.reserve(anchors.size());
    for (const BoxOf<T>& anchor : anchors) anchors_.push_back(centered(anchor));
  }

  /// The most detections of a picture: the room that `out` needs.
  int max_detections() const { return nms_.max_detections(); }

  /// @param codes   [anchors, 4]
  /// @param logits  [anchors, classes + 1]
  /// @param out     [max_detections()], by falling score; boxes normalised, labels 1..classes
  /// @param window  what boxes are clipped to, normalised like them
  /// @return the number written
  int operator()(
      const T* codes, const T* logits, Detection* out, const BoxOf<T>& window = {0, 0, 1, 1}) {
    const long count = static_cast<long>(anchors_.size());
    coder_.decode_all(codes, anchors_.data(), count, boxes_.data());
    T* row = row_.data();
    for (long a = 0; a < count; ++a) {
      const T* z = logits + a * (classes_ + 1) + 1;
      for (int c = 0; c < classes_; ++c) row[c] = sigmoid(z[c]);
      for (int c = 0; c < classes_; ++c) scores_[static_cast<std::size_t>(c * count + a)] = row[c];
    }
    const int found =
        nms_(boxes_.data(), false, scores_.data(), static_cast<int>(count), window, found_.data());
    for (int i = 0; i < found; ++i) {
      const ClassDetection<T>& detection = found_[static_cast<std::size_t>(i)];
      out[i] = {
          {static_cast<float>(detection.box.ymin), static_cast<float>(detection.box.xmin),
           static_cast<float>(detection.box.ymax), static_cast<float>(detection.box.xmax)},
          detection.class_index + 1,
          static_cast<float>(detection.score)};
    }
    return found;
  }

 private:
  int classes_;
  BoxCoder<T> coder_;
  MulticlassNms<T> nms_;
  std::vector<CenterBoxOf<T>> anchors_;
  std::vector<BoxOf<T>> boxes_;
  std::vector<T> scores_;  // [classes, anchors]
  std::vector<T> row_;     // [classes + 1]
  std::vector<ClassDetection<T>> found_;
};

}  // namespace ocelli
