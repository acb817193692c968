// What is in a bucket, as `ocelli bucket status` says it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "ocelli/bucket/object_store.hpp"

namespace program {

/// Prints pictures, labels and models below a prefix; returns the same as one object.
nlohmann::ordered_json bucket_status(
    const std::shared_ptr<ocelli::bucket::ObjectStore>& store, const std::string& prefix);

}  // namespace program
