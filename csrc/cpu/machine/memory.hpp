// Uninitialised, 64-byte aligned arrays, kept between calls where large; their sizes are added up,
// so that a run can state its peak.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace mods::cpu {

/// Bytes that a thread cannot write without delaying others who read among them.
inline constexpr std::size_t kCacheLine = 64;

struct Block {
  void* data = nullptr;
  std::size_t bytes = 0;
};

/// Uninitialised memory, at least `bytes`, aligned to 64 bytes or more. Large blocks are kept for
/// the next call when they are given back (up to 256 MiB in all; the system may take their pages
/// when memory runs short): clearing fresh pages costs a tenth of a short call and does not scale
/// with the threads. Throws std::bad_alloc.
Block take_block(std::size_t bytes);
void give_back(const Block& block) noexcept;

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
  Buffer(MemoryMeter& meter, int64_t count)
      : meter_(&meter), count_(count), bytes_(rounded(count)), block_(take_block(bytes_)) {
    meter.add(bytes_);
  }
  Buffer(MemoryMeter& meter, int64_t count, T value) : Buffer(meter, count) { fill(value); }
  Buffer(Buffer&& other) noexcept { swap(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    Buffer(std::move(other)).swap(*this);
    return *this;
  }
  ~Buffer() {
    if (block_.data == nullptr) return;
    give_back(block_);
    meter_->remove(bytes_);
  }

  T* data() { return static_cast<T*>(block_.data); }
  const T* data() const { return static_cast<const T*>(block_.data); }
  int64_t size() const { return count_; }
  T& operator[](int64_t i) { return data()[i]; }
  const T& operator[](int64_t i) const { return data()[i]; }
  T* begin() { return data(); }
  T* end() { return data() + count_; }
  const T* begin() const { return data(); }
  const T* end() const { return data() + count_; }
  void fill(T value) { std::fill(begin(), end(), value); }

 private:
  static std::size_t rounded(int64_t count) {
    return (std::max<std::size_t>(static_cast<std::size_t>(count) * sizeof(T), 1) + kCacheLine -
            1) /
           kCacheLine * kCacheLine;
  }
  void swap(Buffer& other) noexcept {
    std::swap(meter_, other.meter_);
    std::swap(count_, other.count_);
    std::swap(bytes_, other.bytes_);
    std::swap(block_, other.block_);
  }

  MemoryMeter* meter_ = nullptr;
  int64_t count_ = 0;
  std::size_t bytes_ = 0;
  Block block_;
};

}  // namespace mods::cpu
