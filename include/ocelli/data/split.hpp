// Parts of a data set: by names, by chance, by the seeded shuffle of the Cloud Annotations
// notebooks.
//
// Only pictures that somebody has looked at take part, labelled and negative; unlabelled ones are
// counted. A part is never empty: that is refused.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "ocelli/core/error.hpp"
#include "ocelli/data/dataset.hpp"
#include "ocelli/data/python_random.hpp"
#include "ocelli/data/text.hpp"

namespace ocelli::data {

struct Split {
  Dataset train, validation;   ///< without the findings of the whole
  std::size_t unlabelled = 0;  ///< pictures that took no part
};

namespace detail {

inline Dataset part_of(const Dataset& data) {
  return {data.root, data.format, data.labels, {}, {}, data.type};
}
inline std::vector<std::size_t> looked_at(const Dataset& data) {
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < data.pictures.size(); ++i) {
    if (data.pictures[i].state != PictureState::unlabelled) places.push_back(i);
  }
  return places;
}
inline Split make_split(
    const Dataset& data, const std::vector<std::size_t>& train,
    const std::vector<std::size_t>& validation, const char* advice) {
  if (train.empty() || validation.empty()) {
    throw DataError(
        "the split leaves " + std::to_string(train.size()) + " pictures for training and " +
            std::to_string(validation.size()) + " for validation",
        data.root, advice);
  }
  Split split{
      part_of(data), part_of(data), data.pictures.size() - train.size() - validation.size()};
  for (const std::size_t i : train) split.train.pictures.push_back(data.pictures[i]);
  for (const std::size_t i : validation) split.validation.pictures.push_back(data.pictures[i]);
  return split;
}

}  // namespace detail

/// The pictures named: by key, by the end of a key after a '/', or either without its extension
/// (ImageSets). In the order of the names; a picture named twice is taken once.
/// @throws DataError for a name that no picture has, or several have
inline Dataset select(const Dataset& data, const std::vector<std::string>& names) {
  constexpr auto several = static_cast<std::size_t>(-1);
  std::unordered_map<std::string_view, std::size_t> keys, ends;
  for (std::size_t i = 0; i < data.pictures.size(); ++i) {
    const std::string_view key = data.pictures[i].key;
    const std::string_view stem = key.substr(0, key.size() - extension_of(key).size());
    keys.emplace(key, i);
    const auto add = [&](std::string_view end) {
      const auto [found, fresh] = ends.emplace(end, i);
      if (!fresh && found->second != i) found->second = several;
    };
    add(stem);
    for (std::size_t slash = key.find('/'); slash != key.npos; slash = key.find('/', slash + 1)) {
      add(key.substr(slash + 1));
      add(stem.substr(slash + 1));
    }
  }
  Dataset part = detail::part_of(data);
  std::vector<bool> taken(data.pictures.size());
  for (const std::string& name : names) {
    auto found = keys.find(name);
    const bool whole = found != keys.end();
    if (!whole) found = ends.find(name);
    const bool none = !whole && found == ends.end();
    if (none || found->second == several) {
      throw DataError(
          "\"" + name + "\" in the list is the name of " +
              (none ? "no picture" : "several pictures"),
          data.root, "give the path below the root, with or without the extension");
    }
    if (taken[found->second]) continue;
    taken[found->second] = true;
    part.pictures.push_back(data.pictures[found->second]);
  }
  return part;
}

/// Each picture by itself goes to validation with the chance of `percent` in a hundred: one number
/// of Python's generator a picture, in the order of the data set, below percent / 100. The default
/// seed repeats the split of the Onepanel templates. The share varies, and with few pictures much.
/// @throws DataError when a part would be empty
inline Split split_percent(const Dataset& data, double percent, std::uint64_t seed = 99) {
  if (!(percent > 0 && percent < 100)) {
    throw ConfigError("the percentage for validation must lie between 0 and 100", "val_percent");
  }
  PythonRandom random(seed);
  std::vector<std::size_t> train, validation;
  for (const std::size_t i : detail::looked_at(data)) {
    (random.uniform() < percent / 100 ? validation : train).push_back(i);
  }
  return detail::make_split(
      data, train, validation, "label more pictures, or choose another percentage or seed");
}

/// Python's shuffle of all pictures, in the order of the data set; the first int(share * n) train,
/// the others validate. With the defaults, for Cloud Annotations labels: the split of the
/// notebooks.
/// @throws DataError when a part would be empty
inline Split split_shuffled(const Dataset& data, double share = 0.7, std::uint64_t seed = 42) {
  if (!(share > 0 && share < 1)) {
    throw ConfigError("the share for training must lie between 0 and 1", "train_share");
  }
  std::vector<std::size_t> order = detail::looked_at(data);
  PythonRandom(seed).shuffle(order);
  const auto cut = static_cast<std::ptrdiff_t>(share * static_cast<double>(order.size()));
  return detail::make_split(
      data, {order.begin(), order.begin() + cut}, {order.begin() + cut, order.end()},
      "label more pictures, or choose another share");
}

}  // namespace ocelli::data
