// JsonReader: walks a JSON text without building it in memory, and knows the line of every value.
//
// Label files of hundreds of megabytes are read in one pass; keys come in the order of the file,
// and keys that occur twice are seen twice. Numbers are those of the C locale; NaN and Infinity,
// which Python writes, are numbers here, so that they can be reported where they stand.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include "ocelli/core/error.hpp"

namespace ocelli::data {

class JsonReader {
 public:
  enum class Kind : std::uint8_t { object, array, string, number, boolean, null };

  /// @param text  is kept by reference  @param name  for messages
  JsonReader(std::string_view text, std::string name) : text_(text), name_(std::move(name)) {
    if (text_.starts_with("\xEF\xBB\xBF")) at_ = 3;
  }

  /// The kind of the next value. @throws DataError "name:line: ..." for what begins no value
  Kind peek() {
    skip_blanks();
    if (at_ == text_.size()) fail("the text ends too early");
    switch (text_[at_]) {
      case '{':
        return Kind::object;
      case '[':
        return Kind::array;
      case '"':
        return Kind::string;
      case 't':
      case 'f':
        return Kind::boolean;
      case 'n':
        return Kind::null;
      default:
        return Kind::number;
    }
  }

  /// Calls member(key) for each member of an object; it must read or skip the value.
  template <class Member>
  void object(Member&& member) {
    expect('{', "an object");
    if (accept('}')) return;
    do {
      const std::string key = string();
      expect(':', "':'");
      member(std::string_view(key));
    } while (accept(','));
    expect('}', "',' or '}'");
  }

  /// Calls element(index) for each element of an array; it must read or skip the value.
  template <class Element>
  void array(Element&& element) {
    expect('[', "an array");
    if (accept(']')) return;
    std::size_t index = 0;
    do {
      element(index++);
    } while (accept(','));
    expect(']', "',' or ']'");
  }

  std::string string() {
    expect('"', "a string");
    std::string value;
    for (;;) {
      const std::size_t end = text_.find_first_of("\"\\", at_);
      if (end == std::string_view::npos) fail("a string does not end");
      value.append(text_, at_, end - at_);
      at_ = end + 1;
      if (text_[end] == '"') return value;
      escape(value);
    }
  }

  double number() {
    skip_blanks();
    const std::string_view rest = text_.substr(at_);
    for (const auto& [word, value] :
         {std::pair{std::string_view("NaN"), std::numeric_limits<double>::quiet_NaN()},
          std::pair{std::string_view("Infinity"), std::numeric_limits<double>::infinity()},
          std::pair{std::string_view("-Infinity"), -std::numeric_limits<double>::infinity()}}) {
      if (rest.starts_with(word)) {
        at_ += word.size();
        return value;
      }
    }
    const bool begins = !rest.empty() && (rest[0] == '-' || (rest[0] >= '0' && rest[0] <= '9'));
    double value = 0;
    const auto [end, code] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
    if (!begins || code == std::errc::invalid_argument) fail("expected a value");
    if (code == std::errc::result_out_of_range) {
      value = std::numeric_limits<double>::infinity();  // or as good as 0: nothing a label holds
    }
    at_ += static_cast<std::size_t>(end - rest.data());
    return value;
  }

  bool boolean() {
    const bool value = peek() == Kind::boolean && text_[at_] == 't';
    word(value ? "true" : "false");
    return value;
  }

  /// Passes over the next value, whatever it is.
  void skip() {
    std::string open;  // the brackets around the place: no recursion, however deep
    do {
      switch (peek()) {
        case Kind::object:
        case Kind::array: {
          const char bracket = text_[at_++];
          const char close = bracket == '{' ? '}' : ']';
          if (accept(close)) break;
          open += close;
          if (close == '}') key();
          continue;
        }
        case Kind::string:
          string();
          break;
        case Kind::number:
          number();
          break;
        case Kind::boolean:
          boolean();
          break;
        case Kind::null:
          null();
          break;
      }
      while (!open.empty() && !accept(',')) {
        expect(open.back(), "',' or the end of an object or array");
        open.pop_back();
      }
      if (!open.empty() && open.back() == '}') key();
    } while (!open.empty());
  }

  void null() { word("null"); }

  /// Nothing but blanks may follow.
  void end() {
    skip_blanks();
    if (at_ != text_.size()) fail("text after the end");
  }

  /// "name:line" of the next value.
  std::string where() { return name_ + ":" + std::to_string(line()); }
  /// The line of the next value, from 1.
  std::size_t line() {
    skip_blanks();
    for (; counted_ < at_; ++counted_) lines_ += text_[counted_] == '\n';
    return lines_;
  }
  const std::string& name() const { return name_; }

  [[noreturn]] void fail(const std::string& what) {
    throw DataError(
        "not well-formed JSON: " + what, name_ + ":" + std::to_string(line()),
        "correct the file or write it again");
  }

 private:
  void skip_blanks() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t')) {
      ++at_;
    }
  }
  bool accept(char c) {
    skip_blanks();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c, const char* what) {
    if (accept(c)) return;
    if (at_ == text_.size()) fail("the text ends too early");
    fail(std::string("expected ") + what);
  }
  void key() {
    string();
    expect(':', "':'");
  }
  void word(std::string_view expected) {
    skip_blanks();
    if (!text_.substr(at_).starts_with(expected)) fail("expected a value");
    at_ += expected.size();
  }

  std::uint32_t hex4() {
    std::uint32_t code = 0;
    const std::string_view digits = text_.substr(std::min(at_, text_.size()), 4);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
    if (error != std::errc() || end != digits.data() + 4) fail("a malformed \\u escape");
    at_ += 4;
    return code;
  }
  void escape(std::string& value) {
    if (at_ == text_.size()) fail("a string does not end");
    const char c = text_[at_++];
    switch (c) {
      case '"':
      case '\\':
      case '/':
        value += c;
        return;
      case 'b':
        value += '\b';
        return;
      case 'f':
        value += '\f';
        return;
      case 'n':
        value += '\n';
        return;
      case 'r':
        value += '\r';
        return;
      case 't':
        value += '\t';
        return;
      case 'u':
        break;
      default:
        fail("an unknown escape in a string");
    }
    std::uint32_t code = hex4();
    if (code >= 0xD800 && code < 0xDC00 && text_.substr(at_).starts_with("\\u")) {
      at_ += 2;
      const std::uint32_t low = hex4();
      if (low < 0xDC00 || low > 0xDFFF) fail("half a surrogate pair");
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    if (code >= 0xD800 && code <= 0xDFFF) fail("half a surrogate pair");
    const auto put = [&](std::uint32_t byte) { value += static_cast<char>(byte); };
    if (code < 0x80) {
      put(code);
    } else if (code < 0x800) {
      put(0xC0 | code >> 6), put(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
      put(0xE0 | code >> 12), put(0x80 | (code >> 6 & 0x3F)), put(0x80 | (code & 0x3F));
    } else {
      put(0xF0 | code >> 18), put(0x80 | (code >> 12 & 0x3F)), put(0x80 | (code >> 6 & 0x3F));
      put(0x80 | (code & 0x3F));
    }
  }

  std::string_view text_;
  std::string name_;
  std::size_t at_ = 0, counted_ = 0, lines_ = 1;
};

}  // namespace ocelli::data
