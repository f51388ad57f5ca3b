// What Python sees of the core: checks arrays, releases the GIL, translates exceptions. Only the
// files called bindings know Python.
#include "bindings.hpp"

#include <pybind11/functional.h>
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <optional>
#include <string>

#include "cpu/kernels/dot_rate.hpp"
#include "cpu/kernels/kernels.hpp"
#include "cpu/machine/measure.hpp"
#include "cpu/machine/processors.hpp"
#include "kcenter.hpp"
#if defined(MODS_WITH_CUDA)
#include "cuda/devices.hpp"
#include "cuda/errors.hpp"
#include "dlpack.hpp"
#endif

namespace py = pybind11;

namespace {

using mods::python::Indices;
using mods::python::parse_metric;
using mods::python::view_rows;

mods::Method parse_method(const std::string& name) {
  if (name == "auto") return mods::Method::automatic;
  if (name == "brute") return mods::Method::brute;
  if (name == "lazy") return mods::Method::lazy;
  if (name == "from_disk") return mods::Method::from_disk;
  throw std::invalid_argument("unknown method " + name);
}

/// Turns a Python callable (or None) into the core's callback, which also serves Ctrl-C. An
/// exception raised in Python is kept in `error` and stops the run.
std::function<bool(int64_t, double)> watch(const py::object& progress,
                                           std::optional<py::error_already_set>& error) {
  return [&progress, &error](int64_t picked, double radius) {
    py::gil_scoped_acquire gil;
    try {
      if (PyErr_CheckSignals() != 0) throw py::error_already_set();
      if (!progress.is_none()) progress(picked, radius);
      return true;
    } catch (py::error_already_set& raised) {
      error.emplace(raised);
      return false;
    }
  };
}

py::dict statistics_dict(const mods::Statistics& s) {
  py::dict out;
  out["method"] = s.method;
  out["isa"] = s.isa;
  out["pairs_bounded"] = s.pairs_bounded;
  out["pairs_refined"] = s.pairs_refined;
  out["rows_read"] = s.rows_read;
  out["refills"] = s.refills;
  out["peak_bytes"] = s.peak_bytes;
  out["seconds_prepare"] = s.seconds_prepare;
  out["seconds_refill"] = s.seconds_refill;
  out["seconds_pick"] = s.seconds_pick;
  return out;
}

py::tuple to_python(const mods::Result& result) {
  return py::make_tuple(py::array_t<int64_t>(result.picks.size(), result.picks.data()),
                        py::array_t<float>(result.radii.size(), result.radii.data()),
                        statistics_dict(result.statistics));
}

mods::Options make_options(int64_t k, const Indices& initial, int64_t first,
                           const std::string& metric, const std::string& method) {
  mods::Options options;
  options.k = k;
  options.initial = initial.data();
  options.initial_count = initial.size();
  options.first = first;
  options.metric = parse_metric(metric);
  options.method = parse_method(method);
  return options;
}

/// Runs `call(options)` without the GIL, with `progress` and Ctrl-C served.
template <class Call>
py::tuple run(mods::Options& options, const py::object& progress, const Call& call) {
  std::optional<py::error_already_set> error;
  options.progress = watch(progress, error);
  mods::Result result;
  try {
    py::gil_scoped_release release;
    result = call();
  } catch (const mods::Interrupted&) {
    throw std::move(*error);
  }
  return to_python(result);
}

py::tuple kcenter(const py::object& x, const std::string& dtype, int64_t k, const Indices& initial,
                  int64_t first, const std::string& metric, int threads, const py::object& progress,
                  const std::string& isa, const std::string& method) {
  std::vector<py::array> arrays;  // kept alive while the core reads them
  if (py::isinstance<py::list>(x))
    for (const py::handle& part : x) arrays.push_back(py::cast<py::array>(part));
  else
    arrays.push_back(py::cast<py::array>(x));
  std::vector<mods::Rows> parts;
  for (const py::array& array : arrays) parts.push_back(view_rows(array, dtype));
  mods::Options options = make_options(k, initial, first, metric, method);
  options.threads = threads;
  options.isa = isa.c_str();
  return run(options, progress, [&] { return mods::kcenter_cpu(parts, options); });
}

int cuda_device_count() {
#if defined(MODS_WITH_CUDA)
  return mods::cuda::device_count();
#else
  return 0;
#endif
}

std::string why_no_cuda_device() {
#if defined(MODS_WITH_CUDA)
  return mods::cuda::why_no_device();
#else
  return "this build has no CUDA core";
#endif
}

py::list cuda_devices() {
  py::list found;
#if defined(MODS_WITH_CUDA)
  for (const mods::cuda::DeviceInfo& device : mods::cuda::devices()) {
    py::dict entry;
    entry["name"] = device.name;
    entry["capability"] = py::make_tuple(device.major, device.minor);
    entry["multiprocessors"] = device.multiprocessors;
    entry["memory_bytes"] = device.memory_bytes;
    found.append(entry);
  }
#endif
  return found;
}

#if defined(MODS_WITH_CUDA)
mods::DType dlpack_dtype(const mods::dlpack::DataType& type) {
  if (type.lanes == 1 && type.code == mods::dlpack::kFloat && type.bits == 32)
    return mods::DType::float32;
  if (type.lanes == 1 && type.code == mods::dlpack::kFloat && type.bits == 16)
    return mods::DType::float16;
  if (type.lanes == 1 && type.code == mods::dlpack::kBfloat && type.bits == 16)
    return mods::DType::bfloat16;
  throw std::invalid_argument("x must be float32, float16 or bfloat16");
}

mods::Rows view_dlpack(const mods::dlpack::Tensor& tensor) {
  if (tensor.ndim != 2) throw std::invalid_argument("x must be 2-D (rows, dimensions)");
  mods::Rows rows;
  rows.dtype = dlpack_dtype(tensor.dtype);
  rows.data = static_cast<const char*>(tensor.data) + tensor.byte_offset;
  rows.n = tensor.shape[0];
  rows.d = tensor.shape[1];
  rows.stride = tensor.strides ? tensor.strides[0] : rows.d;
  if (tensor.strides && tensor.strides[1] != 1 && rows.d > 1)
    throw std::invalid_argument("the values of a row must be contiguous; copy x first");
  return rows;
}

/// Owns a DLPack capsule's tensor, as the protocol asks of a consumer.
class DlpackTensor {
 public:
  explicit DlpackTensor(const py::capsule& capsule) {
    if (!PyCapsule_IsValid(capsule.ptr(), "dltensor"))
      throw std::invalid_argument("expected an unconsumed DLPack capsule");
    tensor_ =
        static_cast<mods::dlpack::ManagedTensor*>(PyCapsule_GetPointer(capsule.ptr(), "dltensor"));
    PyCapsule_SetName(capsule.ptr(), "used_dltensor");
  }
  ~DlpackTensor() {
    if (tensor_->deleter) tensor_->deleter(tensor_);
  }
  DlpackTensor(const DlpackTensor&) = delete;
  DlpackTensor& operator=(const DlpackTensor&) = delete;
  const mods::dlpack::Tensor& get() const { return tensor_->tensor; }

