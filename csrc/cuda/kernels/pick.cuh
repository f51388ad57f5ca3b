// The serial phase: exact distances between all candidates, then picks inside one thread block.
#pragma once
#include <cstdint>

#include "canonical.hpp"
#include "cuda/kernels/best.cuh"
#include "cuda/kernels/device.cuh"
#include "cuda/kernels/layout.cuh"
#include "cuda/kernels/rows.cuh"
#include "cuda/kernels/state.hpp"

namespace mods::cuda {

inline constexpr int kPairTile = 16;   ///< rows and columns of the matrix for each block
inline constexpr int kPairSlice = 64;  ///< values of a row staged at a time

/// Rows of the candidates as float32, one block per candidate.
__global__ void __launch_bounds__(kThreads)
    gather_candidates(RowsView rows, const int* candidates, const RunState* state, float* out) {
  const int64_t i = blockIdx.x;
  if (state->phase != kReady || i >= state->candidates) return;
  copy_row(rows, candidates[i], out + i * rows.d, static_cast<int>(threadIdx.x), kThreads);
}

struct PairShared {
  double left[kPairTile][kPairSlice];
  double right[kPairTile][kPairSlice];
};

/// matrix[i][j] = D(candidate i, candidate j). A block computes 16 x 16 pairs on or above the
/// diagonal; a thread holds one lane of the canonical sum for 4 x 4 of them.
__global__ void __launch_bounds__(kThreads)
    pair_distances(const float* candidate_rows, int d, const RunState* state, double* matrix) {
  const int count = state->candidates;
  const int row0 = static_cast<int>(blockIdx.y) * kPairTile;
  const int column0 = static_cast<int>(blockIdx.x) * kPairTile;
  if (state->phase != kReady || row0 >= count || column0 >= count || column0 < row0) return;
  PairShared& s = block_shared<PairShared>();
  const int thread = static_cast<int>(threadIdx.x), lane = thread % kLanes, group = thread / kLanes;
  const int i0 = group / 4 * 4, j0 = group % 4 * 4;
  double sums[4][4] = {};
  for (int begin = 0; begin < d; begin += kPairSlice) {
    __syncthreads();  // the slice before is read no more
    for (int t = thread; t < kPairTile * kPairSlice; t += kThreads) {
      const int r = t / kPairSlice, j = begin + t % kPairSlice;  // beyond the end: 0 - 0 adds +0
      const bool left = j < d && row0 + r < count, right = j < d && column0 + r < count;
      s.left[r][t % kPairSlice] =
          left ? static_cast<double>(candidate_rows[static_cast<int64_t>(row0 + r) * d + j]) : 0.0;
      s.right[r][t % kPairSlice] =
          right ? static_cast<double>(candidate_rows[static_cast<int64_t>(column0 + r) * d + j])
                : 0.0;
    }
    __syncthreads();
#pragma unroll
    for (int j = 0; j < kPairSlice; j += kLanes) {
      double left[4], right[4];
#pragma unroll
      for (int a = 0; a < 4; ++a) {
        left[a] = s.left[i0 + a][j + lane];
        right[a] = s.right[j0 + a][j + lane];
      }
#pragma unroll
      for (int a = 0; a < 4; ++a)
#pragma unroll
        for (int b = 0; b < 4; ++b)
          sums[a][b] = add_rounded(sums[a][b], square_rounded(left[a] - right[b]));
    }
  }
#pragma unroll
  for (int a = 0; a < 4; ++a)
#pragma unroll
    for (int b = 0; b < 4; ++b) {
      const double distance = fold_half_warp(sums[a][b]);
      const int i = row0 + i0 + a, j = column0 + j0 + b;
      if (lane != a * 4 + b || i >= count || j >= count) continue;
      matrix[static_cast<int64_t>(i) * kCandidates + j] = distance;
      matrix[static_cast<int64_t>(j) * kCandidates + i] = distance;
    }
}

inline constexpr int kWarps = kCandidates / 32;
static_assert(kCandidates % 32 == 0 && kWarps <= 32, "one warp combines the others");

struct PickShared {
  Best warps[2][kWarps];  ///< two sets, so that one barrier per pick is enough
};

struct Picks {
  int* id;        ///< row index of each centre
  double* value;  ///< its distance to the centres before it
  int* slot;      ///< candidate that became the i-th centre of this phase
};

/// One block, one thread per candidate. Each turn all threads find the candidate with the largest
/// m (lowest index among equals); while it is within the threshold it is the true pick, and the
/// matrix row gives everyone's new m. Ends when the best falls below the threshold, when all picks
/// are made (after noting the final radius), or when nothing is left at a distance.
__global__ void __launch_bounds__(kCandidates)
    pick_phase(RunState* state, const double* matrix, const int* candidates, Distances distances,
               Picks picks) {
  if (state->phase != kReady) return;
  PickShared& s = block_shared<PickShared>();
  const int thread = static_cast<int>(threadIdx.x), warp = thread / 32, lane = thread % 32;
  const bool real = thread < state->candidates;
  const int index = real ? candidates[thread] : kNoIndex;
  double m = real ? distances.m[index] : -1.0;
  const double bar = state->bar;
  const int bar_index = state->bar_index, wanted = state->wanted, before = state->centres;
  int centres = before, next_phase = kNewRefill;
  bool alive = real;
  double final_value = 0.0;
  for (int turn = 0;; turn = 1 - turn) {
    const Best mine = best_of_warp(alive ? live_key(m) : 0, index, thread);
    if (lane == 0) s.warps[turn][warp] = mine;
    __syncthreads();
    const Best other = lane < kWarps ? s.warps[turn][lane] : Best{0, kNoIndex, 0};
    const Best best = best_of_warp(other.key, other.index, other.slot);
    if (best.key == 0) break;  // every candidate became a centre
    const double value = value_of_key(best.key);
    if (!in_reach(value, best.index, bar, bar_index)) break;
    if (centres == wanted || !(value > 0.0)) {
      final_value = value;
      next_phase = kDone;
      break;
    }
    if (thread == 0) {
      picks.id[centres] = best.index;
      picks.value[centres] = value;
      picks.slot[centres - before] = best.slot;
    }
    ++centres;
    if (!real) continue;
    if (thread == best.slot) {
      alive = false;
      m = -1.0;
    } else if (alive) {
      const double distance = matrix[static_cast<int64_t>(best.slot) * kCandidates + thread];
      m = distance < m ? distance : m;
    }
  }
  if (real) {
    distances.m[index] = m;
    distances.stamp[index] = centres;
  }
  if (thread == 0) {
    state->picked_before = before;
    state->centres = centres;
    state->phase = next_phase;
    state->final_value = final_value;
    state->max_bits = 0;
    if (centres > before) state->last_value = picks.value[centres - 1];
  }
}

/// Rows of the new centres, one block per pick of the phase (blocks beyond return).
__global__ void __launch_bounds__(kThreads)
    keep_centre_rows(const float* candidate_rows, const int* slot, int d, const RunState* state,
                     float* centre_rows) {
  const int i = static_cast<int>(blockIdx.x), before = state->picked_before;
  if (i >= state->centres - before) return;
  const float* from = candidate_rows + static_cast<int64_t>(slot[i]) * d;
  float* to = centre_rows + static_cast<int64_t>(before + i) * d;
  for (int j = static_cast<int>(threadIdx.x); j < d; j += kThreads) to[j] = from[j];
}

}  // namespace mods::cuda
