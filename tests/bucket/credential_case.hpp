// CredentialCase: a home, a working folder and an environment of their own, for tests of
// credentials.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "ocelli/bucket/credential_sources.hpp"
#include "ocelli/core/file.hpp"
#include "support/temporary_folder.hpp"

namespace ocelli::test {

struct CredentialCase {
  TemporaryFolder folder;
  std::map<std::string, std::string> variables{{"HOME", (folder / "home").string()}};
  bucket::CredentialOptions options;

  CredentialCase() {
    make_folder(folder / "home/.aws");
    make_folder(folder / "work");
    options.working_folder = folder / "work";
  }
  /// Below the case's folder, for its owner alone unless `mode` says otherwise.
  std::string write(const std::string& name, const std::string& text, unsigned mode = 0600) {
    const std::filesystem::path path = folder / name;
    write_file(path, text, Durability::buffered);
    std::filesystem::permissions(path, static_cast<std::filesystem::perms>(mode));
    return path.string();
  }
  bucket::FoundCredentials find() {
    options.environment = bucket::environment_of(variables);
    return bucket::credentials_from(options);
  }
  std::string id() { return find().provider->get().access_key_id; }
};

}  // namespace ocelli::test