 private:
  mods::dlpack::ManagedTensor* tensor_;
};

py::tuple kcenter_cuda(const py::object& x, const std::string& dtype, int64_t k,
                       const Indices& initial, int64_t first, const std::string& metric,
                       const py::object& progress, int device, std::uintptr_t stream,
                       const std::string& method) {
  std::optional<DlpackTensor> tensor;
  mods::Rows rows;
  if (py::isinstance<py::capsule>(x)) {
    tensor.emplace(py::reinterpret_borrow<py::capsule>(x));
    rows = view_dlpack(tensor->get());
    if (tensor->get().device.type == mods::dlpack::kCuda && tensor->get().device.index != device)
      throw std::invalid_argument("x is on cuda:" + std::to_string(tensor->get().device.index) +
                                  ", not on cuda:" + std::to_string(device));
  } else {
    rows = view_rows(py::cast<py::array>(x), dtype);
  }
  mods::Options options = make_options(k, initial, first, metric, method);
  return run(options, progress, [&] {
    return mods::kcenter_cuda(rows, options, device, reinterpret_cast<void*>(stream));
  });
}

void translate_cuda_error(std::exception_ptr raised) {
  try {
    if (raised) std::rethrow_exception(raised);
  } catch (const mods::cuda::OutOfDeviceMemory& error) {
    PyErr_SetString(PyExc_MemoryError, error.what());
  }  // other CudaErrors are RuntimeErrors already
}
#endif

py::dict build_info() {
  const mods::cpu::Kernels* available[3];
  const int count = mods::cpu::available_kernels(available);
  py::list names;
  for (int i = 0; i < count; ++i) names.append(available[i]->name);
  py::dict info;
  info["isa_compiled"] = MODS_ISA_COMPILED;
  info["isa_available"] = names;
  info["isa_chosen"] = mods::cpu::choose_kernels(nullptr).name;
#if defined(MODS_WITH_CUDA)
  info["cuda"] = true;
  info["cuda_architectures"] = MODS_CUDA_ARCHITECTURES;
  info["cuda_compiler"] = MODS_CUDA_COMPILER;
#else
  info["cuda"] = false;
  info["cuda_architectures"] = "";
  info["cuda_compiler"] = "";
#endif
  info["cuda_devices"] = cuda_devices();
  info["cuda_missing"] = why_no_cuda_device();
  return info;
}

double read_bandwidth(const py::array& x, int threads) {
  if (!(x.flags() & py::array::c_style)) throw std::invalid_argument("array must be contiguous");
  const void* data = x.data();
  const std::size_t bytes = static_cast<std::size_t>(x.nbytes());
  py::gil_scoped_release release;
  return mods::cpu::read_bandwidth(data, bytes, threads);
}

}  // namespace

