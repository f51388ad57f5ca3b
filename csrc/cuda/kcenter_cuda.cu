// Entry of the CUDA core: what a run owns, and the order of its launches. The host reads one small
// struct per round of a refill and decides nothing that picks depend on.
#include <algorithm>
#include <chrono>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "../kcenter.hpp"
#include "../validate.hpp"
#include "brute.cuh"
#include "device_rows.hpp"
#include "kcenter_cuda.hpp"
#include "runtime.hpp"

namespace mods {

namespace cuda {

namespace {

/// Below these brute force is faster than preparing a sketch.
constexpr int64_t kLazyRows = 2000;
constexpr int64_t kLazyPicks = 30;
constexpr double kBruteWork = 2e10;  ///< values read between two looks at the state
constexpr int kBruteBatch = 64;      ///< launches between two looks at the state
constexpr int kFirstBudget = 4;      ///< chunks of centres in the first pass; doubled for each next

/// The fixed centres, else the first pick.
std::vector<int> starting_centres(const Options& options) {
  if (options.initial_count == 0) return {static_cast<int>(options.first)};
  return std::vector<int>(options.initial, options.initial + options.initial_count);
}

unsigned blocks_for(int64_t work, int64_t per_block, int64_t most) {
  return static_cast<unsigned>(std::clamp<int64_t>((work + per_block - 1) / per_block, 1, most));
}

/// Passes on to the caller's callback at most every 100 ms, always from the calling thread.
class Progress {
 public:
  explicit Progress(const Options& options) : options_(options) {}
  void report(int64_t picked, double largest) {
    picked_ = picked;
    radius_ = reported_radius(largest, options_.metric);
    poll();
  }
  void poll() {
    const auto now = std::chrono::steady_clock::now();
    if (!options_.progress || now - last_ < std::chrono::milliseconds(100)) return;
    last_ = now;
    if (!options_.progress(picked_, radius_)) throw Interrupted{};
  }

 private:
  const Options& options_;
  int64_t picked_ = 0;
  double radius_ = std::numeric_limits<double>::infinity();
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

/// What both methods share.
struct Run {
  const Rows& rows;
  const Options& options;
  int device;
  cudaStream_t stream;
  int multiprocessors;
  Progress& progress;
  Memory& memory;
  DeviceRows& data;
  Result& result;
  const std::vector<int>& start;  ///< centres known at the start; outlives all copies from it

  int n() const { return static_cast<int>(rows.n); }
  int d() const { return static_cast<int>(rows.d); }
  int fixed() const { return static_cast<int>(options.initial_count); }
  int wanted() const { return static_cast<int>(options.initial_count + options.k); }
  unsigned scan_blocks() const { return blocks_for(rows.n, kThreads, 8 * multiprocessors); }

  template <class T>
  void to_device(T* to, const std::vector<T>& from) const {
    check(cudaMemcpyAsync(to, from.data(), from.size() * sizeof(T), cudaMemcpyHostToDevice, stream),
          "copying to the device");
  }
  template <class T>
  std::vector<T> to_host(const T* from, std::size_t count) const {
    std::vector<T> out(count);
    check(cudaMemcpyAsync(out.data(), from, count * sizeof(T), cudaMemcpyDeviceToHost, stream),
          "copying from the device");
    check(cudaStreamSynchronize(stream), "cudaStreamSynchronize");
    return out;
  }
  void clear(void* pointer, std::size_t bytes) const {
    check(cudaMemsetAsync(pointer, 0, bytes, stream), "cudaMemset");
  }
};

/// The state on the device and the host's copy of it.
class StateMirror {
 public:
  explicit StateMirror(Run& run)
      : run_(run), device_(run.memory, 1, "the run's state"), host_(1), drain_(run.stream) {
    RunState& state = *host_.get();
    state = RunState{};
    state.rows = run.n();
    state.fixed = run.fixed();
    state.wanted = run.wanted();
    state.centres = static_cast<int>(run.start.size());
    state.picked_before = state.centres;
    state.current = run.start.front();
    state.bad_row = state.zero_row = state.bar_index = kNoIndex;
    state.grow = 1.0;
    state.last_value = std::numeric_limits<double>::infinity();
    check(cudaMemcpyAsync(device_.get(), host_.get(), sizeof(RunState), cudaMemcpyHostToDevice,
                          run.stream),
          "copying the state to the device");
  }
  RunState* device() const { return device_.get(); }

  /// Waits for everything launched so far.
  const RunState& read() {
    check(cudaMemcpyAsync(host_.get(), device_.get(), sizeof(RunState), cudaMemcpyDeviceToHost,
                          run_.stream),
          "copying the state from the device");
    check(cudaStreamSynchronize(run_.stream), "running the kernels");
    const RunState& state = *host_.get();
    if (state.fault != 0)
      throw std::logic_error("internal error in the CUDA core: invariant " +
                             std::to_string(state.fault) + " does not hold; please report it");
    return state;
  }

