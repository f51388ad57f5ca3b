// Speeds of this machine that the benchmarks relate the core to.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

namespace mods::cpu {

/// Bytes per second read from `data` by all threads together, one pass.
double read_bandwidth(const void* data, std::size_t bytes, int threads);

/// Multiply-adds per second of (the bound kernel on rows in cache, the dot instruction alone). The
/// second is 0 for kernels without a byte-dot instruction.
std::pair<double, double> dot_rate(int64_t d, int threads, const std::string& isa);

}  // namespace mods::cpu
