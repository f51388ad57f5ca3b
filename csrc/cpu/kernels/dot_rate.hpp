// The speed of the bound kernel, which the benchmarks relate to that of its dot instruction.
#pragma once
#include <cstdint>
#include <string>
#include <utility>

namespace mods::cpu {

/// Multiply-adds per second of (the bound kernel on rows in cache, the dot instruction alone). The
/// second is 0 for kernels without a byte-dot instruction.
std::pair<double, double> dot_rate(int64_t d, int threads, const std::string& isa);

}  // namespace mods::cpu
