// Tests of XML files: faults and nodes know their line.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/data/xml.hpp"

#include <doctest/doctest.h>

#include <string>

#include "support/message_of.hpp"

namespace ocelli::data {
namespace {

TEST_CASE("xml: nodes know their line") {
  const XmlFile file("<a>\n <b/>\n\n <c>x</c>\n</a>", "f.xml");
  CHECK(file.where(file.root()) == "f.xml:1");
  CHECK(file.where(file.root().child("b")) == "f.xml:2");
  CHECK(file.where(file.root().child("c")) == "f.xml:4");
  CHECK(file.where(file.root().child("none")) == "f.xml:1");
}

TEST_CASE("xml: a fault names file and line") {
  const std::string text = test::message_of<DataError>([] { XmlFile("<a>\n<b>\n</a>", "f.xml"); });
  CHECK(text.starts_with("f.xml:3: not well-formed XML ("));
  CHECK(text.ends_with("; correct the file or write it again"));
  CHECK(test::says(test::message_of<DataError>([] { XmlFile("", "f.xml"); }), "f.xml:1: not well"));
}

}  // namespace
}  // namespace ocelli::data
