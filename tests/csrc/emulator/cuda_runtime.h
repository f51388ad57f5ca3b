// A CPU stand-in for the CUDA runtime, for tests only: the same kernel and driver sources are
// compiled by the host compiler against this header and run, thread by thread, on the CPU.
//
// What it models, strictly enough to find mistakes in launch logic and indexing:
//   - every thread of a block is a fibre; the scheduler switches at barriers, warp collectives and
//     atomics, in a random order (seeded), with several blocks of a grid resident at once;
//   - __syncthreads must be reached by all living threads of a block at the same source line, and
//     warp collectives by all lanes of their mask with the same operation, else the run fails;
//   - device memory is a separate registry: allocations end at a protected page, are filled with
//     garbage when made, and must be freed; shared memory is filled with garbage for every block;
//   - streams are queues that run late: nothing happens before a synchronisation asks for it, and
//     copies from pinned memory read their source when they run, not when they are asked for;
//   - warp matrix products and asynchronous copies follow the layouts that PTX documents.
// What it does not model: memory ordering between threads beyond the above, caches, speed.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define MODS_EMULATED_CUDA 1

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};

namespace emulator {

struct Where {
  dim3 thread, block, block_size, grid_size;
};
const Where& where();
void barrier(const char* file, int line);
/// One warp collective: hands in `value`, returns the values of all 32 lanes.
const uint64_t* exchange(unsigned mask, uint64_t value, int operation);
int lane();
void maybe_switch();
unsigned char* shared_memory();
void check_shared(const void* pointer, std::size_t bytes);
void launch(dim3 grid, dim3 block, std::size_t shared, void* stream, std::function<void()> thread);

// Controls for tests.
void seed(uint64_t value);
void set_memory_limit(std::size_t bytes);
void set_device_count(int count);
std::size_t live_allocations();
std::size_t launches();

}  // namespace emulator

#define threadIdx (emulator::where().thread)
#define blockIdx (emulator::where().block)
#define blockDim (emulator::where().block_size)
#define gridDim (emulator::where().grid_size)
#define __syncthreads() emulator::barrier(__FILE__, __LINE__)

// ---- warp collectives --------------------------------------------------------------------------
inline void __syncwarp(unsigned mask = 0xffffffffu) { emulator::exchange(mask, 0, 1); }
template <class T>
T emulated_pick(const uint64_t* all, int lane) {
  T value;
  std::memcpy(&value, &all[lane], sizeof(T));
  return value;
}
template <class T>
uint64_t emulated_pack(T value) {
  static_assert(sizeof(T) <= 8);
  uint64_t packed = 0;
  std::memcpy(&packed, &value, sizeof(T));
  return packed;
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int other, int width = 32) {
  const uint64_t* all = emulator::exchange(mask, emulated_pack(value), 2);
  const int lane = emulator::lane();
  const int source = (lane & ~(width - 1)) | ((lane & (width - 1)) ^ other);
  return emulated_pick<T>(all, source);
}
template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32) {
  const uint64_t* all = emulator::exchange(mask, emulated_pack(value), 3);
  const int lane = emulator::lane();
  return emulated_pick<T>(all, (lane & ~(width - 1)) | (source & (width - 1)));
}
inline unsigned __ballot_sync(unsigned mask, int predicate) {
  const uint64_t* all = emulator::exchange(mask, predicate != 0, 4);
  unsigned result = 0;
  for (int i = 0; i < 32; ++i)
    if (mask >> i & 1u && all[i]) result |= 1u << i;
  return result;
}
inline int __any_sync(unsigned mask, int predicate) { return __ballot_sync(mask, predicate) != 0; }
inline unsigned __reduce_max_sync(unsigned mask, unsigned value) {
  const uint64_t* all = emulator::exchange(mask, value, 5);
  unsigned result = 0;
  for (int i = 0; i < 32; ++i)
    if (mask >> i & 1u && all[i] > result) result = static_cast<unsigned>(all[i]);
  return result;
}
inline unsigned __reduce_min_sync(unsigned mask, unsigned value) {
  const uint64_t* all = emulator::exchange(mask, value, 6);
  unsigned result = 0xffffffffu;
  for (int i = 0; i < 32; ++i)
    if (mask >> i & 1u && all[i] < result) result = static_cast<unsigned>(all[i]);
  return result;
}
inline int __popc(unsigned value) { return __builtin_popcount(value); }
inline int __ffs(unsigned value) { return __builtin_ffs(static_cast<int>(value)); }
inline void __threadfence() { emulator::maybe_switch(); }
inline long long __double_as_longlong(double value) {
  long long bits;
  std::memcpy(&bits, &value, 8);
  return bits;
}
inline double __longlong_as_double(long long bits) {
  double value;
  std::memcpy(&value, &bits, 8);
  return value;
}

