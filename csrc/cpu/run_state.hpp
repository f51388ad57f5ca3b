// What one call of kcenter_cpu owns and hands to its parts.
#pragma once
#include <chrono>
#include <cmath>
#include <limits>

#include "../validate.hpp"
#include "kernels.hpp"
#include "memory.hpp"
#include "rows.hpp"
#include "team.hpp"

namespace mods::cpu {

using Clock = std::chrono::steady_clock;

inline double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Passes on to the caller's callback at most every 100 ms, always from the calling thread.
class Progress {
 public:
  explicit Progress(const Options& options) : options_(options) {}

  void note(int64_t picked, double radius) {
    picked_ = picked;
    radius_ = radius;
  }

  /// False when the caller wants to stop.
  bool poll() {
    if (!options_.progress || seconds_since(last_) < 0.1) return true;
    last_ = Clock::now();
    return options_.progress(picked_, radius_);
  }

 private:
  const Options& options_;
  int64_t picked_ = 0;
  double radius_ = std::numeric_limits<double>::infinity();
  Clock::time_point last_ = Clock::now();
};

struct Run {
  const Options& options;
  const Kernels& kernels;
  RowReader& rows;
  Progress& progress;
  Team& team;
  MemoryMeter& meter;
  Result& result;

  int64_t picked() const { return static_cast<int64_t>(result.picks.size()); }

  double radius_of(double m) const { return reported_radius(m, options.metric); }

  /// Records the largest m once all picks so far are centres, and tells the caller.
  void note_radius(double largest) {
    if (picked() > 0 && picked() > static_cast<int64_t>(result.radii.size()))
      result.radii.push_back(static_cast<float>(radius_of(largest)));
    progress.note(picked(), radius_of(largest));
    if (!progress.poll()) throw Interrupted{};
  }
};

/// Fused brute force from a given state: m[p] exact for every row and all centres so far, -1 for
/// centres. Picks until options.k rows are picked or no row is left apart from copies.
void continue_brute(Run& run, Buffer<double>& m);

/// Brute force from the start.
void run_brute(Run& run);

/// Lazy blocked k-center greedy. False (with nothing picked) when the data are beyond what the
/// sketch can certify.
bool run_lazy(Run& run);

}  // namespace mods::cpu
