// What the bindings use of the CUDA core besides mods::kcenter_cuda (kcenter.hpp).
#pragma once
#include "errors.hpp"

namespace mods::cuda {

/// Devices that can be used now; 0 where there is no driver.
int device_count();

}  // namespace mods::cuda
