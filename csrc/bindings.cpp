// The only file that knows Python: checks arrays, releases the GIL, translates exceptions.
#include <pybind11/functional.h>
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <optional>
#include <string>

#include "cpu/kernels.hpp"
#include "cpu/measure.hpp"
#include "kcenter.hpp"

namespace py = pybind11;

namespace {

using Indices = py::array_t<int64_t, py::array::c_style | py::array::forcecast>;

mods::DType parse_dtype(const std::string& name) {
  if (name == "float32") return mods::DType::float32;
  if (name == "float16") return mods::DType::float16;
  if (name == "bfloat16") return mods::DType::bfloat16;
  throw std::invalid_argument("unknown dtype " + name);
}

mods::Metric parse_metric(const std::string& name) {
  if (name == "euclidean") return mods::Metric::euclidean;
  if (name == "cosine") return mods::Metric::cosine;
  throw std::invalid_argument("unknown metric " + name);
}

mods::Method parse_method(const std::string& name) {
  if (name == "auto") return mods::Method::automatic;
  if (name == "brute") return mods::Method::brute;
  if (name == "lazy") return mods::Method::lazy;
  throw std::invalid_argument("unknown method " + name);
}

mods::Rows view_rows(const py::array& x, const std::string& dtype) {
  mods::Rows rows;
  rows.dtype = parse_dtype(dtype);
  const py::ssize_t size = rows.dtype == mods::DType::float32 ? 4 : 2;
  if (x.ndim() != 2 || x.itemsize() != size)
    throw std::invalid_argument("rows must be 2-D " + dtype);
  if ((x.shape(1) > 1 && x.strides(1) != size) || x.strides(0) % size != 0)
    throw std::invalid_argument("the values of a row must be contiguous");
  rows.data = x.data();
  rows.n = x.shape(0);
  rows.d = x.shape(1);
  rows.stride = x.strides(0) / size;
  return rows;
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

py::tuple kcenter(const py::array& x, const std::string& dtype, int64_t k, const Indices& initial,
                  int64_t first, const std::string& metric, int threads, const py::object& progress,
                  const std::string& isa, const std::string& method) {
  const mods::Rows rows = view_rows(x, dtype);
  mods::Options options;
  options.k = k;
  options.initial = initial.data();
  options.initial_count = initial.size();
  options.first = first;
  options.metric = parse_metric(metric);
  options.threads = threads;
  options.method = parse_method(method);
  options.isa = isa.c_str();
  std::optional<py::error_already_set> error;
  options.progress = watch(progress, error);
  mods::Result result;
  try {
    py::gil_scoped_release release;
    result = mods::kcenter_cpu(rows, options);
  } catch (const mods::Interrupted&) {
    throw std::move(*error);
  }
  return to_python(result);
}

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
#else
  info["cuda"] = false;
  info["cuda_architectures"] = "";
#endif
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
  m.def("kcenter", &kcenter, py::arg("x"), py::arg("dtype"), py::arg("k"), py::arg("initial"),
        py::arg("first"), py::arg("metric"), py::arg("threads"), py::arg("progress"),
        py::arg("isa") = "", py::arg("method") = "auto",
        "Run k-center greedy on the CPU; returns (indices, radii, statistics).");
  m.def("build_info", &build_info, "What this build contains and this machine can run.");
  m.def("read_bandwidth", &read_bandwidth, py::arg("x"), py::arg("threads") = 0,
        "Bytes per second at which all threads together read the array once.");
  m.def("dot_rate", &mods::cpu::dot_rate, py::arg("d"), py::arg("threads") = 0, py::arg("isa") = "",
        py::call_guard<py::gil_scoped_release>(),
        "Speed of the bound kernel on data in cache, and of its dot instruction alone, in "
        "multiply-adds per second.");
}
