// The control law of refills, for CPU and CUDA: how many candidates to aim for, and which threshold
// will probably bring them.
//
// A refill takes the rows whose upper bounds are at or above a threshold, brings them up to date
// (most fall below it) and keeps those that stay. How many will stay is not known before: the law
// takes as many rows from the top of a histogram of the bounds as the last refills needed, and
// lowers the threshold where too few stayed. Picks do not depend on it: any threshold is right, a
// bad one costs time.
#pragma once
#include <cstdint>

#include "canonical.hpp"

namespace mods {

/// What differs between devices.
struct RefillLaw {
  int64_t most;      ///< candidates to aim for where many picks are left
  int64_t per_pick;  ///< and for each pick still to be made, where few are
  double lowest;     ///< the threshold that takes every row that can still be picked
};

/// Linear bins over 0 .. the largest bound. Rows are many and candidates few: with 4096 bins the
/// topmost hold a handful of rows each, and the counts still fit the fastest memories.
inline constexpr int kBins = 4096;

/// Fewer candidates than this are not worth the scan over all rows that finds them.
inline constexpr int64_t kFewestCandidates = 64;

/// Of the rows that are brought up to date, at least this share is expected to stay on top.
inline constexpr double kLeastYield = 0.02;

/// No more rows are expected to be touched for each candidate than the least yield says.
inline constexpr double kMostGrowth = 1 / kLeastYield;

/// Weight of a refill in the running ratio of rows touched to rows wished for: three or four
/// refills make the estimate, as what is left changes slowly.
inline constexpr double kNewest = 0.3;

/// A threshold is put this much above the edge of its bin, so that whatever way the division was
/// rounded no row at the threshold lies in a lower bin.
inline constexpr double kAboveRounding = 1 + 1e-12;

/// The largest finite scale: with it products stay finite however small the largest bound is.
inline constexpr double kMostScale = 1.7976931348623157e308;

/// Where a refill stands in its search for a threshold.
struct ThresholdSearch {
  double scale;     ///< bins per unit of the bounds
  int bin;          ///< bins from here up are above the threshold
  int64_t want;     ///< rows to bring above the next threshold
  int64_t touched;  ///< rows brought above it in this refill
};

/// Candidates to aim for: no more than the picks still to be made (and the radius after the last)
/// can use.
MODS_HOST_DEVICE inline int64_t candidates_wanted(const RefillLaw& law, int64_t picks_left,
                                                  int64_t rows) {
  int64_t target = law.per_pick * (picks_left + 1);
  if (target < kFewestCandidates) target = kFewestCandidates;
  if (target > law.most) target = law.most;
  return target < rows ? target : rows;
}

/// Bins per unit where `top` > 0 is the largest bound.
MODS_HOST_DEVICE inline double bin_scale(double top) {
  const double scale = (kBins - 1) / top;
  return scale < kMostScale ? scale : kMostScale;
}

/// Starts a search; `growth` is the running ratio of rows touched to candidates wished for.
MODS_HOST_DEVICE inline ThresholdSearch begin_search(double top, int64_t target, double growth) {
  const int64_t want = static_cast<int64_t>(static_cast<double>(target) * growth);
  return ThresholdSearch{bin_scale(top), kBins, want < kFewestCandidates ? kFewestCandidates : want,
                         0};
}

/// Bin of a bound in 0 .. top. Monotonic, as floating-point multiplication is.
MODS_HOST_DEVICE inline int bin_of(double bound, double scale) {
  const int bin = static_cast<int>(bound * scale);
  return bin < kBins - 1 ? bin : kBins - 1;
}

struct BinAndRows {
  int bin;
  int64_t rows;
};

/// The highest bin such that it and those above, below `end`, hold at least `want` rows (bin 0 if
/// they do not), and how many they hold. `sums`, where given, holds the sums of `width` consecutive
/// bins each and makes the search faster.
template <class Count>
MODS_HOST_DEVICE inline BinAndRows bin_holding(const Count* bins, int64_t want, int end,
                                               const Count* sums = nullptr, int width = 1) {
  BinAndRows found{end, 0};
  while (found.bin > 0 && found.rows < want) {
    const int above = found.bin - 1;
    if (sums != nullptr && found.bin % width == 0 && found.rows + sums[above / width] < want) {
      found.rows += sums[above / width];
      found.bin -= width;
    } else {
      found.rows += bins[above];
      found.bin = above;
    }
  }
  return found;
}

/// The threshold of the search's bin.
MODS_HOST_DEVICE inline double threshold_of(const ThresholdSearch& search, const RefillLaw& law) {
  return search.bin > 0 ? search.bin / search.scale * kAboveRounding : law.lowest;
}

/// Whether `good` rows at or above the threshold will do: half of the target, as every lowering
/// costs another pass, or all there are.
MODS_HOST_DEVICE inline bool enough_candidates(const ThresholdSearch& search, int64_t target,
                                               int64_t good) {
  const int64_t half = target / 2;
  return search.bin == 0 || good >= (half > 1 ? half : 1);
}

/// Asks for as many rows more as the yield so far promises to be enough, but for no more than
/// double what was touched: the first yields say little.
MODS_HOST_DEVICE inline void ask_for_more(ThresholdSearch& search, int64_t target, int64_t good) {
  const int64_t touched = search.touched > 1 ? search.touched : 1;
  const double yield = static_cast<double>(good) / static_cast<double>(touched);
  const double more =
      static_cast<double>(target - good) / (yield > kLeastYield ? yield : kLeastYield);
  const int64_t asked = static_cast<int64_t>(more) + kFewestCandidates;
  const int64_t most = 2 * search.touched + kFewestCandidates;
  search.want = asked < most ? asked : most;
}

/// The running ratio once a refill is over.
MODS_HOST_DEVICE inline double grown(double growth, const ThresholdSearch& search, int64_t target) {
  const double ratio = static_cast<double>(search.touched) / static_cast<double>(target);
  return (1 - kNewest) * growth + kNewest * (ratio < kMostGrowth ? ratio : kMostGrowth);
}

}  // namespace mods
