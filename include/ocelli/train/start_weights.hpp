// Starting from other weights: what fits by name and shape is taken over. What belongs to a class
// goes where the data has that class: a file may list the same labels in another order, or others.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "ocelli/train/training_state.hpp"
#include "ocelli/train/weights_file.hpp"

namespace ocelli::train {

/// The parameters with columns for classes: of the convolutions that give the net's last output.
/// Their last extent is a multiple of `before` + classes.
struct ClassParams {
  std::vector<int> params;  ///< numbers in the graph
  int before = 0;           ///< columns in front of the classes': 1 where there is a background
};

inline ClassParams class_params(const ModelView& model) {
  const GraphView& graph = model.graph;
  ClassParams found;
  if (model.classes < 1 || graph.output_count < 1) return found;
  const int output = graph.outputs[graph.output_count - 1];
  found.before = graph.tensors[output].shape.channels - model.classes;
  if (found.before < 0) return {};
  for (std::vector<int> open{output}; !open.empty();) {
    const int producer = graph.tensors[open.back()].producer;
    open.pop_back();
    if (producer < 0) continue;
    const OpDesc& op = graph.ops[producer];
    if (op.kind == OpKind::concat) {
      open.insert(open.end(), op.inputs, op.inputs + op.input_count);
    } else if (op.kind == OpKind::conv2d) {
      for (const int param : {op.weight, op.bias})
        if (param >= 0) found.params.push_back(param);
    }
  }
  return found;
}

/// Where each label of the data is among the labels of a file.
struct LabelMatch {
  std::vector<int> from;                 ///< [labels here] place in the file; -1: it is new
  std::vector<std::string> fresh, left;  ///< in the data alone, in the file alone

  LabelMatch(const std::vector<std::string>& file, const std::vector<std::string>& here) {
    std::unordered_map<std::string, int> places;
    for (std::size_t i = 0; i < file.size(); ++i) places.emplace(file[i], static_cast<int>(i));
    for (const std::string& label : here) {
      const auto place = places.find(label);
      from.push_back(place == places.end() ? -1 : place->second);
      if (place == places.end()) fresh.push_back(label);
    }
    const std::unordered_set<std::string> known(here.begin(), here.end());
    for (const std::string& label : file)
      if (!known.contains(label)) left.push_back(label);
  }

  std::size_t kept() const { return from.size() - fresh.size(); }

  /// "2 of 3 labels taken over by name, 1 new: owl, 1 left behind: dog".
  std::string text() const {
    std::string text = std::to_string(kept()) + " of " + std::to_string(from.size()) +
                       " labels taken over by name";
    const auto list = [&](const std::vector<std::string>& labels, const char* word) {
      constexpr std::size_t shown = 8;
      if (labels.empty()) return;
      text += ", " + std::to_string(labels.size()) + word;
      for (std::size_t i = 0; i < std::min(shown, labels.size()); ++i)
        text += (i == 0 ? ": " : ", ") + labels[i];
      if (labels.size() > shown) text += " and more";
    };
    list(fresh, " new");
    list(left, " left behind");
    return text;
  }
};

/// What was taken over.
struct StartReport {
  LoadReport tensors;
  std::string labels;  ///< a sentence, when the file's labels are others, or in another order
};

namespace detail {

/// Fills the columns of the labels that both have, and those in front of them; the others stay.
/// @return false: the tensor in the file is of another form, and nothing was changed
inline bool load_columns(
    const SafetensorsReader& reader, const TensorEntry& entry, const SnapshotTensor& tensor,
    const LabelMatch& match, std::size_t labels_in_file, int before) {
  const auto front = static_cast<std::size_t>(before);
  const std::size_t wide = front + labels_in_file, own = front + match.from.size();
  TensorShape shape = entry.shape;
  if (entry.dtype > TensorDtype::bf16 || shape.empty() || shape.size() != tensor.shape.size())
    return false;
  const auto there = static_cast<std::size_t>(shape.back()),
             here = static_cast<std::size_t>(tensor.shape.back());
  shape.back() = tensor.shape.back();
  if (shape != tensor.shape || here % own != 0 || there != here / own * wide) return false;
  std::vector<float> values(static_cast<std::size_t>(entry.count()));
  reader.read_floats(entry, std::span(values));
  auto* to = static_cast<float*>(tensor.data);
  // A block: the columns of one anchor at one place of the kernel.
  for (const float* from = values.data(); from != values.data() + values.size(); from += wide) {
    std::copy_n(from, front, to);
    for (std::size_t c = 0; c < match.from.size(); ++c)
      if (match.from[c] >= 0) to[front + c] = from[front + static_cast<std::size_t>(match.from[c])];
    to += own;
  }
  return true;
}

}  // namespace detail

/// Takes over from a file what fits a model; the rest keeps its initial values. Where the file's
/// labels are not `labels` in this order, the columns of classes are taken over by name, and all of
/// them keep their initial values when no label is in both. A file that holds no labels is taken by
/// name and shape alone. Throws CheckpointError when its labels cannot be read.
inline StartReport load_start(
    const SafetensorsReader& reader, const ModelView& model, const std::vector<std::string>& labels,
    Weights<float>& weights) {
  StartReport report;
  const auto tensors = weight_tensors(model, weights);
  const auto is_weight = [](const std::string& name) {
    return !name.starts_with("optimizer/") && !name.starts_with("average/");
  };
  const std::vector<std::string> in_file = labels_in(reader);
  if (in_file.empty() || in_file == labels) {
    report.tensors = load_tensors(reader, tensors, {}, is_weight);
    return report;
  }
  const LabelMatch match(in_file, labels);
  const ClassParams of_classes = class_params(model);
  std::unordered_set<std::string> names;
  for (const int param : of_classes.params) names.insert(model.graph.param_name(param));
  std::vector<SnapshotTensor> plain;
  for (const SnapshotTensor& tensor : tensors)
    if (!names.contains(tensor.name)) plain.push_back(tensor);
  report.tensors = load_tensors(reader, plain, {}, [&](const std::string& name) {
    return is_weight(name) && !names.contains(name);
  });
  std::size_t there = 0, taken = 0;
  for (const SnapshotTensor& tensor : tensors) {
    if (!names.contains(tensor.name)) continue;
    const TensorEntry* entry = reader.find(tensor.name);
    if (entry == nullptr) {
      report.tensors.missing.push_back(tensor.name);
      continue;
    }
    ++there;
    if (match.kept() > 0 &&
        detail::load_columns(reader, *entry, tensor, match, in_file.size(), of_classes.before)) {
      ++taken;
      report.tensors.matched.push_back(tensor.name);
      continue;
    }
    const auto described = [](TensorDtype dtype, const TensorShape& shape) {
      return std::string(info_of(dtype).name) + shape_text(shape);
    };
    report.tensors.reset.push_back(
        {tensor.name, described(entry->dtype, entry->shape) + " for other labels",
         described(tensor.dtype, tensor.shape)});
  }
  if (taken > 0) {
    report.labels = match.text();
  } else if (there > 0) {
    report.labels = match.kept() > 0
                        ? "the labels differ and the class predictors are of another form: they "
                          "start anew"
                        : "no label of the data is in the file: the class predictors start anew";
  }
  return report;
}

}  // namespace ocelli::train
