// Brute force for small problems: one launch per centre updates every m and finds the next pick.
#pragma once
#include <cmath>
#include <cstdint>

#include "cuda/kernels/best.cuh"
#include "cuda/kernels/device.cuh"
#include "cuda/kernels/layout.cuh"
#include "cuda/kernels/rows.cuh"
#include "cuda/kernels/state.hpp"

namespace mods::cuda {

inline constexpr int kMaxBruteBlocks = 2048;

struct BruteShared {
  Best warps[kThreads / 32];
  Best winner;
  int last;
};

struct BruteStep {
  const int* fixed;  ///< given centres, taken first
  float* centre;     ///< the centre of this step as float32; the next one is left there
  double* m;
  Best* blocks;    ///< best of each block
  int* pick;       ///< picks, in order
  double* radius;  ///< max m after each pick
};

/// Best of the block in s.winner after the barrier inside; every thread must call it.
__device__ __forceinline__ void best_of_block(BruteShared& s, unsigned long long key, int index) {
  const int thread = static_cast<int>(threadIdx.x), warp = thread / 32, lane = thread % 32;
  const Best mine = best_of_warp(key, index, thread);
  if (lane == 0) s.warps[warp] = mine;
  __syncthreads();
  if (warp == 0) {
    const Best other = lane < kThreads / 32 ? s.warps[lane] : Best{0, kNoIndex, 0};
    const Best best = best_of_warp(other.key, other.index, other.slot);
    if (lane == 0) s.winner = best;
  }
  __syncthreads();
}

/// The last block to finish records the radius and chooses the next centre. Thread 0 only.
__device__ __forceinline__ void advance(RunState* state, const BruteStep& step, const Best& best) {
  const int done = state->step + 1, picked = done - state->fixed;  // centres and picks so far
  const double largest = best.key != 0 ? value_of_key(best.key) : 0.0;
  if (picked > 0) step.radius[picked - 1] = largest;
  state->step = done;
  state->last_value = largest;
  state->arrived = 0;
  if (done < state->fixed) {
    state->current = step.fixed[done];
  } else if (done == state->wanted || !(largest > 0.0)) {
    state->phase = kDone;
  } else {
    step.pick[picked] = best.index;
    state->current = best.index;
  }
}

/// m[p] = min(m[p], D(p, current centre)), then the argmax, in one launch. One half-warp per row;
/// the last block to arrive combines the blocks and prepares the next step.
__global__ void __launch_bounds__(kThreads)
    brute_step(RowsView rows, BruteStep step, RunState* state) {
  if (state->phase == kDone) return;
  BruteShared& s = block_shared<BruteShared>();
  const int thread = static_cast<int>(threadIdx.x), lane = thread % kHalfWarp;
  const int current = state->current;
  const bool initial = state->step == 0;
  unsigned long long key = 0;
  int index = kNoIndex;
  const int64_t stride = static_cast<int64_t>(gridDim.x) * kHalfWarps;
  for (int64_t base = static_cast<int64_t>(blockIdx.x) * kHalfWarps; base < rows.n;
       base += stride) {
    const int64_t p = base + thread / kHalfWarp;
    const bool real = p < rows.n;
    const double before = real && !initial ? step.m[p] : INFINITY;
    const bool open = real && p != current && before >= 0.0;
    double sum = 0.0;
    if (open) sum = lane_of_distance(rows, static_cast<int>(p), step.centre, lane);
    const double distance = fold_half_warp(sum);
    if (lane != 0) continue;
    if (real && p == current) step.m[p] = -1.0;
    if (!open) continue;
    const double m = distance < before ? distance : before;
    step.m[p] = m;
    const unsigned long long mine = live_key(m);
    if (beats(mine, static_cast<int>(p), key, index)) {
      key = mine;
      index = static_cast<int>(p);
    }
  }
  best_of_block(s, key, index);
  if (thread == 0) {
    step.blocks[blockIdx.x] = s.winner;
    __threadfence();  // the result is visible before the arrival is
    s.last = atomicAdd(&state->arrived, 1u) == gridDim.x - 1;
  }
  __syncthreads();
  if (!s.last) return;
  __threadfence();
  key = 0;
  index = kNoIndex;
  for (int b = thread; b < static_cast<int>(gridDim.x); b += kThreads) {
    const unsigned long long other = __ldcg(&step.blocks[b].key);
    const int other_index = __ldcg(&step.blocks[b].index);
    if (beats(other, other_index, key, index)) {
      key = other;
      index = other_index;
    }
  }
  best_of_block(s, key, index);
  if (thread == 0) advance(state, step, s.winner);
  __syncthreads();  // the next centre is chosen
  if (state->phase != kDone) copy_row(rows, state->current, step.centre, thread, kThreads);
}

}  // namespace mods::cuda
