// Brute force on the device.
#pragma once
#include "cuda/run.hpp"

namespace mods::cuda {

void run_brute(Run& run);

}  // namespace mods::cuda
