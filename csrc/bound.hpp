// Certified bounds on D(p, c) from one int8 dot product, shared by CPU and CUDA.
//
// Sketch of a row. z = float32(x - mu) for one vector mu common to all rows (any mu is valid; the
// mean of a sample makes the bounds tight), q = int8 row, z = scale * q + e. Kept per row:
//     norm2    N ~ |z|^2                        residual  rho >= |e|
//     scale    s (exact float32)                sum       sum of q_j (for unsigned-by-signed dots)
//     length   H >= |z|, derived from N
//
// Bounds. With dot = q_p . q_c (an exact integer),
//     z_p.z_c = s_p s_c dot + (s_p q_p).e_c + e_p.z_c,
// and Cauchy-Schwarz on the last two terms with |s_p q_p| <= H_p + rho_p gives
//     | |z_p - z_c|^2 - (N_p + N_c - 2 s_p s_c dot) | <= 2 (rho_p H_c + (H_p + rho_p) rho_c).
//
// Rounding. Let S = N_p + N_c and u = 2^-24. What the formula above leaves out, relative to S:
//   - z is x - mu rounded:  |x_p - x_c| differs from |z_p - z_c| by at most u (|z_p| + |z_c|),
//     so the squares differ by at most 2u (|z_p| + |z_c|)^2 + O(u^2) <= 4u S + O(u^2);
//   - N is summed in float32 over at least 16 interleaved lanes and a fold: (d/16 + 8) u;
//   - int -> float of dot (exact below 2^24, else u), products and sums of the formula: every
//     intermediate value is at most 2 S in size because |s q| <= 1.26 |z| for d <= 4096, and there
//     are fewer than 14 roundings: 28 u;
//   - D itself is canonical float64 of relative error < 2^-44.
// Together less than (d/16 + 41) u; kcenter_slack(d) = (d/16 + 64) 2u is more than that. (Beyond
// d = 4096 the third item grows by d/4096; d is limited to kMaxSketchDim.)
// Underflow: float32 products of tiny values lose at most 1.2e-38 each even where denormals are
// flushed, at most 5e-34 over a row; kTinyBound and kTinyLength (its root, rounded up) cover it.
// Overflow: rows with N > kMaxNorm2 cannot be sketched; the caller then uses brute force.
#pragma once
#include <cmath>
#include <cstdint>

#include "canonical.hpp"

namespace mods {

inline constexpr int64_t kMaxSketchDim = 16384;
inline constexpr float kMaxNorm2 = 1e36f;
inline constexpr float kTinyBound = 1e-33f;
inline constexpr float kTinyLength = 1e-16f;
inline constexpr float kTinyEntry = 1e-30f;  ///< rows with max |z_j| below it are sketched as zero

/// What is kept of a sketched row besides its int8 values.
struct SketchRow {
  float norm2;
  float scale;
  float residual;
  int32_t sum;
};

/// Relative slack of the bounds, in units of N_p + N_c.
MODS_HOST_DEVICE static inline float kcenter_slack(int64_t d) {
  return static_cast<float>(d / 16 + 64) * 1.1920929e-7f * (d > 4096 ? 8.0f : 1.0f);
}

/// H: at least |z|.
MODS_HOST_DEVICE static inline float upper_length(float norm2, float slack) {
  return sqrtf(norm2) * (1.0f + slack) + kTinyLength;
}

/// Completes a sketch from float32 sums: norm2 = sum z_j^2, residual2 = sum (z_j - scale q_j)^2.
/// The rounding of z_j - scale q_j is at most u (|scale q_j| + |e_j|), hence the share of H.
MODS_HOST_DEVICE static inline SketchRow finish_sketch(float norm2, float residual2, float scale,
                                                       int32_t sum, float slack) {
  const float rounding = 4.0f * 1.1920929e-7f * upper_length(norm2, slack);
  const float residual = sqrtf(residual2) * (1.0f + slack) + rounding + kTinyLength;
  return SketchRow{norm2, scale, residual, sum};
}

/// Smallest float32 not below v.
MODS_HOST_DEVICE static inline float round_up(double v) {
  const float f = static_cast<float>(v);
  return static_cast<double>(f) < v ? nextafterf(f, INFINITY) : f;
}

struct Bounds {
  float lower, upper;
};

/// Reference form of the bounds; the vector forms may fuse or reorder (the slack covers both).
MODS_HOST_DEVICE static inline Bounds pair_bounds(const SketchRow& p, float length_p,
                                                  const SketchRow& c, float length_c, int32_t dot,
                                                  float slack) {
  const float sum = p.norm2 + c.norm2;
  const float middle = sum - 2.0f * p.scale * c.scale * static_cast<float>(dot);
  const float width = 2.0f * p.residual * length_c + 2.0f * (length_p + p.residual) * c.residual +
                      slack * sum + kTinyBound;
  return Bounds{middle - width, middle + width};
}

/// Bounds on D from d32, the sum of (x_j - c_j)^2 in float32 over at least 16 interleaved lanes and
/// a fold. No term is negative, so relative errors add up: 3 u for x_j - c_j rounded and squared
/// and (d/16 + 8) u for the sum, less than half the slack. The lower bound is below the upper one.
MODS_HOST_DEVICE static inline Bounds distance32_bounds(float d32, float slack) {
  const float width = slack * d32 + kTinyBound;
  return Bounds{d32 - width, d32 + width};
}

}  // namespace mods
