// The names of functions and lines of code addresses, for messages: asks addr2line of the binutils,
// and only when something went wrong.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <dlfcn.h>

#include <cstdint>
#include <cstdio>
#include <map>
#include <string>

namespace ocelli::simt {

/// What the program's own symbols say of an address; parts that are not known are empty.
struct Symbol {
  std::string function;  ///< with its template arguments, without its parameters' names
  std::string place;     ///< "file:line", where there is debugging information
};

inline Symbol look_up(const void* address) {
  Dl_info info{};
  if (dladdr(address, &info) == 0 || info.dli_fname == nullptr) return {};
  const auto offset =
      reinterpret_cast<std::uintptr_t>(address) - reinterpret_cast<std::uintptr_t>(info.dli_fbase);
  const std::string file = info.dli_fname;
  if (file.find('\'') != std::string::npos) return {};
  // A program that is not position independent has its symbols at their absolute addresses.
  const auto* elf = static_cast<const unsigned char*>(info.dli_fbase);
  const bool absolute = elf[16] == 2;  // e_type is ET_EXEC
  char number[32];
  std::snprintf(
      number, sizeof number, "0x%llx",
      static_cast<unsigned long long>(
          absolute ? reinterpret_cast<std::uintptr_t>(address) : offset));
  const std::string command = "addr2line -f -C -e '" + file + "' " + number + " 2> /dev/null";
  std::FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return {};
  std::string text;
  char buffer[512];
  while (std::fgets(buffer, sizeof buffer, pipe) != nullptr) text += buffer;
  pclose(pipe);
  const std::size_t end = text.find('\n');
  if (end == std::string::npos) return {};
  Symbol symbol{text.substr(0, end), text.substr(end + 1)};
  symbol.place = symbol.place.substr(0, symbol.place.find_first_of("\n "));
  if (symbol.function.starts_with("?")) symbol.function.clear();
  if (symbol.place.starts_with("?") || symbol.place.ends_with(":?")) symbol.place.clear();
  return symbol;
}

/// The same, asked once for each address.
inline const Symbol& symbol_of(const void* address) {
  static thread_local std::map<const void*, Symbol> known;
  const auto at = known.find(address);
  return at != known.end() ? at->second : known.emplace(address, look_up(address)).first->second;
}

/// "tile<4>" of "void ns::tile<4>(float*)".
inline std::string name_of(std::string function) {
  if (const std::size_t end = function.rfind('('); end != std::string::npos) function.resize(end);
  if (function.starts_with("void ")) function.erase(0, 5);
  return function;
}

}  // namespace ocelli::simt
