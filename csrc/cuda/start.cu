#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "cuda/kernels/start.cuh"
#include "cuda/start.hpp"

namespace mods::cuda {

namespace {

float widen_on_host(const char* bits, DType dtype) {
  if (dtype == DType::float32) {
    float value;
    std::memcpy(&value, bits, 4);
    return value;
  }
  uint16_t half;
  std::memcpy(&half, bits, 2);
  const uint16_t exponent = dtype == DType::float16 ? 0x7c00 : 0x7f80;
  if ((half & exponent) != exponent) return 0.0f;  // finite: all that matters here
  const bool nan = (half & (dtype == DType::float16 ? 0x03ff : 0x007f)) != 0;
  return nan ? std::numeric_limits<float>::quiet_NaN() : std::numeric_limits<float>::infinity();
}

/// Names the value that is not finite.
void reject_row(const Run& run, int row) {
  const RowsView& view = run.data.view();
  const std::size_t size = value_bytes(view.dtype);
  std::vector<char> values(static_cast<std::size_t>(view.d) * size);
  const char* from = static_cast<const char*>(view.data) +
                     static_cast<int64_t>(row) * view.stride * static_cast<int64_t>(size);
  check(cudaMemcpyAsync(values.data(), from, values.size(), cudaMemcpyDefault, run.stream),
        "copying a row from the device");
  check(cudaStreamSynchronize(run.stream), "cudaStreamSynchronize");
  for (int j = 0; j < view.d; ++j) {
    const float value =
        widen_on_host(values.data() + static_cast<std::size_t>(j) * size, view.dtype);
    if (!std::isfinite(value)) reject_value(row, j, value);
  }
  throw std::logic_error("internal error in the CUDA core: row " + std::to_string(row) +
                         " was rejected but is finite; please report it");
}

}  // namespace

void require_valid(const Run& run, const RunState& state) {
  if (state.bad_row == kNoIndex && state.zero_row == kNoIndex) return;
  if (state.zero_row < state.bad_row) reject_zero_row(state.zero_row);
  reject_row(run, state.bad_row);
}

Norms::Norms(Run& run, StateMirror& state) {
  if (run.options.metric == Metric::cosine)
    norms_.allocate(run.memory, static_cast<std::size_t>(run.n()), "the lengths of the rows");
  run.data.set_norms(nullptr);
  launch("inspect_rows", inspect_rows, blocks_for(run.n(), kHalfWarps, 16 * run.multiprocessors),
         kThreads, 0, run.stream, run.data.view(), norms_.get(), state.device());
  run.data.set_norms(norms_.get());
}

void gather(const Run& run, const int* ids, unsigned count, float* out) {
  launch("gather_rows", gather_rows, count, kThreads, 0, run.stream, run.data.view(), ids, out);
}

}  // namespace mods::cuda