 private:
  Run& run_;
  DeviceArray<RunState> device_;
  PinnedArray<RunState> host_;
  StreamDrain drain_;  // copies from and to host_ end before it goes, also when a later step throws
};

float widen_on_host(const char* bits, DType dtype) {
  if (dtype == DType::float32) {
    float value;
    std::memcpy(&value, bits, 4);
    return value;
  }
  uint16_t half;
  std::memcpy(&half, bits, 2);
  const uint16_t exponent = dtype == DType::float16 ? 0x7c00 : 0x7f80;
  if ((half & exponent) != exponent) return 0.0f;  // finite: all that matters here
  const bool nan = (half & (dtype == DType::float16 ? 0x03ff : 0x007f)) != 0;
  return nan ? std::numeric_limits<float>::quiet_NaN() : std::numeric_limits<float>::infinity();
}

/// Names the value that is not finite.
void reject_row(const Run& run, int row) {
  const RowsView& view = run.data.view();
  const std::size_t size = value_bytes(view.dtype);
  std::vector<char> values(static_cast<std::size_t>(view.d) * size);
  const char* from = static_cast<const char*>(view.data) +
                     static_cast<int64_t>(row) * view.stride * static_cast<int64_t>(size);
  check(cudaMemcpyAsync(values.data(), from, values.size(), cudaMemcpyDefault, run.stream),
        "copying a row from the device");
  check(cudaStreamSynchronize(run.stream), "cudaStreamSynchronize");
  for (int j = 0; j < view.d; ++j) {
    const float value =
        widen_on_host(values.data() + static_cast<std::size_t>(j) * size, view.dtype);
    if (!std::isfinite(value)) reject_value(row, j, value);
  }
  throw std::logic_error("internal error in the CUDA core: row " + std::to_string(row) +
                         " was rejected but is finite; please report it");
}

void require_valid(const Run& run, const RunState& state) {
  if (state.bad_row == kNoIndex && state.zero_row == kNoIndex) return;
  if (state.zero_row < state.bad_row) reject_zero_row(state.zero_row);
  reject_row(run, state.bad_row);
}

/// Lengths of the rows for the cosine metric; also finds rows that no method can take.
class Norms {
 public:
  Norms(Run& run, StateMirror& state) {
    if (run.options.metric == Metric::cosine)
      norms_.allocate(run.memory, static_cast<std::size_t>(run.n()), "the lengths of the rows");
    run.data.set_norms(nullptr);
    launch("inspect_rows", inspect_rows, blocks_for(run.n(), kHalfWarps, 16 * run.multiprocessors),
           kThreads, 0, run.stream, run.data.view(), norms_.get(), state.device());
    run.data.set_norms(norms_.get());
  }

