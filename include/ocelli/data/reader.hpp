// Reader: what the readers of all label formats share.
//
// A format's reader hands over pictures with objects as they are written; this makes them objects
// of the data set: sizes compared with the picture's own, boxes put in order, clipped or dropped,
// labels numbered. Everything that is changed or left out becomes a finding.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "ocelli/core/error.hpp"
#include "ocelli/core/utf8.hpp"
#include "ocelli/data/dataset.hpp"
#include "ocelli/data/findings.hpp"
#include "ocelli/data/image_header.hpp"
#include "ocelli/data/picture_index.hpp"
#include "ocelli/data/raw_picture.hpp"
#include "ocelli/data/read_options.hpp"
#include "ocelli/data/read_progress.hpp"
#include "ocelli/data/rle.hpp"
#include "ocelli/data/source.hpp"
#include "ocelli/data/text.hpp"

namespace ocelli::data {

/// Bytes that hold the header of nearly every picture.
inline constexpr std::size_t picture_head = 65536;

/// A picture's header, from its first 64 KiB when they suffice.
inline ImageHeader read_image_header(const Source& source, const std::string& key) {
  constexpr std::size_t head = picture_head;
  const std::vector<std::byte> bytes = source.read_head(key, head);
  try {
    return image_header(bytes, key);
  } catch (const DataError&) {
    if (bytes.size() < head) throw;
  }
  return image_header(source.read(key), key);
}

class Reader {
 public:
  Reader(const Source& source, const ReadOptions& options, std::string format)
      : findings(data.findings, options.strict),
        index(source.keys()),
        source_(source),
        options_(options) {
    data.root = source.name();
    data.format = std::move(format);
    if (!options.labels.empty()) set_labels(options.labels, "the given labels");
  }
  Reader(const Reader&) = delete;  // `findings` refers to `data`
  Reader& operator=(const Reader&) = delete;

  Dataset data;
  Findings findings;
  PictureIndex index;

  const Source& source() const { return source_; }
  const ReadOptions& options() const { return options_; }
  bool labels_given() const { return !options_.labels.empty(); }

  /// The class names; a name that occurs twice is an error, names that look alike a note.
  void set_labels(const std::vector<std::string>& labels, const std::string& where) {
    for (const std::string& label : labels) add_label(label, where);
  }
  /// Appends a class unless there is one of this name. @return its id
  int add_label(const std::string& label, const std::string& where) {
    const auto [found, fresh] = ids_.emplace(label, static_cast<int>(data.labels.size()) + 1);
    if (!fresh) return found->second;
    data.labels.push_back(label);
    if (!is_utf8(label)) {
      findings.error(
          "not_utf8", where,
          "the label \"" + utf8_shown(label) + "\" is not UTF-8; save the file in UTF-8");
    }
    const auto [alike, alone] = skeletons_.emplace(label_skeleton(label), label);
    if (!alone) {
      findings.note(
          "labels_alike", where,
          "the labels \"" + alike->second + "\" and \"" + label +
              "\" look alike but are two classes");
    }
    return found->second;
  }
  /// The id of a label, 0 when it is none of the classes (a finding says so).
  int label_id(const std::string& label, const std::string& where) {
    const auto found = ids_.find(label);
    if (found != ids_.end()) return found->second;
    const std::string text = "the label \"" + label + "\" is none of the classes";
    if (labels_given()) {
      findings.dropped("label_not_wanted", where, text);
    } else {
      findings.error("label_unknown", where, text);
    }
    return 0;
  }

  /// A picture named in a label file. Says why when there is none.
  std::optional<std::string> find_picture(
      const PictureIndex::Match& match, std::string_view written, const std::string& where) {
    if (!match.key.empty()) return match.key;
    if (match.several.empty()) {
      findings.dropped(
          "picture_missing", where, "the picture \"" + std::string(written) + "\" does not exist");
    } else {
      findings.error(
          "picture_ambiguous", where,
          "\"" + std::string(written) + "\" may be \"" + match.several[0] + "\" or \"" +
              match.several[1] + "\"");
    }
    return {};
  }

  /// A picture that nobody has labelled.
  void add_unlabelled(const std::string& key) {
    if (taken_.emplace(key, "").second) queue({key, 0, 0, {}, {}, {}, {}}, false);
  }

  /// Lists the pictures nobody has labelled: those in folders that hold labelled ones.
  void add_unlabelled_neighbours() {
    std::unordered_set<std::string_view> folders;
    for (const auto& [key, where] : taken_) folders.insert(folder_of(key));
    std::vector<std::string> rest;
    for (const std::string& key : index.keys()) {
      if (folders.contains(folder_of(key)) && !taken_.contains(key)) rest.push_back(key);
    }
    for (const std::string& key : rest) add_unlabelled(key);
  }

