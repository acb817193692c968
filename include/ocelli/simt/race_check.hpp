// Race mode: remembers who read and wrote each piece of shared and of allocated device memory, and
// stops the kernel at an access that no barrier orders after an earlier one, or that reads what
// nobody wrote. It asks what the barriers order, not what one schedule happened to do.
//
// Two accesses of a launch are ordered when they are one thread's; when the block passed a
// __syncthreads between them; when a __syncwarp (of both lanes, or through others) came between.
// Nothing orders the blocks of a launch. Atomics are allowed with each other and order nothing.
//
// Included by race_hooks.hpp only.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ocelli/simt/access.hpp"
#include "ocelli/simt/block.hpp"
#include "ocelli/simt/symbol.hpp"

namespace ocelli::simt {

class RaceCheck {
 public:
  /// An access of the thread that runs; what is not checked is passed over quickly.
  void access(const void* p, std::size_t bytes, AccessKind kind, Where where) {
    const auto at = reinterpret_cast<std::uintptr_t>(p);
    if (at >= high_ || at + bytes <= low_ || busy_) return;
    busy_ = true;
    const Fate fate = look(at, bytes, kind, where);
    busy_ = false;
    if (fate.fault != Fault::exception) report(fate, kind, where);
  }

  void declare(const void* p, std::size_t bytes) {
    Region region;
    region.begin = reinterpret_cast<std::uintptr_t>(p);
    region.end = region.begin + bytes;
    region.cells.resize((bytes + region.granule - 1) / region.granule);
    const auto place = std::upper_bound(
        regions_.begin(), regions_.end(), region,
        [](const Region& a, const Region& b) { return a.begin < b.begin; });
    regions_.insert(place, std::move(region));
    bound();
  }
  void forget(const void* p) {
    const auto begin = reinterpret_cast<std::uintptr_t>(p);
    std::erase_if(regions_, [begin](const Region& r) { return r.begin == begin; });
    bound();
  }
  void host_wrote(const void* p, std::size_t bytes) {
    const auto at = reinterpret_cast<std::uintptr_t>(p);
    Region* region = find(at);
    if (region == nullptr) return;
    Access by_host;
    by_host.run = 1;
    for_each_cell(*region, at, bytes, [&](Cell& cell) {
      cell = Cell{};
      cell.write = by_host;
    });
  }

  void launch_started() {
    first_run_ = run_ + 1;
    const SharedMemory& shared = running_block->shared;
    const auto begin = reinterpret_cast<std::uintptr_t>(shared.base());
    if (begin != shared_.begin || begin + shared.size() != shared_.end) {
      shared_ = Region{};
      shared_.begin = begin;
      shared_.end = begin + shared.size();
      shared_.cells.resize(shared.size() / shared_.granule);
      bound();
    }
  }
  void block_started(std::uint32_t block, unsigned threads) {
    ++run_;
    block_ = block;
    const unsigned lanes = (threads + 31) / 32 * 32;
    seen_.assign(std::size_t{lanes} * 32, 0);
    for (unsigned i = 0; i < lanes; ++i) seen_[i * 32 + i % 32] = 1;
  }
  void warp_ordered(unsigned warp, unsigned mask) {
    std::uint32_t joined[32] = {};
    std::uint32_t* of_warp = &seen_[std::size_t{warp} * 32 * 32];
    for (unsigned l = 0; l < 32; ++l)
      if (mask >> l & 1)
        for (unsigned k = 0; k < 32; ++k) joined[k] = std::max(joined[k], of_warp[l * 32 + k]);
    for (unsigned l = 0; l < 32; ++l)
      if (mask >> l & 1) {
        std::copy(joined, joined + 32, of_warp + l * 32);
        ++of_warp[l * 32 + l];
      }
  }

