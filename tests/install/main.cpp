// A program outside the source tree: the first lines of anyone who depends on ocelli.
// SPDX-License-Identifier: Apache-2.0
#include <cstdio>

#include "ocelli/core/shape.hpp"
#include "ocelli/core/thread_pool.hpp"
#include "ocelli/version.hpp"

#ifdef WITH_TRAINING
long train_on_shapes();  // training.cpp
#endif

int main() {
  ocelli::ThreadPool pool(2);
  int squares[10] = {};
  pool.for_each(10, [&](long task, int) { squares[task] = static_cast<int>(task * task); });
  std::printf("ocelli %d, 9 x 9 = %d\n", OCELLI_VERSION_MAJOR, squares[9]);
  if (squares[9] != 81) return 1;
#ifdef WITH_TRAINING
  if (train_on_shapes() != 2) return 1;
#endif
  return 0;
}
