// The kernel that does most of the work: brings rows up to date with the centres picked since.
//
// A block takes 64 rows and walks over their pending centres in chunks of 128. For each chunk it
// computes the 64 x 128 lower bounds from int8 products on the tensor cores (operands staged by
// asynchronous copies, three slices deep), keeps them in shared memory, and then each half-warp
// takes one row at a time: while the smallest bound is below the row's m, it computes that exact
// distance. A row whose m falls below the threshold leaves the tile; its stamp says how far it got.
//
// Invariant: m[p] >= min over all centres and m[p] <= min over the first stamp[p] centres, so m is
// exact once stamp[p] equals the number of centres. A pair is skipped only when its bound, hence
// its distance, is at least m[p]. One block owns a row, and its refinements are in a fixed order.
#pragma once
#include <cmath>
#include <cstdint>

#include "bound.hpp"
#include "cuda/kernels/device.cuh"
#include "cuda/kernels/layout.cuh"
#include "cuda/kernels/lists.cuh"
#include "cuda/kernels/rows.cuh"
#include "cuda/kernels/state.hpp"

namespace mods::cuda {

inline constexpr int kSlice = 64;  ///< bytes of a sketch row staged at a time
inline constexpr int kStages = 3;
inline constexpr int kBoundPitch = kChunk + 4;

struct RefreshShared {
  union {
    struct {
      int8_t rows[kStages][kTileRows][kSlice];
      int8_t centres[kStages][kChunk][kSlice];
    } stage;
    float bounds[kTileRows][kBoundPitch];
  };
  SketchRow row_meta[kTileRows];
  SketchRow centre_meta[kChunk];
  double m[kTileRows];
  float row_length[kTileRows];
  float centre_length[kChunk];
  int row[kTileRows];
  int stamp[kTileRows];
  int centre_row[kChunk];
  unsigned keep[2];
  int tile;
};
static_assert(sizeof(RefreshShared) <= 48 * 1024, "fits without asking for more");

struct Centres {
  const int* id;      ///< row index of each centre
  const float* rows;  ///< their rows as float32, d apart
};

/// Byte of a 16-byte unit in a staged row, swizzled so that the 8 rows of a matrix load fall into
/// different banks.
__device__ __forceinline__ int swizzled(int row, int unit) { return (unit ^ (row >> 1 & 3)) * 16; }

/// Asks for one slice of the operands: 64 rows and 128 centres of 64 bytes.
__device__ __forceinline__ void stage_slice(RefreshShared& s, const Sketch& sketch, int stage,
                                            int slice, int alive, int pending) {
  const int unit = static_cast<int>(threadIdx.x) % 4, first = static_cast<int>(threadIdx.x) / 4;
  const int64_t offset = static_cast<int64_t>(slice) * kSlice + unit * 16;
  static_assert(kThreads / 4 == kTileRows && kChunk == 2 * kTileRows, "work per thread");
  if (first < alive)
    cp_async_16(&s.stage.rows[stage][first][swizzled(first, unit)],
                sketch.values + s.row[first] * sketch.pitch + offset);
#pragma unroll
  for (int r = first; r < kChunk; r += kTileRows)
    if (r < pending)
      cp_async_16(&s.stage.centres[stage][r][swizzled(r, unit)],
                  sketch.values + s.centre_row[r] * sketch.pitch + offset);
}

/// Products of one staged slice for the 32 x 32 part of this warp.
__device__ __forceinline__ void multiply_slice(const RefreshShared& s, int stage, int row0,
                                               int column0, int (&dots)[2][4][4]) {
  const int lane = static_cast<int>(threadIdx.x) % 32, matrix = lane / 8, r = lane % 8;
#pragma unroll
  for (int half = 0; half < kSlice / 32; ++half) {
    unsigned a[2][4], b[2][4];
#pragma unroll
    for (int i = 0; i < 2; ++i) {  // rows 0-7, 8-15 of the low 16 bytes, then of the high ones
      const int row = row0 + i * 16 + matrix % 2 * 8 + r;
      load_matrices(a[i], &s.stage.rows[stage][row][swizzled(row, half * 2 + matrix / 2)]);
    }
#pragma unroll
    for (int i = 0; i < 2; ++i) {  // low, high bytes of centres 0-7, then of centres 8-15
      const int column = column0 + i * 16 + matrix / 2 * 8 + r;
      load_matrices(b[i], &s.stage.centres[stage][column][swizzled(column, half * 2 + matrix % 2)]);
    }
#pragma unroll
    for (int i = 0; i < 2; ++i)
#pragma unroll
      for (int j = 0; j < 4; ++j)
        multiply_int8(dots[i][j], a[i], b[j / 2][j % 2 * 2], b[j / 2][j % 2 * 2 + 1]);
  }
}

/// Lower bounds of the live rows of the tile against centres [base, base + pending), +infinity
/// where a row has seen the centre already.
__device__ __forceinline__ void bound_chunk(RefreshShared& s, const Sketch& sketch, int alive,
                                            int base, int pending) {
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  const int row0 = warp / 4 * 32, column0 = warp % 4 * 32;
  const bool busy = row0 < alive && column0 < pending;  // the same for the whole warp
  const int slices = static_cast<int>(sketch.pitch / kSlice);
  int dots[2][4][4] = {};
#pragma unroll
  for (int slice = 0; slice < kStages - 1; ++slice) {
    if (slice < slices) stage_slice(s, sketch, slice, slice, alive, pending);
    cp_async_commit();
  }
  for (int slice = 0; slice < slices; ++slice) {
    cp_async_wait<kStages - 2>();
    __syncthreads();  // the slice has arrived, and everyone is done with the one it replaces
    const int ahead = slice + kStages - 1;
    if (ahead < slices) stage_slice(s, sketch, ahead % kStages, ahead, alive, pending);
    cp_async_commit();
    __syncwarp();  // the matrix instructions want the whole warp together
    if (busy) multiply_slice(s, slice % kStages, row0, column0, dots);
  }
  cp_async_wait<0>();
  __syncthreads();  // the bounds replace the staged slices
  if (!busy) return;
#pragma unroll
  for (int i = 0; i < 2; ++i)
#pragma unroll
    for (int j = 0; j < 4; ++j)
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        const int row = row0 + i * 16 + lane / 4 + e / 2 * 8;
        const int column = column0 + j * 8 + lane % 4 * 2 + e % 2;
        float bound = INFINITY;
        if (row < alive && column < pending && base + column >= s.stamp[row]) {
          bound = pair_bounds(s.row_meta[row], s.row_length[row], s.centre_meta[column],
                              s.centre_length[column], dots[i][j][e], sketch.slack)
                      .lower;
          if (!(bound == bound)) bound = -INFINITY;
        }
        s.bounds[row][column] = bound;
      }
}

