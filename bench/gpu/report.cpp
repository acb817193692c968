// The table of the GPU bench on standard output, and its JSON in a file:
//   gpu_report LINES RESULT.json
// SPDX-License-Identifier: Apache-2.0
#include "report.hpp"

#include <cstdio>
#include <exception>
#include <fstream>

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("gpu_report LINES RESULT.json\n", stderr);
    return 2;
  }
  try {
    std::ifstream file(argv[1]);
    if (!file) throw std::runtime_error(std::string(argv[1]) + ": cannot be read");
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    const ocelli::gpu_bench::Report report(lines);
    std::fputs(report.table().c_str(), stdout);
    std::ofstream out(argv[2]);
    out << report.json().dump(1) << "\n";
    if (!out.flush()) throw std::runtime_error(std::string(argv[2]) + ": cannot be written");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "gpu_report: %s\n", error.what());
    return 1;
  }
}
