// All centres in order: packed sketches for bounds, float32 rows for exact distances.
#pragma once
#include <algorithm>
#include <vector>

#include "cpu/kernels/packed.hpp"
#include "cpu/sketch.hpp"

namespace mods::cpu {

class Centres {
 public:
  Centres(const Tools& tools, const Sketch& sketch, const RowReader& own, int64_t capacity)
      : tools_(tools),
        sketch_(sketch),
        own_(own),
        packed_(tools.meter, capacity, sketch.steps(), tools.kernels.pack_xor),
        rows_(tools.meter, capacity * own.d()) {}

  int32_t count() const { return count_; }

  /// Of a centre, as float32.
  const float* row(int64_t c) const { return rows_.data() + c * own_.d(); }

  PackedView view() const { return packed_.view(); }

  /// Copies the rows of more centres and packs their sketches, on all threads.
  void add(const std::vector<RowAt>& more) {
    const int64_t before = count_, after = before + static_cast<int64_t>(more.size());
    const int64_t group = before / kGroup;
    tools_.team.for_chunks((after + kGroup - 1) / kGroup - group, 1, [&](int, int64_t g, int64_t) {
      const int64_t first = (group + g) * kGroup;
      const int64_t end = std::min<int64_t>(first + kGroup, after);
      for (int64_t c = std::max(first, before); c < end; ++c) add_at(c, more[c - before]);
    });
    count_ = static_cast<int32_t>(after);
  }

 private:
  /// Rows of this part are sketched already.
  void add_at(int64_t c, const RowAt& centre) {
    float* values = rows_.data() + c * own_.d();
    centre.copy(values);
    if (centre.rows == &own_) {
      const int64_t p = centre.index;
      return packed_.set(c, sketch_.q(p), sketch_.points[p].row, sketch_.length(p));
    }
    std::vector<int8_t> q(sketch_.steps() * 4);
    const SketchRow row = sketch_.sketch_of(values, q.data());
    packed_.set(c, q.data(), row, upper_length(row.norm2, sketch_.slack()));
  }

  const Tools tools_;
  const Sketch& sketch_;
  const RowReader& own_;
  PackedSketches packed_;
  Buffer<float> rows_;
  int32_t count_ = 0;
};

}  // namespace mods::cpu
