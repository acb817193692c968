// FileLock: one holder at a time, of all threads and processes that name the same file.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <filesystem>

#include "ocelli/core/file.hpp"

namespace ocelli {

/// Waits for the lock, and holds it until the end of its life, or of the process. The file is
/// created when it is not there, and stays.
class FileLock {
 public:
  enum class Wait { yes, no };

  /// @throws StoreError when the file can neither be opened nor created
  explicit FileLock(const std::filesystem::path& path, Wait wait = Wait::yes)
      : file_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)) {
    // Another user's file, in a folder that several may write into.
    if (!file_.valid() && errno == EACCES)
      file_ = file_detail::Descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file_.valid()) file_detail::fail("creating the lock", path, errno);
    while (::flock(file_.get(), wait == Wait::yes ? LOCK_EX : LOCK_EX | LOCK_NB) != 0) {
      if (errno == EINTR) continue;
      if (errno != EWOULDBLOCK) file_detail::fail("locking", path, errno);
      file_.close();
      return;
    }
  }
  /// False when another one holds it; only where nobody waits.
  bool held() const { return file_.valid(); }

 private:
  file_detail::Descriptor file_;
};

}  // namespace ocelli
