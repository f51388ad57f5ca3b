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

  /// Picks until the set is used up or enough is picked, and leaves the sketch alone meanwhile.
  /// Returns false when nearly every bound fails, so that brute force is cheaper.
  bool pick(int64_t k);

  /// Tells the sketch what became of the candidates.
  void write_back();

  bool finished() const { return finished_; }

 private:
  struct Best {
    double value;
    int64_t lane;
  };

  /// A row that left the set, for the sketch.
  struct Left {
    int32_t id, stamp;
    double exact;  ///< -1: picked
  };

  Best farthest() const;
  const uint16_t* survivors_of(int64_t lane);
  void look_ahead();
  int farthest_few(int64_t* lanes) const;
  template <class Work>
  void for_lanes(const uint16_t* bits, const Work& work);
  void take(int64_t lane);
  void refine(int64_t lane, const float* centre);
  void drop(int64_t lane);
  void resize(int64_t lanes);
  void compact();
  bool bounds_pay() const;

  Run& run_;
  Sketch& sketch_;
  Centres& centres_;
  PackedSketches packed_;
  std::vector<int32_t> ids_;         ///< ascending, so the first of equals has the lowest index
  std::vector<double> exact_;        ///< -inf for lanes that left
  std::vector<float> upper_;         ///< round_up(exact)
  int64_t ahead_[kTilePoints];       ///< lanes whose survivors are known; -1: none
  std::vector<uint16_t> survivors_;  ///< of each of these, one bit a lane
  std::vector<Left> left_;
  std::vector<float> buffer_, centre_buffer_;
  double tau_ = 0;
  int64_t lanes_ = 0, groups_ = 0, alive_ = 0;
  bool finished_ = false, refill_announced_ = false;
};

}  // namespace mods::cpu
