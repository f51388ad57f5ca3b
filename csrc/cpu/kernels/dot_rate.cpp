#include "cpu/kernels/dot_rate.hpp"

#include <vector>

#include "clock.hpp"
#include "cpu/kernels/kernels.hpp"
#include "cpu/machine/memory.hpp"
#include "cpu/machine/processors.hpp"
#include "cpu/machine/team.hpp"

namespace mods::cpu {

std::pair<double, double> dot_rate(int64_t d, int threads, const std::string& isa) {
  const Kernels& kernels = choose_kernels(isa.c_str());
  Team team(threads > 0 ? threads : usable_threads(), [] { return true; });
  MemoryMeter meter;
  const int64_t steps = (d + 3) / 4;
  Buffer<uint8_t> bytes(meter, kTileLanes * steps * 4, 1);
  Buffer<float> values(meter, kTileLanes, 1.0f);
  const PackedView packed{bytes.data(),  values.data(), values.data(),
                          values.data(), values.data(), steps};
  constexpr int kRows = 32;      // that stay in the cache
  constexpr double kWork = 4e9;  // multiply-adds a thread: some tens of milliseconds
  const int rounds =
      static_cast<int>(kWork / (kRows * kTileLanes * static_cast<double>(steps) * 4));
  const auto start = Clock::now();
  team.run([&](int) {
    std::vector<int8_t> q(kRows * steps * 4, 1);
    float lower[kTilePoints][kTileLanes];
    for (int round = 0; round < rounds; ++round)
      for (int row = 0; row < kRows; row += kTilePoints) {
        TilePoint points[kTilePoints];
        for (int i = 0; i < kTilePoints; ++i)
          points[i] =
              TilePoint{q.data() + (row + i) * steps * 4, SketchRow{1, 1, 0, 0}, 1, -1e9f, 0};
        kernels.bound_tile(packed, 0, kTileGroups, points, kTilePoints, 0, lower);
      }
  });
  const double macs = static_cast<double>(team.size()) * rounds * kRows * kTileLanes * steps * 4;
  const double kernel = macs / seconds_since(start);
  if (kernels.dot_peak == nullptr) return {kernel, 0.0};
  constexpr int64_t kIterations = 10000000;  // likewise
  double per_iteration = 0;
  const auto peak_start = Clock::now();
  team.run([&](int thread) {
    const double one = kernels.dot_peak(kIterations);
    if (thread == 0) per_iteration = one;
  });
  return {kernel, per_iteration * kIterations * team.size() / seconds_since(peak_start)};
}

}  // namespace mods::cpu
