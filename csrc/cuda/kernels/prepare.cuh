// Kernels before the first refill: mean, sketch and first distances.
#pragma once
#include <cfloat>
#include <cstdint>

#include "bound.hpp"
#include "canonical.hpp"
#include "cuda/kernels/device.cuh"
#include "cuda/kernels/layout.cuh"
#include "cuda/kernels/rows.cuh"
#include "cuda/kernels/state.hpp"

namespace mods::cuda {

inline constexpr int kMeanRows = 1024;  ///< rows averaged for the centre of the sketch

/// mu: mean of evenly spaced rows. Any mu gives valid bounds; the mean makes them tight. One
/// thread per column.
__global__ void __launch_bounds__(kThreads) mean_rows(RowsView rows, float* mu) {
  const int j = static_cast<int>(blockIdx.x) * kThreads + static_cast<int>(threadIdx.x);
  if (j >= rows.d) return;
  const int count = min_of(rows.n, kMeanRows);
  double sum = 0.0;
#pragma unroll 8
  for (int i = 0; i < count; ++i) {
    const int p = static_cast<int>(static_cast<int64_t>(i) * rows.n / count);
    with_row(rows, p, [&](const auto& x) { sum += static_cast<double>(x[j]); });
  }
  mu[j] = static_cast<float>(sum / count);
}

/// Distance of one element of z from the mean and its int8 value.
__device__ __forceinline__ float quantised(float z, float inverse) {
  const float q = rintf(z * inverse);
  return q > 127.0f ? 127.0f : (q < -127.0f ? -127.0f : q);
}

/// Sketches every row, and computes its distance to the first centre. One half-warp per row; sums
/// are in float64, so that only the final rounding to float32 counts against the slack.
__global__ void __launch_bounds__(kThreads)
    prepare_rows(RowsView rows, const float* mu, const float* centre, Sketch sketch,
                 Distances distances, RunState* state) {
  const int lane = threadIdx.x % kHalfWarp;
  const int64_t p = static_cast<int64_t>(blockIdx.x) * kHalfWarps + threadIdx.x / kHalfWarp;
  const bool active = p < rows.n;
  const int row = active ? static_cast<int>(p) : 0;
  const int d = active ? rows.d : 0;
  double first = 0.0, largest = 0.0, norm2 = 0.0;
  bool finite = true;
  with_row(rows, row, [&](const auto& x) {
#pragma unroll 4
    for (int j = lane; j < d; j += kLanes) {
      const float value = x[j];
      const float z = value - mu[j];
      finite = finite && fabsf(value) <= FLT_MAX;
      largest = fabs(static_cast<double>(z)) > largest ? fabs(static_cast<double>(z)) : largest;
      norm2 += static_cast<double>(z) * static_cast<double>(z);
      const double e = static_cast<double>(value) - static_cast<double>(centre[j]);
      first = add_rounded(first, square_rounded(e));
    }
  });
  first = fold_half_warp(first);
  norm2 = fold_half_warp(norm2);
  largest = max_half_warp(largest);
  const bool tiny = !(largest >= static_cast<double>(kTinyEntry));
  const bool usable = norm2 <= static_cast<double>(kMaxNorm2);  // false for NaN too
  const float scale = tiny || !usable ? 0.0f : static_cast<float>(largest) / 127.0f;
  const float inverse = tiny || !usable ? 0.0f : 127.0f / static_cast<float>(largest);
  double residual2 = 0.0;
  if (active) {
    int8_t* out = sketch.values + p * sketch.pitch;
    const int pitch = static_cast<int>(sketch.pitch);
    with_row(rows, row, [&](const auto& x) {
      for (int j4 = lane * 4; j4 < pitch; j4 += kHalfWarp * 4) {
        unsigned packed = 0;
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          const int j = j4 + i;
          if (j >= d || inverse == 0.0f) {
            if (j < d && usable) {
              const double z = static_cast<double>(x[j] - mu[j]);
              residual2 += z * z;
            }
            continue;
          }
          const float z = x[j] - mu[j];
          const float q = quantised(z, inverse);
          const double e =
              static_cast<double>(z) - static_cast<double>(scale) * static_cast<double>(q);
          residual2 += e * e;
          packed |= (static_cast<unsigned>(static_cast<int>(q)) & 255u) << (8 * i);
        }
        *reinterpret_cast<unsigned*>(out + j4) = packed;
      }
    });
  }
  residual2 = fold_half_warp(residual2);
  if (!active) return;
  if (!finite) atomicMin(&state->bad_row, row);
  if (lane == 0) {
    if (!usable) atomicMax(&state->unsketchable, 1);
    sketch.meta[p] = finish_sketch(static_cast<float>(norm2), static_cast<float>(residual2), scale,
                                   0, sketch.slack);
    distances.m[p] = first;
    distances.stamp[p] = 1;
  }
}

/// Marks the given centres.
__global__ void __launch_bounds__(kThreads) mark_centres(const int* ids, int count, double* m) {
  const int i = static_cast<int>(blockIdx.x) * kThreads + static_cast<int>(threadIdx.x);
  if (i < count) m[ids[i]] = -1.0;
}

}  // namespace mods::cuda
