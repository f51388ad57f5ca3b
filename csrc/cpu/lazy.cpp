// Lazy blocked k-center greedy. Distances to new centres are not computed for all rows at once:
// upper[p] may be stale, which only makes it too large. A refill finds the rows whose upper is
// among the largest, brings them up to date (refresh) and loads those still on top as candidates;
// then picks are made among the candidates alone until the largest falls below tau, while other
// threads bound rows that the next refill will probably take.
#include <cmath>

#include "candidates.hpp"
#include "refresh.hpp"

namespace mods::cpu {

namespace {

constexpr int64_t kTarget = 512;     ///< candidates wanted per refill
constexpr int64_t kPerPick = 3;      ///< and for each pick, where few are left to be made
constexpr int64_t kTieLimit = 8192;  ///< candidates (or n / 8 if more) beyond which brute is better
constexpr int kBins = 4096;
constexpr int64_t kWindow = 1 << 14;  ///< rows of a refill that are regrouped together
constexpr int64_t kAhead = 1 << 12;   ///< rows that a thread looks through when it works ahead

/// However the scope is left.
struct SetAtEnd {
  std::atomic<bool>& flag;
  ~SetAtEnd() { flag = true; }
};

class Lazy {
 public:
  explicit Lazy(Run& run)
      : run_(run),
        sketch_(run),
        centres_(run, sketch_, run.options.k + std::max<int64_t>(run.options.initial_count, 1)),
        refresher_(run, sketch_, centres_),
        candidates_(run, sketch_, centres_),
        selected_(run.meter, run.rows.n()),
        work_(run.meter, run.rows.n()) {}

  bool run() {
    const auto start = Clock::now();
    const bool certified = prepare();
    run_.result.statistics.seconds_prepare = seconds_since(start);
    if (!certified) return false;
    pick_all();
    run_.team.dismiss();
    return true;
  }

 private:
  bool prepare() {
    const Options& options = run_.options;
    const bool warm = options.initial_count > 0;
    if (!first_pass(warm ? options.initial[0] : options.first)) return false;
    if (!warm) make_centre(options.first);
    for (int64_t i = 0; i < options.initial_count; ++i) make_centre(options.initial[i]);
    if (!warm) run_.result.picks.push_back(options.first);
    return true;
  }

  /// Reads all rows, and finds out whether they are in memory from now on.
  bool first_pass(int64_t centre) {
    constexpr int64_t kFewWaits = 16;
    const bool seemed_in_memory = !run_.rows.on_disk();
    const int64_t waits = disk_waits();
    const bool certified = sketch_.build(centre);
    if (!seemed_in_memory)
      run_.rows.locate();
    else if (disk_waits() - waits > kFewWaits)
      run_.rows.assume_on_disk();
    return certified;
  }

  void make_centre(int64_t p) {
    centres_.add(p);
    sketch_.upper[p] = -1;
  }

  void pick_all() {
    while (true) {
      const auto start = Clock::now();
      const bool loaded = refill();
      run_.result.statistics.seconds_refill += seconds_since(start);
      if (!loaded) return;
      const auto loaded_at = Clock::now();
      const bool paying = !hopeless_ && pick();
      run_.result.statistics.seconds_pick += seconds_since(loaded_at);
      if (candidates_.finished()) return;
      if (!paying) return finish_by_brute_force();
    }
  }

  /// Picks among the candidates, one after another. Meanwhile the other threads work ahead.
  bool pick() {
    bool paying = true;
    std::atomic<bool> over{false};
    std::atomic<int64_t> parts_taken{0};
    run_.team.run([&](int thread) {
      if (thread > 0) return work_ahead(thread, parts_taken, over);
      const SetAtEnd at_end{over};
      paying = candidates_.pick(run_.options.k);
    });
    first_part_ += parts_taken;
    candidates_.write_back();
    refresher_.sum_up();
    return paying;
  }

