// The text of the repository: what no file may contain, and how long one may be.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace fs = std::filesystem;

namespace {

struct TextFile {
  std::string path;  ///< below the root
  std::vector<std::string> lines;
  bool ends_in_newline;
};

/// Every text file of the repository that people write: sources, scripts, documents.
const std::vector<TextFile>& files() {
  static const std::vector<TextFile> all = [] {
    static const std::set<std::string> kinds = {".hpp", ".cpp", ".cuh", ".cu",   ".cmake", ".txt",
                                                ".in",  ".md",  ".py",  ".json", ".yaml",  ""};
    static const std::set<std::string> not_ours = {
        "build", ".git", ".cache", "tests/vectors", "tests/data", "tests/fuzz/corpus", "LICENSE"};
    std::vector<TextFile> found;
    const fs::path root = OCELLI_ROOT;
    for (auto at = fs::recursive_directory_iterator(root); at != fs::end(at); ++at) {
      const std::string path = fs::relative(at->path(), root).generic_string();
      if (not_ours.contains(path)) {
        if (at->is_directory()) at.disable_recursion_pending();
        continue;
      }
      if (!at->is_regular_file() || !kinds.contains(at->path().extension().string())) continue;
      TextFile file{path, {}, true};
      std::ifstream in(at->path());
      for (std::string line; std::getline(in, line);) {
        file.ends_in_newline = !in.eof();
        file.lines.push_back(line);
      }
      found.push_back(std::move(file));
    }
    return found;
  }();
  return all;
}

bool is_code(const TextFile& file) {
  const std::string kind = fs::path(file.path).extension().string();
  return kind == ".hpp" || kind == ".cpp" || kind == ".cuh" || kind == ".cu";
}

}  // namespace

TEST_CASE("text: the files are found") { REQUIRE(files().size() > 20); }

TEST_CASE("text: no paths of one machine, no marks of unfinished work") {
  static const std::regex machine("(^|[^A-Za-z0-9_.}/-])/(home|root|work|mnt|Users|workspace)/\\w");
  // In pieces, so that this file passes its own test.
  static const std::regex unfinished(
      std::string("\\b(TO") + "DO|FIX" + "ME|XX" + "X|HA" + "CK)\\b");
  static const std::regex outside(std::string("\\.\\./") + "shared\\b");
  for (const TextFile& file : files()) {
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      CAPTURE(file.path + ":" + std::to_string(i + 1));
      CHECK_FALSE(std::regex_search(file.lines[i], machine));
      CHECK_FALSE(std::regex_search(file.lines[i], unfinished));
      CHECK_FALSE(std::regex_search(file.lines[i], outside));
    }
  }
}

TEST_CASE("text: lines end cleanly") {
  for (const TextFile& file : files()) {
    CAPTURE(file.path);
    CHECK(file.ends_in_newline);
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      CAPTURE(i + 1);
      const std::string& line = file.lines[i];
      CHECK((line.empty() || (line.back() != ' ' && line.back() != '\t' && line.back() != '\r')));
    }
  }
}

TEST_CASE("text: code begins with its purpose and the licence") {
  for (const TextFile& file : files()) {
    if (!is_code(file)) continue;
    CAPTURE(file.path);
    REQUIRE_FALSE(file.lines.empty());
    CHECK(file.lines[0].starts_with("// "));
    bool licensed = false;
    for (std::size_t i = 0; i < file.lines.size() && file.lines[i].starts_with("//"); ++i) {
      licensed = licensed || file.lines[i] == "// SPDX-License-Identifier: Apache-2.0";
    }
    CHECK(licensed);
  }
}

TEST_CASE("text: no file of more than 600 lines") {
  // Over 500 it asks for the second purpose in it, over 600 the answer is overdue.
  for (const TextFile& file : files()) {
    if (!is_code(file)) continue;
    CAPTURE(file.path);
    CAPTURE(file.lines.size());
    WARN(file.lines.size() <= 500);
    CHECK(file.lines.size() <= 600);
  }
}
