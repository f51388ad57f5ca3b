#include "cpu/sketch.hpp"

#include <algorithm>

namespace mods::cpu {

namespace {
constexpr int64_t kMeanSample = 256;  ///< rows: the mean need not be precise
constexpr int64_t kRowsPerChunk = 128;
constexpr int64_t kMostCached = 16 << 20;  ///< bytes of a sketch worth keeping in the cache
}  // namespace

std::vector<float> sample_mean(Run& run) {
  const int64_t n = run.n(), d = run.d();
  const int64_t count = std::min(n, kMeanSample);
  std::vector<double> sum(d);
  std::vector<float> buffer(d), mean(d);
  for (int64_t i = 0; i < count; ++i) run.locate(n * i / count).prefetch();
  for (int64_t i = 0; i < count; ++i) {
    const float* row = run.locate(n * i / count).get(buffer.data());
    for (int64_t j = 0; j < d; ++j) sum[j] += row[j];
  }
  for (int64_t j = 0; j < d; ++j) mean[j] = static_cast<float>(sum[j] / static_cast<double>(count));
  return mean;
}

Sketch::Sketch(const Tools& tools, const RowReader& rows, const std::vector<float>& mean)
    : upper(tools.meter, rows.n()),
      stamp(tools.meter, rows.n()),
      points(tools.meter, rows.n()),
      tools_(tools),
      rows_(rows),
      mean_(mean),
      steps_((rows.d() + 3) / 4),
      slack_(kcenter_slack(rows.d())),
      q_(tools.meter, rows.n() * steps_ * 4) {}

bool Sketch::build(const RowAt& centre) {
  const int64_t d = rows_.d();
  std::vector<float> centre_row(d);
  centre.copy(centre_row.data());
  centre.rows->require_valid(centre.index, centre.index + 1);
  FirstBad bad;
  tools_.team.for_chunks(size(), kRowsPerChunk, [&](int, int64_t begin, int64_t end) {
    rows_.read_ahead(begin, end);
    std::vector<float> buffer(rows_.direct() ? 0 : d);
    for (int64_t p = begin; p < end; ++p) {
      const Sketched sketched =
          tools_.kernels.sketch(rows_.get(p, buffer.data()), mean_.data(), centre_row.data(), d,
                                slack_, q_.data() + p * steps_ * 4, q_.size() > kMostCached);
      if (!(sketched.row.norm2 <= kMaxNorm2)) bad.note(p);
      start(p, sketched);
    }
  });
  tools_.statistics.pairs_bounded += static_cast<double>(size());
  if (bad.any()) rows_.require_valid(bad.row(), size());
  return !bad.any();
}

SketchRow Sketch::sketch_of(const float* values, int8_t* q) const {
  return tools_.kernels.sketch(values, mean_.data(), values, rows_.d(), slack_, q, false).row;
}

/// Only the first centre is seen, and pending.
void Sketch::start(int64_t p, const Sketched& sketched) {
  const Bounds bounds = distance32_bounds(sketched.distance32, slack_);
  Point& point = points[p];
  point.row = sketched.row;
  point.exact = std::numeric_limits<double>::infinity();
  std::fill(point.pending, point.pending + kPending, -1);
  point.pending[0] = 0;
  point.pending_lower[0] = bounds.lower;
  upper[p] = bounds.upper;
  stamp[p] = 1;
}

}  // namespace mods::cpu
