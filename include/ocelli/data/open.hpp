// open(): a data set from a path, its format recognised.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "ocelli/core/inline.hpp"
#include "ocelli/data/dataset.hpp"
#include "ocelli/data/read_options.hpp"
#include "ocelli/data/source.hpp"

namespace ocelli::data {

using OpenOptions = ReadOptions;

/// What `recognise` made of a source.
struct Recognised {
  std::string format;                    ///< empty: nothing
  std::vector<std::string> label_files;  ///< keys; of the formats with one file for many pictures
};

/// The format of a folder or bucket, by the files that are there: `_annotations.json`,
/// `_annotations.csv`, then Annotations/*.xml (VOC), a CVAT XML, a COCO JSON, obj.names with .txt files (YOLO).
/// @param format  "" to recognise; else only label files of this format are looked for
/// @throws DataError when there are labels of several formats, none of them at the root of a bucket
Recognised recognise(const Source& source, const std::string& format = {});

/// The data set in a source.
/// @throws DataError when nothing is recognised (it says what was looked for), or labels are faulty
///         and `keep_going` is off
Dataset open(const Source& source, const OpenOptions& options = {});

/// The data set in a folder, or of one label file (COCO, Cloud Annotations, CVAT); its pictures
/// are then looked for in the file's folder, and in the one above when that folder is
/// "annotations".
/// @throws StoreError when there is no such path; DataError as above
Dataset open(const std::string& path, const OpenOptions& options = {});

}  // namespace ocelli::data

#ifndef OCELLI_COMPILED
#include "ocelli/data/open_impl.hpp"
#endif
