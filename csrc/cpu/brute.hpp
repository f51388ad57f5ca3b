// Brute force on one part of the rows.
#pragma once
#include <utility>
#include <vector>

#include "cpu/run.hpp"

namespace mods::cpu {

inline constexpr int64_t kSmallPass = 1 << 15;  ///< values a pass below which one thread is faster

/// Of parts in ascending order, so that ties stay with the lowest number.
inline Farthest first_of_the_farthest(const std::vector<Farthest>& parts) {
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

}  // namespace mods::cpu
