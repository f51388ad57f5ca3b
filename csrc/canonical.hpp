// The arithmetic that decides a selection, in one place for CPU and CUDA.
//
// Canonical squared distance D(x, c) of two float32 rows of length d (float16 and bfloat16 rows are
// first widened to float32, which is exact):
//     e_j    = (double)x_j - (double)c_j
//     lane_l = sum of e_j * e_j over all j with j mod 16 == l, in ascending j, starting from +0.0;
//              the product is rounded to double before it is added (no fused multiply-add)
//     fold   : lane_l += lane_{l+8} (l < 8), lane_l += lane_{l+4} (l < 4),
//              lane_l += lane_{l+2} (l < 2), D = lane_0 + lane_1
// Every operation is one IEEE-754 double operation in round-to-nearest, so D has the same bits for
// every instruction set, compiler, thread count and device, and D(x, c) == D(c, x). Code that
// computes D must be compiled without contraction (-ffp-contract=off, nvcc --fmad=false or the
// __dmul_rn / __dadd_rn intrinsics) and without any fast-math option.
//
// The functions here are static: this header is compiled once per instruction set, and the linker
// must not be free to hand an AVX-512 copy to a machine without it.
#pragma once
#include <cstdint>

#if defined(__CUDACC__)
#define MODS_HOST_DEVICE __host__ __device__
#else
#define MODS_HOST_DEVICE
#endif

namespace mods {

inline constexpr int kLanes = 16;

MODS_HOST_DEVICE static inline double square_rounded(double e) {
#if defined(__CUDA_ARCH__)
  return __dmul_rn(e, e);
#else
  return e * e;
#endif
}

MODS_HOST_DEVICE static inline double add_rounded(double a, double b) {
#if defined(__CUDA_ARCH__)
  return __dadd_rn(a, b);
#else
  return a + b;
#endif
}

/// Folds the 16 partial sums in the canonical order and returns D. Destroys `lane`.
MODS_HOST_DEVICE static inline double fold_lanes(double* lane) {
  for (int width = kLanes / 2; width > 0; width /= 2)
    for (int l = 0; l < width; ++l) lane[l] = add_rounded(lane[l], lane[l + width]);
  return lane[0];
}

/// The reference form of D; the SIMD and CUDA forms must return the same bits.
MODS_HOST_DEVICE static inline double canonical_distance(const float* x, const float* c,
                                                         int64_t d) {
  double lane[kLanes] = {};
  for (int64_t j = 0; j < d; ++j) {
    const double e = static_cast<double>(x[j]) - static_cast<double>(c[j]);
    lane[j % kLanes] = add_rounded(lane[j % kLanes], square_rounded(e));
  }
  return fold_lanes(lane);
}

}  // namespace mods
