// ReadOptions: how labels are to be read, the same for all formats.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ocelli/data/read_progress.hpp"

namespace ocelli::data {

/// What the four numbers of a Pascal VOC box mean.
enum class VocBoxes : std::uint8_t {
  devkit,  ///< pixel numbers from 1, both ends inside: the devkit's own
  edges    ///< pixel edges from 0: CVAT, LabelImg
};

struct ReadOptions {
  /// "voc", "coco", "cloud-annotations", "cloud-annotations-csv", "yolo", "cvat"; "": recognised
  std::string format = {};
  std::string split = {};                ///< name of a subset ("train"); "": all
  std::vector<std::string> labels = {};  ///< class names in order; empty: as the format has them
  VocBoxes voc = VocBoxes::devkit;
  bool strict = false;  ///< the first fault throws, instead of becoming a finding
  /// Pictures whose headers cannot be read become unlabelled, and no fault; a finding tells of each
  bool skip_bad = false;
  ReadObserver progress = {};  ///< is told how the reading goes on
  bool keep_going =
      false;  ///< `open` hands over a data set with faulty labels, instead of throwing
};

}  // namespace ocelli::data
