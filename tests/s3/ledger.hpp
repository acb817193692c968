// Ledger: what objects may be, after operations of which some failed.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace ocelli::test {

/// An operation that returned has happened. One that threw has happened or not, but not in part. So
/// a key has a list of states that it may be in; most have one.
class Ledger {
 public:
  using State = std::optional<std::string>;  ///< the bytes; none: there is no object

  /// It is so.
  void sure(const std::string& key, State state) { states_[key] = {std::move(state)}; }
  /// It is so, or as it was.
  void perhaps(const std::string& key, State state) {
    std::vector<State>& known = of(key);
    if (std::find(known.begin(), known.end(), state) == known.end())
      known.push_back(std::move(state));
  }
  bool may_be(const std::string& key, const State& state) const {
    const auto at = states_.find(key);
    if (at == states_.end()) return !state;
    return std::find(at->second.begin(), at->second.end(), state) != at->second.end();
  }
  bool may_be_absent(const std::string& key) const { return may_be(key, std::nullopt); }
  bool may_be_there(const std::string& key) const {
    const auto at = states_.find(key);
    return at != states_.end() &&
           std::any_of(
               at->second.begin(), at->second.end(), [](const State& s) { return s.has_value(); });
  }
  /// Can a part of the object, from `offset`, be these bytes?
  bool may_have(
      const std::string& key, std::uint64_t offset, std::size_t length,
      const std::string& part) const {
    const auto at = states_.find(key);
    return at != states_.end() &&
           std::any_of(at->second.begin(), at->second.end(), [&](const State& s) {
             return s && offset <= s->size() && s->substr(offset, length) == part;
           });
  }
  /// All that the key may be; none is known: it is not there.
  const std::vector<State>& states(const std::string& key) { return of(key); }
  std::vector<std::string> keys() const {
    std::vector<std::string> result;
    for (const auto& [key, states] : states_) result.push_back(key);
    return result;
  }

 private:
  std::vector<State>& of(const std::string& key) {
    return states_.try_emplace(key, std::vector<State>{std::nullopt}).first->second;
  }
  std::map<std::string, std::vector<State>> states_;
};

/// Bytes that no other number gives.
inline std::string noise(std::uint64_t number, std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t at = 0; at < size; at += 8) {
    std::uint64_t h = (number << 24) + at + 1;
    h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9u;
    h = (h ^ (h >> 27)) * 0x94d049bb133111ebu;
    h ^= h >> 31;
    std::memcpy(text.data() + at, &h, std::min<std::size_t>(8, size - at));
  }
  return text;
}

}  // namespace ocelli::test
