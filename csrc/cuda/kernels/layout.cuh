// What kernels and the host agree on: threads of a block, and the arrays that hold a row's state.
#pragma once
#include <cstdint>

#include "bound.hpp"
#include "cuda/kernels/device.cuh"

namespace mods::cuda {

inline constexpr int kThreads = 256;
inline constexpr int kHalfWarps = kThreads / kHalfWarp;

/// What is kept of each row.
struct Sketch {
  int8_t* values;  ///< n rows of `pitch` bytes; the tail of a row is zero
  int64_t pitch;   ///< d rounded up to whole slices of the bound kernel
  SketchRow* meta;
  float slack;
};

/// Distance to the centres so far (an upper bound while stamp < centres) and how many of them it
/// covers; m = -1 for centres.
struct Distances {
  double* m;
  int* stamp;
};

}  // namespace mods::cuda
