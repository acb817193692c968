// The first signal raises a flag, the second ends the process, and the old handlers come back.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/train/signals.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

using ocelli::train::StopSignals;

TEST_CASE("signals: a stop is asked for, not taken") {
  for (const int number : {SIGTERM, SIGINT}) {
    const StopSignals signals;
    CHECK_FALSE(StopSignals::requested());
    ::raise(number);
    CHECK(StopSignals::requested());
    CHECK(StopSignals::number() == number);
  }
}

TEST_CASE("signals: the second one, of either kind, ends the process") {
  for (const int second : {SIGTERM, SIGINT}) {
    const pid_t child = ::fork();
    if (child == 0) {
      ::signal(SIGINT, SIG_DFL);
      ::signal(SIGTERM, SIG_DFL);
      const StopSignals signals;
      ::raise(SIGTERM);
      if (!StopSignals::requested()) ::_exit(1);
      ::raise(second);
      ::_exit(2);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    CHECK(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == second);
  }
}

TEST_CASE("signals: what was there before comes back, and an ignored SIGINT stays ignored") {
  struct sigaction now {};
  void (*const before)(int) = ::signal(SIGINT, SIG_IGN);
  {
    const StopSignals signals;
    ::raise(SIGINT);
    CHECK_FALSE(StopSignals::requested());
    ::sigaction(SIGTERM, nullptr, &now);
    CHECK((now.sa_handler == ocelli::train::detail::on_stop_signal));
    ::sigaction(SIGXFSZ, nullptr, &now);
    CHECK((now.sa_handler == SIG_IGN));
  }
  ::sigaction(SIGINT, nullptr, &now);
  CHECK((now.sa_handler == SIG_IGN));
  ::sigaction(SIGTERM, nullptr, &now);
  CHECK((now.sa_handler != ocelli::train::detail::on_stop_signal));
  ::signal(SIGINT, before);
}
