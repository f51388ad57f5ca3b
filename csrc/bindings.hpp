// What the files of bindings share: names and arrays as they come from Python.
#pragma once
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <string>

#include "kcenter.hpp"

namespace mods::python {

namespace py = pybind11;

using Indices = py::array_t<int64_t, py::array::c_style | py::array::forcecast>;

inline DType parse_dtype(const std::string& name) {
  if (name == "float32") return DType::float32;
  if (name == "float16") return DType::float16;
  if (name == "bfloat16") return DType::bfloat16;
  throw std::invalid_argument("unknown dtype " + name);
}

inline Metric parse_metric(const std::string& name) {
  if (name == "euclidean") return Metric::euclidean;
  if (name == "cosine") return Metric::cosine;
  throw std::invalid_argument("unknown metric " + name);
}

inline Rows view_rows(const py::array& x, const std::string& dtype) {
  Rows rows;
  rows.dtype = parse_dtype(dtype);
  const py::ssize_t size = rows.dtype == DType::float32 ? 4 : 2;
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

/// Adds ShardApart and PicksApart (apart.hpp).
void bind_apart(py::module_& m);

}  // namespace mods::python
