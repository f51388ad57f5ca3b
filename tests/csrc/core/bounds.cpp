// The certified bounds hold for every pair of rows, instruction set and scale.
#include <algorithm>

#include "bound.hpp"
#include "canonical.hpp"
#include "cpu/kernels/kernels.hpp"
#include "cpu/machine/memory.hpp"
#include "suite.hpp"

namespace mods::test {

namespace {

void expect_bounds_hold(float factor, float shift) {
  const Matrix x = scaled(clustered(300, 70, 33), factor, shift);
  std::vector<float> mean(x.d);
  std::copy(x.row(0), x.row(1), mean.begin());
  const float slack = kcenter_slack(x.d);
  const cpu::Kernels* available[3];
  const int count = cpu::available_kernels(available);
  for (int i = 0; i < count; ++i) {
    const int64_t stride = (x.d + 3) / 4 * 4;
    cpu::MemoryMeter meter;
    cpu::Buffer<int8_t> q(meter, x.n * stride);
    const auto sketched = [&](int64_t p, int64_t c) {
      return available[i]->sketch(x.row(p), mean.data(), x.row(c), x.d, slack,
                                  q.data() + p * stride, p % 2 == 0);
    };
    std::vector<SketchRow> sketch(x.n);
    for (int64_t p = 0; p < x.n; ++p) sketch[p] = sketched(p, 0).row;
    bool hold = true;
    for (int64_t p = 0; p < x.n; ++p)
      for (int64_t c = 0; c < x.n; ++c) {
        int32_t dot = 0;
        for (int64_t j = 0; j < stride; ++j) dot += q[p * stride + j] * q[c * stride + j];
        const Bounds bounds =
            pair_bounds(sketch[p], upper_length(sketch[p].norm2, slack), sketch[c],
                        upper_length(sketch[c].norm2, slack), dot, slack);
        const double value = canonical_distance(x.row(p), x.row(c), x.d);
        hold = hold && bounds.lower <= value && value <= bounds.upper;
        const Bounds close = distance32_bounds(sketched(p, c).distance32, slack);
        hold = hold && close.lower <= value && value <= close.upper;
      }
    check(hold, std::string("bounds hold, ") + available[i]->name);
  }
}

}  // namespace

void test_bounds() {
  for (float factor : {1e-18f, 1e-3f, 1.0f, 1e6f, 1e16f}) expect_bounds_hold(factor, 0);
  expect_bounds_hold(1, 100);
}

}  // namespace mods::test
