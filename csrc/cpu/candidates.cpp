#include "candidates.hpp"

#include <utility>

namespace mods::cpu {

namespace {
constexpr int64_t kNearlyUsedUp = 32;  ///< candidates, some tens of microseconds before the end
constexpr double kGone = -std::numeric_limits<double>::infinity();
}  // namespace

Candidates::Candidates(Run& run, Sketch& sketch, Centres& centres)
    : run_(run),
      sketch_(sketch),
      centres_(centres),
      buffer_(run.rows.d()),
      centre_buffer_(run.rows.d()) {}

void Candidates::load(std::vector<int32_t> ids, double tau) {
  ids_ = std::move(ids);
  std::sort(ids_.begin(), ids_.end());
  tau_ = tau;
  refill_announced_ = false;
  resize(static_cast<int64_t>(ids_.size()));
  alive_ = lanes_;
  if (packed_.capacity() < lanes_) {
    packed_ = PackedSketches();  // frees first
    packed_ =
        PackedSketches(run_.meter, lanes_ + lanes_ / 2, sketch_.steps(), run_.kernels.pack_xor);
  }
  run_.team.for_chunks(lanes_, kGroup, [&](int, int64_t begin, int64_t end) {
    for (int64_t lane = begin; lane < end; ++lane) {
      const int32_t p = ids_[lane];
      packed_.set(lane, sketch_.q(p), sketch_.points[p].row, sketch_.length(p));
      exact_[lane] = sketch_.points[p].exact;
      upper_[lane] = sketch_.upper[p];
    }
  });
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
    if (alive_ <= kNearlyUsedUp && !std::exchange(refill_announced_, true)) run_.team.expect_work();
    const uint16_t* survivors = survivors_of(best.lane);
    const float* centre = run_.rows.get(ids_[best.lane], centre_buffer_.data());
    take(best.lane);
    for_lanes(survivors, [&](int64_t lane) { refine(lane, centre); });
    if (alive_ < lanes_ * 0.6 && lanes_ > 4 * kGroup) compact();
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
    run_.rows.prefetch(ids_[ahead_[i]]);
    points[i] = sketch_.tile_point(ids_[ahead_[i]]);
  }
  run_.kernels.bound_lanes(packed_.view(), groups_, points, count, upper_.data(), sketch_.slack(),
                           survivors_.data());
  run_.result.statistics.pairs_bounded += static_cast<double>(count * alive_);
  for (int i = 0; i < count; ++i)
    for_lanes(survivors_.data() + i * groups_,
              [&](int64_t lane) { run_.rows.prefetch(ids_[lane]); });
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
  const int32_t p = ids_[lane];
  run_.result.picks.push_back(p);
  centres_.add(p);
  left_.push_back(Left{p, 0, -1});
  drop(lane);
}

void Candidates::refine(int64_t lane, const float* centre) {
  const int32_t p = ids_[lane];
  const float* row = run_.rows.get(p, buffer_.data());
  const double value = run_.kernels.distance(row, centre, run_.rows.d());
  run_.result.statistics.pairs_refined += 1;
  if (value >= exact_[lane]) return;
  exact_[lane] = value;
  upper_[lane] = round_up(value);
  if (value >= tau_) return;
  left_.push_back(Left{p, centres_.count(), value});
  drop(lane);
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
    ids_[kept] = ids_[lane];
    exact_[kept] = exact_[lane];
    upper_[kept++] = upper_[lane];
  }
  resize(kept);
}

void Candidates::write_back() {
  for (int64_t lane = 0; lane < lanes_; ++lane)
    if (exact_[lane] != kGone) left_.push_back(Left{ids_[lane], centres_.count(), exact_[lane]});
  for (const Left& row : left_) {
    sketch_.points[row.id].exact = row.exact;
    sketch_.stamp[row.id] = row.stamp;
    sketch_.upper[row.id] = round_up(row.exact);
  }
  left_.clear();
}

/// Where most bounded pairs are computed anyway (massive ties), brute force costs less.
bool Candidates::bounds_pay() const {
  const double pairs = static_cast<double>(run_.rows.n()) * centres_.count();
  return centres_.count() < 16 || run_.result.statistics.pairs_refined < 0.2 * pairs;
}

}  // namespace mods::cpu