 private:
  DeviceArray<double> norms_;
};

void append_pick(Run& run, int64_t row, double largest) {
  run.result.picks.push_back(row);
  run.result.radii.push_back(static_cast<float>(reported_radius(largest, run.options.metric)));
}

// ---- brute force --------------------------------------------------------------------------------

void run_brute(Run& run) {
  run.result.statistics.method = "brute";
  Event begin(true), prepared(true), end(true);
  StateMirror state(run);
  const std::size_t k = static_cast<std::size_t>(run.options.k);
  const unsigned blocks =
      blocks_for(run.n(), kHalfWarps, std::min(kMaxBruteBlocks, 8 * run.multiprocessors));
  DeviceArray<double> m(run.memory, static_cast<std::size_t>(run.n()), "distances");
  DeviceArray<float> centre(run.memory, static_cast<std::size_t>(run.d()), "a centre");
  DeviceArray<int> fixed(run.memory, run.start.size(), "the fixed centres");
  DeviceArray<int> pick(run.memory, k, "the picks");
  DeviceArray<double> radius(run.memory, k, "the radii");
  DeviceArray<Best> best(run.memory, blocks, "the best rows");
  begin.record(run.stream);
  const Norms norms(run, state);
  const StreamDrain drain(run.stream);  // last: waits before anything above is released
  run.to_device(fixed.get(), run.start);
  if (run.fixed() == 0) run.to_device(pick.get(), run.start);
  launch("gather_rows", gather_rows, 1, kThreads, 0, run.stream, run.data.view(), fixed.get(),
         centre.get());
  require_valid(run, state.read());
  prepared.record(run.stream);
  const BruteStep step{fixed.get(), centre.get(), m.get(), best.get(), pick.get(), radius.get()};
  const int batch = static_cast<int>(
      std::clamp(kBruteWork / (static_cast<double>(run.n()) * run.d()), 1.0, 1.0 * kBruteBatch));
  int done = 0;
  for (bool finished = false; !finished;) {
    for (int i = 0; i < batch && done + i < run.wanted(); ++i)
      launch("brute_step", brute_step, blocks, kThreads, sizeof(BruteShared), run.stream,
             run.data.view(), step, state.device());
    const RunState& now = state.read();
    done = now.step;
    finished = now.phase == kDone;
    run.progress.report(std::max(0, done - run.fixed()), now.last_value);
  }
  end.record(run.stream);
  const std::size_t count = static_cast<std::size_t>(std::max(0, done - run.fixed()));
  const std::vector<int> picks = run.to_host(pick.get(), count);
  const std::vector<double> radii = run.to_host(radius.get(), count);
  for (std::size_t i = 0; i < count; ++i) append_pick(run, picks[i], radii[i]);
  Statistics& statistics = run.result.statistics;
  statistics.pairs_refined += static_cast<double>(run.n()) * done;
  statistics.seconds_prepare += seconds_between(begin, prepared);
  statistics.seconds_pick += seconds_between(prepared, end);
}

// ---- lazy ---------------------------------------------------------------------------------------

int64_t sketch_pitch(int64_t d) { return (d + kSlice - 1) / kSlice * kSlice; }

/// Device bytes of a lazy run besides the rows.
std::size_t lazy_bytes(const Rows& rows, const Options& options) {
  const int64_t centres = std::max<int64_t>(1, options.initial_count + options.k);
  const int64_t per_row = sketch_pitch(rows.d) + static_cast<int64_t>(sizeof(SketchRow)) + 8 + 4 +
                          2 * 4 + (options.metric == Metric::cosine ? 8 : 0);
  return static_cast<std::size_t>(rows.n * per_row + centres * (rows.d * 4 + 12) +
                                  kCandidates * (rows.d * 4 + 8) +
                                  int64_t{8} * kCandidates * kCandidates + (1 << 20));
}

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
    launch("gather_rows", gather_rows, count, kThreads, 0, run_.stream, run_.data.view(),
           centre_id_.get(), centre_rows_.get());
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
      append_pick(run_, id[c], c + 1 < count ? value[c + 1] : final_value);
    Statistics& statistics = run_.result.statistics;
    statistics.pairs_bounded += static_cast<double>(now.pairs_bounded);
    statistics.pairs_refined += static_cast<double>(now.pairs_refined) + run_.n();
  }

  template <class... Parameters, class... Arguments>
  void scan(const char* name, void (*kernel)(Parameters...), std::size_t shared,
            Arguments... arguments) {
    launch(name, kernel, run_.scan_blocks(), kThreads, shared, run_.stream, arguments...);
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

bool wants_lazy(const Rows& rows, const Options& options) {
  if (rows.d > kMaxSketchDim) return false;
  if (options.method != Method::automatic) return options.method != Method::brute;
  return rows.n >= kLazyRows && options.k + options.initial_count >= kLazyPicks;
}

void require_device(int device) {
  const int count = device_count();
  if (count == 0)
    invalid("no CUDA device can be used (" + why_no_device() + "); use device=\"cpu\"");
  if (device < 0 || device >= count)
    invalid("cuda:" + std::to_string(device) +
            " is outside cuda:0..cuda:" + std::to_string(count - 1));
}

}  // namespace

}  // namespace cuda

Result kcenter_cuda(const Rows& rows, const Options& options, int device, void* stream_handle) {
  using namespace cuda;
  validate(rows, options);
  require_device(device);
  if (rows.n > std::numeric_limits<int>::max() - kTileRows || rows.d > (1 << 28))
    invalid("the CUDA core takes fewer than 2^31 rows; use device=\"cpu\"");
  const DeviceGuard guard(device);
  const auto stream = static_cast<cudaStream_t>(stream_handle);
  int multiprocessors = 0;
  check(cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, device),
        "cudaDeviceGetAttribute");
  Result result;
  result.statistics.isa = "cuda";
  Progress progress(options);
  Memory memory;
  const bool lazy = wants_lazy(rows, options);
  const std::vector<int> start = starting_centres(options);
  const std::size_t reserve =
      lazy ? lazy_bytes(rows, options) : static_cast<std::size_t>(rows.n) * 16 + (1 << 20);
  const auto begin = std::chrono::steady_clock::now();
  DeviceRows data(rows, device, stream, memory, reserve, [&] { progress.poll(); });
  result.statistics.seconds_prepare +=
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  Run run{rows, options, device, stream, multiprocessors, progress, memory, data, result, start};
  if (!lazy || !LazyRun(run).run()) run_brute(run);
  result.statistics.peak_bytes = memory.peak;
  return result;
}

}  // namespace mods
