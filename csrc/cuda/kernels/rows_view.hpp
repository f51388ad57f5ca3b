// Rows as kernels see them.
#pragma once
#include <cstdint>

#include "kcenter.hpp"

namespace mods::cuda {

/// `norm` holds |x| of every row for the cosine metric, else null.
struct RowsView {
  const void* data;
  int64_t stride;
  const double* norm;
  int n;
  int d;
  DType dtype;
};

}  // namespace mods::cuda
