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

  int32_t count() const { return count_; }
  PackedView view() const { return packed_.view(); }
  const float* row(int64_t c) const { return rows_.data() + c * run_.rows.d(); }

  void add(int64_t p) {
    packed_.set(count_, sketch_.q(p), sketch_.points[p].row, sketch_.length(p));
    run_.rows.copy(p, rows_.data() + count_ * run_.rows.d());
    ++count_;
  }

 private:
  Run& run_;
  const Sketch& sketch_;
  PackedSketches packed_;
  Buffer<float> rows_;
  int32_t count_ = 0;
};

}  // namespace mods::cpu
