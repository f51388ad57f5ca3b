// A shard: rows in one place, and how places work together so that the picks stay exact.
//
// Rows may lie in several places (parts of a call, processes, machines), each a shard with its own
// sketch, bounds and threads. Rows are numbered on from shard to shard. A round:
//
//   1. Every shard is told the centres picked since the last round, in order: learn(). A centre is
//      its row number and its d values as float32 (widened, and scaled for cosine); a shard that
//      does not own it sketches it itself. All shards count the centres alike.
//   2. Every shard makes an offer: refill(). It consists of candidates, with their row numbers,
//      values and canonical distances to the nearest of all centres, and of a threshold tau; the
//      shard promises that m < tau for each of its other rows that can still be picked.
//   3. Picks are made among all candidates at or above the largest tau (Candidates in
//      candidates.hpp): the farthest, lowest row number first, lowers the others, and so on until
//      the farthest is below the largest tau. No row that was not offered can win or tie meanwhile,
//      so these are the picks of one array. The shard with the largest tau has offered a row at or
//      above it, so that every round picks at least one.
//   4. Shards are told what became of their candidates: settle(). They may be left in the dark (a
//      bound that is not lowered stays true), but would then compute the same distances again.
//
// A shard with nothing left to pick offers tau = 0. One whose rows no bound can separate (ties by
// the thousand) offers no candidates and a tau above all its rows; where no other shard has
// candidates at or above that, the rest is brute force: each shard makes all distances exact, and
// for every pick takes a centre's values and returns its farthest row.
//
// What must be common: the canonical arithmetic (canonical.hpp), and, for candidates of different
// shards, the vector that sketches are taken around (Sketch), given to all before the first pass.
// Per round a shard sends and receives d floats for every candidate and pick: some hundred rows.
#pragma once
#include <atomic>
#include <vector>

#include "cpu/centres.hpp"
#include "cpu/offer.hpp"
#include "cpu/refresh.hpp"
#include "cpu/sketch.hpp"
#include "threshold.hpp"

namespace mods::cpu {

class Shard {
 public:
  Shard(const Tools& tools, RowReader& rows, const std::vector<float>& mean, int64_t most_centres);

  /// The first pass over the rows, with the first centre, of which learn() must then tell. False
  /// when the rows are beyond what the sketch can certify.
  bool build(const RowAt& first);

  void learn(const std::vector<RowAt>& centres);
  Offer refill(int64_t picks_left);
  void settle(const std::vector<Settled>& candidates);

  /// Between refill() and settle(), on any thread but the calling one: bounds rows that the next
  /// refill will probably take, until `over`. The next call goes on where all threads got to.
  void work_ahead(int thread, const std::atomic<bool>& over);

  /// m of every row, exact; -1 for centres. The sketch is given up for it.
  Buffer<double> give_up();

 private:
  float largest_upper();
  std::vector<int32_t> bring_up(float top, int64_t target);
  std::vector<int64_t> count_uppers(double scale);
  int64_t collect(double tau, double above);
  int64_t select(int64_t begin, int64_t end, double tau, double above);
  void group_by_stamp(int64_t total);
  void group_window(int64_t begin, int64_t end);
  void keep_largest(std::vector<int32_t>& found, int64_t target);
  Offer offer(std::vector<int32_t> found) const;
  Offer offer_none(double tau);

  const Tools tools_;
  RowReader& rows_;
  Sketch sketch_;
  Centres centres_;
  Refresher refresher_;
  Buffer<int32_t> selected_, work_;
  double growth_ = 1;       ///< see ThresholdSearch
  double tau_ = 0;          ///< of the last offer
  double next_tau_ = 0;     ///< probably that of the next
  int64_t first_part_ = 0;  ///< where working ahead goes on
  alignas(kCacheLine) std::atomic<int64_t> parts_taken_{0};
};

}  // namespace mods::cpu
