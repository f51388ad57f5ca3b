// Plain C++ parts of the kernels. Included inside the anonymous namespace of each kernels_*.cpp and
// vectorised by the compiler with that file's flags; `distance` must be defined before.
// No std:: templates here: their instantiations would be shared between instruction sets.

Farthest brute_pass(const float* rows, int64_t stride, int64_t d, int64_t begin, int64_t end,
                    const float* c, double* m) {
  Farthest best;
  for (int64_t p = begin; p < end; ++p) {
    if (m[p] < 0) continue;
    const double value = distance(rows + p * stride, c, d);
    if (!(value >= m[p])) m[p] = value;  // lets NaN through: the caller checks the first pass
    if (!(m[p] <= best.value)) {
      best.value = m[p];
      best.index = p;
    }
  }
  return best;
}

/// Sums in 16 float lanes, folded pairwise: the error bound of bound.hpp assumes this order.
struct Lanes {
  float lane[16] = {};
  float fold() {
    for (int width = 8; width > 0; width /= 2)
      for (int l = 0; l < width; ++l) lane[l] += lane[l + width];
    return lane[0];
  }
};

inline float absolute(float v) { return v < 0 ? -v : v; }

[[maybe_unused]] inline float distance32(const float* x, const float* c, int64_t d) {
  Lanes sum;
  for (int64_t j = 0; j < d; j += 16) {
    const int width = d - j < 16 ? static_cast<int>(d - j) : 16;
    for (int l = 0; l < width; ++l) {
      const float e = x[j + l] - c[j + l];
      sum.lane[l] += e * e;
    }
  }
  return sum.fold();
}

/// Rounds to nearest, ties to even, for |v| < 2^22.
inline int32_t round_to_int(float v) {
  const float magic = 12582912.0f;  // 1.5 * 2^23
  return static_cast<int32_t>((v + magic) - magic);
}

[[maybe_unused]] Sketched sketch_plain(const float* x, const float* mu, const float* c, int64_t d,
                                       float slack, int8_t* q, bool) {
  Lanes norm, residual, top;
  for (int64_t j = 0; j < d; j += 16) {
    const int width = d - j < 16 ? static_cast<int>(d - j) : 16;
    for (int l = 0; l < width; ++l) {
      const float v = x[j + l] - mu[j + l];
      norm.lane[l] += v * v;
      top.lane[l] = absolute(v) > top.lane[l] ? absolute(v) : top.lane[l];
    }
  }
  const float norm2 = norm.fold();
  if (!(norm2 <= kMaxNorm2)) return Sketched{{norm2, 0, 0, 0}, 0};  // the caller stops
  float largest = 0;
  for (float v : top.lane) largest = v > largest ? v : largest;
  const bool zero = !(largest >= kTinyEntry);
  const float scale = zero ? 0.0f : largest / 127.0f;
  const float inverse = zero ? 0.0f : 127.0f / largest;
  int32_t sum = 0;
  for (int64_t j = 0; j < d; j += 16) {
    const int width = d - j < 16 ? static_cast<int>(d - j) : 16;
    for (int l = 0; l < width; ++l) {
      const float v = x[j + l] - mu[j + l];
      float scaled = v * inverse;
      scaled = scaled > 127.0f ? 127.0f : scaled;
      scaled = scaled < -127.0f ? -127.0f : scaled;
      const int32_t value = round_to_int(scaled);
      const float e = v - static_cast<float>(value) * scale;
      residual.lane[l] += e * e;
      sum += value;
      q[j + l] = static_cast<int8_t>(value);
    }
  }
  for (int64_t j = d; j % 4 != 0; ++j) q[j] = 0;
  return Sketched{finish_sketch(norm2, residual.fold(), scale, sum, slack), distance32(x, c, d)};
}

/// Turns the int dots of one point with 16 lanes into lower bounds and the distance between lower
/// and upper bounds ("gap").
[[maybe_unused]] inline void bounds_plain(const PackedView& packed, int64_t first,
                                          const TilePoint& point, float slack, const int32_t* dots,
                                          float* lower, float* upper) {
  const float minus_two_scale = -2.0f * point.row.scale;
  const float two_residual = 2.0f * point.row.residual;
  const float two_length = 2.0f * (point.length + point.row.residual);
  for (int l = 0; l < kGroup; ++l) {
    const float sum = point.row.norm2 + packed.norm2[first + l];
    const float middle =
        sum + minus_two_scale * packed.scale[first + l] * static_cast<float>(dots[l]);
    const float width = two_residual * packed.length[first + l] +
                        two_length * packed.residual[first + l] + slack * sum + kTinyBound;
    lower[l] = middle - width;
    upper[l] = middle + width;
  }
}

