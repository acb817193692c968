// Model names: the seven detectors and the two classifiers by every name they are known by.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "ocelli/core/error.hpp"
#include "ocelli/core/nearest_name.hpp"

namespace ocelli::train {

enum class ModelName {
  ssd_mobilenet_v1,
  ssd_mobilenet_v2,
  ssdlite_mobilenet_v2,
  frcnn_resnet50,
  frcnn_resnet101,
  frcnn_resnet101_lowproposals,
  frcnn_nas,
  mobilenet_v1_classifier,
  mobilenet_v2_classifier,
};

enum class Architecture { ssd, faster_rcnn, classifier };

struct ModelInfo {
  ModelName model;
  Architecture architecture;
  std::string_view name;                    ///< the one ocelli prints
  std::array<std::string_view, 6> aliases;  ///< others that are accepted; empty: unused
};

inline constexpr std::array<ModelInfo, 9> model_table{{
    {ModelName::ssd_mobilenet_v1,
     Architecture::ssd,
     "ssd-mobilenet-v1",
     {"v1", "ssd-mobilenet-v1-coco2", "ssd-mobilenet-v1-coco"}},
    {ModelName::ssd_mobilenet_v2,
     Architecture::ssd,
     "ssd-mobilenet-v2",
     {"v2", "ssd-mobilenet-v2-coco"}},
    {ModelName::ssdlite_mobilenet_v2,
     Architecture::ssd,
     "ssdlite-mobilenet-v2",
     {"lite", "ssd-mobilenet-lite", "ssdlite-mobilenet-coco", "ssdlite-mobilenet-v2-coco"}},
    {ModelName::frcnn_resnet50,
     Architecture::faster_rcnn,
     "frcnn-res50",
     {"r50", "frcnn-res50-coco", "faster-rcnn-resnet50-coco"}},
    {ModelName::frcnn_resnet101,
     Architecture::faster_rcnn,
     "frcnn-res101",
     {"r101", "frcnn-res101-coco", "faster-rcnn-resnet101-coco"}},
    {ModelName::frcnn_resnet101_lowproposals,
     Architecture::faster_rcnn,
     "frcnn-res101-low",
     {"lowp", "frcnn-res101-lowp", "faster-rcnn-resnet101-lowproposals-coco"}},
    {ModelName::frcnn_nas,
     Architecture::faster_rcnn,
     "frcnn-nas",
     {"nas", "frcnn-nas-coco", "frcnn-as-coco", "faster-rcnn-nas-coco"}},
    {ModelName::mobilenet_v1_classifier,
     Architecture::classifier,
     "mobilenet-v1-classifier",
     {"keras-mobilenet", "mobilenet-v1"}},
    {ModelName::mobilenet_v2_classifier,
     Architecture::classifier,
     "mobilenet-v2-classifier",
     {"classifier", "mobilenet-v2"}},
}};

inline const ModelInfo& model_info(ModelName model) {
  for (const ModelInfo& info : model_table)
    if (info.model == model) return info;
  throw ConfigError("this value names no model", "ModelName");
}

inline std::string name_of(ModelName model) { return std::string(model_info(model).name); }

/// Any name or alias, '-' or '_', in any case. Throws ConfigError with the nearest name.
inline ModelName model_by_name(std::string_view text) {
  const std::string wanted = plain_name(text);
  std::vector<std::string> known;
  std::string list;
  for (const ModelInfo& info : model_table) {
    if (plain_name(info.name) == wanted) return info.model;
    known.push_back(plain_name(info.name));
    for (const std::string_view alias : info.aliases) {
      if (alias.empty()) continue;
      if (plain_name(alias) == wanted) return info.model;
      known.push_back(plain_name(alias));
    }
    list += (list.empty() ? "" : ", ") + std::string(info.name);
  }
  std::string nearest = nearest_name(wanted, known);
  for (char& c : nearest)
    if (c == '_') c = '-';
  throw ConfigError(
      "there is no model \"" + shown(text) + "\"", "model",
      "did you mean " + nearest + "? The models are " + list);
}

}  // namespace ocelli::train
