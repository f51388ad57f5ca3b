#include "suite.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <random>

#include "canonical.hpp"
#include "cpu/kernels/kernels.hpp"

namespace mods::test {

namespace {
int failures = 0;
}

void check(bool ok, const std::string& what) {
  if (ok) return;
  ++failures;
  std::printf("FAILED %s\n", what.c_str());
}

Matrix clustered(int64_t n, int64_t d, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  Matrix x{n, d, std::vector<float>(n * d)};
  std::vector<float> centres((n / 40 + 1) * d);
  for (float& v : centres) v = normal(random);
  for (int64_t p = 0; p < n; ++p) {
    if (p > 0 && random() % 6 == 0) {  // an exact duplicate
      const int64_t other = random() % p;
      std::copy(x.row(other), x.row(other) + d, x.row(p));
      continue;
    }
    const float* centre = centres.data() + random() % (n / 40 + 1) * d;
    for (int64_t j = 0; j < d; ++j) x.row(p)[j] = centre[j] + 0.6f * normal(random);
  }
  return x;
}

Matrix grid(int64_t n, int64_t d, unsigned levels) {
  std::mt19937 random(levels);
  Matrix x{n, d, std::vector<float>(n * d)};
  for (float& v : x.values) v = static_cast<float>(random() % levels);
  return x;
}

Matrix one_hot(int64_t n) {
  Matrix x{n, n, std::vector<float>(n * n)};
  for (int64_t p = 0; p < n; ++p) x.row(p)[p] = 1;
  return x;
}

Matrix scaled(Matrix x, float factor, float shift) {
  for (float& v : x.values) v = v * factor + shift;
  return x;
}

Matrix with_outlier_dimension(Matrix x) {
  for (int64_t p = 0; p < x.n; ++p) x.row(p)[x.d / 2] *= 300;
  return x;
}

Expected oracle(const Matrix& x, int64_t k, const std::vector<int64_t>& initial) {
  std::vector<double> m(x.n, std::numeric_limits<double>::infinity());
  Expected out;
  const auto add = [&](int64_t c) {
    for (int64_t p = 0; p < x.n; ++p)
      if (m[p] >= 0) m[p] = std::min(m[p], canonical_distance(x.row(p), x.row(c), x.d));
    m[c] = -1;
  };
  for (int64_t c : initial) add(c);
  int64_t next = 0;
  while (true) {
    if (!initial.empty() || !out.picks.empty()) {
      next = std::max_element(m.begin(), m.end()) - m.begin();
      if (!out.picks.empty())
        out.radii.push_back(static_cast<float>(std::sqrt(std::max(m[next], 0.0))));
      if (m[next] <= 0 || static_cast<int64_t>(out.picks.size()) == k) return out;
    }
    out.picks.push_back(next);
    add(next);
  }
}

void expect_oracle(const std::string& name, const std::vector<Rows>& rows, const Expected& expected,
                   int64_t k, const std::vector<int64_t>& initial,
                   const std::vector<int>& threads) {
  const cpu::Kernels* available[3];
  const int count = cpu::available_kernels(available);
  for (int i = 0; i < count; ++i)
    for (Method method : {Method::lazy, Method::from_disk, Method::brute})
      for (int n : threads) {
        Options options;
        options.k = k;
        options.initial = initial.data();
        options.initial_count = static_cast<int64_t>(initial.size());
        options.threads = n;
        options.method = method;
        options.isa = available[i]->name;
        const Result result = kcenter_cpu(rows, options);
        check(result.picks == expected.picks && result.radii == expected.radii,
              name + " in " + std::to_string(rows.size()) + " parts, " + available[i]->name +
                  " threads " + std::to_string(n) +
                  (method == Method::lazy        ? " lazy"
                   : method == Method::from_disk ? " from_disk"
                                                 : " brute"));
      }
}

}  // namespace mods::test

int main() {
  using namespace mods::test;
  test_threshold();
  test_machine();
  test_bounds();
  test_errors();
  test_picks();
  test_apart();
  test_shards();
  std::printf(failures == 0 ? "all passed\n" : "%d failed\n", failures);
  return failures == 0 ? 0 : 1;
}
