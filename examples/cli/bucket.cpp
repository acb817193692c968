// ocelli bucket: ls, pull, push, rm and status of a bucket or a folder with a bucket's layout.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <set>

#include "bucket_status.hpp"
#include "label_push.hpp"
#include "model_options.hpp"
#include "ocelli/bucket/key.hpp"
#include "ocelli/core/file.hpp"
#include "program.hpp"
#include "store_options.hpp"
#include "transfer.hpp"

namespace program {
namespace {

using namespace ocelli;

struct Options {
  std::string bucket;
  bucket::StoreOptions store;
  std::vector<std::string> keys;  // ls: at most one; push: local paths
  std::string out = ".", to;
  bool yes = false, json = false, replace_labels = false;
};

/// A name in a message: control characters would change the terminal.
std::string plain(const std::string& name) {
  std::string text = name;
  for (char& c : text)
    if (static_cast<unsigned char>(c) < ' ' || c == 127) c = '?';
  return text;
}

/// A key that is empty, as of a variable that is not set, never means all.
/// @throws ConfigError
void require_keys(const std::vector<std::string>& keys) {
  for (const std::string& key : keys)
    if (key.empty() || key == "/")
      throw ConfigError("a key is empty", {}, "name one, or PREFIX/ for all that is below");
}

/// The objects of the bucket that the keys name: a key, or all below one that ends with '/'. The
/// address's own prefix is in front of each. Without keys: all below the address.
std::vector<bucket::ObjectInfo> objects_of(
    const bucket::OpenedStore& opened, const std::vector<std::string>& keys) {
  require_keys(keys);
  std::vector<bucket::ObjectInfo> objects;
  std::set<std::string> seen;
  const auto take = [&](const bucket::ObjectInfo& info) {
    if (seen.insert(info.key).second) objects.push_back(info);
  };
  const auto take_below = [&](const std::string& prefix) {
    const auto found = opened.store->list(prefix);
    // A bucket may be empty; a prefix without anything was meant to be another one.
    if (found.empty() && !prefix.empty())
      throw bucket::NotFoundError(
          "there is nothing below it", opened.store->name() + "/" + prefix, "check the name");
    for (const bucket::ObjectInfo& info : found) take(info);
  };
  const std::string below = bucket::folder_prefix(opened.prefix);
  if (keys.empty()) {
    // An address with a key at its end names that object.
    if (const auto one = opened.prefix.empty() ? std::nullopt : opened.store->head(opened.prefix))
      take(*one);
    else
      take_below(below);
  }
  for (const std::string& key : keys) {
    const std::string whole = below + key;
    if (key.back() == '/') {
      take_below(whole);
      continue;
    }
    const auto one = opened.store->head(whole);
    if (!one)
      throw bucket::NotFoundError(
          "there is no such object", opened.store->name() + "/" + whole,
          "check the name; put a / behind it for all that is below");
    take(*one);
  }
  return objects;
}

std::uint64_t size_of(const std::vector<bucket::ObjectInfo>& objects) {
  std::uint64_t bytes = 0;
  for (const bucket::ObjectInfo& info : objects) bytes += info.size;
  return bytes;
}

int run_ls(const Options& options) {
  require_keys(options.keys);
  const bucket::OpenedStore opened = program::open_store(options.bucket, options.store);
  const std::string prefix =
      options.keys.empty() ? opened.prefix : bucket::folder_prefix(opened.prefix) + options.keys[0];
  std::size_t objects = 0;
  std::uint64_t bytes = 0;
  opened.store->list(prefix, [&](std::span<const bucket::ObjectInfo> page) {
    for (const bucket::ObjectInfo& info : page) {
      fmt::print("{:>12}  {}  {}\n", info.size, date_text(info.modified), plain(info.key));
      ++objects;
      bytes += info.size;
    }
  });
  if (options.json)
    print_json({{"objects", objects}, {"bytes", bytes}});
  else
    fmt::print("{} objects, {}\n", objects, bytes_text(static_cast<double>(bytes)));
  return done;
}

/// Says which were left out, the first ten by name, and counts them.
void report_skipped(const std::vector<std::string>& skipped, const char* why) {
  if (skipped.empty()) return;
  fmt::print(stderr, "{} left out, {}:\n", skipped.size(), why);
  for (std::size_t i = 0; i < skipped.size(); ++i) {
    if (i == 10) {
      fmt::print(stderr, "  and {} more\n", skipped.size() - i);
      break;
    }
    fmt::print(stderr, "  {}\n", plain(skipped[i]));
  }
}

int run_pull(const Options& options) {
  const bucket::OpenedStore opened = program::open_store(options.bucket, options.store);
  const std::string below = bucket::folder_prefix(opened.prefix);
  std::vector<bucket::ObjectInfo> objects = objects_of(opened, options.keys);
  std::vector<std::filesystem::path> paths;
  std::vector<std::string> unsafe;
  std::set<std::string> folders;
  std::erase_if(objects, [&](const bucket::ObjectInfo& info) {
    std::string relative = info.key.starts_with(below) ? info.key.substr(below.size())
                                                       : info.key.substr(info.key.rfind('/') + 1);
    // Keys that end with a slash stand for folders; others that leave ours are nobody's files.
    if (!bucket::key_is_safe(relative)) {
      unsafe.push_back(info.key);
      return true;
    }
    paths.push_back(std::filesystem::path(options.out) / relative);
    folders.insert(file_detail::folder_of(paths.back()).string());
    return false;
  });
  report_skipped(unsafe, "since their keys cannot be paths below a folder");
  for (const std::string& folder : folders) make_folder(folder);
  const std::uint64_t bytes = size_of(objects);
  {
    TransferProgress progress(objects.size(), bytes);
    in_parallel(objects.size(), options.store.connections, [&](std::size_t i) {
      ProgressSink sink(paths[i], progress);
      opened.store->get(objects[i].key, sink);
      sink.commit();
      progress.add_file();
    });
    progress.finish();
  }
  fmt::print(
      "{} objects, {}, in {}\n", objects.size(), bytes_text(static_cast<double>(bytes)),
      options.out);
  if (options.json)
    print_json({{"objects", objects.size()}, {"bytes", bytes}, {"left_out", unsafe.size()}});
  return done;
}

struct Upload {
  std::filesystem::path path;
  std::string key;
  std::uint64_t size = 0;
};

/// A file as it is; of a folder what is in it. Hidden files, such as .Credentials, stay here.
void collect(
    const std::filesystem::path& path, const std::string& to, std::vector<Upload>& uploads,
    std::vector<std::string>& hidden) {
  if (!std::filesystem::exists(path))
    throw StoreError("there is no such file or folder", path.string(), "check the path");
  if (!std::filesystem::is_directory(path)) {
    uploads.push_back({path, to + path.filename().string(), std::filesystem::file_size(path)});
    return;
  }
  for (auto at = std::filesystem::recursive_directory_iterator(path);
       at != std::filesystem::recursive_directory_iterator(); ++at) {
    if (at->path().filename().string().starts_with(".")) {
      hidden.push_back(at->path().string());
      if (at->is_directory()) at.disable_recursion_pending();
    } else if (at->is_regular_file()) {
      uploads.push_back(
          {at->path(), to + at->path().lexically_relative(path).generic_string(), at->file_size()});
    }
  }
}

std::string content_type(const std::filesystem::path& path) {
  std::string extension = path.extension().string();
  for (char& c : extension) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (extension == ".jpg" || extension == ".jpeg") return "image/jpeg";
  if (extension == ".png") return "image/png";
  if (extension == ".json") return "application/json";
  if (extension == ".csv") return "text/csv; charset=utf-8";
  return {};
}

/// Two files of one key would be one object. The files are in the order of their keys.
void require_different_keys(const std::vector<Upload>& uploads) {
  for (std::size_t i = 1; i < uploads.size(); ++i)
    if (uploads[i].key == uploads[i - 1].key)
      throw ConfigError(
          "two files would get the key " + plain(uploads[i].key), uploads[i].path.string(),
          "push one of them elsewhere, with --to");
}

/// Reads the label files among the uploads, and merges them with what is stored.
std::vector<LabelPush> label_pushes(
    bucket::ObjectStore& store, const std::vector<Upload>& uploads, bool replace) {
  std::vector<LabelPush> files;
  std::vector<std::string> keys;
  for (const Upload& one : uploads) {
    if (!data::is_label_file(one.key)) continue;
    files.emplace_back(store, one.path, one.key, replace);
    keys.push_back(one.key);
  }
  for (LabelPush& file : files) file.prepare(keys);
  // The list of labels before the rows that name them: rows without their label do harm.
  std::stable_partition(files.begin(), files.end(), [](const LabelPush& file) {
    return !data::file_name_of(file.key()).starts_with("_annotations");
  });
  return files;
}

void push_file(bucket::ObjectStore& store, const Upload& file, TransferProgress& progress) {
  const ProgressBody body(file.path, progress);
  bucket::PutOptions put;
  put.content_type = content_type(file.path);
  const bucket::ObjectInfo info = store.put(file.key, body, put);
  if (info.size != body.size())
    throw StoreError(
        "the store took " + std::to_string(info.size) + " of " + std::to_string(body.size()) +
            " bytes",
        file.path.string(), "try again");
  progress.add_file();
}

int run_push(const Options& options) {
  const bucket::OpenedStore opened = program::open_store(options.bucket, options.store);
  const std::string to = bucket::folder_prefix(opened.prefix) + bucket::folder_prefix(options.to);
  std::vector<Upload> uploads;
  std::vector<std::string> hidden;
  for (const std::string& path : options.keys) collect(path, to, uploads, hidden);
  std::sort(uploads.begin(), uploads.end(), [](const Upload& a, const Upload& b) {
    return a.key < b.key;
  });
  require_different_keys(uploads);
  report_skipped(hidden, "since their names begin with a dot");
  const std::size_t files = uploads.size();
  std::uint64_t bytes = 0;
  for (const Upload& one : uploads) bytes += one.size;
  // Labels that cannot be merged are refused before anything is sent; they are sent last, so that
  // there is never a label of a picture that has not arrived.
  std::vector<LabelPush> labels = label_pushes(*opened.store, uploads, options.replace_labels);
  std::erase_if(uploads, [](const Upload& one) { return data::is_label_file(one.key); });
  {
    TransferProgress progress(files, bytes);
    in_parallel(uploads.size(), options.store.connections, [&](std::size_t i) {
      push_file(*opened.store, uploads[i], progress);
    });
    for (LabelPush& file : labels) {
      file.write(content_type(file.key()));
      progress.add_bytes(static_cast<std::int64_t>(file.size()));
      progress.add_file();
    }
    progress.finish();
  }
  fmt::print(
      "{} files, {}, in {}{}\n", files, bytes_text(static_cast<double>(bytes)),
      opened.store->name(), merge_text(labels));
  if (options.json)
    print_json(
        {{"objects", files},
         {"bytes", bytes},
         {"left_out", hidden.size()},
         {"merged", merge_json(labels)}});
  return done;
}

int run_rm(const Options& options) {
  const bucket::OpenedStore opened = program::open_store(options.bucket, options.store);
  const std::vector<bucket::ObjectInfo> objects = objects_of(opened, options.keys);
  if (!options.yes) {
    if (::isatty(0) == 0)
      throw ConfigError(
          std::to_string(objects.size()) + " objects would be removed", "rm",
          "add --yes, since nobody can be asked here");
    fmt::print(
        stderr, "Remove {} objects, {}, from {}? [y/N] ", objects.size(),
        bytes_text(static_cast<double>(size_of(objects))), opened.store->name());
    std::string answer;
    std::getline(std::cin, answer);
    if (answer != "y" && answer != "Y" && answer != "yes") {
      fmt::print("nothing is removed\n");
      return done;
    }
  }
  in_parallel(objects.size(), options.store.connections, [&](std::size_t i) {
    opened.store->remove(objects[i].key);
  });
  fmt::print("{} objects removed\n", objects.size());
  if (options.json) print_json({{"objects", objects.size()}, {"bytes", size_of(objects)}});
  return done;
}

int run_status(const Options& options) {
  const bucket::OpenedStore opened = program::open_store(options.bucket, options.store);
  const nlohmann::ordered_json json = bucket_status(opened.store, opened.prefix);
  if (options.json) print_json(json);
  return done;
}

template <class Work>
CLI::App* add(
    CLI::App& parent, const char* name, const char* help, Run& run, Work work,
    const std::shared_ptr<Options>& options) {
  CLI::App* command = parent.add_subcommand(name, help);
  command->add_option("bucket", options->bucket, "s3://BUCKET/PREFIX, or a folder")->required();
  command->add_flag("--json", options->json, "End with one JSON object");
  add_store_options(*command, options->store);
  command->callback([options, &run, work] { run = [options, work] { return work(*options); }; });
  return command;
}

}  // namespace

void add_bucket(CLI::App& app, Run& run) {
  CLI::App* group = app.add_subcommand("bucket", "Look into a bucket, fetch from it, bring to it");
  group->require_subcommand(1);
  const auto make = [] { return std::make_shared<Options>(); };
  auto o = make();
  CLI::App* command = add(*group, "ls", "List objects with sizes and dates (UTC)", run, run_ls, o);
  command->add_option("prefix", o->keys, "What their keys begin with")->expected(1);

  o = make();
  command = add(*group, "pull", "Fetch objects into a folder", run, run_pull, o);
  command->add_option("keys", o->keys, "Keys; with / at the end all that is below. None: all");
  command->add_option("--out", o->out, "The folder")->capture_default_str();

  o = make();
  command = add(*group, "push", "Bring files and folders into the bucket", run, run_push, o);
  command->add_option("paths", o->keys, "Files, and folders, whose content is taken")->required();
  command->add_option("--to", o->to, "Below which key");
  command->add_flag(
      "--replace-labels", o->replace_labels,
      "Label files overwrite those in the bucket; without, the two are merged");

  o = make();
  command = add(*group, "rm", "Remove objects; asks before", run, run_rm, o);
  command->add_option("keys", o->keys, "Keys; with / at the end all that is below")->required();
  command->add_flag("--yes", o->yes, "Do not ask");

  add(*group, "status", "Count pictures and labels, list models and branches", run, run_status,
      make());
}

}  // namespace program
