// XML files whose faults and nodes know their line.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <pugixml.hpp>
#include <string>
#include <string_view>

#include "ocelli/core/error.hpp"
#include "ocelli/data/text.hpp"

namespace ocelli::data {

class XmlFile {
 public:
  /// @param name  for messages
  /// @throws DataError "name:line: ..." when the text is not well-formed
  XmlFile(std::string_view text, std::string name) : name_(std::move(name)), lines_(text) {
    const auto result = document_.load_buffer(text.data(), text.size());
    if (!result) {
      throw DataError(
          std::string("not well-formed XML (") + result.description() + ")",
          where(static_cast<std::size_t>(result.offset < 0 ? 0 : result.offset)),
          "correct the file or write it again");
    }
  }

  pugi::xml_node root() const { return document_.document_element(); }
  std::string where(pugi::xml_node node) const {
    const auto offset = node.offset_debug();
    return where(static_cast<std::size_t>(offset < 0 ? 0 : offset));
  }

 private:
  std::string where(std::size_t offset) const {
    return name_ + ":" + std::to_string(lines_.line(offset));
  }

  std::string name_;
  LineIndex lines_;
  pugi::xml_document document_;
};

}  // namespace ocelli::data
