// Large objects pass through: two gigabytes up and down in little memory.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "ocelli/bucket/s3_store.hpp"
#include "s3/fresh_bucket.hpp"
#include "s3/gateway.hpp"

using namespace ocelli;
using namespace ocelli::bucket;
using namespace ocelli::test;

namespace {

/// The bytes of an object that is nowhere: each eight are a function of their place.
std::uint64_t word_at(std::uint64_t index) { return (index + 1) * 0x9E3779B97F4A7C15u; }

struct MadeBody : Body {
  explicit MadeBody(std::uint64_t bytes) : bytes_(bytes) {}
  std::uint64_t size() const override { return bytes_; }
  void read(std::uint64_t offset, std::span<std::byte> out) const override {
    for (std::size_t done = 0; done < out.size();) {
      const std::uint64_t word = word_at((offset + done) / 8);
      const std::size_t skip = (offset + done) % 8, take = std::min(8 - skip, out.size() - done);
      std::memcpy(out.data() + done, reinterpret_cast<const char*>(&word) + skip, take);
      done += take;
    }
  }
  const std::uint64_t bytes_;
};

struct CheckingSink : Sink {
  void begin(const ObjectInfo&) override { offset = 0, good = true; }
  void write(std::span<const std::byte> bytes) override {
    for (std::size_t done = 0; done < bytes.size();) {
      const std::uint64_t word = word_at((offset + done) / 8);
      const std::size_t skip = (offset + done) % 8, take = std::min(8 - skip, bytes.size() - done);
      good =
          good &&
          std::memcmp(bytes.data() + done, reinterpret_cast<const char*>(&word) + skip, take) == 0;
      done += take;
    }
    offset += bytes.size();
  }
  std::uint64_t offset = 0;
  bool good = false;
};

/// A line of /proc/self/status, in kB.
long status(const std::string& name) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(name + ":")) return std::stol(line.substr(name.size() + 1));
  return -1;
}

/// The most resident memory during `work` above that before it, in MB.
template <class Work>
double growth_of(Work&& work) {
  std::ofstream("/proc/self/clear_refs") << "5";  // the high-water mark falls to what is there now
  const long before = status("VmRSS");
  work();
  return static_cast<double>(status("VmHWM") - before) / 1024;
}

}  // namespace

TEST_CASE("s3_memory: two gigabytes up and down in 64 MB [slow]") {
  if (!gateway_there()) return;
  const FreshBucket fresh("memory");
  S3Store store(fresh.options);
  store.put("warm", "up");
  const MadeBody body(2'000'000'000);
  ObjectInfo put;
  const double up = growth_of([&] { put = store.put("large", body); });
  CHECK(put.size == body.size());
  CheckingSink sink;
  const double down = growth_of([&] { store.get("large", sink); });
  CHECK(sink.offset == body.size());
  CHECK(sink.good);
  MESSAGE("resident growth: " << up << " MB up, " << down << " MB down");
  CHECK(up <= 64);
  CHECK(down <= 64);
  CHECK(store.counts().most_open <= 16);
}

TEST_CASE("s3_memory: many objects on their way to a slow taker wait in bounded memory [slow]") {
  if (!gateway_there()) return;
  const FreshBucket fresh("queue");
  S3Store store(fresh.options);
  const MadeBody body(2'000'000);
  std::vector<std::string> keys;
  for (int i = 0; i < 150; ++i) keys.push_back(std::to_string(i));
  for (const std::string& key : keys) store.put(key, body);
  // 16 objects on their way and 16 that wait, of 2 MB; and what lies between curl and them.
  const double growth = growth_of([&] {
    store.get_many(keys, [&](Fetched&& fetched) {
      CHECK_FALSE(fetched.fault);
      CHECK(fetched.bytes.size() == body.size());
      std::this_thread::sleep_for(std::chrono::milliseconds(3));
    });
  });
  MESSAGE("resident growth: " << growth << " MB");
  CHECK(growth <= 120);
}
