// The state of a run on the device and the host's copy of it.
#pragma once
#include <cuda_runtime.h>

#include <limits>
#include <stdexcept>
#include <string>

#include "cuda/kernels/state.hpp"
#include "cuda/run.hpp"
#include "cuda/runtime.hpp"

namespace mods::cuda {

class StateMirror {
 public:
  explicit StateMirror(Run& run)
      : run_(run), device_(run.memory, 1, "the run's state"), host_(1), drain_(run.stream) {
    RunState& state = *host_.get();
    state = RunState{};
    state.rows = run.n();
    state.fixed = run.fixed();
    state.wanted = run.wanted();
    state.centres = static_cast<int>(run.start.size());
    state.picked_before = state.centres;
    state.current = run.start.front();
    state.bad_row = state.zero_row = state.bar_index = kNoIndex;
    state.growth = 1.0;
    state.last_value = std::numeric_limits<double>::infinity();
    check(cudaMemcpyAsync(device_.get(), host_.get(), sizeof(RunState), cudaMemcpyHostToDevice,
                          run.stream),
          "copying the state to the device");
  }
  RunState* device() const { return device_.get(); }

  /// Waits for everything launched so far.
  const RunState& read() {
    check(cudaMemcpyAsync(host_.get(), device_.get(), sizeof(RunState), cudaMemcpyDeviceToHost,
                          run_.stream),
          "copying the state from the device");
    check(cudaStreamSynchronize(run_.stream), "running the kernels");
    const RunState& state = *host_.get();
    if (state.fault != 0)
      throw std::logic_error("internal error in the CUDA core: invariant " +
                             std::to_string(state.fault) + " does not hold; please report it");
    return state;
  }

 private:
  Run& run_;
  DeviceArray<RunState> device_;
  PinnedArray<RunState> host_;
  StreamDrain drain_;  // copies from and to host_ end before it goes, also when a later step throws
};

}  // namespace mods::cuda
