// Entry of the CPU core: validates, chooses the method, sets up what the call owns.
#include <algorithm>

#include "cpu/machine/floating_point.hpp"
#include "cpu/machine/processors.hpp"
#include "cpu/run.hpp"
#include "kcenter.hpp"
#include "method.hpp"
#include "validate.hpp"

namespace mods {

namespace {

using namespace cpu;

/// Sketching costs 4 (AVX-512) to 8 (portable) passes of brute force. From a disk each pass is a
/// reading of the file, and two are already too many.
constexpr LazyPays kInMemory{500, 24}, kFromDisk{500, 2};
constexpr int64_t kThreadWork = 1 << 24;  ///< values read by all passes that pay for threads

bool wants_lazy(const Run& run) {
  bool on_disk = false;
  int64_t most = 0;
  for (const RowReader& part : run.parts) {
    on_disk = on_disk || part.on_disk();
    most = std::max(most, part.n());
  }
  return mods::wants_lazy(most, run.d(), run.options, on_disk ? kFromDisk : kInMemory);
}

/// Whether a quarter of the rows or more are exactly as far from the first centre as the farthest,
/// judged by a sample: with such ties (one-hot rows) every row stays a candidate and sketches are
/// of no use. Only speed depends on it.
bool ties_everywhere(Run& run) {
  constexpr int64_t kSample = 64;
  std::vector<float> from(run.d()), buffer(run.d());
  run.starting_centres().front().copy(from.data());
  double farthest = -1;
  int64_t tied = 0;
  for (int64_t i = 0; i < kSample; ++i) run.locate(run.n() * i / kSample).prefetch();
  for (int64_t i = 0; i < kSample; ++i) {
    const float* row = run.locate(run.n() * i / kSample).get(buffer.data());
    const double value = run.tools.kernels.distance(row, from.data(), run.d());
    if (value > farthest) tied = 0;
    farthest = std::max(farthest, value);
    tied += value == farthest;
  }
  return 4 * tied >= kSample;
}

int thread_count(int64_t n, int64_t d, const Options& options) {
  if (options.threads > 0) return options.threads;
  const double work = static_cast<double>(n) * d * (options.k + options.initial_count);
  return work < kThreadWork ? 1 : usable_threads();
}

std::vector<RowReader> readers(const std::vector<Rows>& parts, const Options& options,
                               const Kernels& kernels) {
  std::vector<RowReader> made;
  int64_t first = 0;
  for (const Rows& rows : parts) {
    made.emplace_back(rows, options.metric, kernels, first);
    if (options.method == Method::from_disk) made.back().assume_on_disk();
    made.back().locate();
    first += rows.n;
  }
  return made;
}

}  // namespace

Result kcenter_cpu(const std::vector<Rows>& rows, const Options& options) {
  validate(rows, options);
  const Kernels& kernels = choose_kernels(options.isa);
  const DefaultFloatingPoint floating_point;
  std::vector<RowReader> parts = readers(rows, options, kernels);
  Progress progress(options);
  const int64_t n = parts.back().first() + parts.back().n();
  Team team(thread_count(n, rows.front().d, options), [&] { return progress.poll(); });
  MemoryMeter meter;
  Result result;
  result.statistics.isa = kernels.name;
  Run run{options, parts, progress, Tools{kernels, team, meter, result.statistics}, result};
  result.statistics.method = "lazy";
  const bool lazy =
      wants_lazy(run) && (options.method != Method::automatic || !ties_everywhere(run));
  if (!lazy || !run_lazy(run)) {
    result.statistics.method = "brute";
    run_brute(run);
  }
  result.statistics.peak_bytes = meter.peak();
  return result;
}

}  // namespace mods
