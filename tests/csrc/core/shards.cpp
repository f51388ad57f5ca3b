// Rows in several parts, each a shard: the picks are those of one array, bit for bit.
#include <algorithm>

#include "suite.hpp"

namespace mods::test {

namespace {

/// The rows cut before each of `cuts`, in buffers of their own.
struct Parts {
  std::vector<Matrix> matrices;
  std::vector<Rows> rows;

  Parts(const Matrix& x, std::vector<int64_t> cuts) {
    cuts.push_back(x.n);
    int64_t begin = 0;
    for (int64_t end : cuts) {
      matrices.push_back(Matrix{end - begin, x.d, std::vector<float>(x.row(begin), x.row(end))});
      begin = end;
    }
    for (const Matrix& matrix : matrices) rows.push_back(matrix.rows());
  }
};

void expect_exact(const std::string& name, const Matrix& x, int64_t k,
                  const std::vector<int64_t>& initial = {}) {
  const Expected expected = oracle(x, k, initial);
  for (const std::vector<int64_t>& cuts :
       {std::vector<int64_t>{x.n / 2}, std::vector<int64_t>{x.n / 30, x.n / 2},
        std::vector<int64_t>{1, x.n - 1}}) {
    const Parts parts(x, cuts);
    expect_oracle(name, parts.rows, expected, k, initial, {1, 3});
  }
}

/// The rows, and after them the same rows backwards: every distance ties across the parts.
Matrix and_backwards(const Matrix& x) {
  Matrix both{2 * x.n, x.d, x.values};
  for (int64_t p = x.n - 1; p >= 0; --p)
    both.values.insert(both.values.end(), x.row(p), x.row(p + 1));
  return both;
}

void expect_same_for_parts_of_cosine_and_bfloat16() {
  const Matrix x = clustered(2500, 50, 21);
  std::vector<uint16_t> stored(x.values.size());
  for (std::size_t i = 0; i < stored.size(); ++i)
    stored[i] = static_cast<uint16_t>(0x3f00 + (i * 2654435761u >> 20 & 0x80ff));
  const auto part = [&](int64_t begin, int64_t end) {
    return Rows{stored.data() + begin * x.d, DType::bfloat16, end - begin, x.d, x.d};
  };
  for (Metric metric : {Metric::euclidean, Metric::cosine}) {
    Options options;
    options.k = 200;
    options.metric = metric;
    options.threads = 2;
    options.method = Method::brute;
    const std::vector<int64_t> expected = kcenter_cpu({part(0, x.n)}, options).picks;
    options.method = Method::lazy;
    const Result two = kcenter_cpu({part(0, 1234), part(1234, x.n)}, options);
    const Result three = kcenter_cpu({part(0, 10), part(10, 900), part(900, x.n)}, options);
    check(two.picks == expected && three.picks == expected, "parts of bfloat16 rows");
  }
}

}  // namespace

void test_shards() {
  const Matrix base = clustered(2000, 60, 1);
  expect_exact("clustered", base, 300);
  expect_exact("ties across parts", and_backwards(clustered(700, 24, 2)), 500);
  expect_exact("grid 0/1", grid(1200, 12, 2), 500);
  expect_exact("ties beyond the candidate limit", grid(20000, 6, 2), 64);
  expect_exact("all equal", Matrix{500, 20, std::vector<float>(500 * 20, 3.0f)}, 10);
  std::vector<int64_t> initial;
  for (int64_t p = 7; p < base.n; p += 3) initial.push_back(p);
  expect_exact("fixed centres", base, 150, initial);
  initial.clear();
  for (int64_t p = base.n / 2; p < base.n; ++p) initial.push_back(p);
  expect_exact("a part of nothing but centres", base, 150, initial);
  expect_same_for_parts_of_cosine_and_bfloat16();
}

}  // namespace mods::test
