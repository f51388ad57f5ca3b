// The candidate set: the rows that may be picked next, kept exact while picks are made among them.
#pragma once
#include <vector>

#include "cpu/kernels/packed.hpp"
#include "cpu/offer.hpp"
#include "cpu/run.hpp"

namespace mods::cpu {

/// Holds every row with m >= tau, all exact and up to date. While the largest distance among them
/// is >= tau, no other row can win or tie: others have m < tau.
class Candidates {
 public:
  explicit Candidates(Run& run);

  /// Takes over the candidates of all shards that are at or above `tau`, the largest threshold;
  /// `centres` have been picked or given so far.
  void load(std::vector<Offer> offers, double tau, int32_t centres);

  bool empty() const { return lanes_ == 0; }

  /// Picks until the set is used up or enough is picked, and leaves the shards alone meanwhile.
  /// Returns false when nearly every bound fails, so that brute force is cheaper.
  bool pick(int64_t k);

  /// What was picked since load().
  const std::vector<RowAt>& picks() const { return picks_; }

  /// What became of the others, of each shard. The set is given up for it.
  std::vector<std::vector<Settled>> settle();

  bool finished() const { return finished_; }

 private:
  struct Best {
    double value;
    int64_t lane;
  };

  void merge(std::vector<Offer>& offers);
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

  int32_t centres() const { return centres_ + static_cast<int32_t>(picks_.size()); }
  TilePoint tile_point(int64_t lane) const;
  void note_settled(int64_t lane);

  Run& run_;
  const int64_t steps_;
  const float slack_;
  PackedSketches packed_;
  std::vector<Candidate> candidates_;  ///< ascending, so the first of equals has the lowest number
  std::vector<double> exact_;          ///< -inf for lanes that left
  std::vector<float> upper_;           ///< round_up(exact)
  int64_t ahead_[kTilePoints];         ///< lanes whose survivors are known; -1: none
  std::vector<uint16_t> survivors_;    ///< of each of these, one bit a lane
  std::vector<RowAt> picks_;
  std::vector<std::vector<Settled>> settled_;  ///< of each shard
  std::vector<float> buffer_, centre_buffer_;
  double tau_ = 0;
  int64_t lanes_ = 0, groups_ = 0, alive_ = 0;
  int32_t centres_ = 0;  ///< before the first of picks_
  bool finished_ = false, refill_announced_ = false;
};

}  // namespace mods::cpu
