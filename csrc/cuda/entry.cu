// Entry of the CUDA core: checks, brings the rows to the device, chooses the method. The host reads
// one small struct per round of a refill and decides nothing that picks depend on.
#include <cuda_runtime.h>

#include <limits>
#include <string>
#include <vector>

#include "clock.hpp"
#include "cuda/brute.hpp"
#include "cuda/devices.hpp"
#include "cuda/kernels/state.hpp"
#include "cuda/lazy.hpp"
#include "kcenter.hpp"
#include "method.hpp"
#include "validate.hpp"

namespace mods {

namespace cuda {

namespace {

/// Guessed, not measured: a pass of brute force costs little on a device, preparing takes more
/// launches than on the CPU.
constexpr LazyPays kLazyPays{2000, 30};

/// Kernels number rows and values of a row in 32 bits, and round rows up to whole tiles.
constexpr int64_t kMostRows = std::numeric_limits<int>::max() - kTileRows;
constexpr int64_t kMostValues = 1 << 28;

/// The fixed centres, else the first pick.
std::vector<int> starting_centres(const Options& options) {
  if (options.initial_count == 0) return {static_cast<int>(options.first)};
  return std::vector<int>(options.initial, options.initial + options.initial_count);
}

void require_device(int device) {
  const int count = device_count();
  if (count == 0)
    invalid("no CUDA device can be used (" + why_no_device() + "); use device=\"cpu\"");
  if (device < 0 || device >= count)
    invalid("cuda:" + std::to_string(device) +
            " is outside cuda:0..cuda:" + std::to_string(count - 1));
}

}  // namespace

}  // namespace cuda

Result kcenter_cuda(const Rows& rows, const Options& options, int device, void* stream_handle) {
  using namespace cuda;
  validate({rows}, options);
  require_device(device);
  if (rows.n > kMostRows || rows.d > kMostValues)
    invalid("the CUDA core takes fewer than 2^31 rows; use device=\"cpu\"");
  const DeviceGuard guard(device);
  const auto stream = static_cast<cudaStream_t>(stream_handle);
  int multiprocessors = 0;
  check(cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, device),
        "cudaDeviceGetAttribute");
  Result result;
  result.statistics.isa = "cuda";
  Progress progress(options);
  Memory memory;
  const bool lazy = wants_lazy(rows.n, rows.d, options, kLazyPays);
  const std::vector<int> start = starting_centres(options);
  const std::size_t reserve =
      lazy ? lazy_bytes(rows, options) : static_cast<std::size_t>(rows.n) * 16 + (1 << 20);
  const auto begin = Clock::now();
  DeviceRows data(rows, device, stream, memory, reserve, [&] { progress.check(); });
  result.statistics.seconds_prepare += seconds_since(begin);
  Run run{rows, options, device, stream, multiprocessors, progress, memory, data, result, start};
  if (!lazy || !run_lazy(run)) run_brute(run);
  result.statistics.peak_bytes = memory.peak;
  return result;
}

}  // namespace mods
