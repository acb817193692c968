// Errors: what is wrong, where, and what to do about it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace ocelli {

/// The base of everything ocelli throws. `what()` reads "where: what; advice", parts that are empty
/// left out.
class Error : public std::runtime_error {
 public:
  /// @param what    the fault, in a clause: "box has no area"
  /// @param where   file, file:line, layer or object: "a.xml:12"
  /// @param advice  what the reader can do: "remove the object or give it a size"
  explicit Error(const std::string& what, std::string where = {}, std::string advice = {})
      : std::runtime_error(compose(what, where, advice)),
        where_(std::move(where)),
        advice_(std::move(advice)) {}

  const std::string& where() const noexcept { return where_; }
  const std::string& advice() const noexcept { return advice_; }

 private:
  static std::string compose(
      const std::string& what, const std::string& where, const std::string& advice) {
    std::string text = where.empty() ? what : where + ": " + what;
    if (!advice.empty()) text += "; " + advice;
    return text;
  }

  std::string where_;
  std::string advice_;
};

/// A tensor or net of the wrong shape.
struct ShapeError : Error {
  using Error::Error;
};
/// Labels, pictures or files of a data set that cannot be used.
struct DataError : Error {
  using Error::Error;
};
/// A hyperparameter or option that is unknown, malformed or out of range.
struct ConfigError : Error {
  using Error::Error;
};
/// Reading or writing a file or an object failed.
struct StoreError : Error {
  using Error::Error;
};
/// A snapshot that is damaged, or belongs to another net.
struct CheckpointError : Error {
  using Error::Error;
};
/// A device that is absent or failed.
struct DeviceError : Error {
  using Error::Error;
};

}  // namespace ocelli
