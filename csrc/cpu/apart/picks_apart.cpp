// The picks of a run whose rows lie apart: among what the shards offer, as in lazy.cpp.
#include <algorithm>
#include <utility>

#include "apart.hpp"
#include "cpu/candidates.hpp"
#include "cpu/machine/floating_point.hpp"

namespace mods {

using namespace cpu;

struct PicksApart::State {
  State(int64_t n, int64_t d, int64_t k, int64_t fixed, int64_t first, Metric metric,
        std::vector<float> around)
      : kernels(choose_kernels(nullptr)),
        mean(std::move(around)),
        options(options_of(k, fixed, first, metric)),
        progress(options),
        team(1, [] { return true; }),
        // Of all rows only their number and width are known here; none is read.
        all{RowReader(Rows{nullptr, DType::float32, n, d, d}, Metric::euclidean, kernels)},
        run{options, all, progress, Tools{kernels, team, meter, result.statistics}, result},
        candidates(run),
        steps((d + 3) / 4) {
    run.note_first_pick();
    centres = static_cast<int32_t>(fixed + run.picked());
  }

  static Options options_of(int64_t k, int64_t fixed, int64_t first, Metric metric) {
    Options made;
    made.k = k;
    made.initial_count = fixed;
    made.first = first;
    made.metric = metric;
    return made;
  }

  const Kernels& kernels;
  const std::vector<float> mean;
  const Options options;
  Progress progress;
  Team team;
  MemoryMeter meter;
  Result result;
  std::vector<RowReader> all;
  Run run;
  Candidates candidates;
  const int64_t steps;
  int32_t centres;  ///< that the shards knew when they made the last offers
  std::vector<SentOffer> offers;
  std::vector<RowReader> readers;  ///< of the offers
  std::vector<int8_t> sketches;
  std::vector<SentSettled> settled;

  /// The offers as candidates; their sketches are made again, which costs less than sending them.
  std::vector<Offer> received() {
    readers.clear();
    std::size_t rows = 0;
    for (const SentOffer& offer : offers) {
      const int64_t n = static_cast<int64_t>(offer.rows.ids.size());
      readers.emplace_back(Rows{offer.rows.values.data(), DType::float32, n, run.d(), run.d()},
                           Metric::euclidean, kernels);
      rows += offer.rows.ids.size();
    }
    sketches.resize(rows * steps * 4);
    std::vector<Offer> made;
    int8_t* q = sketches.data();
    for (std::size_t shard = 0; shard < offers.size(); ++shard) {
      made.push_back(Offer{{}, offers[shard].tau});
      for (int64_t i = 0; i < readers[shard].n(); ++i, q += steps * 4)
        made.back().candidates.push_back(candidate(shard, i, q));
    }
    return made;
  }

  Candidate candidate(std::size_t shard, int64_t i, int8_t* q) const {
    const RowReader& reader = readers[shard];
    const float* values = reader.get(i, nullptr);
    const SketchRow sketch =
        kernels.sketch(values, mean.data(), values, run.d(), kcenter_slack(run.d()), q, false).row;
    return Candidate{RowAt{offers[shard].rows.ids[i], &reader, i}, offers[shard].exact[i], q,
                     sketch};
  }

  void note_settled() {
    settled.assign(offers.size(), {});
    const std::vector<std::vector<Settled>> told = candidates.settle();
    for (std::size_t shard = 0; shard < told.size(); ++shard)
      for (const Settled& one : told[shard]) {
        settled[shard].place.push_back(static_cast<int32_t>(one.index));
        settled[shard].stamp.push_back(one.stamp);
        settled[shard].exact.push_back(one.exact);
      }
  }
};

PicksApart::PicksApart(int64_t n, int64_t d, int64_t k, int64_t fixed, int64_t first, Metric metric,
                       std::vector<float> mean)
    : state_(std::make_unique<State>(n, d, k, fixed, first, metric, std::move(mean))) {}

PicksApart::~PicksApart() = default;

NextApart PicksApart::take(std::vector<SentOffer> offers) {
  const DefaultFloatingPoint floating_point;
  State& state = *state_;
  state.centres += static_cast<int32_t>(state.candidates.picks().size());
  state.offers = std::move(offers);
  double tau = 0;
  for (const SentOffer& offer : state.offers) {
    tau = std::max(tau, offer.tau);
    state.result.statistics.pairs_refined += offer.refined;
  }
  ++state.result.statistics.refills;
  if (tau == 0) {
    state.run.note_radius(0);
    return NextApart::done;
  }
  state.candidates.load(state.received(), tau, state.centres);
  if (state.candidates.empty()) {
    state.note_settled();
    return NextApart::brute;
  }
  const bool paying = state.candidates.pick(state.options.k);
  state.note_settled();
  if (state.candidates.finished()) return NextApart::done;
  return paying ? NextApart::turn : NextApart::brute;
}

NextApart PicksApart::take(double value, int64_t id) {
  State& state = *state_;
  state.run.note_radius(value);
  if (state.run.picked() == state.options.k || value <= 0) return NextApart::done;
  state.result.picks.push_back(id);
  return NextApart::brute;
}

SentRows PicksApart::news() const {
  SentRows sent;
  for (const RowAt& pick : state_->candidates.picks()) {
    sent.ids.push_back(pick.id);
    const float* values = pick.get(nullptr);
    sent.values.insert(sent.values.end(), values, values + state_->run.d());
  }
  return sent;
}

const SentSettled& PicksApart::settled(std::size_t shard) const {
  return state_->settled.at(shard);
}

const Result& PicksApart::result() const { return state_->result; }

}  // namespace mods