  /// A picture that somebody has looked at; without objects it is a negative.
  void add(RawPicture raw) {
    const auto [taken, fresh] = taken_.emplace(raw.key, raw.where);
    if (!fresh) {
      findings.error(
          "picture_twice", raw.where,
          "\"" + raw.key + "\" was labelled before, in " + taken->second);
      return;
    }
    queue(std::move(raw), true);
  }

  /// The object in pixels of the picture, its box clipped; or nothing, and a finding says why.
  std::optional<Object> cleaned(RawObject& raw, const Picture& picture) {
    const double W = picture.width, H = picture.height;
    if (raw.relative) {
      raw.x0 *= W, raw.x1 *= W, raw.y0 *= H, raw.y1 *= H;
      for (Ring& ring : raw.object.polygon) {
        for (std::size_t i = 0; i + 1 < ring.size(); i += 2) {
          ring[i] *= static_cast<float>(W), ring[i + 1] *= static_cast<float>(H);
        }
      }
    }
    const std::string box = "the box of \"" + label_name(raw.object.label) + "\" ";
    if (!std::isfinite(raw.x0 + raw.x1 + raw.y0 + raw.y1)) {
      findings.dropped("box_not_finite", raw.where, box + "holds a number that is not finite");
      return {};
    }
    if (raw.x1 < raw.x0 || raw.y1 < raw.y0) {
      findings.repaired("box_reversed", raw.where, box + "has its corners reversed: swapped");
      if (raw.x1 < raw.x0) std::swap(raw.x0, raw.x1);
      if (raw.y1 < raw.y0) std::swap(raw.y0, raw.y1);
    }
    const double width = raw.x1 - raw.x0, height = raw.y1 - raw.y0;
    if (width <= 0 || height <= 0) {
      findings.dropped("box_without_area", raw.where, box + "has no area: " + corners(raw));
      return {};
    }
    const double x0 = std::clamp(raw.x0, 0.0, W), x1 = std::clamp(raw.x1, 0.0, W);
    const double y0 = std::clamp(raw.y0, 0.0, H), y1 = std::clamp(raw.y1, 0.0, H);
    const double left = (x1 - x0) * (y1 - y0);
    if (left < 0.1 * width * height) {
      findings.dropped(
          "box_outside", raw.where,
          box + "lies outside the picture of " + size_text(picture.width, picture.height) + ": " +
              corners(raw));
      return {};
    }
    constexpr double slack = 1e-3;  // six relative decimals over a thousand pixels
    if (x1 - x0 < 1 - slack || y1 - y0 < 1 - slack) {
      findings.dropped("box_too_small", raw.where, box + "is under one pixel: " + corners(raw));
      return {};
    }
    const double cut = std::max({x0 - raw.x0, raw.x1 - x1, y0 - raw.y0, raw.y1 - y1});
    if (cut > slack * std::max(W, H) / 1000 + slack) {
      findings.repaired(
          "box_clipped", raw.where,
          box + "reaches out of the picture of " + size_text(picture.width, picture.height) + ": " +
              corners(raw) + ", clipped");
    }
    Object object = std::move(raw.object);
    object.box = {
        static_cast<float>(y0), static_cast<float>(x0), static_cast<float>(y1),
        static_cast<float>(x1)};
    drop_bad_rings(object, picture, raw.where);
    return object;
  }

  /// Looks into the pictures that were added: from here on `data.pictures` has them.
  void look_into_pictures() {
    if (queued_.empty()) return;
    std::vector<ReadAhead> wanted;
    // Those that somebody has looked at will be decoded: of them all bytes are needed anyway.
    for (const Queued& one : queued_)
      wanted.push_back(
          one.looked_at ? ReadAhead{one.raw.key} : ReadAhead{one.raw.key, picture_head});
    source_.prefetch(wanted);
    ReadMeter meter(options_.progress, source_, queued_.size());
    // What is found in a picture follows what was found in its labels.
    std::vector<Finding> before = std::move(data.findings);
    data.findings.clear();
    std::size_t told = 0;
    for (Queued& one : queued_) {
      for (; told < one.findings; ++told) data.findings.push_back(std::move(before[told]));
      if (one.looked_at)
        add_labelled(std::move(one.raw));
      else
        add_bare(one.raw.key);
      meter.add();
    }
    for (; told < before.size(); ++told) data.findings.push_back(std::move(before[told]));
    queued_.clear();
  }

