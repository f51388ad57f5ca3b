// Kernels that choose the threshold and keep the lists of rows: maximum, histogram, lists, and the
// selection of the top rows when there are too many at the threshold.
#pragma once
#include "prepare.cuh"

namespace mods::cuda {

/// Rows to refresh, grouped by stamp so that a tile needs about the same centres.
struct Lists {
  int* listed;        ///< rows found, in any order
  int* sorted;        ///< the same rows, by bucket of their stamp
  unsigned* buckets;  ///< kBuckets counts of `listed`
  unsigned* offsets;  ///< kBuckets places in `sorted`
};

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
  const double scale = (kBins - 1) / maximum;
  const int64_t stride = static_cast<int64_t>(gridDim.x) * kThreads;
  if (maximum > 0.0)
    for (int64_t p = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; p < state->rows;
         p += stride)
      if (m[p] >= 0.0) atomicAdd(&shared.bins[bin_of(m[p], scale)], 1u);
  __syncthreads();
  for (int b = static_cast<int>(threadIdx.x); b < kBins; b += kThreads)
    if (shared.bins[b] != 0) atomicAdd(&bins[b], shared.bins[b]);
}

struct ThresholdShared {
  unsigned groups[kThreads];
};

/// Starts or continues a refill: chooses the threshold and empties the lists. One block.
__global__ void __launch_bounds__(kThreads)
    choose_threshold(RunState* state, const unsigned* bins, Lists lists) {
  ThresholdShared& shared = block_shared<ThresholdShared>();
  const int thread = static_cast<int>(threadIdx.x);
  constexpr int kWidth = kBins / kThreads;
  unsigned sum = 0;
  for (int i = 0; i < kWidth; ++i) sum += bins[thread * kWidth + i];
  shared.groups[thread] = sum;
  for (int b = thread; b < kBuckets; b += kThreads) lists.buckets[b] = 0;
  __syncthreads();
  if (thread != 0) return;
  state->listed = 0;
  state->sorted = 0;
  state->ticket = 0;
  state->good = 0;
  if (state->phase == kNewRefill) begin_refill(*state);
  if (state->phase != kDone) choose_bar(*state, bins, shared.groups, kThreads);
}

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

// ---- too many rows at the threshold: keep exactly the top kCandidates ---------------------------

__global__ void start_selection(RunState* state) { begin_selection(*state); }

struct DigitShared {
  unsigned counts[256];
};

/// Counts digit `round` of the keys that match the prefix so far (counts must be 0 before).
__global__ void __launch_bounds__(kThreads)
    count_digits(const double* m, const RunState* state, int round, unsigned* counts) {
  static_assert(kThreads == 256, "one thread for each digit");
  DigitShared& shared = block_shared<DigitShared>();
  const int thread = static_cast<int>(threadIdx.x);
  shared.counts[thread] = 0;
  __syncthreads();
  const int64_t stride = static_cast<int64_t>(gridDim.x) * kThreads;
  for (int64_t p = static_cast<int64_t>(blockIdx.x) * kThreads + thread; p < state->rows;
       p += stride) {
    if (!in_reach(m[p], static_cast<int>(p), state->bar, state->bar_index)) continue;
    const unsigned inverse = ~static_cast<unsigned>(p);
    if (matches_prefix(bits_of(m[p]), inverse, *state, round))
      atomicAdd(&shared.counts[digit_of(bits_of(m[p]), inverse, round)], 1u);
  }
  __syncthreads();
  if (shared.counts[thread] != 0) atomicAdd(&counts[thread], shared.counts[thread]);
}

__global__ void keep_digit(RunState* state, const unsigned* counts, int round) {
  choose_digit(*state, counts, round);
}

/// Sets the threshold to the last key kept; collect_candidates follows.
__global__ void finish_selection(RunState* state) {
  end_selection(*state);
  state->good = 0;
  state->candidates = kCandidates;
  state->phase = kReady;
}

/// Checks that the selection kept what it should.
__global__ void check_selection(RunState* state) {
  if (state->good != kCandidates) state->fault = 2;
}

}  // namespace mods::cuda
