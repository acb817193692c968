// StopSignals: SIGTERM and SIGINT ask a training to save and leave; a second one ends it at once.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <csignal>
#include <initializer_list>

#include "ocelli/core/error.hpp"

namespace ocelli::train {

namespace detail {
inline std::atomic<int> stop_signal{0};
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler may only touch such a one");

inline void set_default_action(int number) noexcept {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  sigemptyset(&action.sa_mask);
  sigaction(number, &action, nullptr);
}

/// The next signal, of either kind, takes its default action: the impatient can always leave.
inline void on_stop_signal(int number) noexcept {
  stop_signal.store(number, std::memory_order_relaxed);
  set_default_action(SIGTERM);
  set_default_action(SIGINT);
}
}  // namespace detail

/// Process-wide. While one lives, the first SIGTERM or SIGINT only raises a flag; the destructor
/// puts back what was there before.
class StopSignals {
 public:
  /// SIGINT stays ignored where the parent asked for that (a shell's background job). SIGXFSZ is
  /// ignored, so that a file that grows over its limit is an error message and not a death.
  StopSignals() {
    detail::stop_signal.store(0, std::memory_order_relaxed);
    install(SIGTERM, old_term_, detail::on_stop_signal);
    install(SIGINT, old_int_, detail::on_stop_signal);
    if (old_int_.sa_handler == SIG_IGN) sigaction(SIGINT, &old_int_, nullptr);
    install(SIGXFSZ, old_size_, SIG_IGN);
  }
  ~StopSignals() {
    sigaction(SIGTERM, &old_term_, nullptr);
    sigaction(SIGINT, &old_int_, nullptr);
    sigaction(SIGXFSZ, &old_size_, nullptr);
  }
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  /// Has a stop been asked for?
  static bool requested() { return number() != 0; }
  /// SIGTERM, SIGINT, or 0.
  static int number() { return detail::stop_signal.load(std::memory_order_relaxed); }

 private:
  static void install(int number, struct sigaction& old, void (*handler)(int)) {
    struct sigaction action {};
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    if (sigaction(number, &action, &old) != 0)
      throw Error("the signal handler could not be set", "signal " + std::to_string(number));
  }

  struct sigaction old_term_ {};
  struct sigaction old_int_ {};
  struct sigaction old_size_ {};
};

}  // namespace ocelli::train
