// The control law of refills, on numbers worked out by hand.
#include "threshold.hpp"

#include <limits>

#include "suite.hpp"

namespace mods::test {

namespace {

constexpr RefillLaw kLaw{512, 3, 1e-45};

void expect_targets() {
  check(candidates_wanted(kLaw, 5000, 100000) == 512, "many picks: the most");
  check(candidates_wanted(kLaw, 99, 100000) == 300, "few picks: some for each and the radius");
  check(candidates_wanted(kLaw, 0, 100000) == kFewestCandidates, "never fewer than pay");
  check(candidates_wanted(kLaw, 5000, 70) == 70, "but no more than rows");
}

void expect_bins() {
  for (double top : {1e-300, 4.9e-324, 1e-20, 1.0, 7e37, 1e300}) {
    const double scale = bin_scale(top);
    check(bin_of(0, scale) == 0 && bin_of(top, scale) < kBins, "bins are within the histogram");
    check(bin_of(top, scale) >= bin_of(top / 3, scale), "bins are monotonic");
  }
  check(bin_of(1, bin_scale(1)) == kBins - 1, "the largest bound has the last bin");
}

void expect_lowest_bin_that_holds_enough() {
  std::vector<int64_t> bins(kBins), sums(kBins / 16);
  bins[4095] = 3;
  bins[4000] = 10;
  bins[17] = 100;
  for (int bin = 0; bin < kBins; ++bin) sums[bin / 16] += bins[bin];
  const struct {
    int64_t want;
    int end, bin;
    int64_t rows;
  } cases[] = {{1, kBins, 4095, 3},  {3, kBins, 4095, 3}, {4, kBins, 4000, 13},
               {14, kBins, 17, 113}, {1, 4095, 4000, 10}, {500, kBins, 0, 113}};
  for (const auto& c : cases) {
    const BinAndRows plain = bin_holding(bins.data(), c.want, c.end);
    const BinAndRows fast = bin_holding(bins.data(), c.want, c.end, sums.data(), 16);
    check(plain.bin == c.bin && plain.rows == c.rows, "the highest bin that holds enough");
    check(fast.bin == c.bin && fast.rows == c.rows, "the same with sums");
  }
}

void expect_a_search_to_end() {
  ThresholdSearch search = begin_search(2, 512, 1.5);
  check(search.bin == kBins && search.want == 768 && search.touched == 0, "a search begins");
  check(begin_search(2, 10, 1).want == kFewestCandidates, "with a scan's worth of rows at least");
  search.bin = 4000;
  search.touched = 768;
  check(enough_candidates(search, 512, 256) && !enough_candidates(search, 512, 255),
        "half is enough");
  check(!enough_candidates(search, 1, 0), "none is not");
  const double threshold = threshold_of(search, kLaw);
  check(bin_of(threshold, search.scale) >= 4000, "no row at the threshold is in a lower bin");
  ask_for_more(search, 512, 128);
  check(search.want == 2 * 768 + 64, "no more than double what was touched");
  search.touched = 20000;
  ask_for_more(search, 512, 112);
  check(search.want == 400 * 50 + 64, "a yield below 2 % counts as 2 %");
  ask_for_more(search, 512, 500);
  check(search.want == 12 * 40 + 64, "else it counts as it is");
  search.bin = 0;
  check(threshold_of(search, kLaw) == 1e-45 && enough_candidates(search, 512, 0),
        "bin 0 is the end");
  check(grown(1, ThresholdSearch{1, 0, 0, 5120}, 512) == 0.7 + 0.3 * 10,
        "the ratio follows slowly");
}

}  // namespace

void test_threshold() {
  expect_targets();
  expect_bins();
  expect_lowest_bin_that_holds_enough();
  expect_a_search_to_end();
}

}  // namespace mods::test
