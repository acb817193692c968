// The XML of S3 servers, as Amazon and Ceph write it, and what is none.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/bucket/s3_xml.hpp"

#include <doctest/doctest.h>

#include <string>

#include "support/message_of.hpp"

using namespace ocelli;
using namespace ocelli::bucket;
using namespace ocelli::test;

TEST_CASE("s3_xml: a page of a listing, its keys decoded where the server says so") {
  const std::string text =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
      "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>b</Name>"
      "<EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>"
      "<NextContinuationToken>a+b%2B/=</NextContinuationToken>"
      "<Contents><Key>a%2Bb+c%20%C3%A4%25.jpg</Key><LastModified>2013-05-24T00:00:01.500Z"
      "</LastModified><ETag>&quot;0123-2&quot;</ETag><Size>5368709121</Size></Contents>"
      "<Contents><Key>%20</Key><Size>0</Size><ETag>plain</ETag></Contents></ListBucketResult>";
  const S3Page page = parse_page(text, "s3://b");
  CHECK(page.next == "a+b%2B/=");  // opaque, so as it is
  REQUIRE(page.objects.size() == 2);
  CHECK(page.objects[0].key == "a+b c ä%.jpg");
  CHECK(page.objects[0].size == 5368709121u);
  CHECK(page.objects[0].etag == "0123-2");
  CHECK(page.objects[0].modified == 1369353601);
  CHECK(page.objects[1].key == " ");
  CHECK(page.objects[1].etag == "plain");

  const S3Page raw = parse_page(
      "<ListBucketResult><IsTruncated>false</IsTruncated><NextContinuationToken>x"
      "</NextContinuationToken><Contents><Key>a+b%20&amp;c</Key></Contents>"
      "<Contents><Key>  </Key></Contents></ListBucketResult>",
      "s3://b");
  CHECK(raw.next == "");
  REQUIRE(raw.objects.size() == 2);
  CHECK(raw.objects[0].key == "a+b%20&c");
  CHECK(raw.objects[1].key == "  ");
}

TEST_CASE("s3_xml: what is no listing is no empty listing") {
  CHECK(says(
      message_of<StoreError>([] { parse_page("", "s3://b"); }), "s3://b: the server's answer"));
  CHECK_THROWS_AS(parse_page("<html><body>Sign in</body></html>", "s3://b"), StoreError);
  CHECK_THROWS_AS(parse_page("<ListBucketResult><Contents>", "s3://b"), StoreError);
  const std::string message = message_of<StoreError>([] {
    parse_page("<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>", "s3://b");
  });
  CHECK(says(message, "the listing is cut off without saying where it goes on"));
}

TEST_CASE("s3_xml: faults") {
  const auto fault = parse_fault(
      "<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code><Message></Message><RequestId>tx1"
      "</RequestId><Region>eu-west-1</Region><Endpoint>b.s3.eu-west-1.amazonaws.com</Endpoint>"
      "</Error>");
  REQUIRE(fault);
  CHECK(fault->code == "NoSuchKey");
  CHECK(fault->message == "");
  CHECK(fault->request_id == "tx1");
  CHECK(fault->region == "eu-west-1");
  CHECK(fault->endpoint == "b.s3.eu-west-1.amazonaws.com");
  CHECK_FALSE(parse_fault(""));
  CHECK_FALSE(parse_fault("<html/>"));
  CHECK_FALSE(parse_fault("<CopyObjectResult><ETag>x</ETag></CopyObjectResult>"));
}

TEST_CASE("s3_xml: uploads and copies") {
  CHECK(
      parse_upload_id(
          "<InitiateMultipartUploadResult><UploadId>2~a</UploadId></InitiateMultipartUploadResult>",
          "w") == "2~a");
  CHECK_THROWS_AS(parse_upload_id("<InitiateMultipartUploadResult/>", "w"), StoreError);
  const ObjectInfo copy = parse_result(
      "<CopyObjectResult><LastModified>2013-05-24T00:00:00Z</LastModified><ETag>\"e\"</ETag>"
      "</CopyObjectResult>",
      "CopyObjectResult", "w");
  CHECK(copy.etag == "e");
  CHECK(copy.modified == 1369353600);
  CHECK_THROWS_AS(parse_result("<Other/>", "CopyObjectResult", "w"), StoreError);
  CHECK(
      complete_request({"a", "b-2"}) ==
      "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>&quot;a&quot;</ETag></Part>"
      "<Part><PartNumber>2</PartNumber><ETag>&quot;b-2&quot;</ETag></Part>"
      "</CompleteMultipartUpload>");
  const auto names = parse_buckets(
      "<ListAllMyBucketsResult><Buckets><Bucket><Name>a</Name></Bucket><Bucket><Name>b</Name>"
      "</Bucket></Buckets></ListAllMyBucketsResult>",
      "w");
  CHECK(names == std::vector<std::string>{"a", "b"});
  CHECK(parse_iso_time("yesterday") == 0);
}
