// Diag: the first mistake in a net, and its message at compile time and at run time.
//
// At compile time each code has a template whose name and arguments a compiler prints; the numbers
// are plain ints, since a C++20 message cannot hold them:
//   residual_inputs_differ<false, op<5>, layer_path<0, 3>, main_path<64, 16, 16>, shortcut<64, 32,
//   32>>
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "ocelli/core/error.hpp"
#include "ocelli/core/shape.hpp"

namespace ocelli {

enum class DiagCode : int {
  none,
  window_exceeds_input,    ///< a = input, b = {kernel height, kernel width, 0}
  residual_inputs_differ,  ///< a = main path, b = shortcut
  concat_inputs_differ,    ///< a = first, b = the other
  tap_unknown,             ///< From<tag> before, or without, Tap<tag>
  tap_repeated,            ///< Tap<tag> twice
  too_many_inputs,         ///< a.height = inputs
  input_too_small,         ///< a = input, b = {smallest height, smallest width, 0}
  map_count_differs,       ///< a.height = anchor layers, b.height = feature maps
  channels_not_positive,   ///< a = the shape asked for
};

struct Diag {
  static constexpr int kMaxDepth = 6;

  DiagCode code = DiagCode::none;
  int op = -1;                                         ///< operations emitted before it
  int ordinals[kMaxDepth] = {-1, -1, -1, -1, -1, -1};  ///< layer path from the root
  int path = -1;
  Shape a, b;
};

namespace diag {
template <int... At>
struct layer_path {};
template <int Number>
struct op {};
template <int Height, int Width, int Channels>
struct input {};
template <int Height, int Width, int Channels>
struct main_path {};
template <int Height, int Width, int Channels>
struct shortcut {};
template <int Height, int Width, int Channels>
struct first {};
template <int Height, int Width, int Channels>
struct other {};
template <int Height, int Width, int Channels>
struct output {};
template <int Height, int Width>
struct kernel {};
template <int Height, int Width>
struct smallest {};
template <int Count>
struct anchor_layers {};
template <int Count>
struct feature_maps {};
template <int Count>
struct inputs {};

template <bool ok, class Op, class Path, class Input, class Kernel>
struct window_exceeds_input {
  static_assert(
      ok, "ocelli: window: the kernel is larger than its input, and the padding is VALID");
};
template <bool ok, class Op, class Path, class Main, class Shortcut>
struct residual_inputs_differ {
  static_assert(ok, "ocelli: residual: the main path and the shortcut must have the same shape");
};
template <bool ok, class Op, class Path, class First, class Other>
struct concat_inputs_differ {
  static_assert(ok, "ocelli: concat: the inputs must have the same height and width");
};
template <bool ok, class Op, class Path>
struct tap_unknown {
  static_assert(ok, "ocelli: From<tag>: no Tap<tag> before it");
};
template <bool ok, class Op, class Path>
struct tap_repeated {
  static_assert(ok, "ocelli: Tap<tag>: the tag is taken; each tag names one tensor");
};
template <bool ok, class Op, class Path, class Inputs>
struct too_many_inputs {
  static_assert(ok, "ocelli: concat: at most 8 inputs");
};
template <bool ok, class Op, class Path, class Input, class Smallest>
struct input_too_small {
  static_assert(ok, "ocelli: ssd: the input must be at least 33 x 33 pixels");
};
template <bool ok, class Op, class Path, class Layers, class Maps>
struct map_count_differs {
  static_assert(ok, "ocelli: ssd: the anchor layers must be as many as the net's feature maps");
};
template <bool ok, class Op, class Path, class Output>
struct channels_not_positive {
  static_assert(ok, "ocelli: a layer must have at least one output channel");
};
}  // namespace diag

/// Names the template of the code of `Source::diag`, so that a faulty net stops the compiler with
/// one message. True when there is no mistake.
template <class Source>
constexpr bool check_diag() {
  constexpr Diag D = Source::diag;
  using Op = diag::op<D.op>;
  using Path = diag::layer_path<
      D.ordinals[0], D.ordinals[1], D.ordinals[2], D.ordinals[3], D.ordinals[4], D.ordinals[5]>;
  constexpr DiagCode code = D.code;
  constexpr Shape a = D.a, b = D.b;
  if constexpr (code == DiagCode::window_exceeds_input) {
    (void)diag::window_exceeds_input<
        false, Op, Path, diag::input<a.height, a.width, a.channels>,
        diag::kernel<b.height, b.width>>{};
  } else if constexpr (code == DiagCode::residual_inputs_differ) {
    (void)diag::residual_inputs_differ<
        false, Op, Path, diag::main_path<a.height, a.width, a.channels>,
        diag::shortcut<b.height, b.width, b.channels>>{};
  } else if constexpr (code == DiagCode::concat_inputs_differ) {
    (void)diag::concat_inputs_differ<
        false, Op, Path, diag::first<a.height, a.width, a.channels>,
        diag::other<b.height, b.width, b.channels>>{};
  } else if constexpr (code == DiagCode::tap_unknown) {
    (void)diag::tap_unknown<false, Op, Path>{};
  } else if constexpr (code == DiagCode::tap_repeated) {
    (void)diag::tap_repeated<false, Op, Path>{};
  } else if constexpr (code == DiagCode::too_many_inputs) {
    (void)diag::too_many_inputs<false, Op, Path, diag::inputs<a.height>>{};
  } else if constexpr (code == DiagCode::input_too_small) {
    (void)diag::input_too_small<
        false, Op, Path, diag::input<a.height, a.width, a.channels>,
        diag::smallest<b.height, b.width>>{};
  } else if constexpr (code == DiagCode::map_count_differs) {
    (void)diag::map_count_differs<
        false, Op, Path, diag::anchor_layers<a.height>, diag::feature_maps<b.height>>{};
  } else if constexpr (code == DiagCode::channels_not_positive) {
    (void)
        diag::channels_not_positive<false, Op, Path, diag::output<a.height, a.width, a.channels>>{};
  }
  return code == DiagCode::none;
}

/// "[300,300,3]"
inline std::string to_string(const Shape& s) {
  return "[" + std::to_string(s.height) + "," + std::to_string(s.width) + "," +
         std::to_string(s.channels) + "]";
}

/// The same mistake in words, for a net that is built at run time.
/// @param layer  name of the layer: "backbone/layer_3"
[[noreturn]] inline void throw_diag(const Diag& diag, const std::string& layer) {
  const auto pair = [](const Shape& s) {
    return std::to_string(s.height) + " x " + std::to_string(s.width);
  };
  std::string what;
  switch (diag.code) {
    case DiagCode::window_exceeds_input:
      what = "the input " + to_string(diag.a) + " is smaller than the kernel " + pair(diag.b);
      break;
    case DiagCode::residual_inputs_differ:
      what =
          "residual: the main path is " + to_string(diag.a) + ", the shortcut " + to_string(diag.b);
      break;
    case DiagCode::concat_inputs_differ:
      what = "concat: one input is " + to_string(diag.a) + ", another " + to_string(diag.b);
      break;
    case DiagCode::tap_unknown:
      what = "From<tag> without a Tap<tag> before it";
      break;
    case DiagCode::tap_repeated:
      what = "Tap<tag> twice";
      break;
    case DiagCode::too_many_inputs:
      what = "concat: " + std::to_string(diag.a.height) + " inputs, at most 8 are possible";
      break;
    case DiagCode::input_too_small:
      what = "the input is " + pair(diag.a) + " pixels, it must be at least " + pair(diag.b);
      break;
    case DiagCode::map_count_differs:
      what = std::to_string(diag.a.height) + " anchor layers for " + std::to_string(diag.b.height) +
             " feature maps";
      break;
    case DiagCode::channels_not_positive:
      what = "an output of " + to_string(diag.a) + " has no channels";
      break;
    case DiagCode::none:
      what = "no fault";
      break;
  }
  throw ShapeError(what, layer);
}

}  // namespace ocelli
