// Fused brute force: one pass over the rows per pick. The fastest way for small problems and few
// picks, and the way out where lazy bounds do not pay.
#include <algorithm>
#include <limits>
#include <vector>

#include "run_state.hpp"

namespace mods::cpu {

namespace {

constexpr int64_t kSmallPass = 1 << 15;  ///< values a pass below which one thread is faster

class Brute {
 public:
  Brute(Run& run, Buffer<double>& m)
      : run_(run), m_(m), centre_(run.rows.d()), best_(run.team.size()) {
    if (!run.rows.direct()) buffers_.resize(run.team.size(), std::vector<float>(run.rows.d()));
  }

  /// Lowers m by the distances to row c and makes c a centre; returns the farthest row.
  Farthest add_centre(int64_t c) {
    run_.rows.copy(c, centre_.data());
    m_[c] = -1;
    return pass();
  }

  Farthest farthest() const {
    Farthest best;
    for (int64_t p = 0; p < m_.size(); ++p)
      if (m_[p] > best.value) best = Farthest{m_[p], p};
    return best;
  }

 private:
  Farthest pass() {
    const int64_t n = run_.rows.n(), d = run_.rows.d();
    run_.result.statistics.pairs_refined += static_cast<double>(n);
    if (run_.team.size() == 1 || n * d < kSmallPass) return part(0, 0, n);
    run_.team.for_parts(n, [&](int thread, int64_t begin, int64_t end) {
      best_[thread] = part(thread, begin, end);
    });
    Farthest best;
    for (const Farthest& other : best_)
      if (other.value > best.value) best = other;  // parts ascend: ties stay with the lowest index
    return best;
  }

  Farthest part(int thread, int64_t begin, int64_t end) {
    const RowReader& rows = run_.rows;
    if (rows.direct())
      return run_.kernels.brute_pass(rows.get(0, nullptr), rows.stride(), rows.d(), begin, end,
                                     centre_.data(), m_.data());
    Farthest best;
    for (int64_t p = begin; p < end; ++p) {
      const float* row = rows.get(p, buffers_[thread].data());
      const Farthest one =
          run_.kernels.brute_pass(row, 0, rows.d(), 0, 1, centre_.data(), m_.data() + p);
      if (one.value > best.value) best = Farthest{one.value, p};
    }
    return best;
  }

  Run& run_;
  Buffer<double>& m_;
  std::vector<float> centre_;
  std::vector<Farthest> best_;
  std::vector<std::vector<float>> buffers_;
};

/// Non-finite rows show as non-finite distances to the first centre.
void check_first_pass(const Run& run, const Buffer<double>& m) {
  for (int64_t p = 0; p < m.size(); ++p)
    if (!(m[p] <= std::numeric_limits<double>::max())) {
      run.rows.require_valid(0, run.rows.n());
      return;
    }
}

void pick_until_done(Run& run, Brute& brute, Farthest farthest) {
  while (true) {
    run.note_radius(farthest.value);
    if (run.picked() == run.options.k || farthest.value <= 0) return;
    run.result.picks.push_back(farthest.index);
    farthest = brute.add_centre(farthest.index);
  }
}

}  // namespace

void continue_brute(Run& run, Buffer<double>& m) {
  Brute brute(run, m);
  pick_until_done(run, brute, brute.farthest());
}

void run_brute(Run& run) {
  const Options& options = run.options;
  Buffer<double> m(run.meter, run.rows.n(), std::numeric_limits<double>::infinity());
  Brute brute(run, m);
  Farthest farthest;
  const int64_t starts = std::max<int64_t>(options.initial_count, 1);
  for (int64_t i = 0; i < starts; ++i) {
    const int64_t c = options.initial_count > 0 ? options.initial[i] : options.first;
    if (i == 0) run.rows.require_valid(c, c + 1);
    farthest = brute.add_centre(c);
    if (i == 0) check_first_pass(run, m);
    if (!run.progress.poll()) throw Interrupted{};
  }
  if (options.initial_count == 0) run.result.picks.push_back(options.first);
  pick_until_done(run, brute, farthest);
}

}  // namespace mods::cpu