/// Exact distances where the bounds leave a chance, smallest bound first. Returns how many this
/// thread counts. Both half-warps of a warp stay together.
__device__ __forceinline__ unsigned refine_chunk(RefreshShared& s, const RowsView& rows,
                                                 const Centres& centres, int alive, int base,
                                                 int pending) {
  const int half_warp = static_cast<int>(threadIdx.x) / kHalfWarp;
  const int lane = static_cast<int>(threadIdx.x) % kHalfWarp;
  unsigned refined = 0;
  for (int first = 0; first < alive; first += kHalfWarps) {
    const int i = first + half_warp;
    const bool mine = i < alive;
    float bounds[kChunk / kHalfWarp];
#pragma unroll
    for (int q = 0; q < kChunk / kHalfWarp; ++q) {
      const int column = q * kHalfWarp + lane;
      bounds[q] = mine && column < pending ? s.bounds[i][column] : INFINITY;
      MODS_CUDA_CHECK_BOUND(rows, s.row[i],
                            centres.rows + static_cast<int64_t>(base + column) * rows.d, bounds[q]);
    }
    double m = mine ? s.m[i] : 0.0;
    for (;;) {
      float lowest = bounds[0];
      int column = lane;
#pragma unroll
      for (int q = 1; q < kChunk / kHalfWarp; ++q)
        if (bounds[q] < lowest) {
          lowest = bounds[q];
          column = q * kHalfWarp + lane;
        }
#pragma unroll
      for (int width = kHalfWarp / 2; width > 0; width /= 2) {
        const float other = __shfl_xor_sync(kFullWarp, lowest, width);
        const int other_column = __shfl_xor_sync(kFullWarp, column, width);
        if (other < lowest || (other == lowest && other_column < column)) {
          lowest = other;
          column = other_column;
        }
      }
      const bool needed = mine && static_cast<double>(lowest) < m;
      if (!__any_sync(kFullWarp, needed)) break;
      double sum = 0.0;
      if (needed)
        sum = lane_of_distance(rows, s.row[i],
                               centres.rows + static_cast<int64_t>(base + column) * rows.d, lane);
      const double distance = fold_half_warp(sum);
      if (!needed) continue;
      m = distance < m ? distance : m;
      refined += lane == 0;
#pragma unroll
      for (int q = 0; q < kChunk / kHalfWarp; ++q)
        if (q * kHalfWarp + lane == column) bounds[q] = INFINITY;
    }
    if (mine && lane == 0) s.m[i] = m;
  }
  return refined;
}

