// How many small objects a second come out of a bucket: 2,000 of 20 KB, 16 at once on kept
// connections, beside a new connection for each, and one after the other.
//
//   tests/s3/with-gateway build/release/bin/bucket_objects [ROUNDS]
//
// For each of the four ways the median of all rounds and their range, this program's processor time
// and its connections; then how much faster the first way is than the others. The ways take turns,
// for server and client share the machine.
// SPDX-License-Identifier: Apache-2.0
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "ocelli/bucket/s3_store.hpp"

namespace {

using namespace ocelli::bucket;

constexpr int count = 2000;
constexpr std::size_t size = 20'000;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

S3Options options_of(const std::string& endpoint) {
  Credentials keys;
  keys.access_key_id = environment("AWS_ACCESS_KEY_ID");
  keys.secret_access_key = Secret(environment("AWS_SECRET_ACCESS_KEY"));
  S3Options options;
  options.bucket = "ocelli-bench-" + std::to_string(::getpid());
  options.endpoint = endpoint;
  options.ca_bundle = environment("OCELLI_TEST_S3_CA");
  options.credentials = std::make_shared<FixedCredentials>(keys, "the environment");
  return options;
}

double processor_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

struct Way {
  std::string name;
  S3Options options;
  std::vector<double> rates;      ///< objects a second
  std::vector<double> processor;  ///< of this program, ms an object
  int most_open = 0;              ///< connections
  std::uint64_t connections = 0;  ///< opened in the last round
};

void measure(Way& way, const std::vector<std::string>& keys) {
  S3Store store(way.options);
  store.head(keys[0]);  // the name is resolved, the bucket known
  const double before = processor_seconds();
  const auto begin = std::chrono::steady_clock::now();
  std::size_t bytes = 0;
  store.get_many(keys, [&](Fetched&& fetched) {
    if (fetched.fault) std::rethrow_exception(fetched.fault);
    bytes += fetched.bytes.size();
  });
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  if (bytes != keys.size() * size) throw std::runtime_error("bytes are missing");
  way.rates.push_back(static_cast<double>(keys.size()) / seconds);
  way.processor.push_back(1e3 * (processor_seconds() - before) / static_cast<double>(keys.size()));
  way.most_open = std::max(way.most_open, store.counts().most_open);
  way.connections = store.counts().connections;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void in_parallel(const std::vector<std::string>& keys, const auto& work) {
  std::atomic<std::size_t> next{0};
  std::vector<std::thread> crew;
  for (int t = 0; t < 16; ++t)
    crew.emplace_back([&] {
      for (std::size_t i = next++; i < keys.size(); i = next++) work(keys[i]);
    });
  for (std::thread& thread : crew) thread.join();
}

void run(const std::string& endpoint, int rounds) {
  S3Options base = options_of(endpoint);
  create_bucket(base);
  S3Store store(base);
  std::vector<std::string> keys;
  for (int i = 0; i < count; ++i) keys.push_back("pictures/" + std::to_string(i) + ".jpg");
  in_parallel(keys, [&](const std::string& key) { store.put(key, std::string(size, 'x')); });

  std::vector<Way> ways;
  for (const int connections : {16, 1})
    for (const bool reuse : {true, false}) {
      S3Options options = base;
      options.connections = connections;
      options.reuse_connections = reuse;
      ways.push_back(
          {std::to_string(connections) + (reuse ? " kept" : " new each"), options, {}, {}, 0, 0});
    }
  for (int round = 0; round < rounds; ++round)
    for (Way& way : ways) measure(way, keys);
  std::printf("%s: %d objects of %zu bytes, %d rounds\n", endpoint.c_str(), count, size, rounds);
  for (const Way& way : ways) {
    const auto [least, most] = std::minmax_element(way.rates.begin(), way.rates.end());
    std::printf(
        "  %-12s %6.0f objects/s (%.0f to %.0f), %.2f ms of processor an object, %d connections at "
        "most, %llu opened\n",
        way.name.c_str(), median(way.rates), *least, *most, median(way.processor), way.most_open,
        static_cast<unsigned long long>(way.connections));
  }
  const double best = median(ways[0].rates);
  std::printf(
      "  16 kept are %.2f of 16 new each, %.2f of one new each, %.2f of one kept\n",
      best / median(ways[1].rates), best / median(ways[3].rates), best / median(ways[2].rates));

  in_parallel(keys, [&](const std::string& key) { store.remove(key); });
  remove_bucket(base);
}

}  // namespace

int main(int argc, char** argv) try {
  const int rounds = argc > 1 ? std::max(1, std::atoi(argv[1])) : 5;
  if (environment("OCELLI_TEST_S3").empty()) {
    std::fprintf(stderr, "no S3 server: run this by tests/s3/with-gateway\n");
    return 1;
  }
  run(environment("OCELLI_TEST_S3"), rounds);
  if (const std::string tls = environment("OCELLI_TEST_S3_TLS"); !tls.empty()) run(tls, rounds);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
