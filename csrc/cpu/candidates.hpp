// The candidate set: the rows that may be picked next, kept exact while picks are made among them.
#pragma once
#include <vector>

#include "centres.hpp"

namespace mods::cpu {

/// Holds every row with upper >= tau, all exact and up to date. While the largest distance among
/// them is >= tau, no other row can win or tie: others have m <= upper < tau.
class Candidates {
 public:
  Candidates(Run& run, Sketch& sketch, Centres& centres);

  /// Takes over the rows `ids`, each exact, with stamp == centres.count().
  void load(std::vector<int32_t> ids, double tau);

  /// Picks until the set is used up or enough is picked. Returns false when nearly every bound
  /// fails, so that brute force is cheaper.
  bool pick(int64_t k);

  bool finished() const { return finished_; }

 private:
  struct Best {
    double value;
    int64_t lane;
  };

  Best farthest() const;
  void take(int64_t lane);
  void lower_by_last_centre();
  template <class Work>
  void for_survivors(const Work& work);
  void refine(int64_t lane);
  void drop(int64_t lane);
  void compact();
  void write_back();
  bool bounds_pay() const;

  Run& run_;
  Sketch& sketch_;
  Centres& centres_;
  PackedSketches packed_;
  std::vector<int32_t> ids_;   ///< ascending, so the first of equals has the lowest index
  std::vector<double> exact_;  ///< -inf for lanes that left
  std::vector<float> upper_;   ///< round_up(exact)
  std::vector<uint16_t> survivors_;
  std::vector<float> buffer_;
  double tau_ = 0;
  int64_t lanes_ = 0, alive_ = 0;
  bool finished_ = false;
};

}  // namespace mods::cpu
