#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "bound.hpp"
#include "cuda/kernels/lists.cuh"
#include "cuda/kernels/pick.cuh"
#include "cuda/kernels/prepare.cuh"
#include "cuda/kernels/refill.cuh"
#include "cuda/kernels/refresh.cuh"
#include "cuda/kernels/select.cuh"
#include "cuda/lazy.hpp"
#include "cuda/start.hpp"
#include "cuda/state_mirror.hpp"

namespace mods::cuda {

namespace {

constexpr int kFirstBudget = 4;  ///< chunks of centres in the first pass; doubled for each next
constexpr int kScanBlocks = 8;   ///< blocks of a scan over all rows, for each multiprocessor

int64_t sketch_pitch(int64_t d) { return (d + kSlice - 1) / kSlice * kSlice; }

class LazyRun {
 public:
  explicit LazyRun(Run& run)
      : run_(run),
        n_(static_cast<std::size_t>(run.n())),
        d_(static_cast<std::size_t>(run.d())),
        pitch_(sketch_pitch(run.rows.d)),
        slack_(kcenter_slack(run.rows.d)),
        state_(run),
        values_(run.memory, n_ * static_cast<std::size_t>(pitch_), "the int8 sketch"),
        meta_(run.memory, n_, "the sketch"),
        m_(run.memory, n_, "distances"),
        stamp_(run.memory, n_, "stamps"),
        listed_(run.memory, n_, "a list of rows"),
        sorted_(run.memory, n_, "a list of rows"),
        buckets_(run.memory, 2 * kBuckets, "buckets"),
        bins_(run.memory, kBins, "a histogram"),
        mean_(run.memory, d_, "the mean row"),
        centre_id_(run.memory, centres(), "centres"),
        centre_value_(run.memory, centres(), "centres"),
        centre_rows_(run.memory, centres() * d_, "the rows of the centres"),
        candidates_(run.memory, kCandidates, "candidates"),
        slot_(run.memory, kCandidates, "candidates"),
        candidate_rows_(run.memory, kCandidates * d_, "the rows of the candidates"),
        matrix_(run.memory, std::size_t{kCandidates} * kCandidates, "the candidate matrix"),
        begin_(true),
        middle_(true),
        end_(true),
        drain_(run.stream) {
    int per_multiprocessor = 0;
    check(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&per_multiprocessor, refresh_rows, kThreads,
                                                        sizeof(RefreshShared)),
          "cudaOccupancyMaxActiveBlocksPerMultiprocessor");
    refresh_blocks_ = static_cast<unsigned>(std::max(1, per_multiprocessor) * run.multiprocessors);
  }

  /// False when the data are beyond what the sketch can certify; nothing was picked then.
  bool run() {
    run_.result.statistics.method = "lazy";
    if (!prepare()) return false;
    RunState now = state_.read();
    while (now.phase != kDone && now.centres < now.rows) {
      run_.progress.report(now.centres - now.fixed, now.last_value);
      now = round(now);
    }
    finish(now);
    return true;
  }

 private:
  std::size_t centres() const { return static_cast<std::size_t>(run_.wanted()); }
  Sketch sketch() const { return Sketch{values_.get(), pitch_, meta_.get(), slack_}; }
  Distances distances() const { return Distances{m_.get(), stamp_.get()}; }
  Centres centre_view() const { return Centres{centre_id_.get(), centre_rows_.get()}; }
  Lists lists() const {
    return Lists{listed_.get(), sorted_.get(), buckets_.get(), buckets_.get() + kBuckets};
  }

