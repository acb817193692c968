// Lesson 9: collect pictures in a bucket, label them, read them back.
//
// A bucket is any ObjectStore: here a folder. A project is the pictures and labels in it. Pictures
// are stored at once, under names of their own; labels when they are saved, and never over what
// somebody else has saved meanwhile. The same folder is a data set for `ocelli train`.
//
// Output:
//   stored 12 pictures, labelled 10
//   localization: disc square triangle
//   unlabelled: 2
//   training on 7, validation on 3
// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "ocelli/bucket/folder_store.hpp"
#include "ocelli/core/file.hpp"
#include "ocelli/data/dataset.hpp"
#include "ocelli/data/image_writer.hpp"
#include "ocelli/data/label_document.hpp"
#include "ocelli/data/project.hpp"
#include "ocelli/data/shapes.hpp"

using namespace ocelli;

int main() {
  make_folder("bucket");
  const auto store = std::make_shared<bucket::FolderStore>("bucket");
  data::Project project(store);
  for (const std::string& label : data::shape_labels()) project.add_label(label);
  for (std::uint32_t k = 0; k < 12; ++k) {
    const data::Drawing drawing = data::draw_shapes(42, k, 160, 160);
    const std::string key = project.add_image(data::encode_jpeg(drawing.image));
    if (k >= 10) continue;  // nobody has looked at these
    std::vector<data::LabelEntry> entries;
    for (const data::Object& object : drawing.objects) {
      const std::string& label = data::shape_labels()[static_cast<std::size_t>(object.label - 1)];
      entries.push_back(data::boxed_entry(label, object.box, 160, 160));
    }
    project.annotate(key, entries);
  }
  project.save();

  const data::Project again(store);  // as another program would find it
  using Which = data::Project::Which;
  std::printf(
      "stored %zu pictures, labelled %zu\n", again.images().size(),
      again.images(Which::labelled).size());
  std::printf("%s:", again.type().c_str());
  for (const std::string& label : again.labels()) std::printf(" %s", label.c_str());
  std::printf("\nunlabelled: %zu\n", again.images(Which::unlabelled).size());
  const data::Split parts = again.split(0.7);
  std::printf(
      "training on %zu, validation on %zu\n", parts.train.pictures.size(),
      parts.validation.pictures.size());
}
