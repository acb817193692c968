// ReportData as the JSON that the report's script reads.
//
// The text stands inside <script>, so <, > and & are written as escapes, and so is every byte that
// is no UTF-8. Numbers that are not finite become null. Boxes are integers: ten-thousandths of the
// picture, [ymin, xmin, ymax, xmax].
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ocelli/box/box.hpp"
#include "ocelli/core/utf8.hpp"
#include "ocelli/draw/color.hpp"
#include "ocelli/eval/classification.hpp"
#include "ocelli/eval/coco.hpp"
#include "ocelli/eval/curves.hpp"
#include "ocelli/eval/picture.hpp"
#include "ocelli/train/report_data.hpp"

namespace ocelli::train::detail {

/// Bytes in the alphabet of data URIs.
inline void append_base64(std::string& out, std::span<const std::byte> bytes) {
  constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  out.reserve(out.size() + (bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t left = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k)
      group = group << 8 | (k < left ? static_cast<std::uint32_t>(bytes[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k)
      out += k <= left ? alphabet[group >> (18 - 6 * k) & 63U] : '=';
  }
}

/// Writes JSON into a string. Commas are its own business: open, add values or keys, close.
class JsonText {
 public:
  const std::string& text() const { return text_; }

  JsonText& open(char bracket) {
    separate();
    text_ += bracket;
    first_ = true;
    return *this;
  }
  JsonText& close(char bracket) {
    text_ += bracket;
    first_ = false;
    return *this;
  }
  JsonText& key(std::string_view name) {
    separate();
    quote(name);
    text_ += ':';
    first_ = true;
    return *this;
  }
  JsonText& value(std::string_view text) {
    separate();
    quote(text);
    return *this;
  }
  JsonText& value(const char* text) { return value(std::string_view(text)); }
  JsonText& value(bool truth) { return raw(truth ? "true" : "false"); }
  JsonText& value(long number) { return raw(std::to_string(number)); }
  JsonText& value(int number) { return value(static_cast<long>(number)); }
  /// Six digits, which is more than a picture shows; null when not finite.
  JsonText& value(double number) {
    if (!std::isfinite(number)) return raw("null");
    std::array<char, 32> digits{};
    const auto end = std::to_chars(
        digits.data(), digits.data() + digits.size(), number, std::chars_format::general, 6);
    return raw({digits.data(), static_cast<std::size_t>(end.ptr - digits.data())});
  }
  template <class T>
  JsonText& field(std::string_view name, const T& content) {
    return key(name).value(content);
  }
  JsonText& data_uri(std::string_view type, std::span<const std::byte> bytes) {
    separate();
    text_ += "\"data:";
    text_ += type;
    text_ += ";base64,";
    append_base64(text_, bytes);
    text_ += '"';
    return *this;
  }

 private:
  JsonText& raw(std::string_view text) {
    separate();
    text_ += text;
    return *this;
  }
  void separate() {
    if (!first_) text_ += ',';
    first_ = false;
  }
  void quote(std::string_view text) {
    constexpr std::string_view hex = "0123456789abcdef";
    text_ += '"';
    while (!text.empty()) {
      const std::size_t length = utf8_length(text);
      const auto byte = static_cast<unsigned char>(text[0]);
      if (length == 0) {
        text_ += "\\ufffd";
      } else if (
          length == 1 &&
          (byte < 0x20 || std::string_view("\"\\<>&'").find(text[0]) != std::string_view::npos)) {
        text_ += "\\u00";
        text_ += hex[byte >> 4];
        text_ += hex[byte & 15U];
      } else {
        text_ += text.substr(0, length);
      }
      text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    text_ += '"';
  }

  std::string text_;
  bool first_ = true;
};

inline void add_box(JsonText& json, const PixelBox& box, int height, int width) {
  const auto part = [](float at, int size) {
    const double share = static_cast<double>(at) / std::max(size, 1) * 10'000;
    return std::isfinite(share) ? std::lround(std::clamp(share, -1e6, 1e6)) : 0L;
  };
  json.value(part(box.ymin, height)).value(part(box.xmin, width));
  json.value(part(box.ymax, height)).value(part(box.xmax, width));
}

inline void add_picture(JsonText& json, const ReportPicture& picture) {
  json.open('{').field("key", picture.key).field("w", picture.width).field("h", picture.height);
  json.field("training", picture.training).key("src").data_uri("image/jpeg", picture.jpeg);
  json.key("truths").open('[');
  for (const eval::GroundTruth& truth : picture.truths) {
    json.open('[').value(truth.label).value((truth.crowd ? 1 : 0) + (truth.difficult ? 2 : 0));
    add_box(json, truth.box, picture.height, picture.width);
    json.close(']');
  }
  json.close(']').close('}');
}

inline void add_found(
    JsonText& json, const ReportFound& found, const ReportPicture& picture,
    const ReportData& report) {
  std::vector<const eval::DetectedBox*> order;
  for (const eval::DetectedBox& detection : found.detections)
    if (static_cast<double>(detection.score) >= report.least_score) order.push_back(&detection);
  std::stable_sort(
      order.begin(), order.end(), [](const auto* a, const auto* b) { return a->score > b->score; });
  if (order.size() > report.detections_per_picture) order.resize(report.detections_per_picture);
  json.open('{').field("s", found.score).key("d").open('[');
  for (const eval::DetectedBox* detection : order) {
    json.open('[').value(detection->label);
    json.value(std::lround(static_cast<double>(detection->score) * 1000));
    add_box(json, detection->box, picture.height, picture.width);
    json.close(']');
  }
  json.close(']').close('}');
}

/// Means of neighbours, so that a long log stays a page of bearable size.
inline std::vector<ReportLog> shortened(const std::vector<ReportLog>& log, std::size_t limit) {
  if (log.size() <= limit) return log;
  const std::size_t bunch = (log.size() + limit - 1) / limit;
  std::vector<ReportLog> means;
  for (std::size_t begin = 0; begin < log.size(); begin += bunch) {
    const std::size_t end = std::min(begin + bunch, log.size());
    ReportLog mean = log[end - 1];
    for (double ReportLog::*number :
         {&ReportLog::loss, &ReportLog::classification, &ReportLog::localization,
          &ReportLog::regularization, &ReportLog::images_per_second, &ReportLog::data_wait,
          &ReportLog::accuracy}) {
      double sum = 0;
      for (std::size_t i = begin; i < end; ++i) sum += log[i].*number;
      mean.*number = sum / static_cast<double>(end - begin);
    }
    means.push_back(mean);
  }
  return means;
}

inline void add_log(JsonText& json, const ReportData& report) {
  const std::vector<ReportLog> log = shortened(report.log, 2000);
  json.key("log").open('{').key("step").open('[');
  for (const ReportLog& line : log) json.value(line.step);
  json.close(']');
  const auto column = [&](const char* name, double ReportLog::*number) {
    json.key(name).open('[');
    for (const ReportLog& line : log) json.value(line.*number);
    json.close(']');
  };
  column("epoch", &ReportLog::epoch);
  column("loss", &ReportLog::loss);
  column("classification", &ReportLog::classification);
  column("localization", &ReportLog::localization);
  column("regularization", &ReportLog::regularization);
  column("learning_rate", &ReportLog::learning_rate);
  column("images_per_second", &ReportLog::images_per_second);
  column("data_wait", &ReportLog::data_wait);
  if (report.task == data::TargetKind::whole_picture) column("accuracy", &ReportLog::accuracy);
  json.close('}');
}

inline void add_metrics(JsonText& json, const ReportData& report) {
  json.key("evaluations").open('[');
  for (const ReportEvaluation& evaluation : report.evaluations) {
    json.open('{').field("step", evaluation.step).key("n").open('[');
    for (double number : evaluation.numbers) json.value(number);
    json.close(']').key("c").open('[');
    for (double number : evaluation.classes) json.value(number);
    json.close(']').close('}');
  }
  json.close(']').key("perClass").open('[');
  for (const eval::ClassResult& row : report.classes) {
    json.open('{').field("label", row.label).field("truths", row.ground_truths);
    json.field("detections", row.detections).key("n").open('[');
    for (double number :
         {row.ap, row.ap50, row.ap75, row.ap_small, row.ap_medium, row.ap_large, row.ar100})
      json.value(number);
    json.close(']').close('}');
  }
  for (const eval::ClassScores& row : report.class_scores) {
    json.open('{').field("label", row.index + 1).field("truths", row.pictures);
    json.field("detections", row.said).key("n").open('[');
    for (double number : {row.recall, row.precision, row.f1}) json.value(number);
    json.close(']').close('}');
  }
  json.close(']').key("curves").open('[');
  for (const eval::PrecisionRecallCurve& curve : report.curves) {
    json.open('{').field("label", curve.label).field("iou", curve.iou);
    json.field("positives", curve.positives).key("best").open('[');
    json.value(curve.best.threshold).value(curve.best.precision).value(curve.best.recall);
    json.value(curve.best.f1).close(']').key("points").open('[');
    for (const eval::OperatingPoint& point : eval::thinned(curve.points, 300))
      json.open('[').value(point.recall).value(point.precision).value(point.threshold).close(']');
    json.close(']').close('}');
  }
  json.close(']').key("confusion").open('{').field("score", report.match.score);
  json.field("iou", report.match.iou).key("counts").open('[');
  for (long count : report.confusion) json.value(count);
  json.close(']').close('}');
}

inline void add_pictures(JsonText& json, const ReportData& report) {
  json.key("book").open('{').key("pictures").open('[');
  for (const ReportPicture& picture : report.pictures) add_picture(json, picture);
  json.close(']').key("pages").open('[');
  for (const ReportPage& page : report.pages) {
    json.open('{').field("step", page.step).key("p").open('[');
    for (std::size_t i = 0; i < page.found.size(); ++i)
      add_found(json, page.found[i], report.pictures[i], report);
    json.close(']').close('}');
  }
  json.close(']').close('}').key("galleries").open('[');
  for (const ReportGallery& gallery : report.galleries) {
    json.open('{').field("title", gallery.title).field("note", gallery.note).key("items").open('[');
    for (const ReportGallery::Item& item : gallery.items) {
      json.open('{').field("caption", item.caption).key("picture");
      add_picture(json, item.picture);
      json.key("found");
      add_found(json, item.found, item.picture, report);
      json.close('}');
    }
    json.close(']').close('}');
  }
  json.close(']');
}

inline std::string hex_color(draw::Color color) {
  constexpr std::string_view hex = "0123456789abcdef";
  std::string text = "#";
  for (unsigned part : {color.red, color.green, color.blue}) {
    text += hex[part >> 4];
    text += hex[part & 15U];
  }
  return text;
}

/// The whole report. The sizes must fit each other: write_report checks them.
inline std::string report_json(const ReportData& report) {
  JsonText json;
  json.open('{').field("task", report.task == data::TargetKind::boxes ? "boxes" : "whole_picture");
  json.field("title", report.title).field("subtitle", report.subtitle);
  json.field("finished", report.finished).field("totalSteps", report.total_steps);
  json.field("seconds", report.seconds).field("leastScore", report.least_score);
  json.key("classes").open('[');
  for (std::size_t c = 0; c < report.labels.size(); ++c) {
    const draw::Color color = draw::class_color(static_cast<int>(c) + 1);
    json.open('{').field("name", report.labels[c]).field("color", hex_color(color));
    json.field("ink", hex_color(draw::ink_on(color))).close('}');
  }
  json.close(']').key("config").open('[');
  for (const auto& [name, content] : report.config)
    json.open('[').value(name).value(content).close(']');
  json.close(']');
  add_log(json, report);
  add_metrics(json, report);
  add_pictures(json, report);
  return json.close('}').text();
}

}  // namespace ocelli::train::detail
