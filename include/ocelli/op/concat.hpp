// concat: joins tensors, along the channels or picture by picture.
//
//   channels   every input has the output's height and width:
//                y[n,i,j,:] = x0[n,i,j,:], x1[n,i,j,:], ...          C = C0 + C1 + ...
//   flat       otherwise, the way a detector joins its maps:
//                y[n] = all of x0[n], then all of x1[n], ...         H*W*C = sum of Hk*Wk*Ck
//              y's extents only name the same values, as [1,1,size] or [anchors,1,values].
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/core/shape.hpp"

namespace ocelli {

/// True for the channels variant; when both hold (one pixel) they mean the same.
constexpr bool joins_channels(const Shape* in, int count, const Shape& out) {
  for (int k = 0; k < count; ++k)
    if (in[k].height != out.height || in[k].width != out.width) return false;
  return true;
}

/// A concat as a copy of rows: input k is `rows` rows of row_length(k) values, each of which goes
/// into a row of y, after those of the inputs before it.
struct ConcatGeometry {
  bool channels;  ///< the variant
  long rows;      ///< of one picture: its pixels, or 1 when flat
  long out_row;   ///< values in a row of y

  constexpr long row_length(const Shape& in) const { return channels ? in.channels : in.size(); }
};

constexpr ConcatGeometry concat_geometry(const Shape* in, int count, const Shape& out) {
  const bool channels = joins_channels(in, count, out);
  return {channels, channels ? out.pixels() : 1, channels ? out.channels : out.size()};
}

}  // namespace ocelli
