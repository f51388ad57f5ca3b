// Exact k-center greedy over rows that lie apart, in several processes or on several machines: the
// two ends of a run. cpu/shard.hpp has the protocol; how the messages travel is up to the caller.
//
// A ShardApart keeps the rows of one place, and what is known of their distances. PicksApart makes
// the picks, and holds no rows but those that are offered. The picks are those of kcenter_cpu on
// all rows in one array (kcenter.hpp), bit for bit.
//
// A shard whose process was lost is made again from its rows and learns all centres so far: the
// picks do not depend on what a shard knew besides.
#pragma once
#include <memory>
#include <vector>

#include "kcenter.hpp"

namespace mods {

/// Rows on their way: their numbers among all rows, and their d values each (widened, and scaled
/// for cosine).
struct SentRows {
  std::vector<int64_t> ids;
  std::vector<float> values;
};

/// Rows that may be picked next, ascending, with their canonical distances to the nearest centre;
/// all other rows of the shard are nearer to one than `tau`.
struct SentOffer {
  SentRows rows;
  std::vector<double> exact;
  double tau = 0;
  double refined = 0;  ///< canonical distances computed since the last offer
};

/// What became of offered rows that were not picked.
struct SentSettled {
  std::vector<int32_t> place;  ///< in the shard's last offer
  std::vector<int32_t> stamp;  ///< centres that `exact` takes into account
  std::vector<double> exact;
};

/// The farthest row of a shard, negative where all are centres, and its values.
struct SentFarthest {
  double value = -1;
  SentRows row;
};

class ShardApart {
 public:
  /// `first`: the number of row 0 among all rows. `mean`: d values, the same for all shards; any
  /// are valid, the mean of a sample makes the bounds tight. At most `most_centres` can be learned.
  ShardApart(const Rows& rows, int64_t first, Metric metric, std::vector<float> mean,
             int64_t most_centres, int threads);
  ~ShardApart();

  int64_t centres() const;  ///< learned so far

  /// Takes over further centres, in order. False (with nothing learned) when the rows are beyond
  /// what bounds can certify: then only brute force is left. Throws std::invalid_argument for a
  /// value that is not finite.
  bool learn(const SentRows& centres);

  /// Needs a centre. `picks_left`: rows still to be picked.
  SentOffer refill(int64_t picks_left);

  void settle(const SentSettled& settled);

  /// Learns centres by brute force, from now on the only way; returns the farthest row.
  SentFarthest brute(const SentRows& centres);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// What is to be done next.
enum class NextApart {
  turn,   ///< shards settle, learn the news and make offers
  brute,  ///< bounds separate nothing: shards learn the news by brute force
  done,
};

class PicksApart {
 public:
  /// k rows of n, with `fixed` centres given from the start; without any, `first` is the first
  /// pick, and told as such.
  PicksApart(int64_t n, int64_t d, int64_t k, int64_t fixed, int64_t first, Metric metric,
             std::vector<float> mean);
  ~PicksApart();

  /// Picks among the offers of all shards, which know all centres but those picked now.
  NextApart take(std::vector<SentOffer> offers);

  /// In brute force: takes the farthest row of all, which is the first of the farthest that shards
  /// found.
  NextApart take(double value, int64_t id);

  /// Picked by the last take(offers), unless all was done then.
  SentRows news() const;

  /// What shard `shard` is to settle after the last take(offers).
  const SentSettled& settled(std::size_t shard) const;

  const Result& result() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mods
