// Masks as run lengths, the way COCO writes them, and polygons turned into them.
//
// A mask is scanned column by column, top to bottom; the runs alternate between 0 and 1, beginning
// with zeros (the first may be 0 long). The polygon rule reproduces COCO's published masks bit for
// bit: it works on a grid five times finer than the pixels.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "ocelli/core/error.hpp"
#include "ocelli/data/dataset.hpp"

namespace ocelli::data {

struct Rle {
  int height = 0, width = 0;          ///< pixels
  std::vector<std::uint32_t> counts;  ///< sum = height * width
  friend bool operator==(const Rle&, const Rle&) = default;
};

/// @throws DataError when the runs do not fill the mask
inline void check_rle(const Rle& rle, const std::string& where) {
  std::uint64_t sum = 0;
  for (const std::uint32_t count : rle.counts) sum += count;
  const std::uint64_t size =
      std::uint64_t(std::max(rle.height, 0)) * std::uint64_t(std::max(rle.width, 0));
  if (rle.height < 0 || rle.width < 0 || sum != size) {
    throw DataError(
        "the runs of the mask add up to " + std::to_string(sum) + ", not to " +
            std::to_string(rle.height) + " x " + std::to_string(rle.width),
        where, "export the mask again");
  }
}

/// COCO's string form: runs from the fourth on as differences to the one before last, five bits a
/// character, low first.
inline std::string rle_to_string(const Rle& rle) {
  std::string text;
  for (std::size_t i = 0; i < rle.counts.size(); ++i) {
    std::int64_t value = rle.counts[i];
    if (i >= 3) value -= rle.counts[i - 2];
    for (bool more = true; more;) {
      std::int64_t bits = value & 31;
      value >>= 5;
      more = (bits & 16) != 0 ? value != -1 : value != 0;
      if (more) bits |= 32;
      text += static_cast<char>(bits + 48);
    }
  }
  return text;
}

/// @throws DataError for characters outside '0' .. 'o', a string that ends in mid number, or runs
/// that
///         do not fill the mask
inline Rle rle_from_string(std::string_view text, int height, int width, const std::string& where) {
  Rle rle{height, width, {}};
  const auto fault = [&](const std::string& what) {
    return DataError("the mask's string " + what, where, "export the mask again");
  };
  for (std::size_t at = 0; at < text.size();) {
    std::int64_t value = 0;
    for (unsigned shift = 0;; shift += 5) {
      if (at == text.size()) throw fault("ends in the middle of a number");
      const int bits = text[at++] - 48;
      if (bits < 0 || bits > 63) throw fault("holds a character outside '0' .. 'o'");
      if (shift > 30) throw fault("holds a number that is too large");
      value |= std::int64_t{bits & 31} << shift;
      if ((bits & 32) != 0) continue;
      if ((bits & 16) != 0) value |= -(std::int64_t{1} << (shift + 5));
      break;
    }
    if (rle.counts.size() >= 3) value += rle.counts[rle.counts.size() - 2];
    if (value < 0 || value > 0xFFFFFFFFll) throw fault("holds a run of negative or absurd length");
    rle.counts.push_back(static_cast<std::uint32_t>(value));
  }
  check_rle(rle, where);
  return rle;
}

/// Pixels inside.
inline std::uint64_t rle_area(const Rle& rle) {
  std::uint64_t area = 0;
  for (std::size_t i = 1; i < rle.counts.size(); i += 2) area += rle.counts[i];
  return area;
}

/// The smallest box around the mask; all zero when it is empty.
inline PixelBox rle_box(const Rle& rle) {
  const std::uint64_t h = static_cast<std::uint64_t>(rle.height);
  std::uint64_t x0 = static_cast<std::uint64_t>(rle.width), x1 = 0, y0 = h, y1 = 0, at = 0;
  for (std::size_t i = 0; i < rle.counts.size(); ++i) {
    const std::uint64_t end = at + rle.counts[i];
    if (i % 2 == 1 && end > at) {
      x0 = std::min(x0, at / h), x1 = std::max(x1, (end - 1) / h + 1);
      if (at / h != (end - 1) / h) {  // it passes from a column's bottom to the next one's top
        y0 = 0, y1 = h;
      } else {
        y0 = std::min(y0, at % h), y1 = std::max(y1, (end - 1) % h + 1);
      }
    }
    at = end;
  }
  if (x1 == 0) return {};
  return {
      static_cast<float>(y0), static_cast<float>(x0), static_cast<float>(y1),
      static_cast<float>(x1)};
}

/// One byte a pixel, 0 or 1, row by row.
inline std::vector<std::uint8_t> rle_to_mask(const Rle& rle) {
  const auto h = static_cast<std::size_t>(rle.height), w = static_cast<std::size_t>(rle.width);
  std::vector<std::uint8_t> mask(h * w);
  std::size_t at = 0;
  for (std::size_t i = 0; i < rle.counts.size(); ++i) {
    for (std::uint32_t k = 0; k < rle.counts[i]; ++k, ++at) mask[at % h * w + at / h] = i % 2;
  }
  return mask;
}

/// @param mask  one byte a pixel, row by row; not 0 is inside
inline Rle rle_from_mask(const std::vector<std::uint8_t>& mask, int height, int width) {
  const auto h = static_cast<std::size_t>(height), w = static_cast<std::size_t>(width);
  if (mask.size() != h * w) throw ShapeError("mask: its size is not height x width");
  Rle rle{height, width, {}};
  bool inside = false;
  std::uint32_t run = 0;
  for (std::size_t x = 0; x < w; ++x) {
    for (std::size_t y = 0; y < h; ++y) {
      if ((mask[y * w + x] != 0) != inside) {
        rle.counts.push_back(run);
        inside = !inside, run = 0;
      }
      ++run;
    }
  }
  rle.counts.push_back(run);
  return rle;
}

namespace detail {

/// Runs from the places, in column order, where the mask changes; a place that occurs twice
/// cancels.
inline Rle rle_from_changes(std::vector<std::uint32_t>& changes, int height, int width) {
  changes.push_back(static_cast<std::uint32_t>(height) * static_cast<std::uint32_t>(width));
  std::sort(changes.begin(), changes.end());
  Rle rle{height, width, {}};
  std::uint32_t before = 0;
  std::vector<std::uint32_t> runs;
  for (const std::uint32_t change : changes) {
    runs.push_back(change - before);
    before = change;
  }
  rle.counts.push_back(runs[0]);
  for (std::size_t i = 1; i < runs.size();) {
    if (runs[i] > 0) {
      rle.counts.push_back(runs[i++]);
    } else {
      ++i;
      if (i < runs.size()) rle.counts.back() += runs[i++];
    }
  }
  return rle;
}

/// The decimal number that a float was read from, as a double: 0.7f is 0.69999999, and the grid's
/// rounding tells the two apart. Exact for numbers of up to six digits.
inline double as_written(float value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  double number = 0;
  std::from_chars(text, end, number);
  return number;
}

inline Rle rasterise_ring(const Ring& ring, int height, int width) {
  constexpr double scale = 5;
  // Far outside nothing changes any more: keeps the walk short and the integers small.
  const double reach = scale * 4.0 * std::max({height, width, 1});
  const std::size_t n = ring.size() / 2;
  std::vector<int> X(n + 1), Y(n + 1);
  for (std::size_t i = 0; i < n; ++i) {
    X[i] = static_cast<int>(std::clamp(scale * as_written(ring[2 * i]) + 0.5, -reach, reach));
    Y[i] = static_cast<int>(std::clamp(scale * as_written(ring[2 * i + 1]) + 0.5, -reach, reach));
  }
  X[n] = X[0], Y[n] = Y[0];
  std::vector<int> u, v;  // the outline, a point per step of each edge's longer axis
  for (std::size_t i = 0; i < n; ++i) {
    int xs = X[i], xe = X[i + 1], ys = Y[i], ye = Y[i + 1];
    const int dx = std::abs(xe - xs), dy = std::abs(ye - ys);
    const bool flip = (dx >= dy && xs > xe) || (dx < dy && ys > ye);
    if (flip) std::swap(xs, xe), std::swap(ys, ye);
    const double slope = dx >= dy ? (dx == 0 ? 0.0 : double(ye - ys) / dx) : double(xe - xs) / dy;
    const int steps = std::max(dx, dy);
    for (int d = 0; d <= steps; ++d) {
      const int t = flip ? steps - d : d;
      if (dx >= dy) {
        u.push_back(xs + t), v.push_back(static_cast<int>(ys + slope * t + 0.5));
      } else {
        u.push_back(static_cast<int>(xs + slope * t + 0.5)), v.push_back(ys + t);
      }
    }
  }
  std::vector<std::uint32_t> changes;
  for (std::size_t j = 1; j < u.size(); ++j) {
    if (u[j] == u[j - 1]) continue;
    double xd = u[j] < u[j - 1] ? u[j] : u[j] - 1;
    xd = (xd + 0.5) / scale - 0.5;
    if (std::floor(xd) != xd || xd < 0 || xd > width - 1) continue;
    double yd = std::min(v[j], v[j - 1]);
    yd = std::ceil(std::clamp((yd + 0.5) / scale - 0.5, 0.0, double(height)));
    changes.push_back(
        static_cast<std::uint32_t>(xd) * static_cast<std::uint32_t>(height) +
        static_cast<std::uint32_t>(yd));
  }
  return rle_from_changes(changes, height, width);
}

}  // namespace detail

/// Both masks together; sizes must be equal.
inline Rle rle_union(const Rle& a, const Rle& b) {
  if (a.height != b.height || a.width != b.width) throw ShapeError("masks differ in size");
  Rle out{a.height, a.width, {}};
  std::size_t i = 0, j = 0;
  std::uint32_t left_a = a.counts.empty() ? 0 : a.counts[0],
                left_b = b.counts.empty() ? 0 : b.counts[0];
  std::uint32_t run = 0;
  bool inside = false;
  while (i < a.counts.size() && j < b.counts.size()) {
    const bool now = i % 2 == 1 || j % 2 == 1;
    const std::uint32_t step = std::min(left_a, left_b);
    if (step > 0) {
      if (now != inside) {
        out.counts.push_back(run);
        run = 0, inside = now;
      }
      run += step;
    }
    left_a -= step, left_b -= step;
    if (left_a == 0 && ++i < a.counts.size()) left_a = a.counts[i];
    if (left_b == 0 && ++j < b.counts.size()) left_b = b.counts[j];
  }
  out.counts.push_back(run);
  return out;
}

/// The mask of a polygon: its rings united. Rings may lie partly or wholly outside.
inline Rle rasterise(const std::vector<Ring>& polygon, int height, int width) {
  Rle mask{height, width, {static_cast<std::uint32_t>(height) * static_cast<std::uint32_t>(width)}};
  for (const Ring& ring : polygon)
    mask = rle_union(mask, detail::rasterise_ring(ring, height, width));
  return mask;
}

}  // namespace ocelli::data
