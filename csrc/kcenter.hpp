// Exact k-center greedy (farthest-first traversal): the contract of every implementation.
//
// Given n rows of d values and a set of fixed centres, pick k further rows, one after another, each
// the row farthest from all centres so far:
//     m_t(p)  = min over all centres c of D(p, c)             (D: canonical.hpp; float64, squared)
//     pick_t  = the lowest index p, not itself a centre, with m_t(p) maximal
//     radii[t] = float32(sqrt(max over p of m(p)))  once pick_t is a centre too
// The picks are those of a brute force in float64, bit for bit, ties to the lowest index, whatever
// the instruction set, the number of threads or the device.
//
// Start: with no fixed centre the first pick is `first` (the caller draws it from the seed).
// Early stop: when every remaining row coincides with a centre (max m == 0) no further row is
// picked; picked() is then smaller than k and the caller is told.
// Cosine: D between the rows after each was scaled once to unit length: z_j = float32(x_j / |x|),
// |x| = sqrt of the canonical squared norm, i.e. D(x, 0).
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace mods {

enum class DType { float32, float16, bfloat16 };
enum class Metric { euclidean, cosine };

/// How to work; the picks are the same. For tests and benchmarks: automatic never loses.
enum class Method {
  automatic,
  brute,
  lazy,
  from_disk,  ///< lazy, with the rows taken to be on a disk
};

/// n rows of d values, `stride` elements from one row to the next. Host memory for the CPU core,
/// device or host memory for the CUDA core. A memory-mapped file may be larger than the memory: the
/// CPU core reads it once from end to end and then, in ascending order for each refill, the few
/// rows that remain on top.
struct Rows {
  const void* data = nullptr;
  DType dtype = DType::float32;
  int64_t n = 0;
  int64_t d = 0;
  int64_t stride = 0;
};

struct Options {
  int64_t k = 0;                     ///< rows to pick, 1 <= k <= n - number of fixed centres
  const int64_t* initial = nullptr;  ///< fixed centres (row indices, distinct), not returned
  int64_t initial_count = 0;
  int64_t first = 0;  ///< first pick; read only when there is no fixed centre
  Metric metric = Metric::euclidean;
  int threads = 0;  ///< 0: all that the machine offers
  Method method = Method::automatic;
  const char* isa = nullptr;  ///< force "generic", "avx2" or "avx512"; else MODS_ISA or best
  /// Called now and then from the calling thread with (picks so far, covering radius);
  /// returning false stops the run, which then throws Interrupted.
  std::function<bool(int64_t picked, double radius)> progress;
};

/// What the work cost, in pairs (row, centre).
/// With several threads the counts differ a little from call to call, unlike the result.
struct Statistics {
  const char* method = "";   ///< "brute" or "lazy"
  const char* isa = "";      ///< "generic", "avx2", "avx512" or "cuda"
  double pairs_bounded = 0;  ///< lower bounds computed
  double pairs_refined = 0;  ///< canonical distances computed
  double rows_read = 0;      ///< rows read again after the first pass
  int64_t refills = 0;
  std::size_t peak_bytes = 0;  ///< memory allocated by the core at its peak
  double seconds_prepare = 0, seconds_refill = 0, seconds_pick = 0;
};

struct Result {
  std::vector<int64_t> picks;  ///< in pick order
  std::vector<float> radii;    ///< covering radius after each pick
  Statistics statistics;
};

/// Thrown when `progress` asked to stop; nothing outside the call was changed.
struct Interrupted {};

/// Runs on the CPU. The rows may lie in several parts, all of the same d; they are numbered on from
/// part to part, and the picks are those of one array (csrc/cpu/shard.hpp says how). Throws
/// std::invalid_argument for what the caller can fix (the message names the value), std::bad_alloc
/// when memory runs out, Interrupted when `progress` said stop.
Result kcenter_cpu(const std::vector<Rows>& parts, const Options& options);

#if defined(MODS_WITH_CUDA)
/// Runs on CUDA device `device` and on `stream` (a cudaStream_t), same picks. `rows.data` may be
/// device memory of that device or host memory.
Result kcenter_cuda(const Rows& rows, const Options& options, int device, void* stream);
#endif

}  // namespace mods
