// The table and the JSON of the GPU bench, from the lines that its programs print: one JSON object
// a line, told apart by "kind". Needs no GPU.
//
//   machine  gpu, driver, date, commit, copy_gb_s, gemm_tflop_s {float32, tf32, bf16}, gemm_by
//   kernel   what, shape, batch, precision, by, ms, low, high, bytes, flops, count
//   nms      shape, by, ms, low, high
//   train    batch, precision, by, images_per_second
//   absent   by, why
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

namespace ocelli::gpu_bench {

using Json = nlohmann::ordered_json;

class Report {
 public:
  /// @throws std::runtime_error for a line that is none, or where the machine's is lacking
  explicit Report(const std::vector<std::string>& lines) {
    for (const std::string& line : lines) {
      if (line.empty()) continue;
      Json one = Json::parse(line, nullptr, false);
      if (one.is_discarded() || !one.is_object() || !one.contains("kind"))
        throw std::runtime_error("not a line of the GPU bench: " + line);
      const std::string kind = one["kind"];
      if (kind == "machine") {
        machine_ = one;
      } else if (kind == "absent") {
        absent_[one["by"]] = one["why"];
      } else if (kind == "kernel" || kind == "nms" || kind == "train") {
        add(std::move(one));
      } else {
        throw std::runtime_error("a line of unknown kind: " + line);
      }
    }
    if (machine_.is_null()) throw std::runtime_error("no line says which machine it was");
    for (Row& row : rows_)
      if (row.kind == "kernel") rate(row);
  }

  /// Everything measured, with the rates that follow from it.
  Json json() const {
    Json result;
    result["machine"] = machine_;
    for (const auto& [by, why] : absent_) result["absent"][by] = why;
    result["results"] = Json::array();
    for (const Row& row : rows_) {
      Json one;
      one["kind"] = row.kind;
      for (const auto& [key, value] : row.about.items()) one[key] = value;
      if (!row.rates.is_null()) one["rates"] = row.rates;
      one["by"] = row.by;
      result["results"].push_back(std::move(one));
    }
    return result;
  }

  /// The same as text.
  std::string table() const {
    std::string text = text_of(machine_["gpu"]) + ", driver " + text_of(machine_["driver"]) + ", " +
                       text_of(machine_["date"]) + ", commit " + text_of(machine_["commit"]) + "\n";
    text += "measured here: copy " + number(machine_["copy_gb_s"], 0) + " GB/s; products by " +
            text_of(machine_["gemm_by"]) + ":";
    const char* between = " ";
    for (const auto& [precision, rate] : machine_["gemm_tflop_s"].items()) {
      text += between + precision + " " + number(rate, 1) + " TFLOP/s";
      between = ", ";
    }
    text += "\nMedians; \"x\" is the peer's time over ours: above 1 ours is faster.\n";
    kernels(text);
    others(text, "nms", "\nnon-maximum suppression", "ms", false);
    others(text, "train", "\ntraining step", "images_per_second", true);
    for (const auto& [by, why] : absent_) text += by + ": " + why + "\n";
    return text;
  }

 private:
  struct Row {
    std::string kind;
    Json about;  // what, shape, batch, precision ...: what all programs measured
    Json rates;  // of kernels
    Json by;     // program -> its numbers
  };

  static constexpr std::size_t kAbout = 52;  // columns of a table that say what a row is about

  static std::string text_of(const Json& value) {
    return value.is_string() ? value.get<std::string>() : value.is_null() ? "?" : value.dump();
  }
  static std::string number(const Json& value, int places) {
    if (!value.is_number()) return "-";
    char text[64];
    std::snprintf(text, sizeof text, "%.*f", places, value.get<double>());
    return text;
  }
  static std::string padded(std::string text, std::size_t width, bool left = false) {
    if (text.size() < width) text.insert(left ? text.size() : 0, width - text.size(), ' ');
    return text;
  }

  void add(Json one) {
    static const char* const common[] = {"what",  "shape", "batch", "precision",
                                         "bytes", "flops", "count"};
    Row row;
    row.kind = one["kind"];
    std::string key = row.kind;
    for (const char* name : common)
      if (one.contains(name)) {
        row.about[name] = one[name];
        if (std::string(name) != "bytes") key += "|" + one[name].dump();
      }
    const std::string by = one["by"];
    Json its;
    for (const char* name : {"ms", "low", "high", "images_per_second"})
      if (one.contains(name)) its[name] = one[name];
    const auto [at, fresh] = places_.try_emplace(key, rows_.size());
    if (fresh) rows_.push_back(std::move(row));
    Row& target = rows_[at->second];
    if (by == "ocelli") target.about = row.about.is_null() ? target.about : row.about;
    target.by[by] = its;
  }

