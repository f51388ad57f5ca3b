// Fused brute force: one pass over the rows per pick. The fastest way for small problems and few
// picks, and the way out where lazy bounds do not pay.
#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "cpu/run.hpp"

namespace mods::cpu {

namespace {

constexpr int64_t kSmallPass = 1 << 15;  ///< values a pass below which one thread is faster

/// Of parts in ascending order, so that ties stay with the lowest number.
Farthest first_of_the_farthest(const std::vector<Farthest>& parts) {
  Farthest best;
  for (const Farthest& other : parts)
    if (other.value > best.value) best = other;
  return best;
}

/// One part of the rows: lowers its distances by one centre after another.
class BrutePart {
 public:
  BrutePart(const Tools& tools, const RowReader& rows, Buffer<double> m)
      : tools_(tools), rows_(rows), m_(std::move(m)), best_(tools.team.size()) {
    if (!rows.direct()) buffers_.resize(tools.team.size(), std::vector<float>(rows.d()));
  }

  const Buffer<double>& m() const { return m_; }

  /// Lowers m by the distances to a centre, d values; returns the farthest row, numbered as all
  /// rows are.
  Farthest lower(const RowAt& centre, const float* values) {
    if (centre.rows == &rows_) m_[centre.index] = -1;
    return numbered(pass(values));
  }

  Farthest farthest() const {
    Farthest best;
    for (int64_t p = 0; p < m_.size(); ++p)
      if (m_[p] > best.value) best = Farthest{m_[p], p};
    return numbered(best);
  }

 private:
  Farthest numbered(const Farthest& best) const {
    return Farthest{best.value, rows_.first() + best.index};
  }

  Farthest pass(const float* centre) {
    const int64_t n = rows_.n();
    tools_.statistics.pairs_refined += static_cast<double>(n);
    if (tools_.team.size() == 1 || n * rows_.d() < kSmallPass) return part(0, 0, n, centre);
    tools_.team.for_parts(n, [&](int thread, int64_t begin, int64_t end) {
      best_[thread] = part(thread, begin, end, centre);
    });
    return first_of_the_farthest(best_);
  }

  Farthest part(int thread, int64_t begin, int64_t end, const float* centre) {
    if (rows_.direct())
      return tools_.kernels.brute_pass(rows_.get(0, nullptr), rows_.stride(), rows_.d(), begin, end,
                                       centre, m_.data());
    Farthest best;
    for (int64_t p = begin; p < end; ++p) {
      const float* row = rows_.get(p, buffers_[thread].data());
      const Farthest one =
          tools_.kernels.brute_pass(row, 0, rows_.d(), 0, 1, centre, m_.data() + p);
      if (one.value > best.value) best = Farthest{one.value, p};
    }
    return best;
  }

  const Tools tools_;
  const RowReader& rows_;
  Buffer<double> m_;
  std::vector<Farthest> best_;
  std::vector<std::vector<float>> buffers_;
};

class Brute {
 public:
  Brute(Run& run, std::vector<Buffer<double>> m) : run_(run), values_(run.d()) {
    for (std::size_t i = 0; i < m.size(); ++i)
      parts_.emplace_back(run.tools, run.parts[i], std::move(m[i]));
  }

  Farthest add_centre(const RowAt& centre) {
    centre.copy(values_.data());
    std::vector<Farthest> best;
    for (BrutePart& part : parts_) best.push_back(part.lower(centre, values_.data()));
    return first_of_the_farthest(best);
  }

  Farthest farthest() const {
    std::vector<Farthest> best;
    for (const BrutePart& part : parts_) best.push_back(part.farthest());
    return first_of_the_farthest(best);
  }

  /// Non-finite rows show as non-finite distances to the first centre.
  void check_first_pass() const {
    for (std::size_t i = 0; i < parts_.size(); ++i)
      for (const double m : parts_[i].m())
        if (!(m <= std::numeric_limits<double>::max())) {
          run_.parts[i].require_valid(0, run_.parts[i].n());
          break;
        }
  }

  void pick_until_done(Farthest farthest) {
    while (true) {
      run_.note_radius(farthest.value);
      if (run_.picked() == run_.options.k || farthest.value <= 0) return;
      run_.result.picks.push_back(farthest.index);
      farthest = add_centre(run_.locate(farthest.index));
    }
  }

 private:
  Run& run_;
  std::vector<BrutePart> parts_;
  std::vector<float> values_;
};

}  // namespace

void continue_brute(Run& run, std::vector<Buffer<double>> m) {
  Brute brute(run, std::move(m));
  brute.pick_until_done(brute.farthest());
}

void run_brute(Run& run) {
  std::vector<Buffer<double>> m;
  for (const RowReader& rows : run.parts)
    m.emplace_back(run.tools.meter, rows.n(), std::numeric_limits<double>::infinity());
  Brute brute(run, std::move(m));
  Farthest farthest;
  bool checked = false;
  for (const RowAt& centre : run.starting_centres()) {
    if (!checked) centre.rows->require_valid(centre.index, centre.index + 1);
    farthest = brute.add_centre(centre);
    if (!std::exchange(checked, true)) brute.check_first_pass();
    run.progress.check();
  }
  run.note_first_pick();
  brute.pick_until_done(farthest);
}

}  // namespace mods::cpu
