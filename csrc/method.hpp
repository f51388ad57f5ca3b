// Which method a run starts with, for CPU and CUDA.
#pragma once
#include <cstdint>
#include <limits>

#include "bound.hpp"
#include "kcenter.hpp"

namespace mods {

/// From where on a sketch pays: with fewer rows or centres brute force is done before it is ready.
struct LazyPays {
  int64_t rows, centres;
};

/// Whether the n rows of d values can and should be sketched. `n` counts the rows of one place,
/// which the lazy method numbers in 32 bits.
inline bool wants_lazy(int64_t n, int64_t d, const Options& options, const LazyPays& from) {
  if (n > std::numeric_limits<int32_t>::max() || d > kMaxSketchDim) return false;
  if (options.method != Method::automatic) return options.method != Method::brute;
  return n >= from.rows && options.k + options.initial_count >= from.centres;
}

}  // namespace mods