  /// Bounds rows below tau, which are no candidates, as far as this gets; the next time goes on
  /// from there.
  void work_ahead(int thread, std::atomic<int64_t>& parts_taken, const std::atomic<bool>& over) {
    if (run_.rows.on_disk()) return;
    const int64_t n = sketch_.size(), parts = (n + kAhead - 1) / kAhead;
    for (int64_t part; !over && (part = parts_taken++) < parts;) {
      const int64_t begin = (first_part_ + part) % parts * kAhead;
      const int64_t count = select(begin, std::min(begin + kAhead, n), next_tau_, tau_);
      group_window(begin, begin + count);
      refresher_.refresh_ahead(thread, work_.data() + begin, count, next_tau_, over);
    }
  }

  /// Loads the candidate set. False when every row left coincides with a centre.
  bool refill() {
    ++run_.result.statistics.refills;
    centres_.pack();
    const float top = largest_upper();
    if (top <= 0) {
      run_.note_radius(0);
      return false;
    }
    // Where float32 upper bounds lose their precision the bounds could not separate rows anyway.
    hopeless_ = top < kTinyBound;
    if (hopeless_) return true;
    const int64_t n = sketch_.size();
    const int64_t target = std::min(
        {kTarget, std::max<int64_t>(64, kPerPick * (run_.options.k - run_.picked() + 1)), n});
    const Histogram histogram = count_uppers(top);
    std::vector<int32_t> found;
    int64_t want = std::max<int64_t>(64, static_cast<int64_t>(target * growth_));
    int64_t touched = 0, good = 0;
    double tau = std::numeric_limits<double>::infinity();
    int bin = kBins;
    while (true) {
      bin = histogram.bin_holding(want, bin);
      const double above = tau;
      // Bin 0 takes every row but copies of centres (upper == 0), which are never picked.
      tau =
          bin > 0 ? bin / histogram.scale * (1 + 1e-12) : std::numeric_limits<float>::denorm_min();
      const int64_t count = collect(tau, above);
      refresher_.refresh(work_.data(), count, tau);
      for (int64_t i = 0; i < count; ++i)
        if (sketch_.upper[work_[i]] >= tau) found.push_back(work_[i]);
      touched += count;
      good = static_cast<int64_t>(found.size());
      if (bin == 0 || good >= target / 2) break;
      const double rate = std::max(0.02, static_cast<double>(good) / std::max<int64_t>(1, touched));
      want = std::min<int64_t>(static_cast<int64_t>((target - good) / rate) + 64, 2 * touched + 64);
    }
    growth_ = 0.7 * growth_ + 0.3 * std::min(50.0, static_cast<double>(touched) / target);
    if (found.empty()) return refill();  // all were copies of centres: upper is now 0 for them
    // An estimate, as what was refreshed has fallen below tau since it was counted.
    next_tau_ =
        histogram.bin_holding(static_cast<int64_t>(target * growth_), bin) / histogram.scale;
    tau_ = tau = keep_largest(found, target, tau);
    hopeless_ = static_cast<int64_t>(found.size()) > std::max(kTieLimit, n / 8);
    if (!hopeless_) candidates_.load(std::move(found), tau);
    return true;
  }

  struct Histogram {
    std::vector<int64_t> count;
    double scale;

    /// Highest bin such that it and those above, below `end`, hold at least `want` rows.
    int bin_holding(int64_t want, int end) const {
      int64_t sum = 0;
      int bin = end;
      while (bin > 0 && sum < want) sum += count[--bin];
      return bin;
    }
  };

  float largest_upper() {
    std::vector<float> best(run_.team.size(), -1.0f);
    run_.team.for_parts(sketch_.size(), [&](int thread, int64_t begin, int64_t end) {
      float top = -1;
      for (int64_t p = begin; p < end; ++p) top = sketch_.upper[p] > top ? sketch_.upper[p] : top;
      best[thread] = top;
    });
    return *std::max_element(best.begin(), best.end());
  }

  /// A row in bin b has upper * scale < b + 1, as floating point multiplication is monotone.
  Histogram count_uppers(float top) {
    Histogram histogram{std::vector<int64_t>(kBins), (kBins - 1) / static_cast<double>(top)};
    std::vector<std::vector<int32_t>> counts(run_.team.size(), std::vector<int32_t>(kBins));
    run_.team.for_parts(sketch_.size(), [&](int thread, int64_t begin, int64_t end) {
      int32_t* count = counts[thread].data();
      for (int64_t p = begin; p < end; ++p)
        if (sketch_.upper[p] >= 0) ++count[static_cast<int>(sketch_.upper[p] * histogram.scale)];
    });
    for (const auto& count : counts)
      for (int bin = 0; bin < kBins; ++bin) histogram.count[bin] += count[bin];
    return histogram;
  }