/// Fills `lower`, `upper` and `survivors` of one point from its dots with `groups` groups.
[[maybe_unused]] inline void finish_point(const PackedView& packed, int64_t group, int groups,
                                          TilePoint& point, float slack, const int32_t* dots,
                                          float* lower) {
  float upper[kTileLanes];
  float least = __builtin_inff();
  for (int g = 0; g < groups; ++g)
    bounds_plain(packed, (group + g) * kGroup, point, slack, dots + g * kGroup, lower + g * kGroup,
                 upper + g * kGroup);
  const int lanes = groups * kGroup;
  for (int l = 0; l < lanes; ++l) least = lower[l] < least ? lower[l] : least;
  point.survivors = 0;
  if (!(least < point.upper)) return;
  for (int l = 0; l < lanes; ++l) point.upper = upper[l] < point.upper ? upper[l] : point.upper;
  for (int l = 0; l < lanes; ++l)
    point.survivors |= static_cast<uint64_t>(lower[l] < point.upper) << l;
}

/// The lanes of a group whose lower bound to the point is below their own upper bound.
[[maybe_unused]] inline uint16_t lanes_below(const PackedView& packed, int64_t group,
                                             const TilePoint& point, float slack,
                                             const int32_t* dots, const float* lane_upper) {
  float lower[kGroup], upper[kGroup];
  bounds_plain(packed, group * kGroup, point, slack, dots, lower, upper);
  unsigned mask = 0;
  for (int l = 0; l < kGroup; ++l)
    mask |= static_cast<unsigned>(lower[l] < lane_upper[group * kGroup + l]) << l;
  return static_cast<uint16_t>(mask);
}

/// Few values are selected, so whole blocks are passed over first.
int64_t select_range(const float* value, int64_t begin, int64_t end, float low, float high,
                     int32_t* out) {
  constexpr int kBlock = 64;
  int64_t count = 0;
  for (int64_t first = begin; first < end; first += kBlock) {
    const int width = end - first < kBlock ? static_cast<int>(end - first) : kBlock;
    const float* block = value + first;
    int32_t any = 0;
    for (int i = 0; i < width; ++i)
      any |= static_cast<int32_t>(block[i] >= low) & static_cast<int32_t>(block[i] < high);
    if (any == 0) continue;
    for (int i = 0; i < width; ++i) {  // without branches, which would be mispredicted
      out[count] = static_cast<int32_t>(first + i);
      count += static_cast<int32_t>(block[i] >= low) & static_cast<int32_t>(block[i] < high);
    }
  }
  return count;
}

inline float widen_half(uint16_t h) {
  const uint32_t sign = static_cast<uint32_t>(h & 0x8000) << 16;
  const uint32_t magnitude = h & 0x7fff;
  uint32_t bits;
  if (magnitude >= 0x7c00) {
    bits = 0x7f800000u | (magnitude & 0x3ff) << 13;
  } else if (magnitude >= 0x400) {
    bits = (magnitude << 13) + (112u << 23);
  } else {  // subnormal: exact in float32
    const float value = static_cast<float>(magnitude) * 5.9604644775390625e-8f;
    __builtin_memcpy(&bits, &value, 4);
  }
  bits |= sign;
  float out;
  __builtin_memcpy(&out, &bits, 4);
  return out;
}

inline void widen_bfloat(const uint16_t* row, int64_t d, float* out) {
  for (int64_t j = 0; j < d; ++j) {
    const uint32_t bits = static_cast<uint32_t>(row[j]) << 16;
    __builtin_memcpy(out + j, &bits, 4);
  }
}

[[maybe_unused]] void widen_plain(const void* row, DType dtype, int64_t d, float* out) {
  if (dtype == DType::float32) {
    __builtin_memcpy(out, row, d * sizeof(float));
  } else if (dtype == DType::bfloat16) {
    widen_bfloat(static_cast<const uint16_t*>(row), d, out);
  } else {
    for (int64_t j = 0; j < d; ++j) out[j] = widen_half(static_cast<const uint16_t*>(row)[j]);
  }
}
