// The state of every row: its int8 sketch and what is known of its distance to the centres.
#pragma once
#include <vector>

#include "cpu/run.hpp"

namespace mods::cpu {

/// More were tried and changed nothing (benchmarks/NOTES.md).
inline constexpr int kPending = 2;

/// What is known of one row that is not a centre. With c_0, c_1, ... the centres in order and m the
/// least of all D(row, c_j),
///   (I1)  m == min(exact, D(row, c) of the pending centres, D(row, c_j) of all j >= stamp[p]), and
///   (I2)  m <= upper[p].
/// A centre before the stamp is left out of (I1) only when its certified lower bound was >=
/// upper[p] at that time, hence >= m.
struct Point {
  double exact;  ///< minimum over the centres whose distance was computed
  SketchRow row;
  int32_t pending[kPending];  ///< centres that may be nearest, distance not computed yet; -1: none
  float pending_lower[kPending];
};

/// The mean of a sample of all rows: any vector would do, but around this one sketches are tight.
std::vector<float> sample_mean(Run& run);

class Sketch {
 public:
  /// `mean`: the vector that sketches are taken around, the same for all rows that are ever bounded
  /// against each other.
  Sketch(const Tools& tools, const RowReader& rows, const std::vector<float>& mean);

  /// One parallel pass in row order, the only one over all rows: sketches every row and bounds its
  /// distance to `centre`. False when some row is finite but too large to certify bounds for.
  bool build(const RowAt& centre);

  /// Sketches a row that is not one of these: its d values into 4 * steps() bytes at `q`.
  SketchRow sketch_of(const float* values, int8_t* q) const;

  /// Frees the int8 rows, when only `points` and `upper` are needed any more.
  void release() { q_ = Buffer<int8_t>(); }

  int64_t size() const { return upper.size(); }
  int64_t steps() const { return steps_; }
  float slack() const { return slack_; }
  const int8_t* q(int64_t p) const { return q_.data() + p * steps_ * 4; }
  float length(int64_t p) const { return upper_length(points[p].row.norm2, slack_); }

  TilePoint tile_point(int64_t p) const {
    return TilePoint{q(p), points[p].row, length(p), upper[p], 0};
  }

  // Kept apart from the points, for fast scans:
  Buffer<float> upper;    ///< -1 for centres
  Buffer<int32_t> stamp;  ///< centres seen
  Buffer<Point> points;

 private:
  void start(int64_t p, const Sketched& sketched);

  const Tools tools_;
  const RowReader& rows_;
  const std::vector<float>& mean_;
  const int64_t steps_;
  const float slack_;
  Buffer<int8_t> q_;
};

}  // namespace mods::cpu