 private:
  struct Access {
    std::uint64_t run = 0;    // which block of all that ever ran; 0: none, 1: the host
    std::uint32_t block = 0;  // its place in the grid
    std::uint32_t epoch = 0;  // __syncthreads passed
    std::uint32_t clock = 0;  // __syncwarps passed
    std::uint16_t thread = 0;
    AccessKind kind = AccessKind::read;
    Where where;
  };
  // Of the reads since the last write: the last, the last of another warp, and the last of the
  // same warp's other lanes.
  struct Cell {
    Access write, read, other_warp, other_lane;
  };
  struct Region {
    std::uintptr_t begin = 0, end = 0;
    unsigned granule = 4;  // bytes a cell; 1 once somebody touches less than a word
    std::vector<Cell> cells;
  };
  struct Fate {
    Fault fault = Fault::exception;  // none
    Access before;
  };

  void bound() {
    low_ = shared_.begin == 0 ? ~std::uintptr_t{0} : shared_.begin;
    high_ = shared_.end;
    for (const Region& r : regions_) {
      low_ = std::min(low_, r.begin);
      high_ = std::max(high_, r.end);
    }
    last_ = nullptr;
  }

  Region* find(std::uintptr_t at) {
    if (last_ != nullptr && at >= last_->begin && at < last_->end) return last_;
    if (at >= shared_.begin && at < shared_.end) return last_ = &shared_;
    const auto after = std::upper_bound(
        regions_.begin(), regions_.end(), at,
        [](std::uintptr_t a, const Region& r) { return a < r.begin; });
    if (after == regions_.begin()) return nullptr;
    Region& region = *std::prev(after);
    return at < region.end ? last_ = &region : nullptr;
  }

  template <class Visit>
  void for_each_cell(Region& r, std::uintptr_t at, std::size_t bytes, const Visit& visit) {
    const std::uintptr_t offset = at - r.begin;
    if (r.granule == 4 && (offset % 4 != 0 || (bytes % 4 != 0 && at + bytes < r.end))) {
      std::vector<Cell> fine(r.end - r.begin);
      for (std::size_t i = 0; i < fine.size(); ++i) fine[i] = r.cells[i / 4];
      r.cells = std::move(fine);
      r.granule = 1;
    }
    const std::size_t stop = std::min<std::size_t>(offset + bytes, r.end - r.begin);
    for (std::size_t i = offset; i < stop; i += r.granule) visit(r.cells[i / r.granule]);
  }

  Fate look(std::uintptr_t at, std::size_t bytes, AccessKind kind, Where where) {
    Block* const b = running_block;
    if (b == nullptr || !b->in_device_code()) {
      if (kind == AccessKind::write && b == nullptr)
        host_wrote(reinterpret_cast<const void*>(at), bytes);
      return {};
    }
    Region* region = find(at);
    if (region == nullptr) return {};
    const bool shared = region == &shared_;
    if (shared && b->shared.array_at(reinterpret_cast<const void*>(at), bytes) == nullptr)
      return {Fault::out_of_bounds, {}};
    if (!shared && at + bytes > region->end) return {Fault::out_of_bounds, {}};

    const auto thread = static_cast<std::uint16_t>(b->current().id);
    const Access now{run_, block_, b->barriers_passed(), seen_[thread * 32u + thread % 32u], thread,
                     kind, where};
    Fate fate;
    for_each_cell(*region, at, bytes, [&](Cell& cell) {
      if (fate.fault == Fault::exception) fate = judge(cell, now, shared);
    });
    return fate;
  }

  Fate judge(Cell& cell, const Access& now, bool shared) const {
    if (shared && cell.write.run != run_) cell.write = Access{};
    const bool reads = now.kind == AccessKind::read || now.kind == AccessKind::atomic;
    const bool both_atomic =
        now.kind == AccessKind::atomic && cell.write.kind == AccessKind::atomic;
    if (reads && cell.write.run == 0) return {Fault::uninitialised, {}};
    if (reads && cell.write.kind == AccessKind::copy && cell.write.run == run_)
      return {Fault::unfinished_copy, cell.write};
    if (!both_atomic && !ordered(cell.write, now)) return {Fault::race, cell.write};
    if (now.kind == AccessKind::read) {
      remember(cell, now);
      return {};
    }
    for (const Access* read : {&cell.read, &cell.other_warp, &cell.other_lane})
      if (!(shared && read->run != run_) && !ordered(*read, now)) return {Fault::race, *read};
    cell.write = now;
    cell.read = cell.other_warp = cell.other_lane = Access{};
    return {};
  }

