// The house: which room may include which, read from the files' own includes.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace fs = std::filesystem;

namespace {

/// A line `#include "what"` or `<what>` of a file.
struct Include {
  std::string file;  ///< below the root: "include/ocelli/op/conv2d.hpp"
  int line;
  std::string what;
};

std::string place(const Include& i) {
  return i.file + ":" + std::to_string(i.line) + " includes " + i.what;
}

std::vector<Include> includes_below(const std::string& folder) {
  static const std::regex pattern("^\\s*#\\s*include\\s*[\"<]([^\">]+)[\">].*");
  std::vector<Include> found;
  const fs::path root = OCELLI_ROOT;
  for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream in(entry.path());
    std::string text;
    for (int line = 1; std::getline(in, text); ++line) {
      std::smatch match;
      if (!std::regex_match(text, match, pattern)) continue;
      found.push_back({fs::relative(entry.path(), root).generic_string(), line, match[1].str()});
    }
  }
  return found;
}

/// "op" of "ocelli/op/conv2d.hpp"; empty for the doors and for what is not ours.
std::string room_of(std::string path) {
  if (path.starts_with("include/")) path = path.substr(8);
  if (!path.starts_with("ocelli/")) return {};
  path = path.substr(7);
  const std::size_t slash = path.find('/');
  return slash == std::string::npos ? std::string{} : path.substr(0, slash);
}

/// What each room may include besides itself. A room that is not here may not exist.
const std::map<std::string, std::set<std::string>>& arrows() {
  static const std::set<std::string> upper = {"core", "op",     "net",  "box",  "loss", "optim",
                                              "data", "bucket", "eval", "draw", "model"};
  static const auto with = [](std::set<std::string> rooms, const std::set<std::string>& more) {
    rooms.insert(more.begin(), more.end());
    return rooms;
  };
  static const std::set<std::string> device = {"core", "op", "box", "loss", "optim"};
  static const std::map<std::string, std::set<std::string>> table = {
      {"core", {}},
      {"op", {"core"}},
      {"net", {"core", "op"}},
      {"box", {"core"}},
      {"loss", {"core", "box"}},
      {"optim", {"core"}},
      {"simt", {"core"}},
      {"model", {"core", "op", "net", "box", "loss", "optim"}},
      {"reference", device},
      {"cpu", with(device, {"reference"})},  // falls back to it
      {"data", {"core", "box", "bucket"}},
      {"bucket", {"core"}},
      {"eval", {"core", "box", "data"}},
      {"draw", {"core", "box", "data"}},
      {"train", upper},
      {"export", with(upper, {"train"})},
      {"deploy", with(upper, {"train", "export"})},
  };
  return table;
}

}  // namespace

TEST_CASE("rooms: a header includes only the rooms that its own may see") {
  const std::vector<Include> all = includes_below("include/ocelli");
  REQUIRE(all.size() > 20);  // else nothing was read
  for (const Include& i : all) {
    const std::string from = room_of(i.file);
    if (from.empty()) continue;  // the doors see everything
    CAPTURE(place(i));
    const auto row = arrows().find(from);
    REQUIRE_MESSAGE(row != arrows().end(), "a room that the table of arrows does not know");
    const std::string to = room_of(i.what);
    if (to.empty()) {
      // A door pulls in everything, so no room may include one.
      CHECK((i.what == "ocelli/version.hpp" || !i.what.starts_with("ocelli/")));
      continue;
    }
    CHECK((to == from || row->second.contains(to)));
  }
}

TEST_CASE("rooms: the arrows have no circle") {
  // Rooms whose every arrow leads to a room already taken can be taken; all must go in the end.
  std::set<std::string> taken;
  for (bool progress = true; progress;) {
    progress = false;
    for (const auto& [room, sees] : arrows()) {
      if (taken.contains(room)) continue;
      bool ready = true;
      for (const std::string& other : sees) ready = ready && taken.contains(other);
      if (!ready) continue;
      taken.insert(room);
      progress = true;
    }
  }
  CHECK(taken.size() == arrows().size());
}

TEST_CASE("rooms: draw includes of data only the picture") {
  for (const Include& i : includes_below("include/ocelli")) {
    CAPTURE(place(i));
    const std::string from = room_of(i.file);
    if (from == "draw" && room_of(i.what) == "data") CHECK(i.what.starts_with("ocelli/data/image"));
  }
}

TEST_CASE("rooms: our headers are included by their whole path, in quotes") {
  for (const Include& i : includes_below("include/ocelli")) {
    CAPTURE(place(i));
    CHECK_FALSE(fs::exists(fs::path(OCELLI_ROOT) / fs::path(i.file).parent_path() / i.what));
    CHECK_FALSE(i.what.find("..") != std::string::npos);
  }
}

TEST_CASE("rooms: device code uses the words of simt, so that two compilers read it") {
  static const std::regex raw(
      "<<<|__shared__|__global__|__device__|__launch_bounds__|(^|[^A-Za-z0-9_])asm([^A-Za-z0-9_]|$"
      ")");
  int lines = 0;
  for (const char* folder : {"kernels", "tests/simt"}) {
    if (!fs::exists(fs::path(OCELLI_ROOT) / folder)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(OCELLI_ROOT) / folder)) {
      if (entry.path().extension() != ".cuh") continue;
      std::ifstream in(entry.path());
      std::string text;
      for (int line = 1; std::getline(in, text); ++line, ++lines) {
        CAPTURE(entry.path().filename().string() + ":" + std::to_string(line));
        CHECK_FALSE(std::regex_search(text.substr(0, text.find("//")), raw));
      }
    }
  }
  CHECK(lines > 100);
}
