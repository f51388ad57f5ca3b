// What the two halves of the emulator share: device (emulator.cpp) and runtime (runtime.cpp).
#pragma once
#include <cstddef>
#include <functional>
#include <random>

#include "cuda_runtime.h"

namespace emulator {

/// Every choice of schedule and all garbage come from it.
extern std::mt19937_64 generator;

/// Runs a grid to its end; throws what its threads throw, or when they wait for each other.
void run_grid(dim3 grid, dim3 size, std::size_t shared, const std::function<void()>& body);

}  // namespace emulator
