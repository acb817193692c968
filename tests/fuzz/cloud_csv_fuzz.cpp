// Fuzz target: any text as the _annotations.csv and _labels.csv of a bucket; and as a table, which
// must come back when it is written.
// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "ocelli/core/error.hpp"
#include "ocelli/data/cloud_csv.hpp"
#include "ocelli/data/csv.hpp"
#include "support/fuzz_labels.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace ocelli::data;
  MemorySource source;
  put_fuzz_pictures(source, {"a1.png", "sub/b 2.png"});
  source.put("_annotations.csv", fuzz_text(bytes, size));
  source.put("_labels.csv", fuzz_text(bytes, size));
  try {
    require_sound(read_cloud_csv(source, "_annotations.csv"));
    const std::vector<CsvRow> rows = parse_csv(fuzz_text(bytes, size), "table");
    std::string text;
    for (const CsvRow& row : rows) append_csv_row(text, row.fields);
    const std::vector<CsvRow> again = parse_csv(text, "again");
    if (again.size() != rows.size()) std::abort();
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (again[i].fields != rows[i].fields) std::abort();
    }
  } catch (const ocelli::DataError&) {
  }
  return 0;
}
