// What the CUDA core throws besides std::invalid_argument and Interrupted.
#pragma once
#include <stdexcept>

namespace mods::cuda {

/// A CUDA call failed; the message names it.
struct CudaError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The device has too little memory; the message names the sizes and the way out.
struct OutOfDeviceMemory : CudaError {
  using CudaError::CudaError;
};

}  // namespace mods::cuda
