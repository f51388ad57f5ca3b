// Kernels for AVX-512 with VNNI (Ice Lake, Zen 4 and later).
#include <immintrin.h>

#include "cpu/kernels/kernels.hpp"

namespace mods::cpu {
namespace {

/// Adds the squares of x - c (16 floats each) to the 16 double lanes, without contraction.
inline void add_squares(__m512 x, __m512 c, __m512d& low, __m512d& high) {
  const __m512d e0 = _mm512_sub_pd(_mm512_cvtps_pd(_mm512_castps512_ps256(x)),
                                   _mm512_cvtps_pd(_mm512_castps512_ps256(c)));
  const __m512d e1 = _mm512_sub_pd(_mm512_cvtps_pd(_mm512_extractf32x8_ps(x, 1)),
                                   _mm512_cvtps_pd(_mm512_extractf32x8_ps(c, 1)));
  low = _mm512_add_pd(low, _mm512_mul_pd(e0, e0));
  high = _mm512_add_pd(high, _mm512_mul_pd(e1, e1));
}

inline double distance(const float* x, const float* c, int64_t d) {
  __m512d low = _mm512_setzero_pd(), high = low;
  int64_t j = 0;
  for (; j + 16 <= d; j += 16)
    add_squares(_mm512_loadu_ps(x + j), _mm512_loadu_ps(c + j), low, high);
  if (j < d) {  // absent elements add +0.0, which changes no lane
    const __mmask16 rest = static_cast<__mmask16>((1u << (d - j)) - 1);
    add_squares(_mm512_maskz_loadu_ps(rest, x + j), _mm512_maskz_loadu_ps(rest, c + j), low, high);
  }
  // fold_lanes: widths 8, 4, 2, 1
  const __m512d eight = _mm512_add_pd(low, high);
  const __m256d four =
      _mm256_add_pd(_mm512_castpd512_pd256(eight), _mm512_extractf64x4_pd(eight, 1));
  const __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
  return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
}

#include "cpu/kernels/shared.inl"

inline __mmask16 lanes_left(int64_t left) {
  return left >= 16 ? 0xffff : static_cast<__mmask16>((1u << left) - 1);
}

/// acc += four unsigned-by-signed byte products a lane. In assembly because GCC 12 otherwise spills
/// and moves the accumulators (it halves the speed).
inline void dot_step(__m512i& acc, __m512i lanes, __m512i row) {
  asm("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(lanes), "v"(row));
}

/// Two sets of lanes, so that a sum need not wait for the one before.
struct TwoSums {
  __m512 set[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
  void add_square(int which, __m512 v) { set[which] = _mm512_fmadd_ps(v, v, set[which]); }
  float fold() const { return _mm512_reduce_add_ps(_mm512_add_ps(set[0], set[1])); }
};

/// The bytes of four vectors of int32, in order.
inline __m512i bytes_of(const __m512i (&v)[4]) {
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  return _mm512_permutexvar_epi32(
      order, _mm512_packs_epi16(_mm512_packs_epi32(v[0], v[1]), _mm512_packs_epi32(v[2], v[3])));
}

/// The quantised row is computed from x a second time: that costs less than keeping z.
Sketched sketch(const float* x, const float* mu, const float* c, int64_t d, float slack, int8_t* q,
                bool past_cache) {
  TwoSums norm, distance, residual;
  __m512 top[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
  const auto measure = [&](int64_t j, __mmask16 in, int set) {
    const __m512 row = _mm512_maskz_loadu_ps(in, x + j);
    const __m512 z = _mm512_sub_ps(row, _mm512_maskz_loadu_ps(in, mu + j));
    constexpr int kLargerSize = 0b1011;  // max(|a|, |b|)
    top[set] = _mm512_range_ps(top[set], z, kLargerSize);
    norm.add_square(set, z);
    distance.add_square(set, _mm512_sub_ps(row, _mm512_maskz_loadu_ps(in, c + j)));
  };
  int64_t j = 0;
  for (; j + 32 <= d; j += 32) {
    measure(j, 0xffff, 0);
    measure(j + 16, 0xffff, 1);
  }
  for (; j < d; j += 16) measure(j, lanes_left(d - j), 0);
  const float norm2 = norm.fold();
  if (!(norm2 <= kMaxNorm2)) return Sketched{{norm2, 0, 0, 0}, 0};  // the caller stops
  const float largest = _mm512_reduce_max_ps(_mm512_max_ps(top[0], top[1]));
  const bool zero = !(largest >= kTinyEntry);
  const float scale = zero ? 0.0f : largest / 127.0f;
  const __m512 inverse = _mm512_set1_ps(zero ? 0.0f : 127.0f / largest);
  const __m512 minus_scale = _mm512_set1_ps(-scale);
  const auto quantise = [&](int64_t j, __mmask16 in, int set) {
    const __m512 z =
        _mm512_sub_ps(_mm512_maskz_loadu_ps(in, x + j), _mm512_maskz_loadu_ps(in, mu + j));
    const __m512i value = _mm512_cvtps_epi32(_mm512_mul_ps(z, inverse));  // within -127..127
    residual.add_square(set, _mm512_fmadd_ps(_mm512_cvtepi32_ps(value), minus_scale, z));
    return value;
  };
  __m512i sum = _mm512_setzero_si512();
  past_cache = past_cache && reinterpret_cast<uintptr_t>(q) % 64 == 0;
  for (j = 0; j + 64 <= d; j += 64) {
    const __m512i values[4] = {quantise(j, 0xffff, 0), quantise(j + 16, 0xffff, 1),
                               quantise(j + 32, 0xffff, 0), quantise(j + 48, 0xffff, 1)};
    const __m512i bytes = bytes_of(values);
    dot_step(sum, _mm512_set1_epi8(1), bytes);
    if (past_cache)
      _mm512_stream_si512(reinterpret_cast<__m512i*>(q + j), bytes);
    else
      _mm512_storeu_si512(q + j, bytes);
  }
  for (; j < d; j += 16) {
    const __m512i value = quantise(j, lanes_left(d - j), 0);
    sum = _mm512_add_epi32(sum, value);
    _mm_mask_storeu_epi8(q + j, lanes_left((d - j + 3) / 4 * 4), _mm512_cvtepi32_epi8(value));
  }
  return Sketched{finish_sketch(norm2, residual.fold(), scale, _mm512_reduce_add_epi32(sum), slack),
                  distance.fold()};
}

inline __m512i broadcast4(const int8_t* q) {
  int32_t four;
  __builtin_memcpy(&four, q, 4);
  return _mm512_set1_epi32(four);
}

/// Dots of P rows with G groups, exact: lanes hold q + 128, so 128 * sum(row) is taken off again.
template <int P, int G>
inline void dots(const PackedView& packed, int64_t group, const TilePoint* points,
                 __m512i (&acc)[P][G]) {
  const int64_t group_bytes = packed.steps * kGroup * 4;
  const uint8_t* lanes = packed.bytes + group * group_bytes;
  const int8_t* q[P];
#pragma GCC unroll 8
  for (int i = 0; i < P; ++i) {
    q[i] = points[i].q;
#pragma GCC unroll 8
    for (int g = 0; g < G; ++g) acc[i][g] = _mm512_set1_epi32(-128 * points[i].row.sum);
  }
  for (int64_t step = 0; step < packed.steps; ++step) {
    __m512i c[G];
#pragma GCC unroll 8
    for (int g = 0; g < G; ++g) c[g] = _mm512_load_si512(lanes + g * group_bytes + step * 64);
#pragma GCC unroll 8
    for (int i = 0; i < P; ++i) {
      const __m512i row = broadcast4(q[i] + step * 4);
#pragma GCC unroll 8
      for (int g = 0; g < G; ++g) dot_step(acc[i][g], c[g], row);
    }
  }
}

/// The bounds of one point against 16 lanes: middle -+ width.
struct VectorBounds {
  __m512 minus_two_scale, two_residual, two_length, norm2, slack, tiny;

  VectorBounds(const TilePoint& point, float slack_)
      : minus_two_scale(_mm512_set1_ps(-2.0f * point.row.scale)),
        two_residual(_mm512_set1_ps(2.0f * point.row.residual)),
        two_length(_mm512_set1_ps(2.0f * (point.length + point.row.residual))),
        norm2(_mm512_set1_ps(point.row.norm2)),
        slack(_mm512_set1_ps(slack_)),
        tiny(_mm512_set1_ps(kTinyBound)) {}

  void evaluate(const PackedView& packed, int64_t first, __m512i dot, __m512& middle,
                __m512& width) const {
    const __m512 sum = _mm512_add_ps(norm2, _mm512_loadu_ps(packed.norm2 + first));
    const __m512 scale = _mm512_mul_ps(minus_two_scale, _mm512_loadu_ps(packed.scale + first));
    middle = _mm512_fmadd_ps(scale, _mm512_cvtepi32_ps(dot), sum);
    width = _mm512_fmadd_ps(slack, sum, tiny);
    width = _mm512_fmadd_ps(two_residual, _mm512_loadu_ps(packed.length + first), width);
    width = _mm512_fmadd_ps(two_length, _mm512_loadu_ps(packed.residual + first), width);
  }
};

template <int P, int G>
void tile(const PackedView& packed, int64_t group, TilePoint* points, float slack,
          float (*lower)[kTileLanes]) {
  __m512i acc[P][G];
  dots<P, G>(packed, group, points, acc);
#pragma GCC unroll 8
  for (int i = 0; i < P; ++i) {
    const VectorBounds bounds(points[i], slack);
    __m512 low[G], least = _mm512_set1_ps(__builtin_inff()), least_upper = least;
#pragma GCC unroll 8
    for (int g = 0; g < G; ++g) {
      __m512 middle, width;
      bounds.evaluate(packed, (group + g) * kGroup, acc[i][g], middle, width);
      low[g] = _mm512_sub_ps(middle, width);
      least = _mm512_min_ps(least, low[g]);
      least_upper = _mm512_min_ps(least_upper, _mm512_add_ps(middle, width));
    }
    points[i].survivors = 0;
    if (!_mm512_cmp_ps_mask(least, _mm512_set1_ps(points[i].upper), _CMP_LT_OQ)) continue;
    const float upper = _mm512_reduce_min_ps(least_upper);
    if (upper < points[i].upper) points[i].upper = upper;
    const __m512 limit = _mm512_set1_ps(points[i].upper);
    uint64_t survivors = 0;
#pragma GCC unroll 8
    for (int g = 0; g < G; ++g) {
      _mm512_storeu_ps(lower[i] + g * kGroup, low[g]);
      survivors |= static_cast<uint64_t>(_mm512_cmp_ps_mask(low[g], limit, _CMP_LT_OQ)) << (16 * g);
    }
    points[i].survivors = survivors;
  }
}

template <int P>
void tile_of(const PackedView& packed, int64_t group, int groups, TilePoint* points, float slack,
             float (*lower)[kTileLanes]) {
  switch (groups) {
    case 1:
      return tile<P, 1>(packed, group, points, slack, lower);
    case 2:
      return tile<P, 2>(packed, group, points, slack, lower);
    case 3:
      return tile<P, 3>(packed, group, points, slack, lower);
    default:
      return tile<P, 4>(packed, group, points, slack, lower);
  }
}

void bound_tile(const PackedView& packed, int64_t group, int groups, TilePoint* points, int count,
                float slack, float (*lower)[kTileLanes]) {
  switch (count) {
    case 1:
      return tile_of<1>(packed, group, groups, points, slack, lower);
    case 2:
      return tile_of<2>(packed, group, groups, points, slack, lower);
    case 3:
      return tile_of<3>(packed, group, groups, points, slack, lower);
    default:
      return tile_of<4>(packed, group, groups, points, slack, lower);
  }
}

/// The survivors of P points among G groups; see Kernels::bound_lanes.
template <int P, int G>
inline void lanes_below(const PackedView& packed, int64_t group, int64_t groups,
                        const TilePoint* points, const float* lane_upper, float slack,
                        uint16_t* survivors) {
  __m512i acc[P][G];
  dots<P, G>(packed, group, points, acc);
#pragma GCC unroll 8
  for (int i = 0; i < P; ++i) {
    const VectorBounds bounds(points[i], slack);
#pragma GCC unroll 8
    for (int g = 0; g < G; ++g) {
      const int64_t first = (group + g) * kGroup;
      __m512 middle, width;
      bounds.evaluate(packed, first, acc[i][g], middle, width);
      survivors[i * groups + group + g] = _mm512_cmp_ps_mask(
          _mm512_sub_ps(middle, width), _mm512_loadu_ps(lane_upper + first), _CMP_LT_OQ);
    }
  }
}

template <int P, int G>
void lanes_of(const PackedView& packed, int64_t groups, const TilePoint* points,
              const float* lane_upper, float slack, uint16_t* survivors) {
  int64_t group = 0;
  for (; group + G <= groups; group += G)
    lanes_below<P, G>(packed, group, groups, points, lane_upper, slack, survivors);
  for (; group < groups; ++group)
    lanes_below<P, 1>(packed, group, groups, points, lane_upper, slack, survivors);
}

void bound_lanes(const PackedView& packed, int64_t groups, const TilePoint* points, int count,
                 const float* lane_upper, float slack, uint16_t* survivors) {
  if (count == kTilePoints)
    return lanes_of<kTilePoints, kTileGroups>(packed, groups, points, lane_upper, slack, survivors);
  for (int i = 0; i < count; ++i)  // few candidates are left
    lanes_of<1, 8>(packed, groups, points + i, lane_upper, slack, survivors + i * groups);
}

void widen(const void* row, DType dtype, int64_t d, float* out) {
  if (dtype != DType::float16) return widen_plain(row, dtype, d, out);
  const uint16_t* half = static_cast<const uint16_t*>(row);
  for (int64_t j = 0; j < d; j += 16) {
    const __mmask16 in = lanes_left(d - j);
    _mm512_mask_storeu_ps(out + j, in, _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(in, half + j)));
  }
}

double dot_peak(int64_t iterations) {
  __m512i acc[16];
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) acc[i] = _mm512_setzero_si512();
  const __m512i lanes = _mm512_set1_epi8(1);
  for (int64_t i = 0; i < iterations; ++i) {
#pragma GCC unroll 16
    for (int a = 0; a < 16; ++a) dot_step(acc[a], lanes, lanes);
  }
#pragma GCC unroll 16
  for (int a = 0; a < 16; ++a) asm volatile("" ::"v"(acc[a]));
  return 16 * 64;
}

const Kernels table = {"avx512",   0x80,        distance,     brute_pass, sketch,
                       bound_tile, bound_lanes, select_range, widen,      dot_peak};

}  // namespace

const Kernels* kernels_avx512() { return &table; }

}  // namespace mods::cpu