  /// Looks into all pictures, sorts by key, says how many are negative or unlabelled, and hands the
  /// data set over.
  Dataset finish(bool sort_by_key = true) {
    look_into_pictures();
    if (sort_by_key) {
      std::stable_sort(
          data.pictures.begin(), data.pictures.end(),
          [](const Picture& a, const Picture& b) { return a.key < b.key; });
    }
    const auto count = [&](PictureState state, const char* reason, const char* text) {
      const auto n = std::count_if(
          data.pictures.begin(), data.pictures.end(),
          [&](const Picture& picture) { return picture.state == state; });
      if (n == 0) return;
      findings.note(
          reason, data.root,
          std::to_string(n) + " of " + std::to_string(data.pictures.size()) + text);
    };
    count(PictureState::negative, "negative", " pictures are empty: negatives");
    count(PictureState::unlabelled, "unlabelled", " pictures are unlabelled and take no part");
    return std::move(data);
  }

 private:
  /// A picture that waits until all of them are known: then they can be fetched many at once.
  struct Queued {
    RawPicture raw;
    bool looked_at = false;
    std::size_t findings = 0;  // that were there before it
  };
  void queue(RawPicture raw, bool looked_at) {
    queued_.push_back({std::move(raw), looked_at, data.findings.size()});
  }

  void add_bare(const std::string& key) {
    Picture picture;
    picture.key = key;
    if (const auto header = header_of(key, key)) {
      picture.width = header->size().width;
      picture.height = header->size().height;
    }
    data.pictures.push_back(std::move(picture));
  }

  void add_labelled(RawPicture raw) {
    Picture picture;
    picture.key = raw.key;
    picture.label_source = raw.label_source;
    const auto header = header_of(raw.key, raw.where);
    bool usable = header.has_value();
    if (usable) {
      picture.width = header->size().width;
      picture.height = header->size().height;
      usable = reconcile(raw, *header);
    }
    std::size_t lost = 0;
    for (RawObject& object : raw.objects) {
      if (!usable) break;
      if (object.object.label == 0) continue;
      if (auto clean = cleaned(object, picture)) {
        picture.objects.push_back(std::move(*clean));
      } else {
        ++lost;
      }
    }
    picture.tags = std::move(raw.tags);
    if (!usable) {
      picture.state = PictureState::unlabelled;
      picture.tags.clear();
    } else if (!picture.objects.empty() || !picture.tags.empty()) {
      picture.state = PictureState::labelled;
    } else if (lost > 0) {
      // Something is in it that was lost: no negative.
      findings.dropped(
          "picture_lost_its_objects", raw.where,
          "no object of \"" + raw.key + "\" can be used; it counts as unlabelled");
    } else {
      picture.state = PictureState::negative;
    }
    data.pictures.push_back(std::move(picture));
  }

  std::string label_name(int id) const {
    return id > 0 ? data.labels[static_cast<std::size_t>(id) - 1] : "?";
  }
  static std::string number_text(double value) {
    char text[32];
    const auto end = std::to_chars(text, text + sizeof text, value, std::chars_format::general, 6);
    return {text, end.ptr};
  }
  static std::string corners(const RawObject& o) {
    return "x " + number_text(o.x0) + " to " + number_text(o.x1) + ", y " + number_text(o.y0) +
           " to " + number_text(o.y1);
  }
  static std::string size_text(int width, int height) {
    return std::to_string(width) + " x " + std::to_string(height);
  }

  std::optional<ImageHeader> header_of(const std::string& key, const std::string& where) {
    try {
      return read_image_header(source_, key);
    } catch (const Error& error) {
      if (!concerns_one_file(error)) throw;
      if (options_.skip_bad) {  // also when strict: it is no fault of the labels
        data.findings.push_back(
            {Finding::Severity::dropped, unreadable_reason, where,
             std::string(error.what()) + "; it is left out"});
      } else {
        findings.error(unreadable_reason, where, error.what());
      }
      return {};
    }
  }

