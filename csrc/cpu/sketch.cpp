#include "sketch.hpp"

namespace mods::cpu {

namespace {
constexpr int64_t kMeanSample = 256;
constexpr int64_t kRowsPerChunk = 128;
constexpr int64_t kMostCached = 16 << 20;  ///< bytes of a sketch worth keeping in the cache
}  // namespace

Sketch::Sketch(Run& run)
    : upper(run.meter, run.rows.n()),
      stamp(run.meter, run.rows.n()),
      points(run.meter, run.rows.n()),
      run_(run),
      steps_((run.rows.d() + 3) / 4),
      slack_(kcenter_slack(run.rows.d())),
      q_(run.meter, run.rows.n() * steps_ * 4),
      mean_(run.rows.d()) {}

void Sketch::sample_mean() {
  const int64_t n = run_.rows.n(), d = run_.rows.d();
  const int64_t count = std::min(n, kMeanSample);
  std::vector<double> sum(d);
  std::vector<float> buffer(d);
  for (int64_t i = 0; i < count; ++i) run_.rows.prefetch(n * i / count);
  for (int64_t i = 0; i < count; ++i) {
    const float* row = run_.rows.get(n * i / count, buffer.data());
    for (int64_t j = 0; j < d; ++j) sum[j] += row[j];
  }
  for (int64_t j = 0; j < d; ++j)
    mean_[j] = static_cast<float>(sum[j] / static_cast<double>(count));
}

bool Sketch::build(int64_t centre) {
  const RowReader& rows = run_.rows;
  const int64_t d = rows.d();
  sample_mean();
  std::vector<float> centre_row(d);
  rows.copy(centre, centre_row.data());
  rows.require_valid(centre, centre + 1);
  FirstBad bad;
  run_.team.for_chunks(size(), kRowsPerChunk, [&](int, int64_t begin, int64_t end) {
    rows.read_ahead(begin, end);
    std::vector<float> buffer(rows.direct() ? 0 : d);
    for (int64_t p = begin; p < end; ++p) {
      const Sketched sketched =
          run_.kernels.sketch(rows.get(p, buffer.data()), mean_.data(), centre_row.data(), d,
                              slack_, q_.data() + p * steps_ * 4, q_.size() > kMostCached);
      if (!(sketched.row.norm2 <= kMaxNorm2)) bad.note(p);
      start(p, sketched);
    }
  });
  run_.result.statistics.pairs_bounded += static_cast<double>(size());
  if (bad.any()) rows.require_valid(bad.row(), size());
  return !bad.any();
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
