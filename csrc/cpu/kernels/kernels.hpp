// The inner loops, once per instruction set. Each kernels_*.cpp is compiled with its own flags,
// keeps everything in an anonymous namespace and exports one table; isa.cpp chooses among them.
#pragma once
#include <cstdint>

#include "bound.hpp"
#include "kcenter.hpp"

namespace mods::cpu {

inline constexpr int kGroup = 16;  ///< sketches packed side by side
inline constexpr int kTileGroups = 4;
inline constexpr int kTileLanes = kGroup * kTileGroups;
inline constexpr int kTilePoints = 4;
inline constexpr float kUnusedNorm2 = 1e38f;  ///< finite: inf - inf would be NaN

/// Sketches packed for the dot kernels, in groups of 16 lanes: bytes[group][step][lane][4], four
/// dimensions a step. Unused lanes have norm2 = kUnusedNorm2, so that no upper bound exceeds
/// theirs.
struct PackedView {
  const uint8_t* bytes;
  const float* norm2;
  const float* scale;
  const float* residual;
  const float* length;
  int64_t steps;
};

/// One row against many packed sketches.
struct TilePoint {
  const int8_t* q;
  SketchRow row;
  float length;
  float upper;         ///< in: skip lanes with lower >= upper; out: also min of the upper bounds
  uint64_t survivors;  ///< out: lanes with lower < upper
};

struct Sketched {
  SketchRow row;
  float distance32;  ///< as distance32_bounds wants it
};

struct Farthest {
  double value = -1;
  int64_t index = -1;
};

struct Kernels {
  const char* name;
  uint8_t pack_xor;  ///< xor-ed to every byte packed (0x80 where the dot wants unsigned lanes)

  /// Canonical D(x, c).
  double (*distance)(const float* x, const float* c, int64_t d);

  /// Fused brute-force pass over rows begin..end: m = min(m, D(row, c)), and the farthest of them.
  /// Rows with m < 0 are centres and stay.
  Farthest (*brute_pass)(const float* rows, int64_t stride, int64_t d, int64_t begin, int64_t end,
                         const float* c, double* m);

  /// Sketches z = x - mu into q (padded with zeros to a multiple of 4), and computes the distance
  /// to c on the way. `past_cache` may write q so that it does not enter the cache; other threads
  /// see it after this one's next atomic read-modify-write.
  Sketched (*sketch)(const float* x, const float* mu, const float* c, int64_t d, float slack,
                     int8_t* q, bool past_cache);

  /// Bounds of `count` <= kTilePoints points against `groups` <= kTileGroups groups.
  void (*bound_tile)(const PackedView& packed, int64_t group, int groups, TilePoint* points,
                     int count, float slack, float (*lower)[kTileLanes]);

  /// For each of `count` <= kTilePoints points, the lanes of all groups whose lower bound to it is
  /// below the lane's own upper bound: one bit a lane, one word a group, `groups` words a point.
  void (*bound_lanes)(const PackedView& packed, int64_t groups, const TilePoint* points, int count,
                      const float* lane_upper, float slack, uint16_t* survivors);

  /// Writes the indices p in begin..end with low <= value[p] < high to out; returns their number.
  int64_t (*select)(const float* value, int64_t begin, int64_t end, float low, float high,
                    int32_t* out);

  void (*widen)(const void* row, DType dtype, int64_t d, float* out);

  /// Runs the dot instruction alone; returns multiply-adds per iteration. Null where there is none.
  double (*dot_peak)(int64_t iterations);
};

const Kernels* kernels_generic();
const Kernels* kernels_avx2();
const Kernels* kernels_avx512();

/// Names that this build contains and this machine can run, best first.
int available_kernels(const Kernels* out[3]);

/// The best available table, or the one named by `isa` or else by MODS_ISA. Throws
/// std::invalid_argument when that one is unknown or cannot run here.
const Kernels& choose_kernels(const char* isa);

}  // namespace mods::cpu
