// Augmentation: the list of random transforms that a training picture goes through, in order. A
// sample depends on (seed, step, place in the batch) alone.
//
// As text, one transform a line or comma separated, everything in brackets optional:
//
//   horizontal_flip(p=0.5), ssd_random_crop
//   gaussian_blur(p=0.3, min_kernel=3, max_kernel=7)   # to the end of the line
//
// Capitals, '-' and '_' in names make no difference: HorizontalFlip is horizontal_flip. The words
// none, ssd, ssd_distort, workflow and whole_picture stand for whole lists.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "ocelli/core/error.hpp"
#include "ocelli/core/nearest_name.hpp"
#include "ocelli/core/random.hpp"
#include "ocelli/data/geometry.hpp"
#include "ocelli/data/photometric.hpp"
#include "ocelli/data/random_crop.hpp"
#include "ocelli/data/sample.hpp"
#include "ocelli/data/text.hpp"

namespace ocelli::data {

/// Any transform; a new one is a struct like HorizontalFlip and a place in this list.
using Transform = std::variant<
    HorizontalFlip, VerticalFlip, RandomRotate90, Expand, Resize, SsdRandomCrop, RandomResizedCrop,
    RandomBrightnessContrast, GaussianBlur, GaussNoise, RandomAdjustBrightness,
    RandomAdjustContrast, RandomAdjustHue, RandomAdjustSaturation>;

class Augmentation {
 public:
  Augmentation() = default;
  explicit Augmentation(std::vector<Transform> transforms) : transforms_(std::move(transforms)) {}

  /// What TensorFlow's SSD configurations do.
  static Augmentation ssd() { return Augmentation({HorizontalFlip{}, SsdRandomCrop{}}); }
  /// ssd with colour distortion and zooming out, as in the paper (arXiv:1512.02325, section 3.6).
  static Augmentation ssd_distort() {
    return Augmentation({
        Expand{},
        HorizontalFlip{},
        SsdRandomCrop{},
        Resize{},
        RandomAdjustBrightness{.p = 0.5, .max_delta = 32.0 / 255},
        RandomAdjustContrast{.p = 0.5, .min_delta = 0.5, .max_delta = 1.5},
        RandomAdjustHue{.p = 0.5, .max_delta = 0.05},
        RandomAdjustSaturation{.p = 0.5, .min_delta = 0.5, .max_delta = 1.5},
    });
  }
  /// The list of Onepanel's training workflow.
  static Augmentation workflow() {
    return Augmentation({
        RandomBrightnessContrast{.p = 0.2},
        GaussianBlur{.p = 0.3},
        GaussNoise{.p = 0.4},
        HorizontalFlip{.p = 0.5},
        VerticalFlip{.p = 0.3},
    });
  }
  /// What a classifier of whole pictures is trained with.
  static Augmentation whole_picture() {
    return Augmentation({RandomResizedCrop{}, HorizontalFlip{}});
  }
  /// Reads the text form; see the top of the file.
  /// @param where  for messages: the file or option that the text came from
  /// @throws ConfigError for an unknown name (with the nearest one), parameter or value
  static Augmentation parse(std::string_view text, const std::string& where = "augmentation");

  /// Draws and applies every transform; boxes and polygons follow the pixels.
  void apply(Sample& sample, Random& random) const {
    for (const Transform& any : transforms_) {
      std::visit(
          [&](const auto& transform) {
            if (random.chance(static_cast<float>(transform.p))) transform.apply(sample, random);
          },
          any);
    }
  }

  const std::vector<Transform>& transforms() const { return transforms_; }
  /// The text form with every parameter, which parse() reads back; "none" when empty.
  std::string text() const;
  /// The names of all transforms.
  static std::vector<std::string> names();

