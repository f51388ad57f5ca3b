// All centres in order: packed sketches for bounds, float32 rows for exact distances.
#pragma once
#include "packed.hpp"
#include "sketch.hpp"

namespace mods::cpu {

class Centres {
 public:
  Centres(Run& run, const Sketch& sketch, int64_t capacity)
      : run_(run),
        sketch_(sketch),
        packed_(run.meter, capacity, sketch.steps(), run.kernels.pack_xor),
        rows_(run.meter, capacity * run.rows.d()) {}

  int32_t count() const { return static_cast<int32_t>(ids_.size()); }

  /// How many of them, from the first on, have a row and a packed sketch here.
  int32_t packed() const { return packed_count_; }

  /// Of a packed centre, as float32.
  const float* row(int64_t c) const { return rows_.data() + c * run_.rows.d(); }

  void add(int64_t p) { ids_.push_back(static_cast<int32_t>(p)); }

  /// Copies the rows and packs the sketches of the centres added since, on all threads.
  void pack() {
    const int64_t group = packed() / kGroup;
    run_.team.for_chunks((count() + kGroup - 1) / kGroup - group, 1, [&](int, int64_t g, int64_t) {
      const int64_t first = (group + g) * kGroup;
      const int64_t end = std::min<int64_t>(first + kGroup, count());
      for (int64_t c = std::max<int64_t>(first, packed_count_); c < end; ++c) {
        run_.rows.copy(ids_[c], rows_.data() + c * run_.rows.d());
        packed_.set(c, sketch_.q(ids_[c]), sketch_.points[ids_[c]].row, sketch_.length(ids_[c]));
      }
    });
    packed_count_ = count();
  }

  /// Of the packed centres.
  PackedView view() const { return packed_.view(); }

 private:
  Run& run_;
  const Sketch& sketch_;
  PackedSketches packed_;
  Buffer<float> rows_;
  int32_t packed_count_ = 0;
  alignas(kCacheLine) std::vector<int32_t> ids_;  ///< written by picks while others read the above
};

}  // namespace mods::cpu
