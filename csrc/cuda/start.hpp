// What both methods begin with: checks and lengths of the rows, and the rows of the first centres.
#pragma once
#include "cuda/kernels/state.hpp"
#include "cuda/run.hpp"
#include "cuda/runtime.hpp"
#include "cuda/state_mirror.hpp"

namespace mods::cuda {

/// Lengths of the rows for the cosine metric; also finds rows that no method can take.
class Norms {
 public:
  Norms(Run& run, StateMirror& state);

 private:
  DeviceArray<double> norms_;
};

/// Throws std::invalid_argument naming a row that was found to be unusable.
void require_valid(const Run& run, const RunState& state);

/// Rows `ids[0..count)` of the device as float32, d apart.
void gather(const Run& run, const int* ids, unsigned count, float* out);

}  // namespace mods::cuda
