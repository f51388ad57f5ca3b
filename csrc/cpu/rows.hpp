// Reads rows as float32, widened and (for cosine) scaled to unit length on the way.
#pragma once
#include <algorithm>
#include <atomic>
#include <limits>
#include <vector>

#include "cpu/kernels/kernels.hpp"
#include "cpu/machine/memory.hpp"
#include "cpu/machine/pages.hpp"

namespace mods::cpu {

class RowReader {
 public:
  /// `first`: the number of row 0 among the rows of all parts.
  RowReader(const Rows& rows, Metric metric, const Kernels& kernels, int64_t first = 0);

  int64_t n() const { return rows_.n; }
  int64_t d() const { return rows_.d; }
  int64_t stride() const { return rows_.stride; }
  int64_t first() const { return first_; }

  /// True when get() returns a pointer into the caller's data.
  bool direct() const { return direct_; }

  /// Row p as d floats, either in place or in `buffer` (d floats).
  const float* get(int64_t p, float* buffer) const {
    if (direct_) return static_cast<const float*>(rows_.data) + p * rows_.stride;
    return read(p, buffer);
  }

  /// Copies row p, wherever it is. (From a disk, get() alone would also read what lies around it.)
  void copy(int64_t p, float* out) const {
    prefetch(p);
    const float* row = get(p, out);
    if (row != out) std::copy(row, row + rows_.d, out);
  }

  /// Finds out whether the rows, judged by a sample of them, are in memory or in a file on disk.
  void locate();

  /// From now on they are taken to be on a disk, whatever locate() would find.
  void assume_on_disk() { on_disk_ = assumed_ = true; }

  /// Whether reading a row again would wait for a disk.
  bool on_disk() const { return on_disk_; }

  /// Asks for row p, so that reading several overlaps.
  void prefetch(int64_t p) const {
    const char* row = address(p);
    if (on_disk_) return fetch_pages(row, used_bytes_);
    for (int64_t byte = 0; byte < used_bytes_; byte += kCacheLine)
      __builtin_prefetch(row + byte, 0, 2);  // read, and wanted in the second-level cache
  }

  /// In a pass over all rows, to be called before begin..end are read: asks for rows further on.
  void read_ahead(int64_t begin, int64_t end) const;

  /// Throws std::invalid_argument naming the first row that has a non-finite value or, for cosine,
  /// no direction. Does nothing when all rows are fine.
  void require_valid(int64_t begin, int64_t end) const;

 private:
  const char* address(int64_t p) const {
    return static_cast<const char*>(rows_.data) + p * row_bytes_;
  }
  const float* read(int64_t p, float* buffer) const;

  Rows rows_;
  Metric metric_;
  const Kernels& kernels_;
  bool direct_, on_disk_ = false, assumed_ = false;
  int64_t row_bytes_, used_bytes_, first_;
  std::vector<float> zeros_;
};

/// A row, wherever its values lie: in a part, or in an array of rows that came from elsewhere.
struct RowAt {
  int64_t id;  ///< its number among the rows of all parts
  const RowReader* rows;
  int64_t index;  ///< its number there

  const float* get(float* buffer) const { return rows->get(index, buffer); }
  void copy(float* out) const { rows->copy(index, out); }
  void prefetch() const { rows->prefetch(index); }
};

/// The lowest row at which parallel work found something wrong.
class FirstBad {
 public:
  void note(int64_t p) {
    int64_t seen = row_.load(std::memory_order_relaxed);
    while (p < seen && !row_.compare_exchange_weak(seen, p)) {
    }
  }
  bool any() const { return row_ != kNone; }
  int64_t row() const { return row_; }

 private:
  static constexpr int64_t kNone = std::numeric_limits<int64_t>::max();
  std::atomic<int64_t> row_{kNone};
};

}  // namespace mods::cpu
