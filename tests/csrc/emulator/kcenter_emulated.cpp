// The CUDA core on the emulator, with a C interface for the tests.
#include <cstring>
#include <string>

#include "cuda/brute.cu"
#include "cuda/entry.cu"
#include "cuda/lazy.cu"
#include "cuda/start.cu"
#include "cuda_runtime.h"

namespace mods::cuda {
void check_bound(const RowsView& rows, int row, const float* centre, float bound) {
  if (!(bound < INFINITY)) return;  // no pair, or one that was seen before
  std::vector<float> x(static_cast<std::size_t>(rows.d));
  copy_row(rows, row, x.data(), 0, 1);
  if (!(static_cast<double>(bound) <= canonical_distance(x.data(), centre, rows.d)))
    throw std::logic_error("a lower bound is above the distance");
}
int device_count() {
  int count = 0;
  cudaGetDeviceCount(&count);
  return count;
}
std::string why_no_device() { return "emulated"; }
}  // namespace mods::cuda

namespace {
thread_local std::string message;
mods::Result last;
}  // namespace

extern "C" {

struct Call {
  const void* rows;
  int64_t n, d, stride;
  int dtype, metric, method, on_device;
  int64_t k, first, initial_count;
  const int64_t* initial;
  uint64_t seed, memory_limit;
  int64_t stop_after;  // calls of the progress callback, -1: never stop
};

/// 0: done; 1: invalid argument; 2: out of device memory; 3: interrupted; 4: another error; 5:
/// leak.
int emulated_kcenter(const Call* call) {
  emulator::seed(call->seed);
  emulator::set_memory_limit(call->memory_limit);
  mods::Rows rows;
  rows.data = call->rows;
  rows.dtype = static_cast<mods::DType>(call->dtype);
  rows.n = call->n;
  rows.d = call->d;
  rows.stride = call->stride;
  mods::Options options;
  options.k = call->k;
  options.initial = call->initial;
  options.initial_count = call->initial_count;
  options.first = call->first;
  options.metric = static_cast<mods::Metric>(call->metric);
  options.method = static_cast<mods::Method>(call->method);
  int64_t left = call->stop_after;
  if (left >= 0) options.progress = [&](int64_t, double) { return left-- > 0; };
  void* copy = nullptr;
  if (call->on_device) {
    const std::size_t bytes = call->n * call->stride * (call->dtype == 0 ? 4 : 2);
    cudaMalloc(&copy, bytes);
    std::memcpy(copy, call->rows, bytes);
    rows.data = copy;
  }
  const std::size_t before = emulator::live_allocations();
  int code = 0;
  message.clear();
  last = mods::Result{};
  try {
    last = mods::kcenter_cuda(rows, options, 0, nullptr);
  } catch (const mods::Interrupted&) {
    code = 3;
  } catch (const std::invalid_argument& error) {
    message = error.what();
    code = 1;
  } catch (const mods::cuda::OutOfDeviceMemory& error) {
    message = error.what();
    code = 2;
  } catch (const std::exception& error) {
    message = error.what();
    code = 4;
  }
  if (emulator::live_allocations() != before) {
    message += " leaked " + std::to_string(emulator::live_allocations() - before) + " allocations";
    code = 5;
  }
  if (copy) cudaFree(copy);
  return code;
}

const char* emulated_message() { return message.c_str(); }
int64_t emulated_count() { return static_cast<int64_t>(last.picks.size()); }
void emulated_result(int64_t* picks, float* radii, double* statistics) {
  std::memcpy(picks, last.picks.data(), last.picks.size() * sizeof(int64_t));
  std::memcpy(radii, last.radii.data(), last.radii.size() * sizeof(float));
  statistics[0] = last.statistics.pairs_bounded;
  statistics[1] = last.statistics.pairs_refined;
  statistics[2] = static_cast<double>(last.statistics.refills);
  statistics[3] = static_cast<double>(last.statistics.peak_bytes);
  statistics[4] = last.statistics.method[0] == 'l';
}
}