 private:
  std::vector<Transform> transforms_;
};

namespace detail {

/// Names as they compare: lower case, without '_' and '-'.
inline std::string squeezed(std::string_view name) {
  std::string result = plain_name(name);
  std::erase(result, '_');
  return result;
}

/// Calls use(T{}) for each alternative of a variant.
template <class Variant, std::size_t I = 0, class Use>
void for_each_alternative(Use&& use) {
  if constexpr (I < std::variant_size_v<Variant>) {
    use(std::variant_alternative_t<I, Variant>{});
    for_each_alternative<Variant, I + 1>(use);
  }
}

inline std::string number_text(double value) {
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  return {buffer, end};
}

template <class T>
void set_parameter(T& transform, std::string_view setting, const std::string& where) {
  const std::size_t equals = std::min(setting.find('='), setting.size());
  const std::string_view key = trimmed(setting.substr(0, equals));
  const std::string_view value = trimmed(setting.substr(std::min(equals + 1, setting.size())));
  std::vector<std::string> known;
  for (const auto& parameter : T::parameters()) {
    known.emplace_back(parameter.name);
    if (squeezed(parameter.name) != squeezed(key)) continue;
    const auto number = parse_number(value);
    if (!number || !(*number >= parameter.low && *number <= parameter.high)) {
      throw ConfigError(
          std::string(T::name) + ": " + parameter.name + " is \"" + shown(value) + "\"", where,
          "give it a number from " + number_text(parameter.low) + " to " +
              number_text(parameter.high));
    }
    transform.*parameter.member = *number;
    return;
  }
  throw ConfigError(
      std::string(T::name) + " has no parameter \"" + shown(key) + "\"", where,
      "did you mean " + nearest_name(plain_name(key), known) + "? Write name=value");
}

/// Of two parameters min_x and max_x, the first must not be the larger.
template <class T>
void check_limits(const T& transform, const std::string& where) {
  for (const auto& low : T::parameters()) {
    for (const auto& high : T::parameters()) {
      const std::string_view a = low.name, b = high.name;
      if (a.substr(0, 4) != "min_" || b.substr(0, 4) != "max_" || a.substr(4) != b.substr(4)) {
        continue;
      }
      if (transform.*low.member > transform.*high.member) {
        throw ConfigError(
            std::string(T::name) + ": " + low.name + " is above " + high.name, where,
            "exchange the two");
      }
    }
  }
}

inline Transform read_transform(
    std::string_view name, std::string_view settings, const std::string& where) {
  Transform result;
  bool found = false;
  std::string plain = squeezed(name);
  // The names that TensorFlow's configurations use.
  if (plain == "randomhorizontalflip") plain = "horizontalflip";
  if (plain == "randomverticalflip") plain = "verticalflip";
  if (plain == "randomrotation90") plain = "randomrotate90";
  for_each_alternative<Transform>([&](auto transform) {
    if (squeezed(transform.name) != plain) return;
    found = true;
    for (std::string_view rest = settings; !trimmed(rest).empty();) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      set_parameter(transform, rest.substr(0, comma), where);
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
    check_limits(transform, where);
    result = transform;
  });
  if (!found) {
    std::vector<std::string> known = Augmentation::names();
    known.insert(known.end(), {"none", "ssd", "ssd_distort", "workflow", "whole_picture"});
    throw ConfigError(
        "no transform is called \"" + shown(name) + "\"", where,
        "did you mean " + nearest_name(plain_name(name), known) + "?");
  }
  return result;
}

}  // namespace detail

inline std::vector<std::string> Augmentation::names() {
  std::vector<std::string> names;
  detail::for_each_alternative<Transform>(
      [&](auto transform) { names.emplace_back(transform.name); });
  return names;
}

inline std::string Augmentation::text() const {
  std::string text;
  for (const Transform& any : transforms_) {
    std::visit(
        [&](const auto& transform) {
          text += (text.empty() ? "" : ", ") + std::string(transform.name);
          char before = '(';
          for (const auto& parameter : transform.parameters()) {
            text += before + (before == ',' ? std::string(" ") : std::string()) + parameter.name +
                    '=' + detail::number_text(transform.*parameter.member);
            before = ',';
          }
          text += ')';
        },
        any);
  }
  return text.empty() ? "none" : text;
}

inline Augmentation Augmentation::parse(std::string_view text, const std::string& where) {
  std::string plain(text);
  for (std::size_t at = 0; (at = plain.find('#', at)) != std::string::npos;) {
    plain.erase(at, std::min(plain.find('\n', at), plain.size()) - at);
  }
  Augmentation result;
  const auto append = [&](const Augmentation& list) {
    result.transforms_.insert(
        result.transforms_.end(), list.transforms_.begin(), list.transforms_.end());
  };
  std::string_view rest = plain;
  while (!rest.empty()) {
    const std::size_t name_end = std::min(rest.find_first_of("(,\n"), rest.size());
    const std::string_view name = trimmed(rest.substr(0, name_end));
    std::string_view settings;
    std::size_t end = name_end;
    if (end < rest.size() && rest[end] == '(') {
      const std::size_t close = rest.find(')', end);
      if (close == std::string_view::npos) {
        throw ConfigError("no closing bracket after \"" + shown(name) + "\"", where, "add a ')'");
      }
      settings = rest.substr(end + 1, close - end - 1);
      end = std::min(rest.find_first_of(",\n", close), rest.size());
      if (!trimmed(rest.substr(close + 1, end - close - 1)).empty()) {
        throw ConfigError(
            "text after \"" + shown(name) + "(...)\"", where,
            "separate transforms by a comma or a new line");
      }
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (name.empty() && settings.empty()) continue;
    const std::string word = detail::squeezed(name);
    const bool list = word == "none" || word == "ssd" || word == "ssddistort" ||
                      word == "workflow" || word == "wholepicture";
    if (list && !settings.empty()) {
      throw ConfigError(
          "\"" + shown(name) + "\" is a whole list and takes no parameters", where,
          "name its transforms one by one: " + parse(name).text());
    }
    if (word == "ssd") {
      append(ssd());
    } else if (word == "ssddistort") {
      append(ssd_distort());
    } else if (word == "workflow") {
      append(workflow());
    } else if (word == "wholepicture") {
      append(whole_picture());
    } else if (word != "none") {
      result.transforms_.push_back(detail::read_transform(name, settings, where));
    }
  }
  return result;
}

}  // namespace ocelli::data
