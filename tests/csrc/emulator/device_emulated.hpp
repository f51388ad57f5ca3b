// The device primitives of csrc/cuda/device.cuh on the emulator.
#pragma once
#include <cstdint>
#include <cstring>
#include <stdexcept>

#include "cuda_runtime.h"

namespace emulator {
void async_copy(void* to, const void* from);
void async_commit();
void async_wait(int pending);
}  // namespace emulator

namespace mods::cuda {

template <class T>
T& block_shared() {
  emulator::check_shared(emulator::shared_memory(), sizeof(T));
  return *reinterpret_cast<T*>(emulator::shared_memory());
}

inline void cp_async_16(void* shared, const void* global) {
  emulator::check_shared(shared, 16);
  if ((reinterpret_cast<uintptr_t>(shared) | reinterpret_cast<uintptr_t>(global)) & 15)
    throw std::logic_error("cp.async address is not a multiple of 16");
  emulator::async_copy(shared, global);
}
inline void cp_async_commit() { emulator::async_commit(); }
template <int kPending>
void cp_async_wait() {
  emulator::async_wait(kPending);
}

inline void load_matrices(unsigned (&out)[4], const void* shared_row) {
  emulator::check_shared(shared_row, 16);
  const uint64_t* rows =
      emulator::exchange(0xffffffffu, reinterpret_cast<uintptr_t>(shared_row), 7);
  const int lane = emulator::lane();
  for (int i = 0; i < 4; ++i) {
    const auto* row = reinterpret_cast<const unsigned char*>(rows[8 * i + lane / 4]);
    if (reinterpret_cast<uintptr_t>(row) & 15) throw std::logic_error("ldmatrix alignment");
    std::memcpy(&out[i], row + 4 * (lane % 4), 4);
  }
}

inline void multiply_int8(int (&c)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
  uint64_t a_low[32], a_high[32], b[32];
  auto pack = [](unsigned x, unsigned y) { return uint64_t{x} | uint64_t{y} << 32; };
  std::memcpy(a_low, emulator::exchange(0xffffffffu, pack(a[0], a[1]), 8), sizeof(b));
  std::memcpy(a_high, emulator::exchange(0xffffffffu, pack(a[2], a[3]), 9), sizeof(b));
  std::memcpy(b, emulator::exchange(0xffffffffu, pack(b0, b1), 10), sizeof(b));
  auto byte = [](uint64_t word, int i) {
    return static_cast<int>(static_cast<int8_t>(word >> (8 * i)));
  };
  // Register r of A holds rows g + 8 (r odd) and k = 16 (r / 2) + 4 t .. + 3 in lane 4 g + t.
  auto a_at = [&](int row, int k) {
    const int from = 4 * (row % 8) + k % 16 / 4;
    return byte(k < 16 ? a_low[from] : a_high[from], row / 8 * 4 + k % 4);
  };
  auto b_at = [&](int k, int column) {
    return byte(b[4 * column + k % 16 / 4], k / 16 * 4 + k % 4);
  };
  const int group = emulator::lane() / 4, member = emulator::lane() % 4;
  for (int e = 0; e < 4; ++e) {
    const int row = group + e / 2 * 8, column = 2 * member + e % 2;
    for (int k = 0; k < 32; ++k) c[e] += a_at(row, k) * b_at(k, column);
  }
}

/// Throws unless `bound` is at most D(row, centre), computed the plain way.
struct RowsView;
void check_bound(const RowsView& rows, int row, const float* centre, float bound);
#define MODS_CUDA_CHECK_BOUND(rows, row, centre, bound) check_bound(rows, row, centre, bound)

inline float widen_half(uint16_t bits) {
  const int sign = bits >> 15, exponent = bits >> 10 & 31, mantissa = bits & 1023;
  float value = exponent == 31 ? (mantissa ? NAN : INFINITY)
                : exponent     ? std::ldexp(static_cast<float>(1024 + mantissa), exponent - 25)
                               : std::ldexp(static_cast<float>(mantissa), -24);
  return sign ? -value : value;
}

}  // namespace mods::cuda
