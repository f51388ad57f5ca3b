// The state of a run on the device and every decision taken from it, as plain functions that the
// CPU tests call too. Nothing here affects which rows are picked: a badly chosen threshold only
// costs time. What picks depend on is in the comments of `in_reach` and `pick_phase`.
#pragma once
#include <cstdint>
#include <cstring>

#include "canonical.hpp"
#include "threshold.hpp"

namespace mods::cuda {

inline constexpr int kBuckets = 1024;  ///< buckets of stamps, to group rows of like history
#if !defined(MODS_CUDA_CANDIDATES)
#define MODS_CUDA_CANDIDATES 1024  // tests also build a small set, to see more refills
#endif
inline constexpr int kCandidates = MODS_CUDA_CANDIDATES;  ///< most candidates: one per thread
inline constexpr int kTileRows = 64;                      ///< rows per bound tile
inline constexpr int kChunk = 128;                        ///< centres per bound tile
inline constexpr int kNoIndex = 0x7fffffff;

/// Half of the room for candidates: the others may turn out to be there too. More for each pick
/// than on the CPU, as a round costs some twenty launches however few picks it brings. Distances
/// are float64, of which none above zero is lost by a threshold of 0; copies of centres among the
/// candidates do no harm, as a run ends when the farthest row is one.
MODS_HOST_DEVICE inline RefillLaw refill_law() { return RefillLaw{kCandidates / 2, 8, 0.0}; }

/// What the next launches have to do.
enum Phase : int {
  kNewRefill = 0,  ///< take the maximum and the histogram, choose a threshold
  kLowerBar = 1,   ///< too few rows stayed above the threshold: choose a lower one
  kReady = 2,      ///< the candidates are complete: build the matrix and pick
  kTooMany = 3,    ///< more candidates than kCandidates: raise the threshold first
  kDone = 4,       ///< all picks made, or nothing left at a distance from the centres
};

/// One per run, in device memory; the host reads a copy once per round.
struct RunState {
  int phase;
  int rows;          ///< n
  int fixed;         ///< centres given
  int centres;       ///< centres so far, t
  int wanted;        ///< centres at the end
  int bad_row;       ///< lowest row with NaN or infinity, else kNoIndex
  int zero_row;      ///< cosine: lowest row of length zero, else kNoIndex
  int unsketchable;  ///< some row is too large for the sketch
  int fault;         ///< an invariant did not hold: a bug, never the data
  // the threshold: rows with (m, -index) >= (bar, -bar_index) are candidates
  double bar;
  int bar_index;
  // refill
  unsigned long long max_bits;  ///< bits of the largest m, an upper bound of the true maximum
  ThresholdSearch search;
  double growth;  ///< running ratio of rows touched to rows wished for
  int listed;     ///< rows in the list to refresh
  int sorted;     ///< rows of it that are being refreshed in this pass
  int ticket;     ///< next tile of the pass
  int good;       ///< rows at or above the threshold, all fresh
  // selection of the top rows when there are too many
  unsigned long long prefix_value;
  unsigned prefix_index;
  int remaining;
  // picks
  int candidates;      ///< rows in the candidate set
  int picked_before;   ///< centres before the last pick phase
  double last_value;   ///< a recent largest m, for progress
  double final_value;  ///< max m once all picks are made
  // brute force
  int step;
  int current;       ///< the centre of this step
  unsigned arrived;  ///< blocks that finished the step
  // statistics
  unsigned long long pairs_bounded, pairs_refined;
};

MODS_HOST_DEVICE inline unsigned long long bits_of(double value) {
#if defined(__CUDA_ARCH__)
  return static_cast<unsigned long long>(__double_as_longlong(value));
#else
  unsigned long long bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
#endif
}

MODS_HOST_DEVICE inline double value_of(unsigned long long bits) {
#if defined(__CUDA_ARCH__)
  return __longlong_as_double(static_cast<long long>(bits));
#else
  double value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
#endif
}

/// Key of a live row for the argmax: the bits of a non-negative double order as integers. 0 is
/// "no row", so that a row at distance 0 still beats it.
MODS_HOST_DEVICE inline unsigned long long live_key(double m) { return bits_of(m) + 1; }
MODS_HOST_DEVICE inline double value_of_key(unsigned long long key) { return value_of(key - 1); }

/// (key, index) order of the picks: larger value first, then the lower index.
MODS_HOST_DEVICE inline bool beats(unsigned long long key_a, int index_a, unsigned long long key_b,
                                   int index_b) {
  return key_a > key_b || (key_a == key_b && index_a < index_b);
}

/// Whether a row with distance m is at or above the threshold. Centres have m = -1 and never are.
/// For every row outside, its true distance is at most its m, so no such row can win against, or
/// tie with and precede, a fresh row inside.
MODS_HOST_DEVICE inline bool in_reach(double m, int index, double bar, int bar_index) {
  return m > bar || (m == bar && index <= bar_index);
}

/// Candidates to aim for.
MODS_HOST_DEVICE inline int64_t target_of(const RunState& s) {
  return candidates_wanted(refill_law(), s.wanted - s.centres, s.rows);
}

MODS_HOST_DEVICE inline int min_of(int a, int b) { return a < b ? a : b; }
MODS_HOST_DEVICE inline int max_of(int a, int b) { return a > b ? a : b; }

/// Starts a refill once max_bits is known. Nothing left at a distance: the run is done.
MODS_HOST_DEVICE inline void begin_refill(RunState& s) {
  const double maximum = value_of(s.max_bits);
  if (!(maximum > 0)) {
    s.phase = kDone;
    s.final_value = 0;
    return;
  }
  s.search = begin_search(maximum, target_of(s), s.growth);
  s.bar_index = kNoIndex;
}

/// Chooses the next threshold. `sums` holds the sums of `width` consecutive bins each.
MODS_HOST_DEVICE inline void choose_bar(RunState& s, const unsigned* bins, const unsigned* sums,
                                        int width) {
  const BinAndRows found = bin_holding(bins, s.search.want, s.search.bin, sums, width);
  s.search.bin = found.bin;
  s.search.touched += found.rows;
  s.bar = threshold_of(s.search, refill_law());
}

/// After a refresh: go on with these candidates, or lower the threshold.
MODS_HOST_DEVICE inline void decide(RunState& s) {
  const int64_t target = target_of(s);
  s.picked_before = s.centres;
  if (!enough_candidates(s.search, target, s.good)) {
    ask_for_more(s.search, target, s.good);
    s.phase = kLowerBar;
    return;
  }
  s.growth = grown(s.growth, s.search, target);
  s.phase = s.good > kCandidates ? kTooMany : kReady;
  s.candidates = min_of(s.good, kCandidates);
}

/// Stamps per bucket, as a shift, so that stamps 0..centres fit.
MODS_HOST_DEVICE inline int bucket_shift(int centres) {
  int shift = 6;
  while (centres >> shift >= kBuckets) ++shift;
  return shift;
}

/// Digit `round` (0 is the most significant) of the key (bits of m, ~index): 8 of the value, 4 of
/// the index. The top rows by this key are those with the largest m, then the lowest index.
inline constexpr int kDigitRounds = 12;
MODS_HOST_DEVICE inline int digit_of(unsigned long long value, unsigned inverse, int round) {
  return round < 8 ? static_cast<int>(value >> (56 - 8 * round) & 255)
                   : static_cast<int>(inverse >> (88 - 8 * round) & 255);
}
MODS_HOST_DEVICE inline bool matches_prefix(unsigned long long value, unsigned inverse,
                                            const RunState& s, int round) {
  if (round < 8)
    return round == 0 || (value >> (64 - 8 * round)) == (s.prefix_value >> (64 - 8 * round));
  if (value != s.prefix_value) return false;
  return round == 8 || (inverse >> (96 - 8 * round)) == (s.prefix_index >> (96 - 8 * round));
}
MODS_HOST_DEVICE inline void begin_selection(RunState& s) {
  s.prefix_value = 0;
  s.prefix_index = 0;
  s.remaining = kCandidates;
}
MODS_HOST_DEVICE inline void choose_digit(RunState& s, const unsigned* counts, int round) {
  int digit = 255;
  while (digit > 0 && static_cast<unsigned>(s.remaining) > counts[digit])
    s.remaining -= static_cast<int>(counts[digit--]);
  if (round < 8)
    s.prefix_value |= static_cast<unsigned long long>(digit) << (56 - 8 * round);
  else
    s.prefix_index |= static_cast<unsigned>(digit) << (88 - 8 * round);
}
MODS_HOST_DEVICE inline void end_selection(RunState& s) {
  s.bar = value_of(s.prefix_value);
  s.bar_index = static_cast<int>(~s.prefix_index);
}

}  // namespace mods::cuda
