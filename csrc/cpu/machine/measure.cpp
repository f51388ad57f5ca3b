#include "cpu/machine/measure.hpp"

#include <atomic>
#include <cstdint>

#include "clock.hpp"
#include "cpu/machine/processors.hpp"
#include "cpu/machine/team.hpp"

namespace mods::cpu {

double read_bandwidth(const void* data, std::size_t bytes, int threads) {
  Team team(threads > 0 ? threads : usable_threads(), [] { return true; });
  const uint64_t* words = static_cast<const uint64_t*>(data);
  std::atomic<uint64_t> sink{0};
  const auto start = Clock::now();
  team.for_parts(static_cast<int64_t>(bytes / 8), [&](int, int64_t begin, int64_t end) {
    uint64_t sum[32] = {};
    int64_t i = begin;
    for (; i + 32 <= end; i += 32)
      for (int l = 0; l < 32; ++l) sum[l] += words[i + l];
    for (int l = 1; l < 32; ++l) sum[0] += sum[l];
    sink += sum[0];
  });
  return static_cast<double>(bytes) / seconds_since(start);
}

}  // namespace mods::cpu
