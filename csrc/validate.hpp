// Checks that every implementation makes on its arguments, and how a radius is reported.
#pragma once
#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include "kcenter.hpp"

namespace mods {

[[noreturn]] inline void invalid(const std::string& message) {
  throw std::invalid_argument(message);
}

/// Throws std::invalid_argument, naming the value, for what the contract does not allow.
inline void validate(const std::vector<Rows>& parts, const Options& options) {
  if (parts.empty()) invalid("need at least one row and one column");
  int64_t n = 0;
  for (const Rows& rows : parts) {
    if (rows.n < 1 || rows.d < 1) invalid("need at least one row and one column");
    if (rows.d != parts.front().d)
      invalid("parts of " + std::to_string(parts.front().d) + " and " + std::to_string(rows.d) +
              " columns");
    n += rows.n;
  }
  const int64_t fixed = options.initial_count;
  for (int64_t i = 0; i < fixed; ++i)
    if (options.initial[i] < 0 || options.initial[i] >= n)
      invalid("initial centre " + std::to_string(options.initial[i]) + " is outside 0.." +
              std::to_string(n - 1));
  if (options.k < 1 || options.k > n - fixed)
    invalid("k = " + std::to_string(options.k) + " is outside 1.." + std::to_string(n - fixed) +
            " (rows that are not initial centres)");
  if (fixed == 0 && (options.first < 0 || options.first >= n))
    invalid("first = " + std::to_string(options.first) + " is outside 0.." + std::to_string(n - 1));
}

/// The radius as reported, from the largest m (negative when no row is left).
inline double reported_radius(double largest, Metric metric) {
  if (largest < 0) largest = 0;
  return metric == Metric::cosine ? largest / 2 : std::sqrt(largest);
}

/// A value of a row that is not finite.
[[noreturn]] inline void reject_value(int64_t row, int64_t column, float value) {
  invalid("row " + std::to_string(row) + ", column " + std::to_string(column) + " is " +
          (std::isnan(value) ? "nan" : "infinite") + "; embeddings must be finite");
}

/// A row that the cosine metric cannot scale.
[[noreturn]] inline void reject_zero_row(int64_t row) {
  invalid("row " + std::to_string(row) +
          " is all zeros and has no direction; metric=\"cosine\" needs non-zero rows");
}

}  // namespace mods