  /// Brings boxes to the size and orientation of the picture's file. @return false: not possible
  bool reconcile(RawPicture& raw, const ImageHeader& header) {
    const int W = header.size().width, H = header.size().height;
    const int w = raw.stated_width, h = raw.stated_height;
    if (w <= 0 || h <= 0 || (w == W && h == H)) return true;
    const std::string text = "the size is stated as " + size_text(w, h) + ", the picture \"" +
                             raw.key + "\" is " + size_text(W, H);
    if (w == H && h == W) {
      const bool stored = header.orientation >= 5;
      const bool fits =
          std::all_of(raw.objects.begin(), raw.objects.end(), [&](const RawObject& o) {
            return std::max(o.x0, o.x1) <= w + 1 && std::max(o.y0, o.y1) <= h + 1;
          });
      if (stored && fits) {
        findings.repaired(
            "size_swapped", raw.where,
            text + " after its EXIF rotation: the labels were turned with it");
        for (RawObject& object : raw.objects) turn(object, header);
      } else {
        findings.repaired("size_swapped", raw.where, text + ": width and height were swapped");
      }
      return true;
    }
    const double sx = double(W) / w, sy = double(H) / h;
    // A size rounded to whole pixels may be half a pixel off on each side of the comparison.
    if (std::abs(sx - sy) * std::min(w, h) <= 1.0 + std::max(sx, sy)) {
      findings.repaired("size_scaled", raw.where, text + ": the labels were scaled");
      for (RawObject& object : raw.objects) {
        if (object.relative) continue;
        object.x0 *= sx, object.x1 *= sx, object.y0 *= sy, object.y1 *= sy;
        for (Ring& ring : object.object.polygon) {
          for (std::size_t i = 0; i + 1 < ring.size(); i += 2) {
            ring[i] *= static_cast<float>(sx), ring[i + 1] *= static_cast<float>(sy);
          }
        }
      }
      return true;
    }
    bool relative = !raw.objects.empty();
    for (const RawObject& object : raw.objects) relative = relative && object.relative;
    if (relative) {
      findings.note("size_differs", raw.where, text);
      return true;
    }
    findings.error("size_differs", raw.where, text + ", of another shape");
    return false;
  }

  /// From the stored frame to the displayed one (orientation 5 .. 8 turn the axes).
  static void turn(RawObject& raw, const ImageHeader& header) {
    const double H = raw.relative ? 1 : header.height, W = raw.relative ? 1 : header.width;
    const int o = header.orientation;
    const auto point = [&](double x, double y) {
      return std::pair{o == 6 || o == 7 ? H - y : y, o == 7 || o == 8 ? W - x : x};
    };
    const auto [ax, ay] = point(raw.x0, raw.y0);
    const auto [bx, by] = point(raw.x1, raw.y1);
    raw.x0 = std::min(ax, bx), raw.x1 = std::max(ax, bx);
    raw.y0 = std::min(ay, by), raw.y1 = std::max(ay, by);
    for (Ring& ring : raw.object.polygon) {
      for (std::size_t i = 0; i + 1 < ring.size(); i += 2) {
        const auto [x, y] = point(double{ring[i]}, double{ring[i + 1]});
        ring[i] = static_cast<float>(x), ring[i + 1] = static_cast<float>(y);
      }
    }
  }

  void drop_bad_rings(Object& object, const Picture& picture, const std::string& where) {
    std::erase_if(object.polygon, [&](const Ring& ring) {
      const char* fault = nullptr;
      if (ring.size() % 2 != 0)
        fault = "an odd number of coordinates";
      else if (ring.size() < 6)
        fault = "fewer than 3 points";
      else if (!std::all_of(ring.begin(), ring.end(), [](float v) { return std::isfinite(v); })) {
        fault = "a number that is not finite";
      } else if (covers_nothing(ring, picture)) {
        fault = "no pixel inside";
      }
      if (fault != nullptr) {
        findings.dropped(
            "ring_unusable", where, "a ring of \"" + label_name(object.label) + "\" has " + fault);
      }
      return fault != nullptr;
    });
  }

  static bool covers_nothing(const Ring& ring, const Picture& picture) {
    float low[2] = {ring[0], ring[1]}, high[2] = {ring[0], ring[1]};
    for (std::size_t i = 0; i < ring.size(); ++i) {
      low[i % 2] = std::min(low[i % 2], ring[i]), high[i % 2] = std::max(high[i % 2], ring[i]);
    }
    const float width = static_cast<float>(picture.width),
                height = static_cast<float>(picture.height);
    if (high[0] <= 0 || high[1] <= 0 || low[0] >= width || low[1] >= height) return true;
    // Only slivers can be empty; the others need no rasterising.
    if (high[0] - low[0] > 2 && high[1] - low[1] > 2) return false;
    return rle_area(rasterise({ring}, picture.height, picture.width)) == 0;
  }

  const Source& source_;
  const ReadOptions& options_;
  std::unordered_map<std::string, int> ids_;
  std::unordered_map<std::string, std::string> skeletons_;
  std::unordered_map<std::string, std::string> taken_;  // key of a picture -> where it was labelled
  std::vector<Queued> queued_;
};

}  // namespace ocelli::data
