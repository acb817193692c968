// Parts of a test that run in a process of their own: what they change is gone with it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ocelli::test {

/// Runs `work` in a child process; true when it returned true.
template <class Work>
bool in_child(Work&& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    bool good = false;
    try {
      good = work();
    } catch (...) {
    }
    ::_exit(good ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/// In a child: stops being root, whom no permission holds.
inline bool become_nobody() {
  constexpr uid_t nobody = 65534;
  return ::geteuid() != 0 || ::seteuid(nobody) == 0;
}

}  // namespace ocelli::test
