// Lazy k-center greedy on the device.
#pragma once
#include <cstddef>

#include "cuda/run.hpp"
#include "kcenter.hpp"

namespace mods::cuda {

/// Device bytes of a lazy run besides the rows.
std::size_t lazy_bytes(const Rows& rows, const Options& options);

/// False when the data are beyond what the sketch can certify; nothing was picked then.
bool run_lazy(Run& run);

}  // namespace mods::cuda
