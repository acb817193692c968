// The page of the hyperparameters is what the table says.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/train/hyperparameter_docs.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <string>

#include "ocelli/core/file.hpp"
#include "support/message_of.hpp"

using namespace ocelli::train;
using namespace ocelli::test;

TEST_CASE("hyperparameter_docs: docs/hyperparameters.md equals the table") {
  const std::string page = describe_hyperparameters();
  if (std::getenv("OCELLI_WRITE_DOCS") != nullptr)
    ocelli::write_file("docs/hyperparameters.md", page);
  const bool equal = ocelli::read_file("docs/hyperparameters.md") == page;
  CHECK_MESSAGE(equal, "run this test with OCELLI_WRITE_DOCS=1 to write the page anew");
}

TEST_CASE("hyperparameter_docs: rows say default, values and effect") {
  const std::string page = describe_hyperparameters();
  CHECK(says(
      page,
      "| `batch_size` | 24 (SSD), 32 (classifier) | integer, at least 1 and at most 65536 | all | "
      "Pictures in a batch. |"));
  CHECK(says(page, "0 (v1), 3 (v2), 3 (lite)"));
  CHECK(says(page, "| `num_clones` | 1 | integer, 1 | all |"));
  CHECK(says(page, "| `freeze_backbone` | false | true or false | classifier |"));
  CHECK(says(page, "**compiled** Pixels"));
  CHECK(says(page, "Also `learning_rate`."));
  CHECK(says(page, "With `schedule=manual_step`."));
  const std::string help = help_hyperparameters();
  CHECK(says(
      help,
      "  momentum_epsilon=1 (SSD), 1e-08 (classifier)  (number, greater than 0)\n      Added to "
      "the mean square"));
  for (const Hyperparameter& row : all_hyperparameters()) {
    CHECK(says(page, "| `" + std::string(row.name) + "` |"));
    CHECK(says(help, "  " + std::string(row.name) + "="));
  }
}
