// Runs that are stopped, and rows that cannot be used.
#include <cmath>
#include <stdexcept>

#include "suite.hpp"

namespace mods::test {

namespace {

void expect_stop_and_errors() {
  const Matrix x = clustered(20000, 128, 5);
  for (Method method : {Method::lazy, Method::brute}) {
    Options options;
    options.k = 15000;
    options.threads = 2;
    options.method = method;
    options.progress = [](int64_t, double) { return false; };
    bool stopped = false;
    try {
      kcenter_cpu({x.rows()}, options);
    } catch (const Interrupted&) {
      stopped = true;
    }
    check(stopped, "progress stops the run");
  }
  Matrix bad = clustered(3000, 40, 6);
  bad.row(2345)[17] = std::nanf("");
  Options options;
  options.k = 50;
  options.threads = 2;
  std::string message;
  try {
    kcenter_cpu({bad.rows()}, options);
  } catch (const std::invalid_argument& error) {
    message = error.what();
  }
  check(message.find("row 2345, column 17 is nan") == 0, "a bad value is named");
}

}  // namespace

void test_errors() { expect_stop_and_errors(); }

}  // namespace mods::test
