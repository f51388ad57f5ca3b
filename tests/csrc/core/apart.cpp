// Rows that lie apart: the picks of one array, also where a shard is made again in between.
#include "apart.hpp"

#include <algorithm>
#include <memory>

#include "suite.hpp"

namespace mods::test {

namespace {

/// The driver's part, with shards in this process; `forget` makes one again before each such turn.
class Apart {
 public:
  Apart(const Matrix& x, const std::vector<int64_t>& cuts, int64_t k, int64_t forget)
      : x_(x), k_(k), forget_(forget), mean_(x.row(0), x.row(0) + x.d) {
    int64_t begin = 0;
    for (std::size_t i = 0; i <= cuts.size(); ++i) {
      firsts_.push_back(begin);
      begin = i < cuts.size() ? cuts[i] : x.n;
      ends_.push_back(begin);
      shards_.push_back(make(i));
    }
  }

  std::vector<int64_t> pick() {
    PicksApart picks(x_.n, x_.d, k_, 0, 0, Metric::euclidean, mean_);
    add({0});
    NextApart next = NextApart::turn;
    for (int64_t turn = 1; next == NextApart::turn; ++turn) {
      std::vector<SentOffer> offers;
      for (std::size_t i = 0; i < shards_.size(); ++i) offers.push_back(offer(i, picks, turn));
      next = picks.take(std::move(offers));
      settled_ = true;
      if (next != NextApart::done) add(picks.news().ids);
    }
    while (next == NextApart::brute) {
      SentFarthest best;
      for (auto& shard : shards_) {
        const SentFarthest one = shard->brute(since(shard->centres()));
        if (one.value > best.value) best = one;
      }
      const int64_t id = best.row.ids.empty() ? -1 : best.row.ids.front();
      next = picks.take(best.value, id);
      if (next == NextApart::brute) add({id});
    }
    return picks.result().picks;
  }

 private:
  std::unique_ptr<ShardApart> make(std::size_t i) const {
    const Rows rows{x_.row(firsts_[i]), DType::float32, ends_[i] - firsts_[i], x_.d, x_.d};
    return std::make_unique<ShardApart>(rows, firsts_[i], Metric::euclidean, mean_, k_ + 1, 1);
  }

  SentOffer offer(std::size_t i, const PicksApart& picks, int64_t turn) {
    const bool lost = turn % forget_ == static_cast<int64_t>(i);
    if (lost) shards_[i] = make(i);
    if (settled_ && !lost) shards_[i]->settle(picks.settled(i));
    check(shards_[i]->learn(since(shards_[i]->centres())), "rows that can be certified");
    return shards_[i]->refill(k_ - static_cast<int64_t>(picks.result().picks.size()));
  }

  void add(const std::vector<int64_t>& ids) {
    centres_.insert(centres_.end(), ids.begin(), ids.end());
  }

  SentRows since(int64_t known) const {
    SentRows sent;
    for (std::size_t i = known; i < centres_.size(); ++i) {
      sent.ids.push_back(centres_[i]);
      sent.values.insert(sent.values.end(), x_.row(centres_[i]), x_.row(centres_[i]) + x_.d);
    }
    return sent;
  }

  const Matrix& x_;
  const int64_t k_, forget_;
  const std::vector<float> mean_;
  std::vector<int64_t> firsts_, ends_, centres_;
  std::vector<std::unique_ptr<ShardApart>> shards_;
  bool settled_ = false;
};

void expect_exact(const std::string& name, const Matrix& x, int64_t k) {
  const Expected expected = oracle(x, k, {});
  for (const std::vector<int64_t>& cuts :
       {std::vector<int64_t>{}, std::vector<int64_t>{x.n / 2},
        std::vector<int64_t>{1, x.n / 30 + 1}})
    for (int64_t forget : {int64_t{1} << 40, int64_t{3}})
      check(Apart(x, cuts, k, forget).pick() == expected.picks, name + " apart");
}

}  // namespace

void test_apart() {
  expect_exact("clustered", clustered(1500, 60, 1), 300);
  expect_exact("grid 0/1", grid(900, 12, 2), 400);
  expect_exact("one-hot", one_hot(300), 290);
  expect_exact("ties beyond the candidate limit", grid(20000, 6, 2), 64);
  expect_exact("all equal", Matrix{500, 20, std::vector<float>(500 * 20, 3.0f)}, 10);
}

}  // namespace mods::test
