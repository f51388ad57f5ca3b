// Entry of the CPU core: validates, chooses the method, sets up what the call owns.
#include "kcenter.hpp"

#include <cfenv>
#include <limits>

#include "cpu/processors.hpp"
#include "cpu/run_state.hpp"
#include "validate.hpp"

namespace mods {

namespace {

using namespace cpu;

/// Below these brute force is faster than preparing a sketch.
constexpr int64_t kLazyRows = 500;
constexpr int64_t kLazyPicks = 24;
constexpr int64_t kThreadWork = 1 << 24;  ///< values read by all passes that pay for threads

bool wants_lazy(const RowReader& rows, const Options& options) {
  if (rows.n() > std::numeric_limits<int32_t>::max() || rows.d() > kMaxSketchDim) return false;
  if (options.method != Method::automatic) return options.method != Method::brute;
  // Each pick of brute force is a pass over the rows: from a disk two are already too many.
  const int64_t picks = rows.on_disk() ? 2 : kLazyPicks;
  return rows.n() >= kLazyRows && options.k + options.initial_count >= picks;
}

/// Whether a quarter of the rows or more are exactly as far from the first centre as the farthest,
/// judged by a sample: with such ties (one-hot rows) every row stays a candidate and sketches are
/// of no use. Only speed depends on it.
bool ties_everywhere(const RowReader& rows, const Kernels& kernels, const Options& options) {
  constexpr int64_t kSample = 64;
  const int64_t centre = options.initial_count > 0 ? options.initial[0] : options.first;
  std::vector<float> from(rows.d()), buffer(rows.d());
  rows.copy(centre, from.data());
  double farthest = -1;
  int64_t tied = 0;
  for (int64_t i = 0; i < kSample; ++i) rows.prefetch(rows.n() * i / kSample);
  for (int64_t i = 0; i < kSample; ++i) {
    const float* row = rows.get(rows.n() * i / kSample, buffer.data());
    const double value = kernels.distance(row, from.data(), rows.d());
    if (value > farthest) tied = 0;
    farthest = std::max(farthest, value);
    tied += value == farthest;
  }
  return 4 * tied >= kSample;
}

int thread_count(const Rows& rows, const Options& options) {
  if (options.threads > 0) return options.threads;
  const double work = static_cast<double>(rows.n) * rows.d * (options.k + options.initial_count);
  return work < kThreadWork ? 1 : usable_threads();
}

/// Default rounding and denormals for the duration of a call, whatever the caller set.
class DefaultFloatingPoint {
 public:
  DefaultFloatingPoint() {
    std::fegetenv(&saved_);
    std::fesetenv(FE_DFL_ENV);
  }
  ~DefaultFloatingPoint() { std::fesetenv(&saved_); }

 private:
  std::fenv_t saved_;
};

}  // namespace

Result kcenter_cpu(const Rows& rows, const Options& options) {
  validate(rows, options);
  const Kernels& kernels = choose_kernels(options.isa);
  const DefaultFloatingPoint floating_point;
  RowReader reader(rows, options.metric, kernels);
  if (options.method == Method::late) reader.assume_on_disk();
  reader.locate();
  Progress progress(options);
  Team team(thread_count(rows, options), [&] { return progress.poll(); });
  MemoryMeter meter;
  Result result;
  result.statistics.isa = kernels.name;
  Run run{options, kernels, reader, progress, team, meter, result};
  result.statistics.method = "lazy";
  const bool lazy = wants_lazy(reader, options) && (options.method != Method::automatic ||
                                                    !ties_everywhere(reader, kernels, options));
  if (!lazy || !run_lazy(run)) {
    result.statistics.method = "brute";
    run_brute(run);
  }
  result.statistics.peak_bytes = meter.peak();
  return result;
}

}  // namespace mods
