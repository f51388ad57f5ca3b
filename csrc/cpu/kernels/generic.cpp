// Portable kernels: plain C++ for any 64-bit machine.
#include "cpu/kernels/kernels.hpp"

namespace mods::cpu {
namespace {

double distance(const float* x, const float* c, int64_t d) {
  double lane[kLanes] = {};
  int64_t j = 0;
  for (; j + kLanes <= d; j += kLanes)
    for (int l = 0; l < kLanes; ++l) {
      const double e = static_cast<double>(x[j + l]) - static_cast<double>(c[j + l]);
      lane[l] += e * e;
    }
  for (int l = 0; j < d; ++j, ++l) {
    const double e = static_cast<double>(x[j]) - static_cast<double>(c[j]);
    lane[l] += e * e;
  }
  return fold_lanes(lane);
}

#include "cpu/kernels/shared.inl"

/// Dots of one row with one group. Two products of values in -127..127 fit an int16.
void dot_group(const uint8_t* bytes, int64_t steps, const int8_t* q, int32_t* dots) {
  for (int l = 0; l < kGroup; ++l) dots[l] = 0;
  for (int64_t step = 0; step < steps; ++step) {
    const int8_t* lanes = reinterpret_cast<const int8_t*>(bytes) + step * kGroup * 4;
    const int16_t q0 = q[step * 4], q1 = q[step * 4 + 1];
    const int16_t q2 = q[step * 4 + 2], q3 = q[step * 4 + 3];
    for (int l = 0; l < kGroup; ++l) {
      const int16_t low = static_cast<int16_t>(lanes[l * 4] * q0 + lanes[l * 4 + 1] * q1);
      const int16_t high = static_cast<int16_t>(lanes[l * 4 + 2] * q2 + lanes[l * 4 + 3] * q3);
      dots[l] += static_cast<int32_t>(low) + static_cast<int32_t>(high);
    }
  }
}

void bound_tile(const PackedView& packed, int64_t group, int groups, TilePoint* points, int count,
                float slack, float (*lower)[kTileLanes]) {
  int32_t dots[kTileLanes];
  const int64_t group_bytes = packed.steps * kGroup * 4;
  for (int i = 0; i < count; ++i) {
    for (int g = 0; g < groups; ++g)
      dot_group(packed.bytes + (group + g) * group_bytes, packed.steps, points[i].q,
                dots + g * kGroup);
    finish_point(packed, group, groups, points[i], slack, dots, lower[i]);
  }
}

void bound_lanes(const PackedView& packed, int64_t groups, const TilePoint* points, int count,
                 const float* lane_upper, float slack, uint16_t* survivors) {
  int32_t dots[kGroup];
  for (int64_t g = 0; g < groups; ++g)
    for (int i = 0; i < count; ++i) {
      dot_group(packed.bytes + g * packed.steps * kGroup * 4, packed.steps, points[i].q, dots);
      survivors[i * groups + g] = lanes_below(packed, g, points[i], slack, dots, lane_upper);
    }
}

const Kernels table = {"generic",  0,           distance,     brute_pass,  sketch_plain,
                       bound_tile, bound_lanes, select_range, widen_plain, nullptr};

}  // namespace

const Kernels* kernels_generic() { return &table; }

}  // namespace mods::cpu
