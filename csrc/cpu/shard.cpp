#include "cpu/shard.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <utility>

namespace mods::cpu {

namespace {

/// 512 candidates were best of 256 to 1024, three a pick best of 2 to 8 (benchmarks/NOTES.md). The
/// bounds are float32 and rounded up, so a distance above zero is at least the smallest of these.
constexpr RefillLaw kLaw{512, 3, std::numeric_limits<float>::denorm_min()};

/// Candidates in exact ties (or an eighth of the rows, if more) beyond which brute force costs less
/// than keeping them up to date.
constexpr int64_t kMostTied = 8192;
constexpr int64_t kMostTiedShare = 8;

/// An offer is cut where it is this many times larger than was asked for.
constexpr int64_t kFarTooMany = 2;

constexpr int64_t kWindow = 1 << 14;  ///< rows of a refill that are regrouped together
constexpr int64_t kAhead = 1 << 12;   ///< rows that a thread looks through when it works ahead

/// Waits for a disk in a pass over all rows that may come from elsewhere (the program itself, ...).
constexpr int64_t kFewWaits = 16;

double above(double largest) {
  return std::nextafter(largest, std::numeric_limits<double>::infinity());
}

}  // namespace

Shard::Shard(const Tools& tools, RowReader& rows, const std::vector<float>& mean,
             int64_t most_centres)
    : tools_(tools),
      rows_(rows),
      sketch_(tools, rows, mean),
      centres_(tools, sketch_, rows, most_centres),
      refresher_(tools, rows, sketch_, centres_),
      selected_(tools.meter, rows.n()),
      work_(tools.meter, rows.n()) {}

/// Also finds out whether the rows are in memory from now on.
bool Shard::build(const RowAt& first) {
  const bool seemed_in_memory = !rows_.on_disk();
  const int64_t waits = disk_waits();
  const bool certified = sketch_.build(first);
  if (!seemed_in_memory)
    rows_.locate();
  else if (disk_waits() - waits > kFewWaits)
    rows_.assume_on_disk();
  return certified;
}

void Shard::learn(const std::vector<RowAt>& centres) {
  centres_.add(centres);
  for (const RowAt& centre : centres)
    if (centre.rows == &rows_) sketch_.upper[centre.index] = -1;
}

void Shard::settle(const std::vector<Settled>& candidates) {
  for (const Settled& candidate : candidates) {
    sketch_.points[candidate.index].exact = candidate.exact;
    sketch_.stamp[candidate.index] = candidate.stamp;
    sketch_.upper[candidate.index] = round_up(candidate.exact);
  }
  first_part_ += parts_taken_.exchange(0);
  refresher_.sum_up();
}

Offer Shard::refill(int64_t picks_left) {
  while (true) {
    const float top = largest_upper();
    if (top <= 0) return offer_none(0);
    // Where float32 upper bounds lose their precision the bounds could not separate rows anyway.
    if (top < kTinyBound) return offer_none(above(top));
    const int64_t n = sketch_.size(), target = candidates_wanted(kLaw, picks_left, n);
    std::vector<int32_t> found = bring_up(top, target);
    if (found.empty()) continue;  // all were copies of centres: upper is now 0 for them
    keep_largest(found, target);
    if (static_cast<int64_t>(found.size()) > std::max(kMostTied, n / kMostTiedShare))
      return offer_none(above(largest_upper()));
    return offer(std::move(found));
  }
}

/// The rows at or above a threshold, all exact; and the threshold in tau_.
std::vector<int32_t> Shard::bring_up(float top, int64_t target) {
  ThresholdSearch search = begin_search(top, target, growth_);
  const std::vector<int64_t> bins = count_uppers(search.scale);
  std::vector<int32_t> found;
  tau_ = std::numeric_limits<double>::infinity();
  while (true) {
    search.bin = bin_holding(bins.data(), search.want, search.bin).bin;
    const double above = std::exchange(tau_, threshold_of(search, kLaw));
    const int64_t count = collect(tau_, above);
    refresher_.refresh(work_.data(), count, tau_);
    for (int64_t i = 0; i < count; ++i)
      if (sketch_.upper[work_[i]] >= tau_) found.push_back(work_[i]);
    search.touched += count;
    const int64_t good = static_cast<int64_t>(found.size());
    if (enough_candidates(search, target, good)) break;
    ask_for_more(search, target, good);
  }
  growth_ = grown(growth_, search, target);
  // An estimate, as what was refreshed has fallen below tau since it was counted.
  const int64_t next = static_cast<int64_t>(static_cast<double>(target) * growth_);
  next_tau_ = bin_holding(bins.data(), next, search.bin).bin / search.scale;
  return found;
}

float Shard::largest_upper() {
  std::vector<float> best(tools_.team.size(), -1.0f);
  tools_.team.for_parts(sketch_.size(), [&](int thread, int64_t begin, int64_t end) {
    float top = -1;
    for (int64_t p = begin; p < end; ++p) top = sketch_.upper[p] > top ? sketch_.upper[p] : top;
    best[thread] = top;
  });
  return *std::max_element(best.begin(), best.end());
}

/// Rows in each bin; centres are in none.
std::vector<int64_t> Shard::count_uppers(double scale) {
  std::vector<int64_t> bins(kBins);
  std::vector<std::vector<int32_t>> counts(tools_.team.size(), std::vector<int32_t>(kBins));
  tools_.team.for_parts(sketch_.size(), [&](int thread, int64_t begin, int64_t end) {
    int32_t* count = counts[thread].data();
    for (int64_t p = begin; p < end; ++p)
      if (sketch_.upper[p] >= 0) ++count[bin_of(sketch_.upper[p], scale)];
  });
  for (const std::vector<int32_t>& count : counts)
    for (int bin = 0; bin < kBins; ++bin) bins[bin] += count[bin];
  return bins;
}

/// Writes the rows with tau <= upper < above to work_, grouped by the group of their stamp.
int64_t Shard::collect(double tau, double above) {
  const int64_t n = sketch_.size();
  std::vector<int64_t> counts(tools_.team.size());
  tools_.team.for_parts(n, [&](int thread, int64_t begin, int64_t end) {
    counts[thread] = select(begin, end, tau, above);
  });
  int64_t total = 0;
  for (int part = 0; part < tools_.team.size(); ++part) {
    const int32_t* ids = selected_.data() + n * part / tools_.team.size();
    std::copy(ids, ids + counts[part], selected_.data() + total);
    total += counts[part];
  }
  group_by_stamp(total);
  return total;
}

/// Writes the rows in begin..end with tau <= upper < above to selected_, from begin on.
int64_t Shard::select(int64_t begin, int64_t end, double tau, double above) {
  return tools_.kernels.select(sketch_.upper.data(), begin, end, round_up(tau), round_up(above),
                               selected_.data() + begin);
}

/// Counting sort of selected_ into work_, window by window: blocks of rows that have seen the same
/// centres cost least, but over a whole refill the rows are still read in ascending order, which is
/// what rows on disk need.
void Shard::group_by_stamp(int64_t total) {
  const int64_t share = (total + tools_.team.size() - 1) / tools_.team.size();
  tools_.team.for_chunks(total, std::clamp<int64_t>(share, 1, kWindow),
                         [&](int, int64_t begin, int64_t end) { group_window(begin, end); });
}

void Shard::group_window(int64_t begin, int64_t end) {
  const auto group_of = [&](int64_t i) { return sketch_.stamp[selected_[i]] / kGroup; };
  std::vector<int64_t> slot(centres_.count() / kGroup + 2);
  for (int64_t i = begin; i < end; ++i) ++slot[group_of(i) + 1];
  for (std::size_t group = 1; group < slot.size(); ++group) slot[group] += slot[group - 1];
  for (int64_t i = begin; i < end; ++i) work_[begin + slot[group_of(i)]++] = selected_[i];
}

/// Raises tau_ to the target-th largest distance where far too many rows were found (ties stay).
/// Raising it is always safe: the rows left out are below it.
void Shard::keep_largest(std::vector<int32_t>& found, int64_t target) {
  if (static_cast<int64_t>(found.size()) <= kFarTooMany * target) return;
  std::vector<double> values;
  for (int32_t p : found) values.push_back(sketch_.points[p].exact);
  std::nth_element(values.begin(), values.begin() + target, values.end(), std::greater<double>());
  tau_ = std::max(tau_, values[target]);
  const auto low = [&](int32_t p) { return sketch_.points[p].exact < tau_; };
  found.erase(std::remove_if(found.begin(), found.end(), low), found.end());
}

Offer Shard::offer(std::vector<int32_t> found) const {
  std::sort(found.begin(), found.end());
  Offer made{{}, tau_};
  made.candidates.reserve(found.size());
  for (const int32_t p : found)
    made.candidates.push_back(Candidate{RowAt{rows_.first() + p, &rows_, p},
                                        sketch_.points[p].exact, sketch_.q(p),
                                        sketch_.points[p].row});
  return made;
}

/// Nothing is worked ahead on then.
Offer Shard::offer_none(double tau) {
  tau_ = next_tau_ = 0;
  return Offer{{}, tau};
}

void Shard::work_ahead(int thread, const std::atomic<bool>& over) {
  if (rows_.on_disk()) return;
  const int64_t n = sketch_.size(), parts = (n + kAhead - 1) / kAhead;
  for (int64_t part; !over && (part = parts_taken_++) < parts;) {
    const int64_t begin = (first_part_ + part) % parts * kAhead;
    const int64_t count = select(begin, std::min(begin + kAhead, n), next_tau_, tau_);
    group_window(begin, begin + count);
    refresher_.refresh_ahead(thread, work_.data() + begin, count, next_tau_, over);
  }
}

Buffer<double> Shard::give_up() {
  const int64_t count = collect(0, std::numeric_limits<double>::infinity());
  refresher_.refresh(work_.data(), count, -1);
  Buffer<double> m(tools_.meter, sketch_.size());
  for (int64_t p = 0; p < sketch_.size(); ++p)
    m[p] = sketch_.upper[p] < 0 ? -1 : sketch_.points[p].exact;
  sketch_.release();
  return m;
}

}  // namespace mods::cpu
