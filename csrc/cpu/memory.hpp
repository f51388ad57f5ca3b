// Uninitialised, 64-byte aligned arrays whose sizes are added up, so that a run can state its peak.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <utility>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace mods::cpu {

inline constexpr std::size_t kHugePage = 2 << 20;
inline constexpr std::size_t kLarge = 2 * kHugePage;  ///< from here on, worth huge pages

class MemoryMeter {
 public:
  void add(std::size_t bytes) { peak_ = std::max(peak_, now_ += bytes); }
  void remove(std::size_t bytes) { now_ -= bytes; }
  std::size_t peak() const { return peak_; }

 private:
  std::size_t now_ = 0, peak_ = 0;
};

template <class T>
class Buffer {
 public:
  Buffer() = default;
  Buffer(MemoryMeter& meter, int64_t count) : meter_(&meter), count_(count) {
    const std::size_t wanted =
        std::max<std::size_t>(static_cast<std::size_t>(count) * sizeof(T), 1);
    const std::size_t alignment = wanted >= kLarge ? kHugePage : 64;
    bytes_ = (wanted + 63) / 64 * 64;
    data_ = static_cast<T*>(
        std::aligned_alloc(alignment, (wanted + alignment - 1) / alignment * alignment));
    if (data_ == nullptr) throw std::bad_alloc();
#if defined(__linux__)
    if (wanted >= kLarge) madvise(data_, bytes_, MADV_HUGEPAGE);  // a hint: failure is harmless
#endif
    meter.add(bytes_);
  }
  Buffer(MemoryMeter& meter, int64_t count, T value) : Buffer(meter, count) { fill(value); }
  Buffer(Buffer&& other) noexcept { swap(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    Buffer(std::move(other)).swap(*this);
    return *this;
  }
  ~Buffer() {
    if (data_ == nullptr) return;
    std::free(data_);
    meter_->remove(bytes_);
  }

  T* data() { return data_; }
  const T* data() const { return data_; }
  int64_t size() const { return count_; }
  T& operator[](int64_t i) { return data_[i]; }
  const T& operator[](int64_t i) const { return data_[i]; }
  T* begin() { return data_; }
  T* end() { return data_ + count_; }
  void fill(T value) { std::fill(begin(), end(), value); }

 private:
  void swap(Buffer& other) noexcept {
    std::swap(meter_, other.meter_);
    std::swap(data_, other.data_);
    std::swap(count_, other.count_);
    std::swap(bytes_, other.bytes_);
  }

  MemoryMeter* meter_ = nullptr;
  T* data_ = nullptr;
  int64_t count_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace mods::cpu
