// Progress of a run, passed on to the caller's callback now and then.
#pragma once
#include <cstdint>
#include <limits>

#include "clock.hpp"
#include "validate.hpp"

namespace mods {

/// Used by the calling thread alone, so that the callback is never called from another one.
class Progress {
 public:
  explicit Progress(const Options& options) : options_(options) {}

  /// False when the caller wants to stop. Asks no more often than ten times a second.
  bool poll() {
    if (!options_.progress || seconds_since(last_) < kSecondsBetweenCalls) return true;
    last_ = Clock::now();
    return options_.progress(picked_, radius_);
  }

  /// Throws Interrupted when the caller wants to stop.
  void check() {
    if (!poll()) throw Interrupted{};
  }

  /// Notes the picks so far and the largest m, and checks.
  void report(int64_t picked, double largest) {
    picked_ = picked;
    radius_ = reported_radius(largest, options_.metric);
    check();
  }

 private:
  static constexpr double kSecondsBetweenCalls = 0.1;  ///< a callback may take the GIL and print

  const Options& options_;
  int64_t picked_ = 0;
  double radius_ = std::numeric_limits<double>::infinity();
  Clock::time_point last_ = Clock::now();
};

}  // namespace mods
