// Objects of other programs are read, and ours by them: boto3 and s3cmd.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "ocelli/bucket/s3_store.hpp"
#include "ocelli/core/file.hpp"
#include "s3/fresh_bucket.hpp"
#include "s3/gateway.hpp"
#include "support/temporary_folder.hpp"

using namespace ocelli;
using namespace ocelli::bucket;
using namespace ocelli::test;

namespace {

// In Python and C++ alike: ASCII, with the letters of other languages as escapes.
const std::vector<std::string> keys = {"a b.jpg", "a+b.jpg",      "sn\xc3\xb6/\xe6\x97\xa5.jpg",
                                       "a=b",     "100%25 %.jpg", "a//b",
                                       "~a~",     "a&b?c#d",      "/leading",
                                       "'(a)*!",  "a:@,;$b.jpg",  "x/../y",
                                       "a.",      "trailing/",    "..a"};

bool runs(const std::string& command) { return std::system(command.c_str()) == 0; }

std::string text_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string noise(std::size_t size) {
  std::string text(size, '\0');
  unsigned state = 1;
  for (char& c : text) c = static_cast<char>((state = state * 1664525u + 1013904223u) >> 24);
  return text;
}

}  // namespace

TEST_CASE("interop: boto3") {
  if (!gateway_there()) return;
  const std::string python = "/usr/bin/python3 ";
  if (!runs(python + "-c 'import boto3' 2>/dev/null")) {
    MESSAGE("SKIPPED: there is no boto3 (package python3-boto3)");
    return;
  }
  const FreshBucket fresh("boto");
  const TemporaryFolder folder;
  std::string names;
  for (const std::string& key : keys) names += key + "\n";
  write_file(folder / "keys", names);
  write_file(folder / "script.py", R"(import os, sys, boto3, boto3.s3.transfer
from botocore.config import Config
s3 = boto3.client('s3', endpoint_url=os.environ['OCELLI_TEST_S3'], region_name='us-east-1',
                  config=Config(s3={'addressing_style': 'path'}))
bucket, folder, what = sys.argv[1:]
keys = open(folder + '/keys', encoding='utf-8').read().splitlines()
if what == 'write':
    for key in keys:
        s3.put_object(Bucket=bucket, Key='boto ' + key, Body=('boto ' + key).encode())
    parts = boto3.s3.transfer.TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20)
    s3.upload_file(folder + '/large', bucket, 'boto large', Config=parts)
else:
    listed = [o['Key'] for o in s3.list_objects_v2(Bucket=bucket, Prefix='ours ')['Contents']]
    assert sorted(listed, key=str.encode) == sorted(['ours ' + k for k in keys] + ['ours large'],
                                                    key=str.encode), listed
    for key in keys:
        body = s3.get_object(Bucket=bucket, Key='ours ' + key)['Body'].read()
        assert body == ('ours ' + key).encode(), key
    body = s3.get_object(Bucket=bucket, Key='ours large')['Body'].read()
    assert body == open(folder + '/large', 'rb').read()
)");
  const std::string large = noise(11u << 20);
  write_file(folder / "large", large);
  const std::string script = python + folder.path().string() + "/script.py " +
                             fresh.options.bucket + " " + folder.path().string();
  REQUIRE(runs(script + " write"));

  S3Options options = fresh.options;
  options.part_size = 5u << 20;
  S3Store store(options);
  CHECK(store.list("boto ").size() == keys.size() + 1);
  for (const std::string& key : keys) CHECK(text_of(store.get("boto " + key)) == "boto " + key);
  CHECK(text_of(store.get("boto large")) == large);
  for (const std::string& key : keys) store.put("ours " + key, "ours " + key);
  store.put("ours large", large);
  CHECK(runs(script + " read"));
}

TEST_CASE("interop: s3cmd") {
  if (!gateway_there()) return;
  if (!runs("s3cmd --version > /dev/null 2>&1")) {
    MESSAGE("SKIPPED: there is no s3cmd (package s3cmd)");
    return;
  }
  const FreshBucket fresh("s3cmd");
  const TemporaryFolder folder;
  const std::string host = environment("OCELLI_TEST_S3").substr(7);
  write_file(
      folder / "config", "[default]\naccess_key = " + environment("AWS_ACCESS_KEY_ID") +
                             "\nsecret_key = " + environment("AWS_SECRET_ACCESS_KEY") +
                             "\nhost_base = " + host + "\nhost_bucket = " + host +
                             "\nuse_https = False\nmultipart_chunk_size_mb = 5\n");
  const std::string s3cmd = "s3cmd -q -c '" + folder.path().string() + "/config' --no-progress ";
  const std::string large = noise(11u << 20);
  write_file(folder / "large", large);
  write_file(folder / "small", "by s3cmd");
  const std::vector<std::string> names = {
      "a b.jpg", "a+b.jpg", "sn\xc3\xb6/\xe6\x97\xa5.jpg", "100%25.jpg", "a=b,c;d@e.jpg"};
  S3Options options = fresh.options;
  options.part_size = 5u << 20;
  S3Store store(options);
  const std::string at = "s3://" + fresh.options.bucket + "/", here = folder.path().string() + "/";
  for (const std::string& name : names) {
    CAPTURE(name);
    REQUIRE(runs(s3cmd + "put '" + here + "small' '" + at + "theirs/" + name + "'"));
    CHECK(text_of(store.get("theirs/" + name)) == "by s3cmd");
    store.put("ours/" + name, "by ocelli");
    CHECK(runs(s3cmd + "get --force '" + at + "ours/" + name + "' '" + here + "got'"));
    CHECK(read_file(folder / "got") == "by ocelli");
  }
  CHECK(store.list("theirs/").size() == names.size());
  REQUIRE(runs(s3cmd + "put '" + here + "large' '" + at + "large'"));
  CHECK(text_of(store.get("large")) == large);
  store.put("ours", large);
  CHECK(runs(s3cmd + "get --force '" + at + "ours' '" + here + "got'"));
  CHECK(read_file(folder / "got") == large);
}
