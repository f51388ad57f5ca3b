#include "cpu/rows.hpp"

#include <cmath>

#include "validate.hpp"

namespace mods::cpu {

RowReader::RowReader(const Rows& rows, Metric metric, const Kernels& kernels, int64_t first)
    : rows_(rows),
      metric_(metric),
      kernels_(kernels),
      direct_(rows.dtype == DType::float32 && metric == Metric::euclidean),
      row_bytes_(rows.stride * (rows.dtype == DType::float32 ? 4 : 2)),
      used_bytes_(rows.d * (rows.dtype == DType::float32 ? 4 : 2)),
      first_(first),
      zeros_(metric == Metric::cosine ? rows.d : 0) {}

void RowReader::locate() {
  constexpr int64_t kSample = 64;
  constexpr int64_t kWorthAsking = 64 << 20;  // bytes; fewer stay in memory once they are read
  if (assumed_) return;
  on_disk_ = false;
  if (rows_.n * used_bytes_ < kWorthAsking) return;
  for (int64_t i = 0; i < kSample && !on_disk_; ++i)
    on_disk_ = !in_memory(address(rows_.n * i / kSample));
}

void RowReader::read_ahead(int64_t begin, int64_t end) const {
  constexpr int64_t kAheadBytes = 16 << 20;  // some milliseconds of a fast disk
  if (!on_disk_) return;
  const int64_t ahead = (kAheadBytes + used_bytes_ - 1) / used_bytes_;
  const int64_t first = std::min(begin + ahead, rows_.n), last = std::min(end + ahead, rows_.n);
  if (first == last) return;
  if (row_bytes_ >= used_bytes_ && row_bytes_ < 2 * used_bytes_)
    return fetch_pages(address(first), (last - first) * row_bytes_);
  for (int64_t p = first; p < last; ++p) prefetch(p);
}

const float* RowReader::read(int64_t p, float* buffer) const {
  kernels_.widen(address(p), rows_.dtype, rows_.d, buffer);
  if (metric_ == Metric::cosine) {
    const double length = std::sqrt(kernels_.distance(buffer, zeros_.data(), rows_.d));
    for (int64_t j = 0; j < rows_.d; ++j)  // a zero row becomes NaN and is reported
      buffer[j] = static_cast<float>(static_cast<double>(buffer[j]) / length);
  }
  return buffer;
}

void RowReader::require_valid(int64_t begin, int64_t end) const {
  std::vector<float> buffer(rows_.d);
  for (int64_t p = begin; p < end; ++p) {
    kernels_.widen(address(p), rows_.dtype, rows_.d, buffer.data());
    bool zero = true;
    for (int64_t j = 0; j < rows_.d; ++j) {
      if (!std::isfinite(buffer[j])) reject_value(first_ + p, j, buffer[j]);
      zero = zero && buffer[j] == 0.0f;
    }
    if (zero && metric_ == Metric::cosine) reject_zero_row(first_ + p);
  }
}

}  // namespace mods::cpu
