// The farthest row of a warp: largest key, then lowest index.
#pragma once
#include "cuda/kernels/device.cuh"

namespace mods::cuda {

struct Best {
  unsigned long long key;
  int index;
  int slot;
};

__device__ __forceinline__ Best best_of_warp(unsigned long long key, int index, int slot) {
  const unsigned high = static_cast<unsigned>(key >> 32);
  const unsigned best_high = __reduce_max_sync(kFullWarp, high);
  const unsigned low = high == best_high ? static_cast<unsigned>(key) : 0u;
  const unsigned best_low = __reduce_max_sync(kFullWarp, low);
  const bool equal = high == best_high && static_cast<unsigned>(key) == best_low;
  const unsigned candidate = equal ? static_cast<unsigned>(index) : 0xffffffffu;
  const unsigned best_index = __reduce_min_sync(kFullWarp, candidate);
  const unsigned winners = __ballot_sync(kFullWarp, equal && candidate == best_index);
  const int best_slot = __shfl_sync(kFullWarp, slot, __ffs(winners) - 1);
  return Best{static_cast<unsigned long long>(best_high) << 32 | best_low,
              static_cast<int>(best_index), best_slot};
}

}  // namespace mods::cuda
