// Reading rows: widening, scaling to unit length, the canonical distance by half-warps.
#pragma once
#include <cstdint>
#include <cstring>

#include "canonical.hpp"
#include "cuda/kernels/device.cuh"
#include "cuda/kernels/rows_view.hpp"

namespace mods::cuda {

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

__device__ __forceinline__ double norm_of(const RowsView& rows, int row) {
  return rows.norm ? rows.norm[row] : 0.0;
}

/// One row. `raw` and `value` are apart so that loads can be issued well before their use.
template <class T, bool kScaled>
struct RowReader {
  const T* data;
  double norm;

  __device__ __forceinline__ T raw(int j) const { return data[j]; }
  /// Widened and, for the cosine metric, float32(x / |x|).
  __device__ __forceinline__ float value(T stored) const {
    const float widened = widen(stored);
    if constexpr (kScaled)
      return static_cast<float>(static_cast<double>(widened) / norm);
    else
      return widened;
  }
  __device__ __forceinline__ float operator[](int j) const { return value(raw(j)); }
};

template <bool kScaled, class T>
__device__ __forceinline__ RowReader<T, kScaled> reader_of(const T* data, double norm) {
  return RowReader<T, kScaled>{data, norm};
}

template <class T, class Body>
__device__ __forceinline__ void with_typed_row(const T* data, double norm, const Body& body) {
  if (norm > 0)
    body(reader_of<true>(data, norm));
  else
    body(reader_of<false>(data, norm));
}

/// Calls body(reader of the row); the choices of type and scaling are made once, outside its loops.
template <class Body>
__device__ __forceinline__ void with_row(const RowsView& rows, int row, const Body& body) {
  const int64_t offset = static_cast<int64_t>(row) * rows.stride;
  const double norm = norm_of(rows, row);
  if (rows.dtype == DType::float32)
    with_typed_row(static_cast<const float*>(rows.data) + offset, norm, body);
  else if (rows.dtype == DType::float16)
    with_typed_row(static_cast<const Half*>(rows.data) + offset, norm, body);
  else
    with_typed_row(static_cast<const BFloat*>(rows.data) + offset, norm, body);
}

inline constexpr int kBatch = 8;  ///< values of a lane loaded before the first is used

__device__ __forceinline__ double add_square(double sum, float x, float c) {
  const double e = static_cast<double>(x) - static_cast<double>(c);
  return add_rounded(sum, square_rounded(e));
}

/// One lane's share of D(row, centre): elements lane, lane + 16, ... in ascending order.
template <class Reader>
__device__ __forceinline__ double lane_sum(const Reader& x, const float* centre, int d, int lane) {
  double sum = 0.0;
  int j = lane;
  for (; j + (kBatch - 1) * kLanes < d; j += kBatch * kLanes) {
    decltype(x.raw(0)) stored[kBatch];
    float c[kBatch];
#pragma unroll
    for (int i = 0; i < kBatch; ++i) {
      stored[i] = x.raw(j + i * kLanes);
      c[i] = centre[j + i * kLanes];
    }
#pragma unroll
    for (int i = 0; i < kBatch; ++i) sum = add_square(sum, x.value(stored[i]), c[i]);
  }
  for (; j < d; j += kLanes) sum = add_square(sum, x[j], centre[j]);
  return sum;
}

__device__ __forceinline__ double lane_of_distance(const RowsView& rows, int row,
                                                   const float* centre, int lane) {
  double sum = 0.0;
  with_row(rows, row, [&](const auto& x) { sum = lane_sum(x, centre, rows.d, lane); });
  return sum;
}

/// Writes the row as float32 (widened, scaled) with `threads` threads.
__device__ __forceinline__ void copy_row(const RowsView& rows, int row, float* out, int thread,
                                         int threads) {
  with_row(rows, row, [&](const auto& x) {
    for (int j = thread; j < rows.d; j += threads) out[j] = x[j];
  });
}

}  // namespace mods::cuda
