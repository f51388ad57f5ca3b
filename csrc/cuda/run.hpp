// What one call of kcenter_cuda owns and hands to both methods.
#pragma once
#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "cuda/device_rows.hpp"
#include "cuda/runtime.hpp"
#include "kcenter.hpp"
#include "progress.hpp"
#include "validate.hpp"

namespace mods::cuda {

/// Blocks for `work` items, `per_block` each, at least one and at most `most`.
inline unsigned blocks_for(int64_t work, int64_t per_block, int64_t most) {
  return static_cast<unsigned>(std::clamp<int64_t>((work + per_block - 1) / per_block, 1, most));
}

struct Run {
  const Rows& rows;
  const Options& options;
  int device;
  cudaStream_t stream;
  int multiprocessors;
  Progress& progress;
  Memory& memory;
  DeviceRows& data;
  Result& result;
  const std::vector<int>& start;  ///< centres known at the start; outlives all copies from it

  int n() const { return static_cast<int>(rows.n); }
  int d() const { return static_cast<int>(rows.d); }
  int fixed() const { return static_cast<int>(options.initial_count); }
  int wanted() const { return static_cast<int>(options.initial_count + options.k); }

  template <class T>
  void to_device(T* to, const std::vector<T>& from) const {
    check(cudaMemcpyAsync(to, from.data(), from.size() * sizeof(T), cudaMemcpyHostToDevice, stream),
          "copying to the device");
  }
  template <class T>
  std::vector<T> to_host(const T* from, std::size_t count) const {
    std::vector<T> out(count);
    check(cudaMemcpyAsync(out.data(), from, count * sizeof(T), cudaMemcpyDeviceToHost, stream),
          "copying from the device");
    check(cudaStreamSynchronize(stream), "cudaStreamSynchronize");
    return out;
  }
  void clear(void* pointer, std::size_t bytes) const {
    check(cudaMemsetAsync(pointer, 0, bytes, stream), "cudaMemset");
  }

  void append_pick(int64_t row, double largest) const {
    result.picks.push_back(row);
    result.radii.push_back(static_cast<float>(reported_radius(largest, options.metric)));
  }
};

}  // namespace mods::cuda
