// Progress: one line that stays in place on a terminal, plain lines elsewhere.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>

namespace ocelli::train {

struct ProgressState {
  long step = 0, total = 0;
  double loss = 0;
  double learning_rate = 0;
  double images_per_second = 0;
  double data_wait = 0;      ///< share of the time spent waiting for data, [0, 1]
  double seconds_left = -1;  ///< below 0: not known yet
};

/// "2:05:09", "5:09".
inline std::string clock_text(double seconds) {
  if (!(seconds >= 0) || seconds > 1e8) return "--:--";
  const auto whole = static_cast<long>(std::lround(seconds));
  std::array<char, 32> text{};
  if (whole >= 3600)
    std::snprintf(
        text.data(), text.size(), "%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
  else
    std::snprintf(text.data(), text.size(), "%ld:%02ld", whole / 60, whole % 60);
  return text.data();
}

namespace detail {
inline std::string progress_numbers(const ProgressState& state) {
  std::array<char, 160> text{};
  std::snprintf(
      text.data(), text.size(),
      "%ld/%ld  loss %.4g  lr %.3g  %.1f images/s  data wait %.0f %%  eta ", state.step,
      state.total, state.loss, state.learning_rate, state.images_per_second, 100 * state.data_wait);
  return text.data() + clock_text(state.seconds_left);
}
}  // namespace detail

/// The line for a terminal: a bar in what the numbers leave of `columns`, none if that is too
/// little.
inline std::string progress_bar(const ProgressState& state, int columns) {
  std::string numbers = detail::progress_numbers(state);
  const int room = std::min(40, columns - static_cast<int>(numbers.size()) - 4);
  if (room < 6) return numbers.substr(0, static_cast<std::size_t>(std::max(columns - 1, 0)));
  const double part =
      state.total > 0
          ? std::clamp(static_cast<double>(state.step) / static_cast<double>(state.total), 0.0, 1.0)
          : 0.0;
  const auto full = static_cast<std::size_t>(part * room);
  return "[" + std::string(full, '=') + std::string(static_cast<std::size_t>(room) - full, ' ') +
         "] " + numbers;
}

/// Shows how a training goes on a stream, standard error as a rule.
class Progress {
 public:
  using Clock = std::chrono::steady_clock;

  /// @param plain_interval  between the lines where there is no terminal
  explicit Progress(
      long total_steps, std::FILE* stream = stderr,
      std::chrono::milliseconds plain_interval = std::chrono::seconds(5))
      : total_(total_steps),
        stream_(stream),
        terminal_(::isatty(::fileno(stream)) != 0),
        interval_(terminal_ ? std::chrono::milliseconds(100) : plain_interval) {}
  ~Progress() { finish(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Takes the numbers of a step; draws when it is time. `total` and `seconds_left` of the state
  /// are filled in here. Cheap enough to be called at every step.
  void update(ProgressState state, Clock::time_point now = Clock::now()) {
    if (!started_ || state.step < first_step_) {
      started_ = true;
      first_step_ = state.step;
      first_time_ = now;
    }
    state.total = total_;
    const double seconds = std::chrono::duration<double>(now - first_time_).count();
    if (state.step > first_step_ && seconds > 0)
      state.seconds_left = seconds / static_cast<double>(state.step - first_step_) *
                           static_cast<double>(std::max(total_ - state.step, 0L));
    last_ = state;
    shown_ = false;
    if (drawn_once_ && now - drawn_ < interval_) return;
    drawn_ = now;
    drawn_once_ = true;
    draw();
  }

  /// A line of its own, above the bar.
  void message(std::string_view text) {
    if (terminal_ && bar_visible_) std::fputs("\r\x1b[K", stream_);
    std::fprintf(stream_, "%.*s\n", static_cast<int>(text.size()), text.data());
    if (terminal_ && bar_visible_) draw();
    std::fflush(stream_);
  }

  /// Shows the last numbers and leaves the line. Harmless when repeated.
  void finish() {
    if (started_ && !shown_) draw();
    if (terminal_ && bar_visible_) std::fputc('\n', stream_);
    std::fflush(stream_);
    bar_visible_ = false;
    started_ = false;
    shown_ = true;
  }

  bool terminal() const { return terminal_; }

 private:
  void draw() {
    if (terminal_) {
      std::fprintf(stream_, "\r%s\x1b[K", progress_bar(last_, columns()).c_str());
      bar_visible_ = true;
    } else {
      std::fprintf(stream_, "step %s\n", detail::progress_numbers(last_).c_str());
    }
    std::fflush(stream_);
    shown_ = true;
  }
  int columns() const {
    winsize size{};
    return ::ioctl(::fileno(stream_), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
  }

  long total_;
  std::FILE* stream_;
  bool terminal_;
  Clock::duration interval_;
  bool started_ = false, drawn_once_ = false, shown_ = true, bar_visible_ = false;
  long first_step_ = 0;
  Clock::time_point first_time_{}, drawn_{};
  ProgressState last_;
};

}  // namespace ocelli::train
