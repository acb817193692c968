// Counts heap allocations: every test program links the operators that do the counting.
// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace ocelli::test {

/// Number of calls of any `operator new`, by all threads, since the program began.
/// malloc() called directly is not seen.
long allocations() noexcept;

/// Counts from where it stands: `AllocationCount count; step(); CHECK(count.so_far() == 0);`
class AllocationCount {
 public:
  long so_far() const noexcept { return allocations() - start_; }

 private:
  long start_ = allocations();
};

}  // namespace ocelli::test
