// Reading rows: widening, scaling to unit length, the canonical distance by half-warps.
#pragma once
#include "../kcenter.hpp"
#include "device.cuh"

namespace mods::cuda {

/// Rows as kernels see them. `norm` holds |x| of every row for the cosine metric, else null.
struct RowsView {
  const void* data;
  int64_t stride;
  const double* norm;
  int n;
  int d;
  DType dtype;
};

struct Half {
  uint16_t bits;
};
struct BFloat {
  uint16_t bits;
};

__device__ __forceinline__ float widen(float value) { return value; }
__device__ __forceinline__ float widen(Half value) { return widen_half(value.bits); }
__device__ __forceinline__ float widen(BFloat value) {
  const unsigned bits = static_cast<unsigned>(value.bits) << 16;
#if defined(__CUDA_ARCH__)
  return __uint_as_float(bits);
#else
  float result;
  std::memcpy(&result, &bits, 4);
  return result;
#endif
}

/// float32(x / |x|), the cosine metric's row; |x| = 0 stands for "as it is".
__device__ __forceinline__ float scaled(float value, double norm) {
  return norm > 0 ? static_cast<float>(static_cast<double>(value) / norm) : value;
}

__device__ __forceinline__ double norm_of(const RowsView& rows, int row) {
  return rows.norm ? rows.norm[row] : 0.0;
}

/// Calls body(pointer to the row with its element type).
template <class Body>
__device__ __forceinline__ void with_row(const RowsView& rows, int row, const Body& body) {
  const int64_t offset = static_cast<int64_t>(row) * rows.stride;
  if (rows.dtype == DType::float32)
    body(static_cast<const float*>(rows.data) + offset);
  else if (rows.dtype == DType::float16)
    body(static_cast<const Half*>(rows.data) + offset);
  else
    body(static_cast<const BFloat*>(rows.data) + offset);
}

/// One lane's share of D(row, centre): elements lane, lane + 16, ... in ascending order.
__device__ __forceinline__ double lane_of_distance(const RowsView& rows, int row,
                                                   const float* centre, int lane) {
  double sum = 0.0;
  const double norm = norm_of(rows, row);
  with_row(rows, row, [&](const auto* x) {
#pragma unroll 8
    for (int j = lane; j < rows.d; j += kLanes) {
      const double e =
          static_cast<double>(scaled(widen(x[j]), norm)) - static_cast<double>(centre[j]);
      sum = add_rounded(sum, square_rounded(e));
    }
  });
  return sum;
}

/// Writes the row as float32 (widened, scaled) with `threads` threads.
__device__ __forceinline__ void copy_row(const RowsView& rows, int row, float* out, int thread,
                                         int threads) {
  const double norm = norm_of(rows, row);
  with_row(rows, row, [&](const auto* x) {
    for (int j = thread; j < rows.d; j += threads) out[j] = scaled(widen(x[j]), norm);
  });
}

}  // namespace mods::cuda
