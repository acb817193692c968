// Tests of reading and writing CSV tables.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/data/csv.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "ocelli/core/error.hpp"
#include "ocelli/core/file.hpp"
#include "ocelli/core/random.hpp"
#include "support/message_of.hpp"
#include "support/temporary_folder.hpp"

namespace ocelli::data {
namespace {

using test::message_of;
using Table = std::vector<std::vector<std::string>>;

Table table(const std::string& text) {
  Table fields;
  for (const CsvRow& row : parse_csv(text, "t.csv")) fields.push_back(row.fields);
  return fields;
}
std::string text_of(const Table& rows, std::string_view end = "\n") {
  std::string text;
  for (const auto& row : rows) append_csv_row(text, row, end);
  return text;
}
std::string fault(const std::string& text) {
  return message_of<DataError>([&] { parse_csv(text, "t.csv"); });
}

TEST_CASE("csv: plain rows, whatever ends their lines") {
  const Table rows = {{"a1.jpg", "cat"}, {"sub/b 2.jpg", " dog "}};
  CHECK(table("a1.jpg,cat\nsub/b 2.jpg, dog \n") == rows);
  CHECK(table("a1.jpg,cat\r\nsub/b 2.jpg, dog \r\n") == rows);
  CHECK(table("a1.jpg,cat\rsub/b 2.jpg, dog ") == rows);
  CHECK(
      table("\xEF\xBB\xBF"
            "a1.jpg,cat\nsub/b 2.jpg, dog ") == rows);
  CHECK(table("").empty());
  CHECK(table("\xEF\xBB\xBF").empty());
}

TEST_CASE("csv: quotes") {
  CHECK(table("\"a,b\",\"say \"\"x\"\"\"\n") == Table{{"a,b", "say \"x\""}});
  CHECK(table("\"two\r\nlines\",\"\"\n") == Table{{"two\r\nlines", ""}});
  CHECK(table("\"a\"\"\"") == Table{{"a\""}});
  // A quote that does not begin its field is a letter: older tools wrote such keys.
  CHECK(table("5\" nail.jpg,nail\n") == Table{{"5\" nail.jpg", "nail"}});
}

TEST_CASE("csv: empty fields, empty lines, one empty field") {
  CHECK(table(",\n") == Table{{"", ""}});
  CHECK(table("a,\n,b") == Table{{"a", ""}, {"", "b"}});
  CHECK(table("a\n\n\"\"\n") == Table{{"a"}, {}, {""}});
  CHECK(text_of({{"a"}, {}, {""}}) == "a\n\n\"\"\n");
}

TEST_CASE("csv: rows know their lines") {
  const auto rows = parse_csv("a\r\n\"x\ny\rz\r\nw\",b\n\nc\rd", "t.csv");
  std::vector<std::size_t> lines;
  for (const CsvRow& row : rows) lines.push_back(row.line);
  CHECK(lines == std::vector<std::size_t>{1, 2, 6, 7, 8});
}

TEST_CASE("csv: what is no table is refused with its line") {
  CHECK(
      fault("a,b\nc,\"d\ne") ==
      "t.csv:2: not a CSV table: a quote that does not end; correct the file or write it again");
  CHECK(test::says(fault("a\n\"b\" c\n"), "t.csv:2: not a CSV table: text behind a closing quote"));
  CHECK(test::says(fault(std::string("a\nb\0c\n", 6)), "t.csv:2: not a CSV table: a NUL byte"));
  CHECK(test::says(fault(std::string("\"a\nb\0c\"", 7)), "t.csv:2: not a CSV table: a NUL byte"));
  CHECK(test::says(fault(std::string("\0", 1)), "t.csv:1: not a CSV table: a NUL byte"));
}

TEST_CASE("csv: quotes are written only when they are needed") {
  CHECK(text_of({{"a 1.jpg", " it's "}}) == "a 1.jpg, it's \n");
  CHECK(
      text_of({{"a,b", "c\"d", "e\nf", "g\r"}}, "\r\n") ==
      "\"a,b\",\"c\"\"d\",\"e\nf\",\"g\r\"\r\n");
  CHECK(text_of({{"\xEF\xBB\xBFx"}}) == "\"\xEF\xBB\xBFx\"\n");
  CHECK(test::says(
      message_of<DataError>([] { csv_field(std::string("a\0", 2)); }),
      "a NUL byte cannot be written"));
}

/// Fields of what CSV and UTF-8 make hard.
Table random_table(std::uint32_t index) {
  const std::vector<std::string> pieces = {"a",  "b 2",  ",",  "\"",       "\n",
                                           "\r", "\r\n", " ",  "\xC3\xA9", "\t",
                                           ";",  "'",    "\\", "0",        "\xEF\xBB\xBF"};
  Random random(7, Stream::demo, 0, index);
  Table rows(random.below(6));
  for (auto& row : rows) {
    row.resize(random.below(4));
    for (std::string& field : row) {
      for (std::uint32_t n = random.below(5); n > 0; --n) {
        field += pieces[random.below(static_cast<std::uint32_t>(pieces.size()))];
      }
    }
  }
  return rows;
}

TEST_CASE("csv: a thousand random tables come back as they were") {
  for (std::uint32_t i = 0; i < 1000; ++i) {
    const Table rows = random_table(i);
    CAPTURE(i);
    REQUIRE(table(text_of(rows)) == rows);
    REQUIRE(table(text_of(rows, "\r\n")) == rows);
  }
}

TEST_CASE("csv: Python's csv module reads what is written here, and the other way round") {
  if (!std::filesystem::exists("/usr/bin/python3")) {
    MESSAGE("skipped: there is no /usr/bin/python3");
    return;
  }
  const test::TemporaryFolder folder;
  for (std::uint32_t i = 0; i < 200; ++i) {
    // Python leaves out no byte order mark by itself, and quotes none.
    Table rows = random_table(i);
    for (auto& row : rows) {
      for (std::string& field : row) {
        if (field.starts_with("\xEF\xBB\xBF")) field.insert(0, "x");
      }
    }
    write_file(folder / (std::to_string(i) + ".csv"), text_of(rows), Durability::buffered);
  }
  // Each table is read, and written in Python's own dialect (CRLF).
  write_file(folder / "copy.py", R"(
import csv, glob, os, sys
for name in glob.glob(os.path.join(sys.argv[1], "*.csv")):
    with open(name, newline="", encoding="utf-8") as f:
        rows = list(csv.reader(f, strict=True))
    with open(name + ".python", "w", newline="", encoding="utf-8") as f:
        csv.writer(f).writerows(rows)
)");
  const std::string command =
      "/usr/bin/python3 '" + (folder / "copy.py").string() + "' '" + folder.path().string() + "'";
  REQUIRE(std::system(command.c_str()) == 0);
  for (std::uint32_t i = 0; i < 200; ++i) {
    const std::string name = std::to_string(i) + ".csv";
    CAPTURE(i);
    REQUIRE(table(read_file(folder / (name + ".python"))) == table(read_file(folder / name)));
  }
}

}  // namespace
}  // namespace ocelli::data
