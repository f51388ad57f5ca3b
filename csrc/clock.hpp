// The clock that runs and their phases are timed with.
#pragma once
#include <chrono>

namespace mods {

using Clock = std::chrono::steady_clock;

inline double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace mods
