// ResNet v1, 50 and 101 layers, as a feature extractor.
//
// He et al., arXiv:1512.03385, table 1; the stride of a block is in its last unit, on the 3x3, as
// in TensorFlow's slim (most other versions put it into the first).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/net/vocabulary.hpp"

namespace ocelli {

namespace resnet {

struct Conv1 {
  static constexpr char name[] = "conv1";
};
template <int I>
struct Block {
  static constexpr char name[7] = {'b', 'l', 'o', 'c', 'k', static_cast<char>('0' + I), '\0'};
};
struct UnitName {
  static constexpr char name[] = "unit";
};
struct ShortcutName {
  static constexpr char name[] = "shortcut";
};

/// Same input and output: 1x1 to Base, 3x3 of the stride, 1x1 to 4 Base.
template <int Base, int Stride, class Norm, class Padding>
using Main = Sequential<
    Conv<Base, 1>, Norm, Relu, Conv<Base, 3, Stride, Padding>, Norm, Relu, Conv<4 * Base, 1>, Norm>;

/// The first unit of a block projects its shortcut; later ones hand it on, subsampled if strided.
template <int Base, class Norm>
using ProjectedUnit = Named<
    UnitName,
    Sequential<
        Residual<
            Main<Base, 1, Norm, Same>, Named<ShortcutName, Sequential<Conv<4 * Base, 1>, Norm>>>,
        Relu>>;
template <int Base, class Norm>
using PlainUnit = Named<UnitName, Sequential<Residual<Main<Base, 1, Norm, Same>>, Relu>>;
template <int Base, int Stride, class Norm>
using LastUnit = Named<
    UnitName,
    Sequential<Residual<Main<Base, Stride, Norm, Symmetric<1>>, MaxPool<1, Stride>>, Relu>>;

template <int Number, int Units, int Base, int LastStride, class Norm>
using Stage = Named<
    Block<Number>, Sequential<
                       ProjectedUnit<Base, Norm>, Repeat<Units - 2, PlainUnit<Base, Norm>>,
                       LastUnit<Base, LastStride, Norm>>>;

/// 7x7 of stride 2 with symmetric padding, then a 3x3 max pool of stride 2.
template <class Norm>
using Stem =
    Sequential<Named<Conv1, Sequential<Conv<64, 7, 2, Symmetric<3>>, Norm, Relu>>, MaxPool<3, 2>>;

}  // namespace resnet

/// Blocks 1 to 3, output stride 16, 1024 channels: a first stage of Faster R-CNN.
/// @tparam Block3Units  6 for ResNet-50, 23 for ResNet-101
/// @tparam Norm         FrozenBatchNorm for detectors, BatchNorm to train from random weights
template <int Block3Units, class Norm = FrozenBatchNorm>
using ResNetC4 = Sequential<
    resnet::Stem<Norm>, resnet::Stage<1, 3, 64, 2, Norm>, resnet::Stage<2, 4, 128, 2, Norm>,
    resnet::Stage<3, Block3Units, 256, 1, Norm>>;

/// Block 4 on top of C4, stride 1 as a second stage has it: 2048 channels.
template <class Norm = FrozenBatchNorm>
using ResNetC5 = resnet::Stage<4, 3, 512, 1, Norm>;

template <class Norm = FrozenBatchNorm>
using ResNet50 = Sequential<ResNetC4<6, Norm>, ResNetC5<Norm>>;
template <class Norm = FrozenBatchNorm>
using ResNet101 = Sequential<ResNetC4<23, Norm>, ResNetC5<Norm>>;

}  // namespace ocelli
