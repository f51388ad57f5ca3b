// Kernels that both methods begin with: checks and lengths of the rows, and rows of given numbers.
#pragma once
#include <cfloat>
#include <cstdint>

#include "canonical.hpp"
#include "cuda/kernels/device.cuh"
#include "cuda/kernels/layout.cuh"
#include "cuda/kernels/rows.cuh"
#include "cuda/kernels/state.hpp"

namespace mods::cuda {

/// Finds the lowest row with NaN or infinity and, with `norms`, stores |x| and finds the lowest
/// row of length zero. `rows.norm` must be null. One half-warp per row.
__global__ void __launch_bounds__(kThreads)
    inspect_rows(RowsView rows, double* norms, RunState* state) {
  const int lane = threadIdx.x % kHalfWarp;
  const int64_t stride = static_cast<int64_t>(gridDim.x) * kHalfWarps;
  const int64_t rounds = (rows.n + stride - 1) / stride;
  for (int64_t round = 0; round < rounds; ++round) {
    const int64_t p =
        round * stride + static_cast<int64_t>(blockIdx.x) * kHalfWarps + threadIdx.x / kHalfWarp;
    double sum = 0.0;
    bool finite = true;
    if (p < rows.n) {
      with_row(rows, static_cast<int>(p), [&](const auto& x) {
#pragma unroll 8
        for (int j = lane; j < rows.d; j += kLanes) {
          const float value = x[j];
          finite = finite && fabsf(value) <= FLT_MAX;
          sum = add_rounded(sum, square_rounded(static_cast<double>(value)));
        }
      });
    }
    const double total = fold_half_warp(sum);
    if (p < rows.n) {
      if (!finite) atomicMin(&state->bad_row, static_cast<int>(p));
      if (norms && lane == 0) {
        norms[p] = sqrt(total);
        if (total == 0.0) atomicMin(&state->zero_row, static_cast<int>(p));
      }
    }
  }
}

/// Rows `ids[0..count)` as float32, one block per row (count is the grid size).
__global__ void __launch_bounds__(kThreads) gather_rows(RowsView rows, const int* ids, float* out) {
  const int64_t i = blockIdx.x;
  copy_row(rows, ids[i], out + i * rows.d, static_cast<int>(threadIdx.x), kThreads);
}

}  // namespace mods::cuda
