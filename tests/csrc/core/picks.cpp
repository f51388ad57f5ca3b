// The picks and radii are the oracle's, for every input, instruction set, method and thread count.
#include <cstring>

#include "suite.hpp"

namespace mods::test {

namespace {

void expect_exact(const std::string& name, const Matrix& x, int64_t k,
                  const std::vector<int64_t>& initial = {}) {
  expect_oracle(name, {x.rows()}, oracle(x, k, initial), k, initial, {1, 2, 4});
}

void expect_same_for_halves_and_cosine() {
  const Matrix x = clustered(2500, 50, 21);
  std::vector<uint16_t> bfloat(x.values.size());
  Matrix widened = x;
  for (std::size_t i = 0; i < bfloat.size(); ++i) {
    uint32_t bits;
    std::memcpy(&bits, &x.values[i], 4);
    bfloat[i] = static_cast<uint16_t>(bits >> 16);
    bits &= 0xffff0000u;
    std::memcpy(&widened.values[i], &bits, 4);
  }
  const Rows rows{bfloat.data(), DType::bfloat16, x.n, x.d, x.d};
  for (Metric metric : {Metric::euclidean, Metric::cosine})
    for (Method method : {Method::lazy, Method::brute}) {
      Options options;
      options.k = 200;
      options.metric = metric;
      options.method = method;
      options.threads = 2;
      check(kcenter_cpu({rows}, options).picks == kcenter_cpu({widened.rows()}, options).picks,
            "bfloat16 equals its widened rows");
    }
}

}  // namespace

void test_picks() {
  const Matrix base = clustered(2500, 100, 1);
  expect_exact("clustered", base, 400);
  expect_exact("outlier dimension", with_outlier_dimension(base), 200);
  expect_exact("shift", scaled(base, 1, 100), 200);
  expect_exact("x1e-3", scaled(base, 1e-3f), 200);
  expect_exact("x1e6", scaled(base, 1e6f), 200);
  expect_exact("x1e-22", scaled(base, 1e-22f), 60);
  expect_exact("x1e37", scaled(base, 1e37f), 60);
  expect_exact("grid 0/1", grid(1200, 12, 2), 500);
  expect_exact("grid 0..3", grid(2500, 30, 4), 500);
  expect_exact("ties beyond the candidate limit", grid(20000, 6, 2), 64);
  expect_exact("one-hot", one_hot(400), 390);
  expect_exact("d = 1", clustered(2000, 1, 2), 100);
  expect_exact("d = 17", clustered(2000, 17, 3), 150);
  expect_exact("d = 1537", clustered(300, 1537, 3), 120);
  expect_exact("k = n", grid(300, 40, 50), 300);
  expect_exact("n = 1", clustered(1, 5, 4), 1);
  expect_exact("all equal", Matrix{500, 20, std::vector<float>(500 * 20, 3.0f)}, 10);
  std::vector<int64_t> initial;
  for (int64_t p = 7; p < 2500; p += 5) initial.push_back(p);
  expect_exact("warm start", base, 150, initial);
  initial.clear();
  for (int64_t p = 0; p < 2500; p += 2) initial.push_back(p);
  expect_exact("warm start from half of the rows", base, 150, initial);
  expect_same_for_halves_and_cosine();
}

}  // namespace mods::test
