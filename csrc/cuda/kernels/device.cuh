// What kernels are written with: shared memory, warp matrix products, asynchronous copies and the
// canonical distance by half-warps. Under MODS_EMULATED_CUDA (tests) the same names run on the CPU.
#pragma once
#include <cuda_runtime.h>

#include <cstdint>

#include "canonical.hpp"
#if defined(MODS_EMULATED_CUDA)
#include "device_emulated.hpp"
#endif

#if !defined(MODS_CUDA_CHECK_BOUND)
#define MODS_CUDA_CHECK_BOUND(rows, row, centre, bound)  // tests compare every bound with D
#endif

namespace mods::cuda {

inline constexpr unsigned kFullWarp = 0xffffffffu;
inline constexpr int kHalfWarp = kLanes;  ///< one thread for each lane of the canonical distance

#if !defined(MODS_EMULATED_CUDA)

/// The dynamic shared memory of the block as one struct.
template <class T>
__device__ __forceinline__ T& block_shared() {
  extern __shared__ __align__(16) unsigned char mods_shared_memory[];
  return *reinterpret_cast<T*>(mods_shared_memory);
}

/// 16 bytes from global to shared memory; complete after cp_async_wait, visible after a barrier.
__device__ __forceinline__ void cp_async_16(void* shared, const void* global) {
  const unsigned address = static_cast<unsigned>(__cvta_generic_to_shared(shared));
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;\n" ::"r"(address), "l"(global)
               : "memory");
}
__device__ __forceinline__ void cp_async_commit() {
  asm volatile("cp.async.commit_group;\n" ::: "memory");
}
/// Waits until at most `kPending` of this thread's newest groups are incomplete.
template <int kPending>
__device__ __forceinline__ void cp_async_wait() {
  asm volatile("cp.async.wait_group %0;\n" ::"n"(kPending) : "memory");
}

/// Four 8x8 matrices of 16-bit units (8 rows of 16 bytes); lane 8 i + r gives row r of matrix i,
/// lane t gets bytes 4 (t % 4) .. + 3 of row t / 4 of each.
__device__ __forceinline__ void load_matrices(unsigned (&out)[4], const void* shared_row) {
  const unsigned address = static_cast<unsigned>(__cvta_generic_to_shared(shared_row));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];\n"
               : "=r"(out[0]), "=r"(out[1]), "=r"(out[2]), "=r"(out[3])
               : "r"(address)
               : "memory");
}

/// c += a * b for a 16x32 (row major) and b 32x8 (column major) of int8, c 16x8 of int32.
__device__ __forceinline__ void multiply_int8(int (&c)[4], const unsigned (&a)[4], unsigned b0,
                                              unsigned b1) {
  asm volatile(
      "mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%0,%1,%2,%3};\n"
      : "+r"(c[0]), "+r"(c[1]), "+r"(c[2]), "+r"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

__device__ __forceinline__ float widen_half(uint16_t bits) {
  float value;
  asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(bits));
  return value;
}

#endif

/// Adds the 16 lanes of each half-warp in the canonical order; all lanes get the sum. Every thread
/// of the warp must call it. (a + b has the same bits as b + a, so the exchange by xor computes
/// lane l + lane (l + 8), and so on, in all lanes at once.)
__device__ __forceinline__ double fold_half_warp(double lane) {
#pragma unroll
  for (int width = kLanes / 2; width > 0; width /= 2)
    lane = add_rounded(lane, __shfl_xor_sync(kFullWarp, lane, width));
  return lane;
}

__device__ __forceinline__ double max_half_warp(double value) {
#pragma unroll
  for (int width = kLanes / 2; width > 0; width /= 2) {
    const double other = __shfl_xor_sync(kFullWarp, value, width);
    if (other > value) value = other;
  }
  return value;
}

/// Position in an array that counts with `*count` for every thread of the warp with `take`. One
/// atomic for each warp. Every thread of the warp must call it.
__device__ __forceinline__ int claim_slot(bool take, int* count) {
  const unsigned takers = __ballot_sync(kFullWarp, take);
  const int lane = static_cast<int>(threadIdx.x & 31u);
  int first = 0;
  if (takers != 0 && lane == __ffs(takers) - 1) first = atomicAdd(count, __popc(takers));
  first = __shfl_sync(kFullWarp, first, takers != 0 ? __ffs(takers) - 1 : 0);
  return first + __popc(takers & ((1u << lane) - 1u));
}

}  // namespace mods::cuda