  /// Writes the rows with tau <= upper < above to work_, grouped by the group of their stamp.
  int64_t collect(double tau, double above) {
    const int64_t n = sketch_.size();
    std::vector<int64_t> counts(run_.team.size());
    run_.team.for_parts(n, [&](int thread, int64_t begin, int64_t end) {
      counts[thread] = select(begin, end, tau, above);
    });
    int64_t total = 0;
    for (int part = 0; part < run_.team.size(); ++part) {
      const int32_t* ids = selected_.data() + n * part / run_.team.size();
      std::copy(ids, ids + counts[part], selected_.data() + total);
      total += counts[part];
    }
    group_by_stamp(total);
    return total;
  }

  /// Writes the rows in begin..end with tau <= upper < above to selected_, from begin on.
  int64_t select(int64_t begin, int64_t end, double tau, double above) {
    return run_.kernels.select(sketch_.upper.data(), begin, end, round_up(tau), round_up(above),
                               selected_.data() + begin);
  }

  /// Counting sort of selected_ into work_, window by window: blocks of rows that have seen the
  /// same centres cost least, but over a whole refill the rows are still read in ascending order,
  /// which is what rows on disk need.
  void group_by_stamp(int64_t total) {
    const int64_t share = (total + run_.team.size() - 1) / run_.team.size();
    run_.team.for_chunks(total, std::clamp<int64_t>(share, 1, kWindow),
                         [&](int, int64_t begin, int64_t end) { group_window(begin, end); });
  }

  void group_window(int64_t begin, int64_t end) {
    const auto group_of = [&](int64_t i) { return sketch_.stamp[selected_[i]] / kGroup; };
    std::vector<int64_t> slot(centres_.packed() / kGroup + 2);
    for (int64_t i = begin; i < end; ++i) ++slot[group_of(i) + 1];
    for (std::size_t group = 1; group < slot.size(); ++group) slot[group] += slot[group - 1];
    for (int64_t i = begin; i < end; ++i) work_[begin + slot[group_of(i)]++] = selected_[i];
  }

  /// Raises tau to the target-th largest distance where far too many rows were found (ties stay).
  /// Raising tau is always safe: the rows left out are below it.
  double keep_largest(std::vector<int32_t>& found, int64_t target, double tau) const {
    if (static_cast<int64_t>(found.size()) <= 2 * target) return tau;
    std::vector<double> values;
    for (int32_t p : found) values.push_back(sketch_.points[p].exact);
    std::nth_element(values.begin(), values.begin() + target, values.end(), std::greater<double>());
    const double raised = std::max(tau, values[target]);
    const auto low = [&](int32_t p) { return sketch_.points[p].exact < raised; };
    found.erase(std::remove_if(found.begin(), found.end(), low), found.end());
    return raised;
  }

  void finish_by_brute_force() {
    centres_.pack();
    const int64_t count = collect(0, std::numeric_limits<double>::infinity());
    refresher_.refresh(work_.data(), count, -1);
    Buffer<double> m(run_.meter, sketch_.size());
    for (int64_t p = 0; p < sketch_.size(); ++p)
      m[p] = sketch_.upper[p] < 0 ? -1 : sketch_.points[p].exact;
    sketch_.release();
    continue_brute(run_, m);
  }

  Run& run_;
  Sketch sketch_;
  Centres centres_;
  Refresher refresher_;
  alignas(kCacheLine) Candidates candidates_;  ///< written by picks while others read the above
  alignas(kCacheLine) Buffer<int32_t> selected_, work_;
  double growth_ = 1, tau_ = 0, next_tau_ = 0;
  int64_t first_part_ = 0;
  bool hopeless_ = false;
};

}  // namespace

bool run_lazy(Run& run) { return Lazy(run).run(); }

}  // namespace mods::cpu
