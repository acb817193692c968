// Tests of the progress line.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/train/progress.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <string>

namespace {

using namespace ocelli::train;
using namespace std::chrono_literals;

std::string written(std::FILE* file) {
  std::rewind(file);
  std::string text(4096, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file));
  return text;
}

TEST_CASE("progress: times") {
  CHECK(clock_text(0) == "0:00");
  CHECK(clock_text(309.4) == "5:09");
  CHECK(clock_text(7509) == "2:05:09");
  CHECK(clock_text(-1) == "--:--");
  CHECK(clock_text(1e300) == "--:--");
}

TEST_CASE("progress: the bar fits the terminal") {
  const ProgressState state{
      .step = 500,
      .total = 1000,
      .loss = 1.25,
      .learning_rate = 0.004,
      .images_per_second = 12.34,
      .data_wait = 0.03,
      .seconds_left = 61};
  const std::string line = progress_bar(state, 120);
  CHECK(
      line ==
      "[====================                    ] 500/1000  loss 1.25  lr 0.004  12.3 images/s  "
      "data wait 3 %  eta 1:01");
  for (int columns : {1, 10, 40, 80, 90, 200})
    CHECK(static_cast<int>(progress_bar(state, columns).size()) <= columns);
  CHECK(progress_bar({.step = 5, .total = 0}, 120).find("eta --:--") != std::string::npos);
  CHECK(progress_bar({.step = 9, .total = 3}, 120).starts_with("[" + std::string(40, '=') + "]"));
}

TEST_CASE("progress: plain lines now and then where there is no terminal") {
  std::FILE* file = std::tmpfile();
  REQUIRE(file != nullptr);
  {
    Progress progress(100, file, 5s);
    CHECK(!progress.terminal());
    const Progress::Clock::time_point start{};
    for (long step = 10; step <= 20; ++step)  // one second each
      progress.update({.step = step, .loss = 2}, start + std::chrono::seconds(step));
    progress.message("snapshot written");
    progress.update({.step = 21, .loss = 2}, start + 21s);
    progress.finish();
    progress.finish();
  }
  CHECK(
      written(file) ==
      "step 10/100  loss 2  lr 0  0.0 images/s  data wait 0 %  eta --:--\n"
      "step 15/100  loss 2  lr 0  0.0 images/s  data wait 0 %  eta 1:25\n"
      "step 20/100  loss 2  lr 0  0.0 images/s  data wait 0 %  eta 1:20\n"
      "snapshot written\n"
      "step 21/100  loss 2  lr 0  0.0 images/s  data wait 0 %  eta 1:19\n");
  std::fclose(file);
}

TEST_CASE("progress: one line in place on a terminal") {
  const int controller = ::posix_openpt(O_RDWR | O_NOCTTY);
  if (controller < 0 || ::grantpt(controller) != 0 || ::unlockpt(controller) != 0) {
    MESSAGE("skipped: no pseudo-terminal here");
    return;
  }
  std::FILE* terminal = std::fopen(::ptsname(controller), "w");
  REQUIRE(terminal != nullptr);
  {
    Progress progress(10, terminal);
    CHECK(progress.terminal());
    progress.update({.step = 1, .loss = 2});
    progress.message("hello");
  }
  std::array<char, 4096> buffer{};
  const ssize_t size = ::read(controller, buffer.data(), buffer.size());
  REQUIRE(size > 0);
  const std::string text(buffer.data(), static_cast<std::size_t>(size));
  CHECK(text.starts_with("\r"));
  CHECK(text.find("1/10") != std::string::npos);
  CHECK(text.find("\r\x1b[Khello\r\n") != std::string::npos);
  CHECK(text.ends_with("\n"));
  std::fclose(terminal);
  ::close(controller);
}

}  // namespace