  bool ordered(const Access& before, const Access& now) const {
    if (before.run < first_run_) return true;  // nobody, the host, or an earlier launch
    if (before.run != now.run) return false;   // another block
    if (before.thread == now.thread || before.epoch < now.epoch) return true;
    return before.thread / 32 == now.thread / 32 &&
           seen_[now.thread * 32u + before.thread % 32u] >= before.clock;
  }

  static void remember(Cell& cell, const Access& now) {
    const auto same_warp = [&now](const Access& a) {
      return a.run == now.run && a.thread / 32 == now.thread / 32;
    };
    const auto same = [&now](const Access& a) {
      return a.run == now.run && a.thread == now.thread;
    };
    if (!same(cell.read)) {
      if (same_warp(cell.read)) {
        cell.other_lane = cell.read;
      } else {
        const bool keep = same_warp(cell.other_warp) && !same(cell.other_warp);
        cell.other_lane = keep ? cell.other_warp : Access{};
        cell.other_warp = cell.read;
      }
    }
    cell.read = now;
  }

  static std::string text(Where where) {
    if (where.place == nullptr) return "?";
    if (where.line != 0) return Site{static_cast<const char*>(where.place), where.line}.text();
    // The return address belongs to the instruction after the call.
    const Symbol& symbol = symbol_of(static_cast<const char*>(where.place) - 1);
    return symbol.place.empty() ? name_of(symbol.function) : symbol.place;
  }

  [[noreturn]] void report(const Fate& fate, AccessKind kind, Where where) {
    running_block->fail([&] {
      Failure failure;
      failure.fault = fate.fault;
      failure.places = {text(where)};
      const std::string did = kind == AccessKind::read     ? "reads"
                              : kind == AccessKind::atomic ? "changes"
                                                           : "writes";
      const Access& before = fate.before;
      switch (fate.fault) {
        case Fault::out_of_bounds:
          failure.what = did + " beyond the end of an array";
          failure.advice = "check the index and the array's size";
          return failure;
        case Fault::uninitialised:
          failure.what = did + " memory that nothing has written";
          failure.advice = "write it first, and put a barrier between when another thread does";
          return failure;
        case Fault::unfinished_copy:
          failure.what = "reads what a cp.async at " + text(before.where) + " has not brought yet";
          failure.advice = "call cp_async_wait and then a barrier before the data are used";
          break;
        default:
          failure.what = did + " what thread " + std::to_string(before.thread) + " of block " +
                         std::to_string(before.block) +
                         (before.kind == AccessKind::read ? " read at " : " wrote at ") +
                         text(before.where) + ", with nothing to order them";
          failure.advice = before.block == block_
                               ? "put a __syncthreads or, within a warp, a __syncwarp between"
                               : "blocks of one launch must not share what one of them writes";
      }
      failure.places.push_back(text(before.where));
      return failure;
    });
  }

  std::uintptr_t low_ = ~std::uintptr_t{0}, high_ = 0;  // around all that is checked
  bool busy_ = false;            // the check itself may have been compiled with hooks
  std::vector<Region> regions_;  // by address
  Region shared_;
  Region* last_ = nullptr;
  std::uint64_t run_ = 1, first_run_ = 2;
  std::uint32_t block_ = 0;
  std::vector<std::uint32_t> seen_;  // [thread][lane]: the clock of that lane that it has seen
};

}  // namespace ocelli::simt
