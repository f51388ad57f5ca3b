// The CUDA devices of this machine, for `mods doctor` and for error messages.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

namespace mods::cuda {

struct DeviceInfo {
  std::string name;
  int major = 0, minor = 0;  ///< compute capability
  int multiprocessors = 0;
  std::size_t memory_bytes = 0;
};

/// Devices that can be used now; 0 where there is no driver.
int device_count();

/// What those devices are.
std::vector<DeviceInfo> devices();

/// Why there is no device: the driver's own words, empty when there is one.
std::string why_no_device();

}  // namespace mods::cuda