// ---- atomics -----------------------------------------------------------------------------------
template <class T>
T atomicAdd(T* address, T value) {
  emulator::maybe_switch();
  const T old = *address;
  *address = old + value;
  return old;
}
template <class T>
T atomicMax(T* address, T value) {
  emulator::maybe_switch();
  const T old = *address;
  if (value > old) *address = value;
  return old;
}
template <class T>
T atomicMin(T* address, T value) {
  emulator::maybe_switch();
  const T old = *address;
  if (value < old) *address = value;
  return old;
}
template <class T>
T __ldcg(const T* address) {
  return *address;
}

// ---- runtime API -------------------------------------------------------------------------------
enum cudaError_t {
  cudaSuccess = 0,
  cudaErrorInvalidValue = 1,
  cudaErrorMemoryAllocation = 2,
  cudaErrorNoDevice = 100,
  cudaErrorInvalidDevice = 101,
  cudaErrorInsufficientDriver = 35,
  cudaErrorNotSupported = 801,
};
using cudaStream_t = void*;
using cudaEvent_t = void*;
enum cudaMemcpyKind {
  cudaMemcpyHostToHost,
  cudaMemcpyHostToDevice,
  cudaMemcpyDeviceToHost,
  cudaMemcpyDeviceToDevice,
  cudaMemcpyDefault
};
enum cudaMemoryType {
  cudaMemoryTypeUnregistered,
  cudaMemoryTypeHost,
  cudaMemoryTypeDevice,
  cudaMemoryTypeManaged
};
struct cudaPointerAttributes {
  cudaMemoryType type;
  int device;
  void* devicePointer;
  void* hostPointer;
};
enum cudaDeviceAttr {
  cudaDevAttrMultiProcessorCount,
  cudaDevAttrComputeCapabilityMajor,
  cudaDevAttrComputeCapabilityMinor,
  cudaDevAttrMaxSharedMemoryPerBlockOptin,
};
enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize };
inline constexpr unsigned cudaHostRegisterPortable = 1, cudaHostRegisterMapped = 2,
                          cudaHostRegisterReadOnly = 8, cudaHostAllocDefault = 0,
                          cudaEventDefault = 0, cudaEventDisableTiming = 2,
                          cudaStreamNonBlocking = 1;

cudaError_t cudaGetDeviceCount(int* count);
cudaError_t cudaGetDevice(int* device);
cudaError_t cudaSetDevice(int device);
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device);
cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total);
cudaError_t cudaMalloc(void** pointer, std::size_t bytes);
cudaError_t cudaFree(void* pointer);
cudaError_t cudaHostAlloc(void** pointer, std::size_t bytes, unsigned flags);
cudaError_t cudaFreeHost(void* pointer);
cudaError_t cudaHostRegister(void* pointer, std::size_t bytes, unsigned flags);
cudaError_t cudaHostUnregister(void* pointer);
cudaError_t cudaHostGetDevicePointer(void** device, void* host, unsigned flags);
cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* pointer);
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream);
cudaError_t cudaMemcpy2DAsync(void* to, std::size_t to_pitch, const void* from,
                              std::size_t from_pitch, std::size_t width, std::size_t height,
                              cudaMemcpyKind kind, cudaStream_t stream);
cudaError_t cudaMemsetAsync(void* pointer, int value, std::size_t bytes, cudaStream_t stream);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags);
cudaError_t cudaEventDestroy(cudaEvent_t event);
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream);
cudaError_t cudaEventSynchronize(cudaEvent_t event);
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t begin, cudaEvent_t end);
cudaError_t cudaGetLastError();
const char* cudaGetErrorName(cudaError_t error);
const char* cudaGetErrorString(cudaError_t error);
template <class Kernel>
cudaError_t cudaFuncSetAttribute(Kernel*, cudaFuncAttribute, int) {
  return cudaSuccess;
}
template <class Kernel>
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, Kernel*, int, std::size_t) {
  *blocks = 2;
  return cudaSuccess;
}