/// Loads the rows of a tile. Returns the number of rows.
__device__ __forceinline__ int load_tile(RefreshShared& s, const Sketch& sketch,
                                         const Distances& distances, const int* sorted, int begin,
                                         int end) {
  const int count = min_of(kTileRows, end - begin), thread = static_cast<int>(threadIdx.x);
  if (thread < count) {
    const int row = sorted[begin + thread];
    s.row[thread] = row;
    s.m[thread] = distances.m[row];
    s.stamp[thread] = distances.stamp[row];
    s.row_meta[thread] = sketch.meta[row];
    s.row_length[thread] = upper_length(s.row_meta[thread].norm2, sketch.slack);
  }
  return count;
}

__device__ __forceinline__ void load_centres(RefreshShared& s, const Sketch& sketch,
                                             const Centres& centres, int base, int pending) {
  const int thread = static_cast<int>(threadIdx.x);
  if (thread >= pending) return;
  const int row = centres.id[base + thread];
  s.centre_row[thread] = row;
  s.centre_meta[thread] = sketch.meta[row];
  s.centre_length[thread] = upper_length(s.centre_meta[thread].norm2, sketch.slack);
}

/// Ends a chunk: advances the stamps, hands back the rows below the threshold, closes the gaps.
/// Returns the number of rows left. `bounded` counts the pairs of this thread's row.
__device__ __forceinline__ int close_ranks(RefreshShared& s, const Distances& distances, int alive,
                                           int base, int end, double bar, int bar_index,
                                           unsigned long long& bounded) {
  const int thread = static_cast<int>(threadIdx.x);
  bool keep = false;
  unsigned kept = 0;
  double m = 0.0;
  int row = 0, stamp = 0;
  SketchRow meta{};
  float length = 0.0f;
  if (thread < kTileRows) {  // whole warps
    if (thread < alive) {
      m = s.m[thread];
      row = s.row[thread];
      stamp = s.stamp[thread];
      meta = s.row_meta[thread];
      length = s.row_length[thread];
      if (stamp < end) {
        bounded += static_cast<unsigned long long>(end - max_of(stamp, base));
        stamp = end;
      }
      keep = in_reach(m, row, bar, bar_index);
      if (!keep) {
        distances.m[row] = m;
        distances.stamp[row] = stamp;
      }
    }
    kept = __ballot_sync(kFullWarp, keep);
    if (thread % 32 == 0) s.keep[thread / 32] = kept;
  }
  __syncthreads();
  const int left = __popc(s.keep[0]) + __popc(s.keep[1]);
  if (keep) {
    const int place =
        __popc(kept & ((1u << (thread % 32)) - 1u)) + (thread >= 32 ? __popc(s.keep[0]) : 0);
    s.m[place] = m;
    s.row[place] = row;
    s.stamp[place] = stamp;
    s.row_meta[place] = meta;
    s.row_length[place] = length;
  }
  __syncthreads();
  return left;
}

/// One pass over state->sorted rows, each for at most `budget` chunks of centres. Rows that are
/// then still above the threshold and not up to date are listed for the next pass.
__global__ void __launch_bounds__(kThreads, 2)
    refresh_rows(RowsView rows, Sketch sketch, Distances distances, Centres centres, Lists lists,
                 RunState* state, int budget) {
  RefreshShared& s = block_shared<RefreshShared>();
  const int thread = static_cast<int>(threadIdx.x);
  const int count = state->sorted, centre_count = state->centres, bar_index = state->bar_index;
  const int shift = bucket_shift(centre_count);
  const double bar = state->bar;
  unsigned long long bounded = 0, refined = 0;
  for (;;) {
    if (thread == 0) s.tile = atomicAdd(&state->ticket, 1);
    __syncthreads();
    const int64_t begin = static_cast<int64_t>(s.tile) * kTileRows;
    if (begin >= count) break;
    int alive = load_tile(s, sketch, distances, lists.sorted, static_cast<int>(begin), count);
    __syncthreads();
    int base = centre_count;
    for (int i = 0; i < alive; ++i) base = min_of(base, s.stamp[i]);
    for (int chunk = 0; chunk < budget && alive > 0 && base < centre_count; ++chunk) {
      const int pending = min_of(kChunk, centre_count - base);
      load_centres(s, sketch, centres, base, pending);
      __syncthreads();
      bound_chunk(s, sketch, alive, base, pending);
      __syncthreads();
      refined += refine_chunk(s, rows, centres, alive, base, pending);
      __syncthreads();
      alive = close_ranks(s, distances, alive, base, base + pending, bar, bar_index, bounded);
      base += pending;
    }
    if (thread < kTileRows) {  // whole warps
      const bool left = thread < alive;
      const int row = left ? s.row[thread] : 0, stamp = left ? s.stamp[thread] : 0;
      if (left) {
        distances.m[row] = s.m[thread];
        distances.stamp[row] = stamp;
      }
      list_row(left && stamp < centre_count, row, stamp, shift, lists, state);
    }
  }
  if (bounded != 0) atomicAdd(&state->pairs_bounded, bounded);
  if (refined != 0) atomicAdd(&state->pairs_refined, refined);
}

}  // namespace mods::cuda
