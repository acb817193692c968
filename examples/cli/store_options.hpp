// The options of every command that reads or writes a bucket, and opening it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "ocelli/bucket/open.hpp"

namespace program {

/// --endpoint, --region, --profile, --credentials, --ca-bundle, --anonymous, --connections. None
/// takes a key: other users of a machine can read the arguments of its programs.
void add_store_options(CLI::App& command, ocelli::bucket::StoreOptions& options);

/// Is this the address of a bucket rather than of a file or folder?
bool is_bucket(const std::string& address);

/// ocelli::bucket::open_store(); its warnings are printed to standard error.
ocelli::bucket::OpenedStore open_store(
    const std::string& address, const ocelli::bucket::StoreOptions& options);

}  // namespace program
