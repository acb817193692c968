// The text of the repository: what no file may contain, and how long one may be.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
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

TextFile read(const fs::path& root, const fs::path& path) {
  TextFile file{fs::relative(path, root).generic_string(), {}, true};
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    file.ends_in_newline = !in.eof();
    file.lines.push_back(line);
  }
  return file;
}

/// Every text file of the repository that people write. Only in our own folders: a user's pictures
/// and runs may lie beside them.
const std::vector<TextFile>& files() {
  static const std::vector<TextFile> all = [] {
    static const std::set<std::string> kinds = {".hpp", ".cpp", ".cuh", ".cu",   ".cmake", ".txt",
                                                ".in",  ".md",  ".py",  ".json", ""};
    static const std::set<std::string> recorded = {
        "tests/vectors", "tests/data", "tests/fuzz/corpus"};
    const fs::path root = OCELLI_ROOT;
    std::vector<TextFile> found;
    for (const char* name :
         {"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "CMakeLists.txt", "CMakePresets.json",
          "Makefile", ".clang-format", ".clang-tidy", ".pre-commit-config.yaml"}) {
      found.push_back(read(root, root / name));
    }
    for (const char* folder :
         {"include", "kernels", "examples", "tests", "bench", "docs", "cmake", "scripts", ".ci"}) {
      if (!fs::exists(root / folder)) continue;
      for (auto at = fs::recursive_directory_iterator(root / folder); at != fs::end(at); ++at) {
        if (recorded.contains(fs::relative(at->path(), root).generic_string())) {
          at.disable_recursion_pending();
        } else if (at->is_regular_file() && kinds.contains(at->path().extension().string())) {
          found.push_back(read(root, at->path()));
        }
      }
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

TEST_CASE("text: code in the documents is cut from files that are compiled") {
  // `<!-- from FILE -->` before a fence: its lines stand in FILE, in that order and together.
  int snippets = 0;
  for (const TextFile& page : files()) {
    if (!page.path.ends_with(".md")) continue;
    for (std::size_t i = 0; i + 1 < page.lines.size(); ++i) {
      const std::string& mark = page.lines[i];
      if (!mark.starts_with("<!-- from ") || !mark.ends_with(" -->")) continue;
      const std::string source = mark.substr(10, mark.size() - 14);
      CAPTURE(page.path + ":" + std::to_string(i + 1));
      REQUIRE(page.lines[i + 1].starts_with("```"));
      std::string snippet;
      for (std::size_t j = i + 2; j < page.lines.size() && page.lines[j] != "```"; ++j) {
        snippet += page.lines[j] + "\n";
      }
      std::ifstream in(fs::path(OCELLI_ROOT) / source);
      const std::string text{std::istreambuf_iterator<char>(in), {}};
      CHECK(snippet.size() > 1);
      CHECK_MESSAGE(text.find(snippet) != std::string::npos, source);
      ++snippets;
    }
  }
  CHECK(snippets > 0);
}

TEST_CASE("text: links between documents lead somewhere") {
  static const std::regex link("\\]\\(([^)#:]+)(#[^)]*)?\\)");
  for (const TextFile& page : files()) {
    if (!page.path.ends_with(".md")) continue;
    const fs::path folder = (fs::path(OCELLI_ROOT) / page.path).parent_path();
    for (const std::string& line : page.lines) {
      for (std::sregex_iterator at(line.begin(), line.end(), link), end; at != end; ++at) {
        CAPTURE(page.path);
        CHECK_MESSAGE(fs::exists(folder / (*at)[1].str()), (*at)[1].str());
      }
    }
  }
}
