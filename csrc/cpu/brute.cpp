// Fused brute force: one pass over the rows per pick. The fastest way for small problems and few
// picks, and the way out where lazy bounds do not pay.
#include "cpu/brute.hpp"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "cpu/run.hpp"

namespace mods::cpu {

namespace {

class Brute {
 public:
  Brute(Run& run, std::vector<Buffer<double>> m) : run_(run), values_(run.d()) {
    for (std::size_t i = 0; i < m.size(); ++i)
      parts_.emplace_back(run.tools, run.parts[i], std::move(m[i]));
  }

  Farthest add_centre(const RowAt& centre) {
    centre.copy(values_.data());
    std::vector<Farthest> best;
    for (BrutePart& part : parts_) best.push_back(part.lower(centre, values_.data()));
    return first_of_the_farthest(best);
  }

  Farthest farthest() const {
    std::vector<Farthest> best;
    for (const BrutePart& part : parts_) best.push_back(part.farthest());
    return first_of_the_farthest(best);
  }

  /// Non-finite rows show as non-finite distances to the first centre.
  void check_first_pass() const {
    for (std::size_t i = 0; i < parts_.size(); ++i)
      for (const double m : parts_[i].m())
        if (!(m <= std::numeric_limits<double>::max())) {
          run_.parts[i].require_valid(0, run_.parts[i].n());
          break;
        }
  }

  void pick_until_done(Farthest farthest) {
    while (true) {
      run_.note_radius(farthest.value);
      if (run_.picked() == run_.options.k || farthest.value <= 0) return;
      run_.result.picks.push_back(farthest.index);
      farthest = add_centre(run_.locate(farthest.index));
    }
  }

 private:
  Run& run_;
  std::vector<BrutePart> parts_;
  std::vector<float> values_;
};

}  // namespace

void continue_brute(Run& run, std::vector<Buffer<double>> m) {
  Brute brute(run, std::move(m));
  brute.pick_until_done(brute.farthest());
}

void run_brute(Run& run) {
  std::vector<Buffer<double>> m;
  for (const RowReader& rows : run.parts)
    m.emplace_back(run.tools.meter, rows.n(), std::numeric_limits<double>::infinity());
  Brute brute(run, std::move(m));
  Farthest farthest;
  bool checked = false;
  for (const RowAt& centre : run.starting_centres()) {
    if (!checked) centre.rows->require_valid(centre.index, centre.index + 1);
    farthest = brute.add_centre(centre);
    if (!std::exchange(checked, true)) brute.check_first_pass();
    run.progress.check();
  }
  run.note_first_pick();
  brute.pick_until_done(farthest);
}

}  // namespace mods::cpu
