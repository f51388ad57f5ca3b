// ShardApart and PicksApart (apart.hpp) as Python sees them: messages are tuples of arrays.
#include <pybind11/stl.h>

#include "apart.hpp"
#include "bindings.hpp"

namespace mods::python {

namespace {

template <class T>
using Array = py::array_t<T, py::array::c_style | py::array::forcecast>;

template <class T>
std::vector<T> to_vector(const Array<T>& array) {
  return std::vector<T>(array.data(), array.data() + array.size());
}

template <class T>
py::array_t<T> to_array(const std::vector<T>& values) {
  return py::array_t<T>(static_cast<py::ssize_t>(values.size()), values.data());
}

/// Values as (rows, d).
py::array_t<float> matrix(const SentRows& rows) {
  const auto n = static_cast<py::ssize_t>(rows.ids.size());
  const auto d = n == 0 ? 0 : static_cast<py::ssize_t>(rows.values.size()) / n;
  return py::array_t<float>({n, d}, rows.values.data());
}

SentRows sent_rows(const Indices& ids, const Array<float>& values, int64_t d) {
  if (values.size() != ids.size() * d)
    throw std::invalid_argument("expected " + std::to_string(d) + " values for each row");
  return SentRows{to_vector<int64_t>(ids), to_vector(values)};
}

/// A shard, and the array that it reads.
struct Shard {
  py::array kept;
  int64_t d;
  ShardApart shard;

  Shard(const py::array& rows, const std::string& dtype, int64_t first, const std::string& metric,
        const Array<float>& mean, int64_t most_centres, int threads)
      : kept(rows),
        d(view_rows(rows, dtype).d),
        shard(view_rows(rows, dtype), first, parse_metric(metric), to_vector(mean), most_centres,
              threads) {
    if (mean.size() != d) throw std::invalid_argument("the mean must be as wide as the rows");
  }

  bool learn(const Indices& ids, const Array<float>& values) {
    const SentRows centres = sent_rows(ids, values, d);
    py::gil_scoped_release release;
    return shard.learn(centres);
  }

  py::tuple refill(int64_t picks_left) {
    SentOffer offer;
    {
      py::gil_scoped_release release;
      offer = shard.refill(picks_left);
    }
    return py::make_tuple(to_array(offer.rows.ids), matrix(offer.rows), to_array(offer.exact),
                          offer.tau, offer.refined);
  }

  void settle(const Array<int32_t>& place, const Array<int32_t>& stamp,
              const Array<double>& exact) {
    shard.settle(SentSettled{to_vector(place), to_vector(stamp), to_vector(exact)});
  }

  py::tuple brute(const Indices& ids, const Array<float>& values) {
    const SentRows centres = sent_rows(ids, values, d);
    SentFarthest farthest;
    {
      py::gil_scoped_release release;
      farthest = shard.brute(centres);
    }
    const int64_t id = farthest.row.ids.empty() ? -1 : farthest.row.ids.front();
    return py::make_tuple(farthest.value, id, to_array(farthest.row.values));
  }
};

std::string name_of(NextApart next) {
  if (next == NextApart::turn) return "turn";
  return next == NextApart::brute ? "brute" : "done";
}

/// Offers as Shard.refill returns them.
std::string take_offers(PicksApart& picks, const py::list& offers) {
  std::vector<SentOffer> taken;
  for (const py::handle& offer : offers) {
    const auto parts = py::cast<py::tuple>(offer);
    SentOffer one;
    one.rows.ids = to_vector(py::cast<Indices>(parts[0]));
    one.rows.values = to_vector(py::cast<Array<float>>(parts[1]));
    one.exact = to_vector(py::cast<Array<double>>(parts[2]));
    one.tau = py::cast<double>(parts[3]);
    one.refined = py::cast<double>(parts[4]);
    taken.push_back(std::move(one));
  }
  py::gil_scoped_release release;
  return name_of(picks.take(std::move(taken)));
}

PicksApart* make_picks(int64_t n, int64_t d, int64_t k, int64_t fixed, int64_t first,
                       const std::string& metric, const Array<float>& mean) {
  return new PicksApart(n, d, k, fixed, first, parse_metric(metric), to_vector(mean));
}

}  // namespace

void bind_apart(py::module_& m) {
  py::class_<Shard>(m, "ShardApart", "The rows of one place; see csrc/apart.hpp.")
      .def(py::init<const py::array&, const std::string&, int64_t, const std::string&,
                    const Array<float>&, int64_t, int>(),
           py::arg("rows"), py::kw_only(), py::arg("dtype"), py::arg("first"), py::arg("metric"),
           py::arg("mean"), py::arg("most_centres"), py::arg("threads"))
      .def_property_readonly("centres", [](const Shard& self) { return self.shard.centres(); })
      .def("learn", &Shard::learn, py::arg("ids"), py::arg("values"))
      .def("refill", &Shard::refill, py::arg("picks_left"))
      .def("settle", &Shard::settle, py::arg("place"), py::arg("stamp"), py::arg("exact"))
      .def("brute", &Shard::brute, py::arg("ids"), py::arg("values"));
  py::class_<PicksApart>(m, "PicksApart", "The picks among what shards offer; see csrc/apart.hpp.")
      .def(py::init(&make_picks), py::kw_only(), py::arg("n"), py::arg("d"), py::arg("k"),
           py::arg("fixed"), py::arg("first"), py::arg("metric"), py::arg("mean"))
      .def("take", &take_offers, py::arg("offers"))
      .def(
          "take_farthest",
          [](PicksApart& self, double value, int64_t id) { return name_of(self.take(value, id)); },
          py::arg("value"), py::arg("id"))
      .def("news",
           [](const PicksApart& self) {
             const SentRows news = self.news();
             return py::make_tuple(to_array(news.ids), matrix(news));
           })
      .def(
          "settled",
          [](const PicksApart& self, std::size_t shard) {
            const SentSettled& settled = self.settled(shard);
            return py::make_tuple(to_array(settled.place), to_array(settled.stamp),
                                  to_array(settled.exact));
          },
          py::arg("shard"))
      .def("result", [](const PicksApart& self) {
        return py::make_tuple(to_array(self.result().picks), to_array(self.result().radii));
      });
}

}  // namespace mods::python
