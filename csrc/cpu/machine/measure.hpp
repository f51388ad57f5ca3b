// The read bandwidth of this machine, which the benchmarks relate the core to.
#pragma once
#include <cstddef>

namespace mods::cpu {

/// Bytes per second read from `data` by all threads together, one pass.
double read_bandwidth(const void* data, std::size_t bytes, int threads);

}  // namespace mods::cpu
