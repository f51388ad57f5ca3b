// A shard in a process of its own: what lies between a Shard and the messages that it is sent.
#include <limits>
#include <utility>

#include "apart.hpp"
#include "cpu/brute.hpp"
#include "cpu/machine/floating_point.hpp"
#include "cpu/machine/processors.hpp"
#include "cpu/shard.hpp"

namespace mods {

using namespace cpu;

struct ShardApart::State {
  State(const Rows& given, int64_t first, Metric metric, std::vector<float> around, int64_t most,
        int threads)
      : kernels(choose_kernels(nullptr)),
        mean(std::move(around)),
        most_centres(most),
        team(threads > 0 ? threads : usable_threads(), [] { return true; }),
        rows(given, metric, kernels, first),
        tools{kernels, team, meter, statistics} {
    rows.locate();
  }

  const Kernels& kernels;
  const std::vector<float> mean;
  const int64_t most_centres;
  Team team;
  MemoryMeter meter;
  Statistics statistics;
  RowReader rows;
  const Tools tools;
  std::unique_ptr<Shard> shard;      ///< none before the first centre, and in brute force
  std::unique_ptr<BrutePart> brute;  ///< only in brute force
  std::vector<int64_t> offered;      ///< rows of the last offer
  int64_t centres = 0;
  double refined_before = 0;

  /// Where centres lie: rows of this place are told by their numbers.
  std::vector<RowAt> locate(const SentRows& sent, const RowReader& reader) const {
    std::vector<RowAt> found;
    for (std::size_t i = 0; i < sent.ids.size(); ++i) {
      const int64_t own = sent.ids[i] - rows.first();
      const bool here = own >= 0 && own < rows.n();
      found.push_back(here ? RowAt{sent.ids[i], &rows, own}
                           : RowAt{sent.ids[i], &reader, static_cast<int64_t>(i)});
    }
    return found;
  }

  RowReader reader_of(const SentRows& sent) const {
    const int64_t n = static_cast<int64_t>(sent.ids.size());
    return RowReader(Rows{sent.values.data(), DType::float32, n, rows.d(), rows.d()},
                     Metric::euclidean, kernels);
  }

  bool build(const RowAt& first) {
    if (rows.d() > kMaxSketchDim) return false;
    shard = std::make_unique<Shard>(tools, rows, mean, most_centres);
    if (!shard->build(first)) shard.reset();
    return shard != nullptr;
  }

  void learn(const std::vector<RowAt>& more) {
    shard->learn(more);
    centres += static_cast<int64_t>(more.size());
  }

  /// All distances exact, from what is known so far.
  void start_brute() {
    Buffer<double> m =
        shard ? shard->give_up()
              : Buffer<double>(meter, rows.n(), std::numeric_limits<double>::infinity());
    brute = std::make_unique<BrutePart>(tools, rows, std::move(m));
    shard.reset();
  }

  /// Rows that are not finite show as such distances to the first centre.
  void check_first_pass() const {
    for (const double m : brute->m())
      if (!(m <= std::numeric_limits<double>::max())) return rows.require_valid(0, rows.n());
  }

  void copy_row(int64_t p, std::vector<float>& out) const {
    out.resize(out.size() + rows.d());
    rows.copy(p, out.data() + out.size() - rows.d());
  }
};

ShardApart::ShardApart(const Rows& rows, int64_t first, Metric metric, std::vector<float> mean,
                       int64_t most_centres, int threads)
    : state_(std::make_unique<State>(rows, first, metric, std::move(mean), most_centres, threads)) {
}

ShardApart::~ShardApart() = default;

int64_t ShardApart::centres() const { return state_->centres; }

bool ShardApart::learn(const SentRows& centres) {
  const DefaultFloatingPoint floating_point;
  const RowReader reader = state_->reader_of(centres);
  const std::vector<RowAt> more = state_->locate(centres, reader);
  if (more.empty()) return true;
  if (!state_->shard && !state_->build(more.front())) return false;
  state_->learn(more);
  return true;
}

SentOffer ShardApart::refill(int64_t picks_left) {
  const DefaultFloatingPoint floating_point;
  const Offer made = state_->shard->refill(picks_left);
  SentOffer sent;
  sent.tau = made.tau;
  state_->offered.clear();
  for (const Candidate& candidate : made.candidates) {
    sent.rows.ids.push_back(candidate.row.id);
    sent.exact.push_back(candidate.exact);
    state_->offered.push_back(candidate.row.index);
    state_->copy_row(candidate.row.index, sent.rows.values);
  }
  const double refined = state_->statistics.pairs_refined;
  sent.refined = refined - std::exchange(state_->refined_before, refined);
  return sent;
}

void ShardApart::settle(const SentSettled& settled) {
  const DefaultFloatingPoint floating_point;
  std::vector<Settled> own;
  for (std::size_t i = 0; i < settled.place.size(); ++i)
    own.push_back(
        Settled{state_->offered.at(settled.place[i]), settled.stamp[i], settled.exact[i]});
  state_->shard->settle(own);
}

SentFarthest ShardApart::brute(const SentRows& centres) {
  const DefaultFloatingPoint floating_point;
  const RowReader reader = state_->reader_of(centres);
  std::vector<RowAt> more = state_->locate(centres, reader);
  if (state_->shard) state_->learn(std::exchange(more, {}));
  const bool fresh = !state_->shard && !state_->brute;
  if (!state_->brute) state_->start_brute();
  std::vector<float> values(state_->rows.d());
  for (std::size_t i = 0; i < more.size(); ++i) {
    more[i].copy(values.data());
    state_->brute->lower(more[i], values.data());
    if (fresh && i == 0) state_->check_first_pass();
  }
  state_->centres += static_cast<int64_t>(more.size());
  const Farthest best = state_->brute->farthest();
  SentFarthest sent{best.value, {}};
  if (best.value < 0) return sent;
  sent.row.ids.push_back(best.index);
  state_->copy_row(best.index - state_->rows.first(), sent.row.values);
  return sent;
}

}  // namespace mods
