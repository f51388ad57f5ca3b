// Kernels of a refill: the histogram of distances, the threshold, and the candidates found.
#pragma once
#include <cstdint>

#include "cuda/kernels/device.cuh"
#include "cuda/kernels/layout.cuh"
#include "cuda/kernels/lists.cuh"
#include "cuda/kernels/state.hpp"
#include "threshold.hpp"

namespace mods::cuda {

/// Largest m of all rows that are not centres, as bits (state->max_bits must be 0 before).
__global__ void __launch_bounds__(kThreads) find_maximum(const double* m, RunState* state) {
  double largest = 0.0;
  const int64_t stride = static_cast<int64_t>(gridDim.x) * kThreads;
  for (int64_t p = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; p < state->rows;
       p += stride)
    largest = m[p] > largest ? m[p] : largest;
  largest = max_half_warp(largest);
  const double other = __shfl_xor_sync(kFullWarp, largest, 16);
  largest = other > largest ? other : largest;
  if (threadIdx.x % 32 == 0 && largest > 0.0) atomicMax(&state->max_bits, bits_of(largest));
}

struct HistogramShared {
  unsigned bins[kBins];
};

/// Counts of m in linear bins (bins must be 0 before).
__global__ void __launch_bounds__(kThreads)
    count_bins(const double* m, const RunState* state, unsigned* bins) {
  HistogramShared& shared = block_shared<HistogramShared>();
  for (int b = static_cast<int>(threadIdx.x); b < kBins; b += kThreads) shared.bins[b] = 0;
  __syncthreads();
  const double maximum = value_of(state->max_bits);
  const int64_t stride = static_cast<int64_t>(gridDim.x) * kThreads;
  if (maximum > 0.0) {
    const double scale = bin_scale(maximum);
    for (int64_t p = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; p < state->rows;
         p += stride)
      if (m[p] >= 0.0) atomicAdd(&shared.bins[bin_of(m[p], scale)], 1u);
  }
  __syncthreads();
  for (int b = static_cast<int>(threadIdx.x); b < kBins; b += kThreads)
    if (shared.bins[b] != 0) atomicAdd(&bins[b], shared.bins[b]);
}

struct ThresholdShared {
  unsigned sums[kThreads];
};

/// Starts or continues a refill: chooses the threshold and empties the lists. One block.
__global__ void __launch_bounds__(kThreads)
    choose_threshold(RunState* state, const unsigned* bins, Lists lists) {
  ThresholdShared& shared = block_shared<ThresholdShared>();
  const int thread = static_cast<int>(threadIdx.x);
  constexpr int kWidth = kBins / kThreads;
  unsigned sum = 0;
  for (int i = 0; i < kWidth; ++i) sum += bins[thread * kWidth + i];
  shared.sums[thread] = sum;
  for (int b = thread; b < kBuckets; b += kThreads) lists.buckets[b] = 0;
  __syncthreads();
  if (thread != 0) return;
  state->listed = 0;
  state->sorted = 0;
  state->ticket = 0;
  state->good = 0;
  if (state->phase == kNewRefill) begin_refill(*state);
  if (state->phase != kDone) choose_bar(*state, bins, shared.sums, kWidth);
}

/// Counts the rows at or above the threshold, and keeps the first kCandidates found. All of them
/// must be up to date. state->good must be 0 before.
__global__ void __launch_bounds__(kThreads)
    collect_candidates(Distances distances, int* candidates, RunState* state) {
  if (state->phase == kDone) return;
  const int rows = state->rows, centres = state->centres;
  const double bar = state->bar;
  const int bar_index = state->bar_index;
  const int64_t stride = static_cast<int64_t>(gridDim.x) * kThreads;
  for (int64_t base = static_cast<int64_t>(blockIdx.x) * kThreads; base < rows; base += stride) {
    const int64_t p = base + threadIdx.x;
    const bool take = p < rows && in_reach(distances.m[p], static_cast<int>(p), bar, bar_index);
    const int slot = claim_slot(take, &state->good);
    if (!take) continue;
    if (slot < kCandidates) candidates[slot] = static_cast<int>(p);
    if (distances.stamp[p] != centres) atomicMax(&state->fault, 1);
  }
}

/// One thread: lower the threshold, raise it, or go ahead.
__global__ void decide_refill(RunState* state) {
  if (state->phase != kDone) decide(*state);
}

}  // namespace mods::cuda
