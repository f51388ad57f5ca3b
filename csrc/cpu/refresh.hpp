// Brings stale rows up to date: the part where nearly all arithmetic happens.
#pragma once
#include <vector>

#include "centres.hpp"

namespace mods::cpu {

/// For each listed row, bounds it against the centres it has not seen, in order, until either
/// upper < tau (the row cannot be picked now; its stamp stays a prefix, so (I1) holds) or all
/// centres are seen, and then makes it exact: pending empty, upper == round_up(exact).
class Refresher {
 public:
  Refresher(Run& run, Sketch& sketch, const Centres& centres);

  /// `ids` should be grouped by stamp, so that rows of a block need the same centres.
  void refresh(const int32_t* ids, int64_t count, double tau);

 private:
  static constexpr int kBlock = 64;

  struct Worker {
    std::vector<float> buffer;
    double bounded = 0, refined = 0;
    int active[kBlock];
    int count = 0;
    double tau = 0;
  };

  void refresh_block(Worker& worker);
  void bound_chunk(Worker& worker, int64_t group, int groups);
  void bound_points(Worker& worker, const int* ids, int count, int64_t group, int groups);
  void add_survivors(Worker& worker, int p, const TilePoint& tile, const float* lower,
                     int64_t first);
  void add_pending(Worker& worker, int p, int32_t centre, float lower);
  void settle(Worker& worker, bool all);
  void make_exact(Worker& worker, int p);

  Run& run_;
  Sketch& sketch_;
  const Centres& centres_;
  std::vector<Worker> workers_;
};

}  // namespace mods::cpu
