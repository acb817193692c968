// No key, signature or login stands in anything that storing, publishing and watching say, print or
// leave behind, while the line to the server breaks.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <functional>
#include <iostream>
#include <span>
#include <string>
#include <vector>

#include "deploy/model_file.hpp"
#include "ocelli/core/file.hpp"
#include "ocelli/deploy/publish.hpp"
#include "ocelli/deploy/watch.hpp"
#include "s3/fault_line.hpp"
#include "support/temporary_folder.hpp"

using namespace ocelli;
using namespace ocelli::test;

namespace {

/// What the program and its libraries print meanwhile goes to a file.
class Captured {
 public:
  explicit Captured(const std::filesystem::path& path)
      : file_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)),
        out_(::dup(1)),
        err_(::dup(2)) {
    flush();
    ::dup2(file_, 1);
    ::dup2(file_, 2);
  }
  ~Captured() {
    flush();
    ::dup2(out_, 1);
    ::dup2(err_, 2);
    for (const int fd : {file_, out_, err_}) ::close(fd);
  }
  Captured(const Captured&) = delete;
  Captured& operator=(const Captured&) = delete;

 private:
  static void flush() {
    std::cout.flush();
    std::cerr.flush();
    std::fflush(nullptr);
  }
  int file_, out_, err_;
};

/// Says everything that operations on this bucket may say.
void talk(const bucket::S3Options& options, const std::filesystem::path& folder, int round) {
  const auto listen = [](const std::function<void()>& work) {
    try {
      work();
    } catch (const std::exception& fault) {
      std::cerr << fault.what() << '\n';
    }
  };
  bucket::S3Store store(options);
  std::cout << store.name() << ' ' << options.credentials->origin() << '\n';
  listen([&] {
    const bucket::Credentials keys = options.credentials->get();
    std::cout << keys.secret_access_key << keys.session_token << keys.bearer << '\n';
  });
  listen([&] { store.put("small", "text"); });
  listen([&] { store.put("large", noise(1, 200000)); });
  listen([&] { store.get("large"); });
  listen([&] { store.get("missing"); });
  listen([&] { store.head("small"); });
  listen([&] { store.copy("small", "other"); });
  listen([&] { store.list(""); });
  listen([&] { store.remove("other"); });
  listen([&] {
    const std::vector<std::string> keys{"small", "large", "missing"};
    store.get_many(keys, [&](bucket::Fetched&& one) {
      listen([&] {
        if (one.fault) std::rethrow_exception(one.fault);
      });
    });
  });
  const auto weights = write_model(folder / "weights", round);
  listen([&] { deploy::publish(store, "", weights, "master"); });
  listen([&] { deploy::promote(store, "", "master", "field"); });
  listen([&] { deploy::rollback(store, "", "master"); });
  listen([&] {
    deploy::WatchOptions watch;
    watch.out = folder / "field/model.safetensors";
    deploy::Watcher watcher(store, watch);
    for (int i = 0; i < 3; ++i) std::cout << watcher.check().text << '\n';
  });
}

}  // namespace

TEST_CASE("secrets: in nothing that is said, printed or left behind") {
  if (!gateway_there()) return;
  const FreshBucket fresh("secrets");
  warm_up(fresh.options);
  const TemporaryFolder folder;
  const std::string wrong = "wrongSecretKeyOf40CharactersIsHereNow012";
  {
    const Captured captured(folder / "printed");
    side_by_side(12, [&](int n) {
      FaultLine line(
          fresh.options.bucket, seeded(static_cast<std::uint64_t>(n), 0.08 * n, all_faults()));
      const std::filesystem::path own = folder / std::to_string(n);
      std::filesystem::create_directory(own);
      talk(hurried(fresh.options.bucket, line.proxy), own, n);
    });
    bucket::S3Options forger = fresh.options;
    forger.credentials = key_pair(environment("AWS_ACCESS_KEY_ID"), wrong);
    talk(forger, folder.path(), 1);
    talk(reader_options(fresh.options.bucket), folder.path(), 2);
    bucket::S3Options elsewhere = fresh.options;
    elsewhere.bucket = "ocelli-no-such-bucket";
    talk(elsewhere, folder.path(), 3);
  }

  const std::vector<std::string> secrets{
      environment("AWS_SECRET_ACCESS_KEY"),
      environment("AWS_ACCESS_KEY_ID"),
      environment("OCELLI_TEST_S3_READER_KEY"),
      environment("OCELLI_TEST_S3_READER_ID"),
      wrong,
      "Signature=",
      "AWS4-HMAC",
      "Authorization:"};
  int searched = 0;
  const auto search = [&](const std::string& name, const std::string& text) {
    ++searched;
    CAPTURE(name);
    for (std::size_t i = 0; i < secrets.size(); ++i) {
      REQUIRE(!secrets[i].empty());
      CAPTURE(i);
      CHECK(text.find(secrets[i]) == std::string::npos);
    }
  };
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.path()))
    if (entry.is_regular_file()) search(entry.path().string(), read_file(entry.path()));
  bucket::S3Store store(fresh.options);
  for (const bucket::ObjectInfo& info : store.list(""))
    search(info.key, info.key + text_of(store.get(info.key)));
  CHECK(searched > 8);
  const std::string printed = read_file(folder / "printed");
  CHECK(printed.find("s3://" + fresh.options.bucket) != std::string::npos);
  CHECK(printed.find("SignatureDoesNotMatch") != std::string::npos);
  CHECK(printed.find("***") != std::string::npos);
}
