// Sketches packed side by side for the dot kernels; see PackedView.
#pragma once
#include <cstring>

#include "cpu/kernels/kernels.hpp"
#include "cpu/machine/memory.hpp"

namespace mods::cpu {

class PackedSketches {
 public:
  PackedSketches() = default;
  PackedSketches(MemoryMeter& meter, int64_t lanes, int64_t steps, uint8_t pack_xor)
      : steps_(steps),
        pack_xor_(pack_xor * 0x01010101u),
        capacity_((lanes + kGroup - 1) / kGroup * kGroup),
        bytes_(meter, capacity_ * steps * 4),
        norm2_(meter, capacity_),
        scale_(meter, capacity_),
        residual_(meter, capacity_),
        length_(meter, capacity_) {}

  int64_t capacity() const { return capacity_; }

  PackedView view() const {
    return PackedView{bytes_.data(),    norm2_.data(),  scale_.data(),
                      residual_.data(), length_.data(), steps_};
  }

  /// Writes a lane. The lanes of a group must be filled in ascending order the first time: the
  /// first marks the others as unused.
  void set(int64_t lane, const int8_t* q, const SketchRow& row, float length) {
    if (lane % kGroup == 0) clear_group(lane);
    uint8_t* out = at(lane);
    for (int64_t step = 0; step < steps_; ++step) {
      uint32_t four;
      std::memcpy(&four, q + step * 4, 4);
      four ^= pack_xor_;
      std::memcpy(out + step * kGroup * 4, &four, 4);
    }
    norm2_[lane] = row.norm2;
    scale_[lane] = row.scale;
    residual_[lane] = row.residual;
    length_[lane] = length;
  }

  void move(int64_t to, int64_t from) {
    if (to == from) return;
    const uint8_t* in = at(from);
    uint8_t* out = at(to);
    for (int64_t step = 0; step < steps_; ++step)
      std::memcpy(out + step * kGroup * 4, in + step * kGroup * 4, 4);
    norm2_[to] = norm2_[from];
    scale_[to] = scale_[from];
    residual_[to] = residual_[from];
    length_[to] = length_[from];
  }

 private:
  uint8_t* at(int64_t lane) {
    return bytes_.data() + lane / kGroup * steps_ * kGroup * 4 + lane % kGroup * 4;
  }

  void clear_group(int64_t first) {
    std::memset(at(first), 0, steps_ * kGroup * 4);
    for (int l = 0; l < kGroup; ++l) {
      norm2_[first + l] = kUnusedNorm2;
      scale_[first + l] = residual_[first + l] = length_[first + l] = 0;
    }
  }

  int64_t steps_ = 0;
  uint32_t pack_xor_ = 0;
  int64_t capacity_ = 0;
  Buffer<uint8_t> bytes_;
  Buffer<float> norm2_, scale_, residual_, length_;
};

}  // namespace mods::cpu
