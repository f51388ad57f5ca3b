// The runtime of the emulator: streams that run late, device memory, and the CUDA calls on them.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "cuda_runtime.h"
#include "emulator.hpp"

namespace emulator {
namespace {

// ---- streams -----------------------------------------------------------------------------------
struct Stream {
  std::deque<std::function<void()>> work;
};
std::map<void*, Stream> streams;
struct Event {
  void* stream = nullptr;
  bool recorded = false, reached = false;
};

void drain(void* handle) {
  Stream& stream = streams[handle];
  while (!stream.work.empty()) {
    auto operation = std::move(stream.work.front());
    stream.work.pop_front();
    operation();
  }
}

// ---- memory ------------------------------------------------------------------------------------
struct Allocation {
  std::size_t bytes, mapped;
  void* base;
  cudaMemoryType type;
};
std::map<uintptr_t, Allocation> allocations;
std::size_t memory_limit = std::size_t{4} << 30, memory_used = 0;
int device_count = 1, current_device = 0;

cudaError_t allocate(void** pointer, std::size_t bytes, cudaMemoryType type) {
  if (type == cudaMemoryTypeDevice && memory_used + bytes > memory_limit) {
    *pointer = nullptr;
    return cudaErrorMemoryAllocation;
  }
  const std::size_t page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  const std::size_t rounded = (std::max<std::size_t>(bytes, 1) + 15) / 16 * 16;
  const std::size_t body = (rounded + page - 1) / page * page;
  void* base =
      mmap(nullptr, body + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (base == MAP_FAILED) return cudaErrorMemoryAllocation;
  mprotect(static_cast<char*>(base) + body, page, PROT_NONE);
  auto* start = static_cast<unsigned char*>(base) + body - rounded;
  auto* words = reinterpret_cast<uint64_t*>(start);
  for (std::size_t i = 0; i < rounded / 8; ++i) words[i] = generator();
  allocations[reinterpret_cast<uintptr_t>(start)] = Allocation{bytes, body + page, base, type};
  if (type == cudaMemoryTypeDevice) memory_used += bytes;
  *pointer = start;
  return cudaSuccess;
}

/// Freeing device memory waits for the device; freeing pinned memory is not promised to.
cudaError_t release(void* pointer, cudaMemoryType type) {
  if (!pointer) return cudaSuccess;
  auto found = allocations.find(reinterpret_cast<uintptr_t>(pointer));
  if (found == allocations.end() || found->second.type != type) return cudaErrorInvalidValue;
  if (type == cudaMemoryTypeDevice)
    for (auto& [handle, stream] : streams) drain(handle);
  munmap(found->second.base, found->second.mapped);
  if (type == cudaMemoryTypeDevice) memory_used -= found->second.bytes;
  allocations.erase(found);
  return cudaSuccess;
}

const Allocation* find_allocation(const void* pointer) {
  auto after = allocations.upper_bound(reinterpret_cast<uintptr_t>(pointer));
  if (after == allocations.begin()) return nullptr;
  --after;
  const uintptr_t offset = reinterpret_cast<uintptr_t>(pointer) - after->first;
  return offset < std::max<std::size_t>(after->second.bytes, 1) ? &after->second : nullptr;
}

}  // namespace

void launch(dim3 grid, dim3 block, std::size_t shared, void* stream, std::function<void()> thread) {
  streams[stream].work.push_back(
      [=, thread = std::move(thread)] { run_grid(grid, block, shared, thread); });
}

void set_memory_limit(std::size_t bytes) { memory_limit = bytes; }
void set_device_count(int count) { device_count = count; }
std::size_t live_allocations() { return allocations.size(); }

}  // namespace emulator

using namespace emulator;

cudaError_t cudaGetDeviceCount(int* count) {
  *count = device_count;
  return device_count ? cudaSuccess : cudaErrorNoDevice;
}
cudaError_t cudaGetDevice(int* device) {
  *device = current_device;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) {
  if (device < 0 || device >= device_count) return cudaErrorInvalidDevice;
  current_device = device;
  return cudaSuccess;
}
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int) {
  *value = attribute == cudaDevAttrMultiProcessorCount      ? 3
           : attribute == cudaDevAttrComputeCapabilityMajor ? 8
           : attribute == cudaDevAttrComputeCapabilityMinor ? 0
                                                            : 99 * 1024;
  return cudaSuccess;
}
cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  *free = memory_limit - memory_used;
  *total = memory_limit;
  return cudaSuccess;
}
cudaError_t cudaMalloc(void** pointer, std::size_t bytes) {
  return allocate(pointer, bytes, cudaMemoryTypeDevice);
}
cudaError_t cudaFree(void* pointer) { return release(pointer, cudaMemoryTypeDevice); }
cudaError_t cudaHostAlloc(void** pointer, std::size_t bytes, unsigned) {
  return allocate(pointer, bytes, cudaMemoryTypeHost);
}
cudaError_t cudaFreeHost(void* pointer) { return release(pointer, cudaMemoryTypeHost); }
cudaError_t cudaHostRegister(void* pointer, std::size_t bytes, unsigned) {
  allocations[reinterpret_cast<uintptr_t>(pointer)] =
      Allocation{bytes, 0, nullptr, cudaMemoryTypeHost};
  return cudaSuccess;
}
cudaError_t cudaHostUnregister(void* pointer) {
  return allocations.erase(reinterpret_cast<uintptr_t>(pointer)) ? cudaSuccess
                                                                 : cudaErrorInvalidValue;
}
cudaError_t cudaHostGetDevicePointer(void** device, void* host, unsigned) {
  *device = host;
  return find_allocation(host) ? cudaSuccess : cudaErrorInvalidValue;
}
cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* pointer) {
  const Allocation* found = find_allocation(pointer);
  *attributes = cudaPointerAttributes{found ? found->type : cudaMemoryTypeUnregistered, 0,
                                      const_cast<void*>(pointer), const_cast<void*>(pointer)};
  return cudaSuccess;
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  const Allocation* source = find_allocation(from);
  if (kind == cudaMemcpyHostToDevice && !source) {  // pageable: the source is read at once
    std::vector<char> snapshot(static_cast<const char*>(from),
                               static_cast<const char*>(from) + bytes);
    streams[stream].work.push_back([to, snapshot = std::move(snapshot)] {
      std::memcpy(to, snapshot.data(), snapshot.size());
    });
  } else {
    streams[stream].work.push_back([=] { std::memcpy(to, from, bytes); });
  }
  return cudaSuccess;
}
cudaError_t cudaMemsetAsync(void* pointer, int value, std::size_t bytes, cudaStream_t stream) {
  streams[stream].work.push_back([=] { std::memset(pointer, value, bytes); });
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  drain(stream);
  return cudaSuccess;
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  *event = new Event;
  return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t handle) {
  auto* event = static_cast<Event*>(handle);
  if (!event->recorded || event->reached) delete event;  // else the stream still refers to it
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t handle, cudaStream_t stream) {
  auto* event = static_cast<Event*>(handle);
  *event = Event{stream, true, false};
  streams[stream].work.push_back([event] { event->reached = true; });
  return cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t handle) {
  auto* event = static_cast<Event*>(handle);
  if (!event->recorded) return cudaSuccess;
  auto& work = streams[event->stream].work;
  while (!event->reached && !work.empty()) {
    auto operation = std::move(work.front());
    work.pop_front();
    operation();
  }
  return cudaSuccess;
}
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t, cudaEvent_t) {
  *milliseconds = 0;
  return cudaSuccess;
}
cudaError_t cudaGetLastError() { return cudaSuccess; }
const char* cudaGetErrorName(cudaError_t error) {
  return error == cudaErrorMemoryAllocation ? "cudaErrorMemoryAllocation" : "cudaError";
}
const char* cudaGetErrorString(cudaError_t error) {
  return error == cudaErrorMemoryAllocation ? "out of memory" : "emulated error";
}
