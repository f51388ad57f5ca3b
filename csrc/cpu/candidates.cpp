#include "cpu/candidates.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace mods::cpu {

namespace {

constexpr int64_t kNearlyUsedUp = 32;  ///< candidates, some tens of microseconds before the end
constexpr double kGone = -std::numeric_limits<double>::infinity();

/// Gaps are closed where fewer lanes than this share are left, and there are groups to be saved.
constexpr double kSparse = 0.6;
constexpr int64_t kFewLanes = 4 * kGroup;

/// Where a larger share of all pairs was computed (massive ties), brute force costs less; the first
/// centres say nothing yet, as the bounds of most rows still wait for them.
constexpr double kMostRefined = 0.2;
constexpr int32_t kTooEarlyToTell = 16;

}  // namespace

Candidates::Candidates(Run& run)
    : run_(run),
      steps_((run.d() + 3) / 4),
      slack_(kcenter_slack(run.d())),
      buffer_(run.d()),
      centre_buffer_(run.d()) {}

void Candidates::load(std::vector<Offer> offers, double tau, int32_t centres) {
  candidates_ = std::move(offers.front().candidates);
  tau_ = tau;
  centres_ = centres;
  picks_.clear();
  settled_.assign(offers.size(), {});
  refill_announced_ = false;
  if (offers.size() > 1) merge(offers);
  resize(static_cast<int64_t>(candidates_.size()));
  alive_ = lanes_;
  if (packed_.capacity() < lanes_) {
    packed_ = PackedSketches();  // frees first
    packed_ =
        PackedSketches(run_.tools.meter, lanes_ + lanes_ / 2, steps_, run_.tools.kernels.pack_xor);
  }
  run_.tools.team.for_chunks(lanes_, kGroup, [&](int, int64_t begin, int64_t end) {
    for (int64_t lane = begin; lane < end; ++lane) {
      const TilePoint point = tile_point(lane);
      packed_.set(lane, point.q, point.row, point.length);
      exact_[lane] = candidates_[lane].exact;
      upper_[lane] = round_up(candidates_[lane].exact);
    }
  });
}

/// Adds the candidates of the other shards, without those of any that are below the threshold.
void Candidates::merge(std::vector<Offer>& offers) {
  for (std::size_t shard = 1; shard < offers.size(); ++shard)
    for (Candidate& candidate : offers[shard].candidates) {
      candidate.shard = static_cast<int>(shard);
      candidates_.push_back(candidate);
    }
  const auto low = [&](const Candidate& candidate) { return candidate.exact < tau_; };
  candidates_.erase(std::remove_if(candidates_.begin(), candidates_.end(), low), candidates_.end());
  const auto ascending = [](const Candidate& a, const Candidate& b) { return a.row.id < b.row.id; };
  std::sort(candidates_.begin(), candidates_.end(), ascending);
}

/// Lanes beyond the last are gone, and nothing is known ahead.
void Candidates::resize(int64_t lanes) {
  lanes_ = lanes;
  groups_ = (lanes + kGroup - 1) / kGroup;
  exact_.resize(groups_ * kGroup);
  upper_.resize(groups_ * kGroup);
  std::fill(exact_.begin() + lanes, exact_.end(), kGone);
  std::fill(upper_.begin() + lanes, upper_.end(), -std::numeric_limits<float>::infinity());
  survivors_.resize(groups_ * kTilePoints);
  std::fill(ahead_, ahead_ + kTilePoints, -1);
}

bool Candidates::pick(int64_t k) {
  bool paying = true;
  while (true) {
    const Best best = farthest();
    if (!(best.value >= tau_)) break;
    run_.note_radius(best.value);
    finished_ = run_.picked() == k;
    if (finished_ || !(paying = bounds_pay())) break;
    if (alive_ <= kNearlyUsedUp && !std::exchange(refill_announced_, true))
      run_.tools.team.expect_work();
    const uint16_t* survivors = survivors_of(best.lane);
    const float* centre = candidates_[best.lane].row.get(centre_buffer_.data());
    take(best.lane);
    for_lanes(survivors, [&](int64_t lane) { refine(lane, centre); });
    if (alive_ < lanes_ * kSparse && lanes_ > kFewLanes) compact();
  }
  return paying;
}

Candidates::Best Candidates::farthest() const {
  constexpr int kWays = 8;  // independent maxima
  double best[kWays];
  std::fill(best, best + kWays, kGone);
  for (std::size_t i = 0; i < exact_.size(); i += kWays)
    for (int way = 0; way < kWays; ++way)
      best[way] = exact_[i + way] > best[way] ? exact_[i + way] : best[way];
  const double value = *std::max_element(best, best + kWays);
  if (value == kGone) return Best{value, -1};
  return Best{value, std::find(exact_.begin(), exact_.end(), value) - exact_.begin()};
}

