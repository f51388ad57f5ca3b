// The floating-point environment that the core computes in.
#pragma once
#include <cfenv>

namespace mods::cpu {

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

}  // namespace mods::cpu
