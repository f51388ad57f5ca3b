// Kernels for AVX2 with FMA and F16C (Haswell, Zen 1 and later).
#include <immintrin.h>

#include "cpu/kernels/kernels.hpp"

namespace mods::cpu {
namespace {

/// Adds the squares of x - c (8 floats each) to 8 double lanes, without contraction.
inline void add_squares(__m256 x, __m256 c, __m256d& low, __m256d& high) {
  const __m256d e0 = _mm256_sub_pd(_mm256_cvtps_pd(_mm256_castps256_ps128(x)),
                                   _mm256_cvtps_pd(_mm256_castps256_ps128(c)));
  const __m256d e1 = _mm256_sub_pd(_mm256_cvtps_pd(_mm256_extractf128_ps(x, 1)),
                                   _mm256_cvtps_pd(_mm256_extractf128_ps(c, 1)));
  low = _mm256_add_pd(low, _mm256_mul_pd(e0, e0));
  high = _mm256_add_pd(high, _mm256_mul_pd(e1, e1));
}

inline double distance(const float* x, const float* c, int64_t d) {
  __m256d lane0 = _mm256_setzero_pd(), lane4 = lane0, lane8 = lane0, lane12 = lane0;
  int64_t j = 0;
  for (; j + 16 <= d; j += 16) {
    add_squares(_mm256_loadu_ps(x + j), _mm256_loadu_ps(c + j), lane0, lane4);
    add_squares(_mm256_loadu_ps(x + j + 8), _mm256_loadu_ps(c + j + 8), lane8, lane12);
  }
  if (j < d) {  // absent elements add +0.0, which changes no lane
    alignas(32) float xs[16] = {}, cs[16] = {};
    __builtin_memcpy(xs, x + j, (d - j) * sizeof(float));
    __builtin_memcpy(cs, c + j, (d - j) * sizeof(float));
    add_squares(_mm256_load_ps(xs), _mm256_load_ps(cs), lane0, lane4);
    add_squares(_mm256_load_ps(xs + 8), _mm256_load_ps(cs + 8), lane8, lane12);
  }
  // fold_lanes: widths 8, 4, 2, 1
  const __m256d four = _mm256_add_pd(_mm256_add_pd(lane0, lane8), _mm256_add_pd(lane4, lane12));
  const __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
  return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
}

#include "cpu/kernels/shared.inl"

/// acc += four signed byte products a lane. vpmaddubsw wants unsigned times signed, so the sign of
/// the row's byte moves to the lane; with all values in -127..127 its int16 sums cannot saturate.
inline __m256i dot_step(__m256i acc, __m256i lanes, __m256i row, __m256i row_size) {
  const __m256i pairs = _mm256_maddubs_epi16(row_size, _mm256_sign_epi8(lanes, row));
  return _mm256_add_epi32(acc, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

/// Dots of P rows with one group of 16 lanes.
template <int P>
inline void dots(const PackedView& packed, int64_t group, const TilePoint* points,
                 int32_t (*out)[kTileLanes], int first) {
  const uint8_t* bytes = packed.bytes + group * packed.steps * kGroup * 4;
  __m256i low[P], high[P];
#pragma GCC unroll 4
  for (int i = 0; i < P; ++i) low[i] = high[i] = _mm256_setzero_si256();
  for (int64_t step = 0; step < packed.steps; ++step) {
    const __m256i* lanes = reinterpret_cast<const __m256i*>(bytes + step * 64);
    const __m256i c0 = _mm256_load_si256(lanes), c1 = _mm256_load_si256(lanes + 1);
#pragma GCC unroll 4
    for (int i = 0; i < P; ++i) {
      int32_t four;
      __builtin_memcpy(&four, points[i].q + step * 4, 4);
      const __m256i row = _mm256_set1_epi32(four), row_size = _mm256_abs_epi8(row);
      low[i] = dot_step(low[i], c0, row, row_size);
      high[i] = dot_step(high[i], c1, row, row_size);
    }
  }
#pragma GCC unroll 4
  for (int i = 0; i < P; ++i) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out[i] + first), low[i]);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out[i] + first + 8), high[i]);
  }
}

void dots_of(const PackedView& packed, int64_t group, const TilePoint* points, int count,
             int32_t (*out)[kTileLanes], int first) {
  if (count == kTilePoints) return dots<kTilePoints>(packed, group, points, out, first);
  for (int i = 0; i < count; ++i) dots<1>(packed, group, points + i, out + i, first);
}

void bound_tile(const PackedView& packed, int64_t group, int groups, TilePoint* points, int count,
                float slack, float (*lower)[kTileLanes]) {
  int32_t out[kTilePoints][kTileLanes];
  for (int g = 0; g < groups; ++g) dots_of(packed, group + g, points, count, out, g * kGroup);
  for (int i = 0; i < count; ++i)
    finish_point(packed, group, groups, points[i], slack, out[i], lower[i]);
}

void bound_lanes(const PackedView& packed, int64_t groups, const TilePoint* points, int count,
                 const float* lane_upper, float slack, uint16_t* survivors) {
  int32_t out[kTilePoints][kTileLanes];
  for (int64_t g = 0; g < groups; ++g) {
    dots_of(packed, g, points, count, out, 0);
    for (int i = 0; i < count; ++i)
      survivors[i * groups + g] = lanes_below(packed, g, points[i], slack, out[i], lane_upper);
  }
}

void widen(const void* row, DType dtype, int64_t d, float* out) {
  if (dtype != DType::float16) return widen_plain(row, dtype, d, out);
  const uint16_t* half = static_cast<const uint16_t*>(row);
  int64_t j = 0;
  for (; j + 8 <= d; j += 8)
    _mm256_storeu_ps(out + j, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i*)(half + j))));
  for (; j < d; ++j) out[j] = widen_half(half[j]);
}

const Kernels table = {"avx2",     0,           distance,     brute_pass, sketch_plain,
                       bound_tile, bound_lanes, select_range, widen,      nullptr};

}  // namespace

const Kernels* kernels_avx2() { return &table; }

}  // namespace mods::cpu