  void rate(Row& row) const {
    if (!row.by.contains("ocelli")) return;
    const double seconds = row.by["ocelli"]["ms"].get<double>() / 1000;
    const double bytes = row.about.value("bytes", 0.0), flops = row.about.value("flops", 0.0);
    row.rates["gb_s"] = bytes / seconds / 1e9;
    row.rates["tflop_s"] = flops / seconds / 1e12;
    if (const double copy = machine_["copy_gb_s"]; copy > 0)
      row.rates["of_copy"] = row.rates["gb_s"].get<double>() / copy;
    const std::string precision = row.about.value("precision", "float32");
    if (machine_["gemm_tflop_s"].contains(precision))
      row.rates["of_gemm"] =
          row.rates["tflop_s"].get<double>() / machine_["gemm_tflop_s"][precision].get<double>();
  }

  /// A peer's time and how it compares; what is not there says why.
  std::string beside(const Row& row, const std::string& peer) const {
    if (!row.by.contains(peer)) {
      const auto why = absent_.find(peer);
      return padded(why == absent_.end() ? "-" : why->second, 10) + padded("", 7);
    }
    const double theirs = row.by[peer]["ms"];
    std::string ratio;
    if (row.by.contains("ocelli"))
      ratio = number(theirs / row.by["ocelli"]["ms"].get<double>(), 2) + "x";
    return padded(number(theirs, 4), 10) + padded(ratio, 7);
  }

  void kernels(std::string& text) const {
    std::string title;
    // Sums over the shapes that both have: (what, batch, precision, peer) -> ours, theirs, shapes
    std::map<
        std::tuple<std::string, int, std::string, std::string>, std::tuple<double, double, int>>
        sums;
    for (const Row& row : rows_) {
      if (row.kind != "kernel" || !row.by.contains("ocelli")) continue;
      const std::string what = row.about["what"], precision = row.about.value("precision", "");
      const int batch = row.about.value("batch", 0);
      const std::string now = what + ", batch " + std::to_string(batch) + ", " + precision;
      if (now != title) {
        title = now;
        text += "\n" + padded(now, kAbout, true) +
                "        ms    GB/s  copy  TFLOP/s  gemm     cuDNN      x  cuBLASLt      x\n";
      }
      const auto percent = [&](const char* name) {
        return row.rates.contains(name) ? number(100 * row.rates[name].get<double>(), 0) + "%"
                                        : "-";
      };
      text += padded(row.about.value("shape", ""), kAbout, true) +
              padded(number(row.by["ocelli"]["ms"], 4), 10) +
              padded(number(row.rates["gb_s"], 0), 8) + padded(percent("of_copy"), 6) +
              padded(number(row.rates["tflop_s"], 1), 9) + padded(percent("of_gemm"), 6) +
              beside(row, "cuDNN") + beside(row, "cuBLASLt") + "\n";
      for (const char* peer : {"cuDNN", "cuBLASLt"})
        if (row.by.contains(peer)) {
          auto& [ours, theirs, shapes] = sums[{what, batch, precision, peer}];
          const double times = row.about.value("count", 1);
          ours += times * row.by["ocelli"]["ms"].get<double>();
          theirs += times * row.by[peer]["ms"].get<double>();
          ++shapes;
        }
    }
    if (!sums.empty()) text += "\nall shapes that both have, as often as the models have them\n";
    for (const auto& [key, sum] : sums) {
      const auto& [what, batch, precision, peer] = key;
      const auto& [ours, theirs, shapes] = sum;
      text += padded(what + ", batch " + std::to_string(batch) + ", " + precision, kAbout, true) +
              padded(number(ours, 3), 10) + " ms, " + peer + " " + number(theirs, 3) + " ms, " +
              number(theirs / ours, 2) + "x over " + std::to_string(shapes) + " shapes\n";
    }
  }

  void others(
      std::string& text, const char* kind, const char* title, const char* unit,
      bool more_is_better) const {
    bool any = false;
    for (const Row& row : rows_) {
      if (row.kind != kind) continue;
      if (!any) text += std::string(title) + ", " + unit + "\n";
      any = true;
      std::string about = row.about.value("shape", "");
      if (row.about.contains("batch"))
        about += "batch " + std::to_string(row.about.value("batch", 0)) + ", " +
                 row.about.value("precision", "");
      for (const auto& [by, its] : row.by.items()) {
        std::string ratio;
        if (by != "ocelli" && row.by.contains("ocelli")) {
          const double ours = row.by["ocelli"][unit], theirs = its[unit];
          ratio = number(more_is_better ? ours / theirs : theirs / ours, 2) + "x";
        }
        text += padded(about, 30, true) + padded(by, 34, true) +
                padded(number(its[unit], more_is_better ? 0 : 4), 10) + padded(ratio, 9) + "\n";
        about.clear();
      }
    }
  }

  Json machine_;
  std::map<std::string, std::string> absent_;
  std::vector<Row> rows_;
  std::map<std::string, std::size_t> places_;
};

}  // namespace ocelli::gpu_bench