  bool prepare() {
    begin_.record(run_.stream);
    const bool cosine = run_.options.metric == Metric::cosine;
    if (cosine) norms_.emplace(run_, state_);
    const std::vector<int>& start = run_.start;
    const unsigned count = static_cast<unsigned>(start.size());
    run_.to_device(centre_id_.get(), start);
    gather(run_, centre_id_.get(), count, centre_rows_.get());
    launch("mean_rows", mean_rows, blocks_for(run_.d(), kThreads, 1 << 30), kThreads, 0,
           run_.stream, run_.data.view(), mean_.get());
    launch("prepare_rows", prepare_rows, blocks_for(run_.n(), kHalfWarps, 1 << 30), kThreads, 0,
           run_.stream, run_.data.view(), mean_.get(), centre_rows_.get(), sketch(), distances(),
           state_.device());
    launch("mark_centres", mark_centres, blocks_for(count, kThreads, 1 << 30), kThreads, 0,
           run_.stream, centre_id_.get(), static_cast<int>(count), m_.get());
    end_.record(run_.stream);
    const RunState& now = state_.read();
    run_.result.statistics.seconds_prepare += seconds_between(begin_, end_);
    require_valid(run_, now);
    return now.unsketchable == 0;
  }

  /// One round of a refill, with the picks when it completes one. Returns the new state.
  RunState round(const RunState& before) {
    begin_.record(run_.stream);
    if (before.phase == kNewRefill) {
      ++run_.result.statistics.refills;
      run_.clear(bins_.get(), bins_.bytes());
      scan("find_maximum", find_maximum, 0, m_.get(), state_.device());
      scan("count_bins", count_bins, sizeof(HistogramShared), m_.get(), state_.device(),
           bins_.get());
    }
    launch("choose_threshold", choose_threshold, 1, kThreads, sizeof(ThresholdShared), run_.stream,
           state_.device(), bins_.get(), lists());
    scan("list_stale", list_stale, 0, distances(), lists(), state_.device());
    refresh(before.centres);
    collect();
    single("decide_refill", decide_refill, state_.device());
    middle_.record(run_.stream);
    pick();
    RunState now = settle();
    if (now.phase == kTooMany) {
      begin_.record(run_.stream);
      select();
      middle_.record(run_.stream);
      pick();
      now = settle();
    }
    return now;
  }

  /// Passes over the listed rows: few chunks of centres at first, because most rows soon fall below
  /// the threshold and the rest is then packed densely again; the last pass has no limit.
  void refresh(int centres) {
    const int chunks = (centres + kChunk - 1) / kChunk;
    int covered = 0;
    for (int budget = kFirstBudget;; budget *= 2) {
      const bool last = covered + budget >= chunks;
      launch("place_buckets", place_buckets, 1, kBuckets, sizeof(ScanShared), run_.stream, lists(),
             state_.device());
      scan("sort_listed", sort_listed, 0, distances(), lists(), state_.device());
      launch("refresh_rows", refresh_rows, refresh_blocks_, kThreads, sizeof(RefreshShared),
             run_.stream, run_.data.view(), sketch(), distances(), centre_view(), lists(),
             state_.device(), last ? std::numeric_limits<int>::max() : budget);
      if (last) return;
      covered += budget;
    }
  }

  void collect() {
    scan("collect_candidates", collect_candidates, 0, distances(), candidates_.get(),
         state_.device());
  }

  /// Keeps the top kCandidates rows of those at the threshold.
  void select() {
    single("start_selection", start_selection, state_.device());
    for (int digit = 0; digit < kDigitRounds; ++digit) {
      run_.clear(bins_.get(), 256 * sizeof(unsigned));
      scan("count_digits", count_digits, sizeof(DigitShared), m_.get(), state_.device(), digit,
           bins_.get());
      single("keep_digit", keep_digit, state_.device(), bins_.get(), digit);
    }
    single("finish_selection", finish_selection, state_.device());
    collect();
    single("check_selection", check_selection, state_.device());
  }

