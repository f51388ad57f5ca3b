// The exactness suite in C++, for runs under sanitizers (make sanitize): every input, instruction
// set, method and number of threads against the plainest possible oracle.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "../csrc/canonical.hpp"
#include "../csrc/cpu/kernels.hpp"
#include "../csrc/cpu/memory.hpp"
#include "../csrc/cpu/processors.hpp"
#include "../csrc/kcenter.hpp"

namespace {

using namespace mods;

int failures = 0;

void check(bool ok, const std::string& what) {
  if (ok) return;
  ++failures;
  std::printf("FAILED %s\n", what.c_str());
}

struct Matrix {
  int64_t n, d;
  std::vector<float> values;

  float* row(int64_t p) { return values.data() + p * d; }
  const float* row(int64_t p) const { return values.data() + p * d; }
  Rows rows() const { return Rows{values.data(), DType::float32, n, d, d}; }
};

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

Matrix scaled(Matrix x, float factor, float shift = 0) {
  for (float& v : x.values) v = v * factor + shift;
  return x;
}

Matrix with_outlier_dimension(Matrix x) {
  for (int64_t p = 0; p < x.n; ++p) x.row(p)[x.d / 2] *= 300;
  return x;
}

struct Expected {
  std::vector<int64_t> picks;
  std::vector<float> radii;
};

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

void expect_exact(const std::string& name, const Matrix& x, int64_t k,
                  const std::vector<int64_t>& initial = {}) {
  const Expected expected = oracle(x, k, initial);
  const cpu::Kernels* available[3];
  const int count = cpu::available_kernels(available);
  for (int i = 0; i < count; ++i)
    for (Method method : {Method::lazy, Method::late, Method::brute})
      for (int threads : {1, 2, 4}) {
        Options options;
        options.k = k;
        options.initial = initial.data();
        options.initial_count = static_cast<int64_t>(initial.size());
        options.threads = threads;
        options.method = method;
        options.isa = available[i]->name;
        const Result result = kcenter_cpu(x.rows(), options);
        check(result.picks == expected.picks && result.radii == expected.radii,
              name + " " + available[i]->name + " threads " + std::to_string(threads) +
                  (method == Method::lazy   ? " lazy"
                   : method == Method::late ? " late"
                                            : " brute"));
      }
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
      check(kcenter_cpu(rows, options).picks == kcenter_cpu(widened.rows(), options).picks,
            "bfloat16 equals its widened rows");
    }
}

void expect_bounds_hold(float factor, float shift) {
  const Matrix x = scaled(clustered(300, 70, 33), factor, shift);
  std::vector<float> mean(x.d);
  std::copy(x.row(0), x.row(1), mean.begin());
  const float slack = kcenter_slack(x.d);
  const cpu::Kernels* available[3];
  const int count = cpu::available_kernels(available);
  for (int i = 0; i < count; ++i) {
    const int64_t stride = (x.d + 3) / 4 * 4;
    cpu::MemoryMeter meter;
    cpu::Buffer<int8_t> q(meter, x.n * stride);
    const auto sketched = [&](int64_t p, int64_t c) {
      return available[i]->sketch(x.row(p), mean.data(), x.row(c), x.d, slack,
                                  q.data() + p * stride, p % 2 == 0);
    };
    std::vector<SketchRow> sketch(x.n);
    for (int64_t p = 0; p < x.n; ++p) sketch[p] = sketched(p, 0).row;
    bool hold = true;
    for (int64_t p = 0; p < x.n; ++p)
      for (int64_t c = 0; c < x.n; ++c) {
        int32_t dot = 0;
        for (int64_t j = 0; j < stride; ++j) dot += q[p * stride + j] * q[c * stride + j];
        const Bounds bounds =
            pair_bounds(sketch[p], upper_length(sketch[p].norm2, slack), sketch[c],
                        upper_length(sketch[c].norm2, slack), dot, slack);
        const double value = canonical_distance(x.row(p), x.row(c), x.d);
        hold = hold && bounds.lower <= value && value <= bounds.upper;
        const Bounds close = distance32_bounds(sketched(p, c).distance32, slack);
        hold = hold && close.lower <= value && value <= close.upper;
      }
    check(hold, std::string("bounds hold, ") + available[i]->name);
  }
}

void expect_large_blocks_to_be_used_again() {
  const std::size_t megabytes = 9 << 20;
  const cpu::Block first = cpu::take_block(megabytes);
  cpu::give_back(first);
  const cpu::Block larger = cpu::take_block(2 * megabytes);
  const cpu::Block again = cpu::take_block(megabytes);
  const cpu::Block other = cpu::take_block(megabytes);
  check(again.data == first.data, "a block given back is used again");
  check(larger.data != first.data && larger.bytes >= 2 * megabytes, "but not for larger ones");
  check(other.data != again.data, "nor twice at a time");
  for (const cpu::Block& block : {larger, again, other}) cpu::give_back(block);
}

void expect_limits_of_control_groups_to_be_found() {
  namespace fs = std::filesystem;
  const fs::path mount = fs::temp_directory_path() / "mods-control-groups";
  const auto write = [&](const char* name, const char* text) {
    fs::create_directories((mount / name).parent_path());
    std::ofstream(mount / name) << text;
  };
  const auto limit = [&](const char* groups) {
    write("groups", groups);
    return cpu::control_group_limit(mount, mount / "groups");
  };
  write("job/cpu.max", "250000 100000\n");
  write("job/step/cpu.max", "max 100000\n");
  write("cpu/job/cpu.cfs_quota_us", "150000\n");
  write("cpu/job/cpu.cfs_period_us", "100000\n");
  write("cpu/free/cpu.cfs_quota_us", "-1\n");
  write("cpu/free/cpu.cfs_period_us", "100000\n");
  check(limit("0::/job/step\n") == 2.5, "version 2: the limit of a group above");
  check(limit("3:cpuset:/\n2:cpu,cpuacct:/job\n0::/\n") == 1.5, "version 1: the limit");
  check(std::isinf(limit("1:cpu:/free\n4:memory:/job\n0::/\n")), "no limit");
  check(std::isinf(cpu::control_group_limit(mount, mount / "nowhere")), "no control groups");
  fs::remove_all(mount);
}

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
      kcenter_cpu(x.rows(), options);
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
    kcenter_cpu(bad.rows(), options);
  } catch (const std::invalid_argument& error) {
    message = error.what();
  }
  check(message.find("row 2345, column 17 is nan") == 0, "a bad value is named");
}

}  // namespace

int main() {
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
  for (float factor : {1e-18f, 1e-3f, 1.0f, 1e6f, 1e16f}) expect_bounds_hold(factor, 0);
  expect_bounds_hold(1, 100);
  expect_large_blocks_to_be_used_again();
  expect_limits_of_control_groups_to_be_found();
  expect_stop_and_errors();
  std::printf(failures == 0 ? "all passed\n" : "%d failed\n", failures);
  return failures == 0 ? 0 : 1;
}
