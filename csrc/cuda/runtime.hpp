// The CUDA runtime with every call checked, and its resources as C++ objects.
#pragma once
#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

#include "cuda/errors.hpp"

namespace mods::cuda {

inline void check(cudaError_t error, const char* what) {
  if (error == cudaSuccess) return;
  cudaGetLastError();  // a sticky copy must not surface in the caller's next CUDA call
  throw CudaError(std::string("CUDA: ") + what + " failed: " + cudaGetErrorName(error) + " (" +
                  cudaGetErrorString(error) + ")");
}

inline std::string readable_bytes(std::size_t bytes) {
  const double gigabytes = static_cast<double>(bytes) / (1 << 30);
  if (gigabytes >= 1) return std::to_string(gigabytes).substr(0, 6) + " GiB";
  return std::to_string(static_cast<double>(bytes) / (1 << 20)).substr(0, 6) + " MiB";
}

/// Makes `device` current for a scope.
class DeviceGuard {
 public:
  explicit DeviceGuard(int device) {
    check(cudaGetDevice(&before_), "cudaGetDevice");
    check(cudaSetDevice(device), "cudaSetDevice");
  }
  ~DeviceGuard() { cudaSetDevice(before_); }
  DeviceGuard(const DeviceGuard&) = delete;
  DeviceGuard& operator=(const DeviceGuard&) = delete;

 private:
  int before_ = 0;
};

/// Device memory of one run, so that an error can say how much was held and asked for.
class Memory {
 public:
  std::size_t held = 0, peak = 0;
};

/// An array in device memory.
template <class T>
class DeviceArray {
 public:
  DeviceArray() = default;
  DeviceArray(Memory& memory, std::size_t count, const char* what) {
    allocate(memory, count, what);
  }
  ~DeviceArray() { release(); }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;

  void allocate(Memory& memory, std::size_t count, const char* what) {
    release();
    const std::size_t bytes = count * sizeof(T);
    void* pointer = nullptr;
    const cudaError_t error = cudaMalloc(&pointer, bytes > 0 ? bytes : 1);
    if (error == cudaErrorMemoryAllocation) {
      cudaGetLastError();
      std::size_t free = 0, total = 0;
      if (cudaMemGetInfo(&free, &total) != cudaSuccess) free = total = 0;
      throw OutOfDeviceMemory(std::string("CUDA is out of memory: ") + readable_bytes(bytes) +
                              " for " + what + " on top of " + readable_bytes(memory.held) +
                              " held by this call; " + readable_bytes(free) + " of " +
                              readable_bytes(total) +
                              " are free on the device. Free device memory (with torch: " +
                              "torch.cuda.empty_cache()), or use device=\"cpu\"");
    }
    check(error, "cudaMalloc");
    pointer_ = static_cast<T*>(pointer);
    memory_ = &memory;
    bytes_ = bytes;
    memory.held += bytes;
    if (memory.held > memory.peak) memory.peak = memory.held;
  }
  T* get() const { return pointer_; }
  std::size_t bytes() const { return bytes_; }

 private:
  void release() {
    if (!pointer_) return;
    cudaFree(pointer_);
    memory_->held -= bytes_;
    pointer_ = nullptr;
  }
  T* pointer_ = nullptr;
  Memory* memory_ = nullptr;
  std::size_t bytes_ = 0;
};

/// Page-locked host memory.
template <class T>
class PinnedArray {
 public:
  explicit PinnedArray(std::size_t count) {
    void* pointer = nullptr;
    check(cudaHostAlloc(&pointer, count * sizeof(T), cudaHostAllocDefault), "cudaHostAlloc");
    pointer_ = static_cast<T*>(pointer);
  }
  ~PinnedArray() { cudaFreeHost(pointer_); }
  PinnedArray(const PinnedArray&) = delete;
  PinnedArray& operator=(const PinnedArray&) = delete;
  T* get() const { return pointer_; }

 private:
  T* pointer_ = nullptr;
};

/// The caller's host memory, page-locked for a scope so that kernels can read it over the bus.
class RegisteredRange {
 public:
  RegisteredRange(const void* data, std::size_t bytes) : data_(const_cast<void*>(data)) {
    cudaError_t error = cudaHostRegister(
        data_, bytes, cudaHostRegisterPortable | cudaHostRegisterMapped | cudaHostRegisterReadOnly);
    if (error != cudaSuccess) {  // not every platform knows read-only registration
      cudaGetLastError();
      error = cudaHostRegister(data_, bytes, cudaHostRegisterPortable | cudaHostRegisterMapped);
    }
    check(error,
          "page-locking the rows, which do not fit on the device (device=\"cpu\" always works)");
    const cudaError_t mapped = cudaHostGetDevicePointer(&device_, data_, 0);
    if (mapped != cudaSuccess) {
      cudaHostUnregister(data_);
      check(mapped, "cudaHostGetDevicePointer");
    }
  }
  ~RegisteredRange() { cudaHostUnregister(data_); }
  RegisteredRange(const RegisteredRange&) = delete;
  RegisteredRange& operator=(const RegisteredRange&) = delete;
  const void* device() const { return device_; }

 private:
  void* data_;
  void* device_ = nullptr;
};

class Event {
 public:
  explicit Event(bool timed) {
    check(cudaEventCreateWithFlags(&event_, timed ? cudaEventDefault : cudaEventDisableTiming),
          "cudaEventCreate");
  }
  ~Event() { cudaEventDestroy(event_); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  void record(cudaStream_t stream) { check(cudaEventRecord(event_, stream), "cudaEventRecord"); }
  void wait() { check(cudaEventSynchronize(event_), "cudaEventSynchronize"); }
  cudaEvent_t get() const { return event_; }

 private:
  cudaEvent_t event_ = nullptr;
};

inline double seconds_between(const Event& begin, const Event& end) {
  float milliseconds = 0;
  check(cudaEventElapsedTime(&milliseconds, begin.get(), end.get()), "cudaEventElapsedTime");
  return milliseconds * 1e-3;
}

/// Waits for the stream whatever happens: device and pinned memory declared before it must not be
/// released, nor the caller's arrays handed back, while kernels of this run still use them.
class StreamDrain {
 public:
  explicit StreamDrain(cudaStream_t stream) : stream_(stream) {}
  ~StreamDrain() { cudaStreamSynchronize(stream_); }
  StreamDrain(const StreamDrain&) = delete;
  StreamDrain& operator=(const StreamDrain&) = delete;

 private:
  cudaStream_t stream_;
};

/// One kernel launch, checked.
template <class... Parameters, class... Arguments>
void launch(const char* name, void (*kernel)(Parameters...), dim3 grid, unsigned block,
            std::size_t shared, cudaStream_t stream, Arguments... arguments) {
#if defined(__CUDACC__)
  kernel<<<grid, block, shared, stream>>>(static_cast<Parameters>(arguments)...);
  check(cudaGetLastError(), name);
#else
  (void)name;
  emulator::launch(grid, dim3(block), shared, stream,
                   [=] { kernel(static_cast<Parameters>(arguments)...); });
#endif
}

}  // namespace mods::cuda
