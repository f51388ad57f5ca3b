// Lists of rows to be refreshed, grouped by how many centres they have seen.
#pragma once
#include <cstdint>

#include "cuda/kernels/device.cuh"
#include "cuda/kernels/layout.cuh"
#include "cuda/kernels/state.hpp"

namespace mods::cuda {

/// Rows to refresh, grouped by stamp so that a tile needs about the same centres.
struct Lists {
  int* listed;        ///< rows found, in any order
  int* sorted;        ///< the same rows, by bucket of their stamp
  unsigned* buckets;  ///< kBuckets counts of `listed`
  unsigned* offsets;  ///< kBuckets places in `sorted`
};

/// Adds a row to the list and its bucket; every thread of the warp must call it.
__device__ __forceinline__ void list_row(bool take, int row, int stamp, int shift,
                                         const Lists& lists, RunState* state) {
  const int slot = claim_slot(take, &state->listed);
  const int bucket = take ? stamp >> shift : -1;
  const unsigned takers = __ballot_sync(kFullWarp, take);
  const int leader = takers != 0 ? __ffs(takers) - 1 : 0;
  const int common = __shfl_sync(kFullWarp, bucket, leader);
  const unsigned alike = __ballot_sync(kFullWarp, take && bucket == common);
  if (!take) return;
  lists.listed[slot] = row;
  if (static_cast<int>(threadIdx.x & 31u) == leader)
    atomicAdd(&lists.buckets[bucket], static_cast<unsigned>(__popc(alike)));
  else if (bucket != common)
    atomicAdd(&lists.buckets[bucket], 1u);
}

/// Lists the rows above the threshold whose distances are not up to date.
__global__ void __launch_bounds__(kThreads)
    list_stale(Distances distances, Lists lists, RunState* state) {
  if (state->phase == kDone) return;
  const int centres = state->centres, shift = bucket_shift(centres), rows = state->rows;
  const double bar = state->bar;
  const int bar_index = state->bar_index;
  const int64_t stride = static_cast<int64_t>(gridDim.x) * kThreads;
  for (int64_t base = static_cast<int64_t>(blockIdx.x) * kThreads; base < rows; base += stride) {
    const int64_t p = base + threadIdx.x;
    const bool above = p < rows && in_reach(distances.m[p], static_cast<int>(p), bar, bar_index);
    const int stamp = above ? distances.stamp[p] : 0;
    list_row(above && stamp < centres, static_cast<int>(p), stamp, shift, lists, state);
  }
}

struct ScanShared {
  unsigned sums[2][kBuckets];
};

/// Places of the buckets, and an empty list for what the next pass finds. One block of kBuckets.
__global__ void __launch_bounds__(kBuckets) place_buckets(Lists lists, RunState* state) {
  ScanShared& shared = block_shared<ScanShared>();
  const int thread = static_cast<int>(threadIdx.x);
  const unsigned count = lists.buckets[thread];
  int from = 0;
  shared.sums[0][thread] = count;
  __syncthreads();
  for (int step = 1; step < kBuckets; step *= 2) {
    const unsigned before = thread >= step ? shared.sums[from][thread - step] : 0;
    shared.sums[1 - from][thread] = shared.sums[from][thread] + before;
    from = 1 - from;
    __syncthreads();
  }
  lists.offsets[thread] = shared.sums[from][thread] - count;
  lists.buckets[thread] = 0;
  if (thread == 0) {
    state->sorted = state->listed;
    state->listed = 0;
    state->ticket = 0;
  }
}

/// Moves the listed rows to their buckets.
__global__ void __launch_bounds__(kThreads)
    sort_listed(Distances distances, Lists lists, const RunState* state) {
  const int shift = bucket_shift(state->centres), count = state->sorted;
  const int64_t stride = static_cast<int64_t>(gridDim.x) * kThreads;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; i < count;
       i += stride) {
    const int row = lists.listed[i];
    const unsigned place = atomicAdd(&lists.offsets[distances.stamp[row] >> shift], 1u);
    lists.sorted[place] = row;
  }
}

}  // namespace mods::cuda