PYBIND11_MODULE(_core, m) {
  m.doc() = "Native core of mods: exact k-center greedy.";
  m.def("kcenter", &kcenter, py::arg("rows"), py::kw_only(), py::arg("dtype"), py::arg("k"),
        py::arg("initial"), py::arg("first"), py::arg("metric"), py::arg("threads"),
        py::arg("progress"), py::arg("isa") = "", py::arg("method") = "auto",
        "Run k-center greedy on the CPU; returns (indices, radii, statistics). `rows` is an array "
        "or a list of arrays whose rows are numbered on.");
#if defined(MODS_WITH_CUDA)
  py::register_exception_translator(&translate_cuda_error);
  m.def(
      "kcenter_cuda", &kcenter_cuda, py::arg("rows"), py::kw_only(), py::arg("dtype"), py::arg("k"),
      py::arg("initial"), py::arg("first"), py::arg("metric"), py::arg("progress"),
      py::arg("device"), py::arg("stream") = 0, py::arg("method") = "auto",
      "The same on a CUDA device; `rows` is an array in host memory or a DLPack capsule of rows on "
      "the device, ready on `stream` (a cudaStream_t as a number).");
#endif
  mods::python::bind_apart(m);
  m.def("cuda_device_count", &cuda_device_count, "CUDA devices that can be used now.");
  m.def("why_no_cuda_device", &why_no_cuda_device, "Why there is none; empty when there is one.");
  m.def("build_info", &build_info, "What this build contains and this machine can run.");
  m.def("usable_threads", &mods::cpu::usable_threads,
        "Processors that this process may use, within the CPU limit of its container.");
  m.def("read_bandwidth", &read_bandwidth, py::arg("x"), py::arg("threads") = 0,
        "Bytes per second at which all threads together read the array once.");
  m.def("dot_rate", &mods::cpu::dot_rate, py::arg("d"), py::arg("threads") = 0, py::arg("isa") = "",
        py::call_guard<py::gil_scoped_release>(),
        "Speed of the bound kernel on data in cache, and of its dot instruction alone, in "
        "multiply-adds per second.");
}