/// The lanes that a centre at `lane` may lower, among them some that have left since.
const uint16_t* Candidates::survivors_of(int64_t lane) {
  const auto known = [&] { return std::find(ahead_, ahead_ + kTilePoints, lane) - ahead_; };
  if (known() == kTilePoints) look_ahead();
  return survivors_.data() + known() * groups_;
}

/// Finds the survivors of the farthest candidate and of the next few, which it seldom lowers: so
/// they are mostly the next picks, the sketches are read once for all of them, and the rows they
/// need are on their way by then. Lanes lowered meanwhile only make the survivors too many.
void Candidates::look_ahead() {
  TilePoint points[kTilePoints];
  const int count = farthest_few(ahead_);
  for (int i = 0; i < count; ++i) {
    candidates_[ahead_[i]].row.prefetch();
    points[i] = tile_point(ahead_[i]);
  }
  run_.tools.kernels.bound_lanes(packed_.view(), groups_, points, count, upper_.data(), slack_,
                                 survivors_.data());
  run_.tools.statistics.pairs_bounded += static_cast<double>(count * alive_);
  for (int i = 0; i < count; ++i)
    for_lanes(survivors_.data() + i * groups_,
              [&](int64_t lane) { candidates_[lane].row.prefetch(); });
}

/// The lanes of the farthest candidates, in the order of picks. Returns how many there are; -1
/// stands in the places beyond.
int Candidates::farthest_few(int64_t* lanes) const {
  double value[kTilePoints];
  std::fill(value, value + kTilePoints, kGone);
  std::fill(lanes, lanes + kTilePoints, -1);
  for (int64_t lane = 0; lane < lanes_; ++lane) {
    if (!(exact_[lane] > value[kTilePoints - 1])) continue;
    int place = kTilePoints - 1;
    for (; place > 0 && exact_[lane] > value[place - 1]; --place) {
      value[place] = value[place - 1];
      lanes[place] = lanes[place - 1];
    }
    value[place] = exact_[lane];
    lanes[place] = lane;
  }
  return static_cast<int>(std::find(lanes, lanes + kTilePoints, -1) - lanes);
}

template <class Work>
void Candidates::for_lanes(const uint16_t* bits, const Work& work) {
  for (int64_t group = 0; group < groups_; ++group)
    for (unsigned left = bits[group]; left != 0; left &= left - 1) {
      const int64_t lane = group * kGroup + __builtin_ctz(left);
      if (exact_[lane] != kGone) work(lane);
    }
}

void Candidates::take(int64_t lane) {
  picks_.push_back(candidates_[lane].row);
  run_.result.picks.push_back(candidates_[lane].row.id);
  drop(lane);
}

void Candidates::refine(int64_t lane, const float* centre) {
  const float* row = candidates_[lane].row.get(buffer_.data());
  const double value = run_.tools.kernels.distance(row, centre, run_.d());
  run_.tools.statistics.pairs_refined += 1;
  if (value >= exact_[lane]) return;
  exact_[lane] = value;
  upper_[lane] = round_up(value);
  if (value >= tau_) return;
  note_settled(lane);
  drop(lane);
}

void Candidates::note_settled(int64_t lane) {
  const Candidate& candidate = candidates_[lane];
  settled_[candidate.shard].push_back(Settled{candidate.row.index, centres(), exact_[lane]});
}

void Candidates::drop(int64_t lane) {
  exact_[lane] = kGone;
  upper_[lane] = -std::numeric_limits<float>::infinity();
  --alive_;
}

void Candidates::compact() {
  int64_t kept = 0;
  for (int64_t lane = 0; lane < lanes_; ++lane) {
    if (exact_[lane] == kGone) continue;
    packed_.move(kept, lane);
    candidates_[kept] = candidates_[lane];
    exact_[kept] = exact_[lane];
    upper_[kept++] = upper_[lane];
  }
  resize(kept);
}

std::vector<std::vector<Settled>> Candidates::settle() {
  for (int64_t lane = 0; lane < lanes_; ++lane)
    if (exact_[lane] != kGone) note_settled(lane);
  return std::move(settled_);
}

TilePoint Candidates::tile_point(int64_t lane) const {
  const Candidate& candidate = candidates_[lane];
  return TilePoint{candidate.q, candidate.sketch, upper_length(candidate.sketch.norm2, slack_),
                   upper_[lane], 0};
}

bool Candidates::bounds_pay() const {
  const double pairs = static_cast<double>(run_.n()) * centres();
  return centres() < kTooEarlyToTell || run_.tools.statistics.pairs_refined < kMostRefined * pairs;
}

}  // namespace mods::cpu
