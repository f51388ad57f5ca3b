// Kernels for a refill that found more rows at the threshold than there is room for candidates: a
// radix selection keeps exactly the top of them.
#pragma once
#include <cstdint>

#include "cuda/kernels/device.cuh"
#include "cuda/kernels/layout.cuh"
#include "cuda/kernels/state.hpp"

namespace mods::cuda {

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
