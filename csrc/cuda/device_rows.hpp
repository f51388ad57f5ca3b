// Brings the rows to where kernels can read them: in place, copied to the device, or, when they do
// not fit there, page-locked in host memory and read over the bus.
#pragma once
#include <algorithm>
#include <cstring>
#include <functional>
#include <optional>
#include <thread>
#include <vector>

#include "cuda/kernels/rows_view.hpp"
#include "cuda/runtime.hpp"
#include "kcenter.hpp"
#include "validate.hpp"

namespace mods::cuda {

#if !defined(MODS_CUDA_STAGING_BYTES)
#define MODS_CUDA_STAGING_BYTES (32 << 20)  // tests build with less, to see many chunks
#endif

inline std::size_t value_bytes(DType dtype) { return dtype == DType::float32 ? 4 : 2; }

/// Copies rows [begin, end) of host memory, densely, with a few threads.
inline void pack_rows(const Rows& rows, int64_t begin, int64_t end, char* out) {
  const int64_t size = static_cast<int64_t>(value_bytes(rows.dtype)), width = rows.d * size;
  const auto* data = static_cast<const char*>(rows.data);
  const auto copy = [=](int64_t from, int64_t to) {
    char* at = out + (from - begin) * width;
    if (rows.stride == rows.d) {
      std::memcpy(at, data + from * width, static_cast<std::size_t>((to - from) * width));
      return;
    }
    for (int64_t p = from; p < to; ++p, at += width)
      std::memcpy(at, data + p * rows.stride * size, static_cast<std::size_t>(width));
  };
  const int64_t least = int64_t{4} << 20;  // bytes that pay for a thread
  const int64_t wished = (end - begin) * width / least;
  const int64_t cores = std::max<int64_t>(1, std::thread::hardware_concurrency());
  const int64_t threads = std::clamp<int64_t>(wished, 1, std::min<int64_t>(8, cores));
  std::vector<std::thread> helpers;
  for (int64_t t = 1; t < threads; ++t)
    helpers.emplace_back(copy, begin + (end - begin) * t / threads,
                         begin + (end - begin) * (t + 1) / threads);
  copy(begin, begin + (end - begin) / threads);
  for (std::thread& helper : helpers) helper.join();
}

class DeviceRows {
 public:
  /// `reserve`: device bytes the rest of the run needs. `poll` is called between chunks.
  DeviceRows(const Rows& rows, int device, cudaStream_t stream, Memory& memory, std::size_t reserve,
             const std::function<void()>& poll) {
    view_ = RowsView{
        rows.data, rows.stride, nullptr, static_cast<int>(rows.n), static_cast<int>(rows.d),
        rows.dtype};
    if (on_device(rows, device)) return;
    const std::size_t bytes = static_cast<std::size_t>(rows.n) * static_cast<std::size_t>(rows.d) *
                              value_bytes(rows.dtype);
    std::size_t free = 0, total = 0;
    check(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
    if (bytes + reserve + reserve / 16 <= free)
      upload(rows, bytes, stream, memory, poll);
    else
      map(rows);
  }

  const RowsView& view() const { return view_; }
  void set_norms(const double* norms) { view_.norm = norms; }
  bool mapped() const { return registered_.has_value(); }

 private:
  static bool on_device(const Rows& rows, int device) {
    cudaPointerAttributes attributes{};
    check(cudaPointerGetAttributes(&attributes, rows.data), "cudaPointerGetAttributes");
    if (attributes.type == cudaMemoryTypeManaged) return true;
    if (attributes.type != cudaMemoryTypeDevice) return false;
    if (attributes.device != device)
      invalid("the rows are on cuda:" + std::to_string(attributes.device) +
              ", the computation was asked for on cuda:" + std::to_string(device));
    return true;
  }

  /// Two page-locked buffers in turn: while one is copied to the device the other is filled.
  void upload(const Rows& rows, std::size_t bytes, cudaStream_t stream, Memory& memory,
              const std::function<void()>& poll) {
    copy_.allocate(memory, bytes, "a copy of the rows");
    const int64_t width = rows.d * static_cast<int64_t>(value_bytes(rows.dtype));
    const int64_t chunk = std::clamp<int64_t>(MODS_CUDA_STAGING_BYTES / width, 1, (rows.n + 1) / 2);
    PinnedArray<char> buffers[2] = {PinnedArray<char>(static_cast<std::size_t>(chunk * width)),
                                    PinnedArray<char>(static_cast<std::size_t>(chunk * width))};
    Event copied[2] = {Event(false), Event(false)};
    const StreamDrain drain(stream);  // before the buffers go, whatever happens
    int64_t index = 0;
    for (int64_t begin = 0; begin < rows.n; begin += chunk, ++index) {
      const int64_t end = std::min(rows.n, begin + chunk);
      const int side = static_cast<int>(index % 2);
      if (index >= 2) copied[side].wait();
      pack_rows(rows, begin, end, buffers[side].get());
      check(cudaMemcpyAsync(copy_.get() + begin * width, buffers[side].get(),
                            static_cast<std::size_t>((end - begin) * width), cudaMemcpyHostToDevice,
                            stream),
            "copying rows to the device");
      copied[side].record(stream);
      poll();
    }
    view_.data = copy_.get();
    view_.stride = rows.d;
  }

  /// Page-locks the rows where they lie; kernels fetch what they need over the bus.
  void map(const Rows& rows) {
    const int64_t size = static_cast<int64_t>(value_bytes(rows.dtype));
    const int64_t last = (rows.n - 1) * rows.stride * size;
    const int64_t low = std::min<int64_t>(0, last),
                  high = std::max<int64_t>(0, last) + rows.d * size;
    registered_.emplace(static_cast<const char*>(rows.data) + low,
                        static_cast<std::size_t>(high - low));
    view_.data = static_cast<const char*>(registered_->device()) - low;
  }

  RowsView view_{};
  DeviceArray<char> copy_;
  std::optional<RegisteredRange> registered_;
};

}  // namespace mods::cuda
