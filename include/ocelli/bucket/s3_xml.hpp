// S3Xml: what S3 servers answer, read with pugixml.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstdio>
#include <ctime>
#include <optional>
#include <pugixml.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ocelli/bucket/transfer.hpp"
#include "ocelli/bucket/uri.hpp"
#include "ocelli/core/error.hpp"

namespace ocelli::bucket {

/// What an `<Error>` says. Any part may be empty: Ceph gives no message.
struct S3Fault {
  std::string code;  ///< "NoSuchKey"
  std::string message;
  std::string request_id;
  std::string region;    ///< the right one, when the request went to another
  std::string endpoint;  ///< host, likewise
};

/// One page of a listing.
struct S3Page {
  std::vector<ObjectInfo> objects;
  std::string next;  ///< where the next page begins; empty: this is the last
};

namespace s3_xml_detail {

/// Keys may be of blanks alone, which pugixml drops unless it is told not to.
inline constexpr unsigned int flags = pugi::parse_default | pugi::parse_ws_pcdata_single;

inline pugi::xml_document parse(std::string_view text, const std::string& where) {
  pugi::xml_document document;
  const auto result = document.load_buffer(text.data(), text.size(), flags, pugi::encoding_utf8);
  if (!result || !document.document_element())
    throw StoreError(
        "the server's answer is not the XML of S3", where,
        "check that the endpoint is an S3 server, without a proxy that answers for it");
  return document;
}

inline std::string root_of(const pugi::xml_document& document) {
  return document.document_element().name();
}

/// The document's root, which must have that name.
inline pugi::xml_node expect(
    const pugi::xml_document& document, const char* name, const std::string& where) {
  if (root_of(document) != name)
    throw StoreError(
        "the server answered <" + root_of(document) + "> where <" + name + "> was expected", where,
        "check that the endpoint is an S3 server");
  return document.document_element();
}

inline std::string without_quotes(std::string text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"')
    text = text.substr(1, text.size() - 2);
  return text;
}

}  // namespace s3_xml_detail

/// "2013-05-24T00:00:00.000Z" as seconds since 1970; 0 when it is none.
inline std::int64_t parse_iso_time(const std::string& text) {
  std::tm utc{};
  if (std::sscanf(
          text.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d", &utc.tm_year, &utc.tm_mon, &utc.tm_mday,
          &utc.tm_hour, &utc.tm_min, &utc.tm_sec) != 6)
    return 0;
  utc.tm_year -= 1900;
  utc.tm_mon -= 1;
  return static_cast<std::int64_t>(timegm(&utc));
}

/// The `<Error>` of an answer; none when it is something else, such as a proxy's page. Answers of
/// status 200 can hold one too: of copies and of completed uploads.
inline std::optional<S3Fault> parse_fault(std::string_view text) {
  pugi::xml_document document;
  if (!document.load_buffer(text.data(), text.size(), s3_xml_detail::flags, pugi::encoding_utf8) ||
      s3_xml_detail::root_of(document) != "Error")
    return std::nullopt;
  const pugi::xml_node root = document.document_element();
  return S3Fault{
      root.child_value("Code"), root.child_value("Message"), root.child_value("RequestId"),
      root.child_value("Region"), root.child_value("Endpoint")};
}

/// A `<ListBucketResult>` of the second version. @throws StoreError for anything else
inline S3Page parse_page(std::string_view text, const std::string& where) {
  const pugi::xml_document document = s3_xml_detail::parse(text, where);
  const pugi::xml_node root = s3_xml_detail::expect(document, "ListBucketResult", where);
  const bool encoded = std::string_view(root.child_value("EncodingType")) == "url";
  S3Page page;
  for (const pugi::xml_node entry : root.children("Contents")) {
    ObjectInfo info;
    info.key = entry.child_value("Key");
    if (encoded) info.key = percent_decode(info.key, true);
    info.size = entry.child("Size").text().as_ullong();
    info.etag = s3_xml_detail::without_quotes(entry.child_value("ETag"));
    info.modified = parse_iso_time(entry.child_value("LastModified"));
    page.objects.push_back(std::move(info));
  }
  if (std::string_view(root.child_value("IsTruncated")) == "true") {
    page.next = root.child_value("NextContinuationToken");
    if (page.next.empty())
      throw StoreError(
          "the listing is cut off without saying where it goes on", where,
          "the server must know ListObjectsV2");
  }
  return page;
}

/// Of an `<InitiateMultipartUploadResult>`.
inline std::string parse_upload_id(std::string_view text, const std::string& where) {
  const pugi::xml_document document = s3_xml_detail::parse(text, where);
  const std::string id = s3_xml_detail::expect(document, "InitiateMultipartUploadResult", where)
                             .child_value("UploadId");
  if (id.empty()) throw StoreError("the server gave the upload no id", where, "try again");
  return id;
}

/// What a copy, a copied part or a completed upload left: etag and time, without size or key.
/// @param root  "CopyObjectResult", "CopyPartResult" or "CompleteMultipartUploadResult"
inline ObjectInfo parse_result(std::string_view text, const char* root, const std::string& where) {
  const pugi::xml_document document = s3_xml_detail::parse(text, where);
  const pugi::xml_node node = s3_xml_detail::expect(document, root, where);
  ObjectInfo info;
  info.etag = s3_xml_detail::without_quotes(node.child_value("ETag"));
  info.modified = parse_iso_time(node.child_value("LastModified"));
  return info;
}

/// The names in a `<ListAllMyBucketsResult>`.
inline std::vector<std::string> parse_buckets(std::string_view text, const std::string& where) {
  const pugi::xml_document document = s3_xml_detail::parse(text, where);
  std::vector<std::string> names;
  const auto root = s3_xml_detail::expect(document, "ListAllMyBucketsResult", where);
  for (const pugi::xml_node bucket : root.child("Buckets").children("Bucket"))
    names.emplace_back(bucket.child_value("Name"));
  return names;
}

/// What completes an upload: the parts' etags, from part 1 on.
inline std::string complete_request(const std::vector<std::string>& etags) {
  std::string text = "<CompleteMultipartUpload>";
  for (std::size_t i = 0; i < etags.size(); ++i)
    text += "<Part><PartNumber>" + std::to_string(i + 1) + "</PartNumber><ETag>&quot;" + etags[i] +
            "&quot;</ETag></Part>";
  return text + "</CompleteMultipartUpload>";
}

}  // namespace ocelli::bucket
