#include <cuda_runtime.h>

#include "cuda/devices.hpp"

namespace mods::cuda {

namespace {

cudaError_t count_devices(int* count) {
  *count = 0;
  const cudaError_t error = cudaGetDeviceCount(count);
  if (error != cudaSuccess) {
    cudaGetLastError();  // no driver or no device: not an error of a later call
    *count = 0;
  }
  return error;
}

}  // namespace

int device_count() {
  int count = 0;
  count_devices(&count);
  return count;
}

std::vector<DeviceInfo> devices() {
  std::vector<DeviceInfo> found;
  for (int device = 0, count = device_count(); device < count; ++device) {
    cudaDeviceProp properties;
    if (cudaGetDeviceProperties(&properties, device) != cudaSuccess) {
      cudaGetLastError();
      continue;
    }
    found.push_back(DeviceInfo{properties.name, properties.major, properties.minor,
                               properties.multiProcessorCount, properties.totalGlobalMem});
  }
  return found;
}

std::string why_no_device() {
  int count = 0;
  const cudaError_t error = count_devices(&count);
  if (error != cudaSuccess) return cudaGetErrorString(error);
  return count > 0 ? "" : "no device is visible";
}

}  // namespace mods::cuda
