// Finding and reading the pictures that a command was given.
// SPDX-License-Identifier: Apache-2.0
#include "named_pictures.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <system_error>

#include "ocelli/bucket/address.hpp"
#include "ocelli/core/error.hpp"
#include "ocelli/core/file.hpp"
#include "ocelli/data/store_source.hpp"
#include "ocelli/data/text.hpp"
#include "store_options.hpp"

namespace program {

using namespace ocelli;
namespace fs = std::filesystem;

void add_pictures(
    CLI::App& command, std::vector<std::string>& pictures, bucket::StoreOptions& store) {
  add_store_options(command, store);
  command
      .add_option(
          "pictures", pictures,
          "Pictures, folders of pictures, or s3://BUCKET/PREFIX and s3://BUCKET/PICTURE.jpg")
      ->required();
}

NamedPictures::NamedPictures(
    const std::vector<std::string>& given, const bucket::StoreOptions& store, const char* command,
    const fs::path& out)
    : command_(command) {
  for (const std::string& one : given) {
    if (is_bucket(one)) {
      add_bucket(one, store);
      continue;
    }
    const std::string path = bucket::parse_address(one).folder;
    if (fs::is_directory(path))
      add_folder(path, out);
    else
      add_file(path);
  }
  if (pictures_.empty())
    throw DataError("no pictures", command, "name picture files, or a folder that holds some");
}

void NamedPictures::add_file(const std::string& path) {
  pictures_.push_back({path, false, [path] {
                         const std::string text = read_file(path);
                         const auto bytes = std::as_bytes(std::span(text));
                         return std::vector<std::byte>(bytes.begin(), bytes.end());
                       }});
}

void NamedPictures::add_folder(const fs::path& path, const fs::path& out) {
  std::vector<fs::path> inside;
  std::error_code fault;
  const auto check = [&] {
    if (fault)
      throw StoreError(
          "listing failed (" + fault.message() + ")", path.string(), "check the folder");
  };
  fs::recursive_directory_iterator at(path, fault);
  check();
  for (; at != fs::recursive_directory_iterator(); at.increment(fault), check()) {
    const bool hidden = at->path().filename().string().starts_with('.');
    std::error_code none;
    if (at->is_directory(none)) {
      if (hidden || fs::equivalent(at->path(), out, none)) at.disable_recursion_pending();
    } else if (!hidden && data::is_picture_name(at->path().string())) {
      inside.push_back(at->path());
    }
  }
  check();
  std::sort(inside.begin(), inside.end());
  for (const fs::path& one : inside) add_file(one.string());
}

void NamedPictures::add_bucket(const std::string& address, const bucket::StoreOptions& options) {
  const bucket::OpenedStore opened = program::open_store(address, options);
  const std::shared_ptr<bucket::ObjectStore> store = opened.store;
  if (data::is_picture_name(opened.prefix)) {
    pictures_.push_back({address, true, [store, key = opened.prefix] { return store->get(key); }});
    return;
  }
  data::StoreSourceOptions where;
  where.prefix = opened.prefix;
  const auto source = std::make_shared<data::StoreSource>(store, where);
  std::vector<data::ReadAhead> ahead;
  for (const std::string& key : source->keys()) {
    if (!data::is_picture_name(key)) continue;
    ahead.emplace_back(key);
    pictures_.push_back(
        {source->name() + "/" + key, true, [source, key] { return source->read(key); }});
  }
  source->prefetch(ahead);
}

bool NamedPictures::next() {
  while (number_ < pictures_.size()) {
    const Picture& picture = pictures_[number_++];
    try {
      image_ = data::decode(picture.read(), picture.name);
      return true;
    } catch (const Error& error) {
      if (picture.distant && !data::concerns_one_file(error)) throw;
      fmt::print(stderr, "left out: {}\n", error.what());
      if (failed_++ == 0) first_fault_ = error.what();
    }
  }
  if (failed_ == pictures_.size())
    throw DataError("no picture could be read: " + first_fault_, command_);
  return false;
}

void NamedPictures::resize_to(Shape input, float* out, data::Resampling resampling) {
  const data::Pixels<std::uint8_t> pixels{image_.pixels.data(), image_.height, image_.width};
  const data::Window whole{0, 0, image_.height, image_.width, false, false, {}};
  resize_(pixels, whole, input.height, input.width, out, {}, resampling);
}

}  // namespace program
