#include "candidates.hpp"

namespace mods::cpu {

namespace {
constexpr double kGone = -std::numeric_limits<double>::infinity();
}

Candidates::Candidates(Run& run, Sketch& sketch, Centres& centres)
    : run_(run), sketch_(sketch), centres_(centres), buffer_(run.rows.d()) {}

void Candidates::load(std::vector<int32_t> ids, double tau) {
  ids_ = std::move(ids);
  std::sort(ids_.begin(), ids_.end());
  tau_ = tau;
  lanes_ = alive_ = static_cast<int64_t>(ids_.size());
  if (packed_.capacity() < lanes_) {
    packed_ = PackedSketches();  // frees first
    packed_ =
        PackedSketches(run_.meter, lanes_ + lanes_ / 2, sketch_.steps(), run_.kernels.pack_xor);
  }
  const int64_t padded = (lanes_ + kGroup - 1) / kGroup * kGroup;
  exact_.assign(padded, kGone);
  upper_.assign(padded, -std::numeric_limits<float>::infinity());
  survivors_.resize(padded / kGroup);
  run_.team.for_chunks(lanes_, kGroup, [&](int, int64_t begin, int64_t end) {
    for (int64_t lane = begin; lane < end; ++lane) {
      const int32_t p = ids_[lane];
      packed_.set(lane, sketch_.q(p), sketch_.points[p].row, sketch_.length(p));
      exact_[lane] = sketch_.points[p].exact;
      upper_[lane] = sketch_.upper[p];
    }
  });
}

bool Candidates::pick(int64_t k) {
  bool paying = true;
  while (true) {
    const Best best = farthest();
    if (!(best.value >= tau_)) break;
    run_.note_radius(best.value);
    finished_ = run_.picked() == k;
    if (finished_ || !(paying = bounds_pay())) break;
    take(best.lane);
    lower_by_last_centre();
    if (alive_ < lanes_ * 0.6 && lanes_ > 4 * kGroup) compact();
  }
  write_back();
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

void Candidates::take(int64_t lane) {
  const int32_t p = ids_[lane];
  run_.result.picks.push_back(p);
  centres_.add(p);
  sketch_.upper[p] = -1;
  drop(lane);
}

template <class Work>
void Candidates::for_survivors(const Work& work) {
  for (int64_t first = 0; first < lanes_; first += kGroup)
    for (unsigned left = survivors_[first / kGroup]; left != 0; left &= left - 1)
      work(first + __builtin_ctz(left));
}

void Candidates::lower_by_last_centre() {
  const int64_t groups = (lanes_ + kGroup - 1) / kGroup;
  const TilePoint centre = sketch_.tile_point(run_.result.picks.back());
  run_.kernels.bound_lanes(packed_.view(), groups, centre, upper_.data(), sketch_.slack(),
                           survivors_.data());
  run_.result.statistics.pairs_bounded += static_cast<double>(alive_);
  for_survivors([&](int64_t lane) { run_.rows.prefetch(ids_[lane]); });
  for_survivors([&](int64_t lane) { refine(lane); });
}

void Candidates::refine(int64_t lane) {
  const int32_t p = ids_[lane];
  const float* row = run_.rows.get(p, buffer_.data());
  const double value =
      run_.kernels.distance(row, centres_.row(centres_.count() - 1), run_.rows.d());
  run_.result.statistics.pairs_refined += 1;
  if (value >= exact_[lane]) return;
  exact_[lane] = value;
  upper_[lane] = round_up(value);
  if (value >= tau_) return;
  sketch_.points[p].exact = value;
  sketch_.stamp[p] = centres_.count();
  sketch_.upper[p] = upper_[lane];
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
  lanes_ = kept;
  const int64_t padded = (lanes_ + kGroup - 1) / kGroup * kGroup;
  exact_.resize(padded);
  upper_.resize(padded);
  std::fill(exact_.begin() + lanes_, exact_.end(), kGone);
  std::fill(upper_.begin() + lanes_, upper_.end(), -std::numeric_limits<float>::infinity());
}

void Candidates::write_back() {
  for (int64_t lane = 0; lane < lanes_; ++lane) {
    if (exact_[lane] == kGone) continue;
    const int32_t p = ids_[lane];
    sketch_.points[p].exact = exact_[lane];
    sketch_.stamp[p] = centres_.count();
    sketch_.upper[p] = upper_[lane];
  }
}

/// Where most bounded pairs are computed anyway (massive ties), brute force costs less.
bool Candidates::bounds_pay() const {
  const double pairs = static_cast<double>(run_.rows.n()) * centres_.count();
  return centres_.count() < 16 || run_.result.statistics.pairs_refined < 0.2 * pairs;
}

}  // namespace mods::cpu