  /// Does nothing on the device unless the state is kReady.
  void pick() {
    launch("gather_candidates", gather_candidates, kCandidates, kThreads, 0, run_.stream,
           run_.data.view(), candidates_.get(), state_.device(), candidate_rows_.get());
    constexpr unsigned kTiles = kCandidates / kPairTile;
    launch("pair_distances", pair_distances, dim3(kTiles, kTiles), kThreads, sizeof(PairShared),
           run_.stream, candidate_rows_.get(), run_.d(), state_.device(), matrix_.get());
    launch("pick_phase", pick_phase, 1, kCandidates, sizeof(PickShared), run_.stream,
           state_.device(), matrix_.get(), candidates_.get(), distances(),
           Picks{centre_id_.get(), centre_value_.get(), slot_.get()});
    launch("keep_centre_rows", keep_centre_rows, kCandidates, kThreads, 0, run_.stream,
           candidate_rows_.get(), slot_.get(), run_.d(), state_.device(), centre_rows_.get());
  }

  RunState settle() {
    end_.record(run_.stream);
    const RunState now = state_.read();
    run_.result.statistics.seconds_refill += seconds_between(begin_, middle_);
    run_.result.statistics.seconds_pick += seconds_between(middle_, end_);
    return now;
  }

  void finish(const RunState& now) {
    const std::size_t count = static_cast<std::size_t>(now.centres);
    const std::vector<int> id = run_.to_host(centre_id_.get(), count);
    const std::vector<double> value = run_.to_host(centre_value_.get(), count);
    const double final_value = now.phase == kDone ? now.final_value : 0.0;  // else: no row left
    for (std::size_t c = static_cast<std::size_t>(run_.fixed()); c < count; ++c)
      run_.append_pick(id[c], c + 1 < count ? value[c + 1] : final_value);
    Statistics& statistics = run_.result.statistics;
    statistics.pairs_bounded += static_cast<double>(now.pairs_bounded);
    statistics.pairs_refined += static_cast<double>(now.pairs_refined) + run_.n();
  }

  template <class... Parameters, class... Arguments>
  void scan(const char* name, void (*kernel)(Parameters...), std::size_t shared,
            Arguments... arguments) {
    launch(name, kernel, blocks_for(run_.n(), kThreads, kScanBlocks * run_.multiprocessors),
           kThreads, shared, run_.stream, arguments...);
  }
  template <class... Parameters, class... Arguments>
  void single(const char* name, void (*kernel)(Parameters...), Arguments... arguments) {
    launch(name, kernel, 1, 1, 0, run_.stream, arguments...);
  }

  Run& run_;
  std::size_t n_, d_;
  int64_t pitch_;
  float slack_;
  unsigned refresh_blocks_ = 1;
  StateMirror state_;
  DeviceArray<int8_t> values_;
  DeviceArray<SketchRow> meta_;
  DeviceArray<double> m_;
  DeviceArray<int> stamp_, listed_, sorted_;
  DeviceArray<unsigned> buckets_, bins_;
  DeviceArray<float> mean_;
  DeviceArray<int> centre_id_;
  DeviceArray<double> centre_value_;
  DeviceArray<float> centre_rows_;
  DeviceArray<int> candidates_, slot_;
  DeviceArray<float> candidate_rows_;
  DeviceArray<double> matrix_;
  std::optional<Norms> norms_;
  Event begin_, middle_, end_;
  StreamDrain drain_;  // last: waits before anything above is released
};

}  // namespace

std::size_t lazy_bytes(const Rows& rows, const Options& options) {
  const int64_t centres = std::max<int64_t>(1, options.initial_count + options.k);
  const int64_t per_row = sketch_pitch(rows.d) + static_cast<int64_t>(sizeof(SketchRow)) + 8 + 4 +
                          2 * 4 + (options.metric == Metric::cosine ? 8 : 0);
  return static_cast<std::size_t>(rows.n * per_row + centres * (rows.d * 4 + 12) +
                                  kCandidates * (rows.d * 4 + 8) +
                                  int64_t{8} * kCandidates * kCandidates + (1 << 20));
}

bool run_lazy(Run& run) { return LazyRun(run).run(); }

}  // namespace mods::cuda
