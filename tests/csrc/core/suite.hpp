// What the C++ tests share: checks, rows of every kind, and the plainest possible oracle.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "kcenter.hpp"

namespace mods::test {

/// Counts and prints a check that does not hold.
void check(bool ok, const std::string& what);

struct Matrix {
  int64_t n, d;
  std::vector<float> values;

  float* row(int64_t p) { return values.data() + p * d; }
  const float* row(int64_t p) const { return values.data() + p * d; }
  Rows rows() const { return Rows{values.data(), DType::float32, n, d, d}; }
};

Matrix clustered(int64_t n, int64_t d, unsigned seed);  ///< a sixth of the rows are exact copies
Matrix grid(int64_t n, int64_t d, unsigned levels);     ///< ties by the thousand
Matrix one_hot(int64_t n);
Matrix scaled(Matrix x, float factor, float shift = 0);
Matrix with_outlier_dimension(Matrix x);

struct Expected {
  std::vector<int64_t> picks;
  std::vector<float> radii;
};

/// Brute force in a few lines; starts at row 0 where there are no fixed centres.
Expected oracle(const Matrix& x, int64_t k, const std::vector<int64_t>& initial);

/// Picks from `rows`, the shards of x, with every instruction set and method: the oracle's picks.
void expect_oracle(const std::string& name, const std::vector<Rows>& rows, const Expected& expected,
                   int64_t k, const std::vector<int64_t>& initial, const std::vector<int>& threads);

// The subjects, one file each.
void test_picks();
void test_apart();
void test_shards();
void test_bounds();
void test_threshold();
void test_machine();
void test_errors();

}  // namespace mods::test
