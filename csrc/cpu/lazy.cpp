// Lazy blocked k-center greedy. Distances to new centres are not computed for all rows at once: the
// bounds of a shard's rows may be stale, which only makes them too large. In each round the shards
// bring those rows up to date whose bounds are the largest and offer what stays on top (a refill);
// then picks are made among these candidates alone until the largest falls below the largest
// threshold, while other threads bound rows that the next refill will probably take. shard.hpp has
// the protocol; rows in one array are one shard.
#include <algorithm>
#include <atomic>
#include <memory>

#include "cpu/candidates.hpp"
#include "cpu/shard.hpp"

namespace mods::cpu {

namespace {

/// However the scope is left.
struct SetAtEnd {
  std::atomic<bool>& flag;
  ~SetAtEnd() { flag = true; }
};

class Lazy {
 public:
  explicit Lazy(Run& run)
      : run_(run), mean_(sample_mean(run)), news_(run.starting_centres()), candidates_(run) {
    const int64_t most = run.options.k + static_cast<int64_t>(news_.size());
    for (RowReader& part : run.parts)
      shards_.push_back(std::make_unique<Shard>(run.tools, part, mean_, most));
  }

  bool run() {
    const auto start = Clock::now();
    const RowAt first = news_.front();
    for (auto& shard : shards_)
      if (!shard->build(first)) return false;
    run_.note_first_pick();
    run_.result.statistics.seconds_prepare = seconds_since(start);
    pick_all();
    run_.tools.team.dismiss();
    return true;
  }

 private:
  enum class Round { ready, inseparable, nothing_left };

  void pick_all() {
    while (true) {
      const auto start = Clock::now();
      const Round round = refill();
      run_.result.statistics.seconds_refill += seconds_since(start);
      if (round == Round::nothing_left) return run_.note_radius(0);
      const auto loaded_at = Clock::now();
      const bool paying = round == Round::ready && pick();
      run_.result.statistics.seconds_pick += seconds_since(loaded_at);
      if (candidates_.finished()) return;
      if (!paying) return finish_by_brute_force();
    }
  }

  /// Steps 1 and 2 of a round.
  Round refill() {
    ++run_.result.statistics.refills;
    tell_the_news();
    std::vector<Offer> offers;
    for (auto& shard : shards_) offers.push_back(shard->refill(run_.options.k - run_.picked()));
    double tau = 0;
    for (const Offer& offer : offers) tau = std::max(tau, offer.tau);
    if (tau == 0) return Round::nothing_left;
    candidates_.load(std::move(offers), tau, centres_);
    return candidates_.empty() ? Round::inseparable : Round::ready;
  }

  void tell_the_news() {
    for (auto& shard : shards_) shard->learn(news_);
    centres_ += static_cast<int32_t>(news_.size());
    news_.clear();
  }

  /// Steps 3 and 4. While picks are made, one after another, the other threads work ahead.
  bool pick() {
    bool paying = true;
    std::atomic<bool> over{false};
    run_.tools.team.run([&](int thread) {
      if (thread > 0) {
        for (auto& shard : shards_) shard->work_ahead(thread, over);
        return;
      }
      const SetAtEnd at_end{over};
      paying = candidates_.pick(run_.options.k);
    });
    const std::vector<std::vector<Settled>> settled = candidates_.settle();
    for (std::size_t i = 0; i < shards_.size(); ++i) shards_[i]->settle(settled[i]);
    news_ = candidates_.picks();
    return paying;
  }

  void finish_by_brute_force() {
    tell_the_news();
    std::vector<Buffer<double>> m;
    for (auto& shard : shards_) m.push_back(shard->give_up());
    continue_brute(run_, std::move(m));
  }

  Run& run_;
  const std::vector<float> mean_;
  std::vector<RowAt> news_;  ///< centres that the shards have not been told of
  int32_t centres_ = 0;      ///< that they have been told of
  std::vector<std::unique_ptr<Shard>> shards_;
  alignas(kCacheLine) Candidates candidates_;  ///< written by picks while others read the above
};

}  // namespace

bool run_lazy(Run& run) { return Lazy(run).run(); }

}  // namespace mods::cpu
