#include "cpu/machine/processors.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <thread>

#if defined(__linux__)
#include <sched.h>
#endif

namespace mods::cpu {

namespace {

/// Version 2 says "QUOTA PERIOD" or "max PERIOD" in one file, version 1 uses two, with -1 for none.
double limit_of(const std::string& folder) {
  double quota = 0, period = 0;
  if (!(std::ifstream(folder + "/cpu.max") >> quota >> period)) {
    std::ifstream(folder + "/cpu.cfs_quota_us") >> quota;
    std::ifstream(folder + "/cpu.cfs_period_us") >> period;
  }
  return quota > 0 && period > 0 ? quota / period : std::numeric_limits<double>::infinity();
}

int processors() {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
  return static_cast<int>(std::thread::hardware_concurrency());
}

}  // namespace

double control_group_limit(const std::string& mount, const std::string& membership) {
  double limit = std::numeric_limits<double>::infinity();
  std::ifstream lines(membership);
  for (std::string line; std::getline(lines, line);) {
    // NUMBER:CONTROLLERS:PATH, without controllers in version 2
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const bool version_2 = controllers == ",,";
    if (!version_2 && controllers.find(",cpu,") == std::string::npos) continue;
    const std::string root = version_2 ? mount : mount + "/cpu";
    std::string path = line.substr(second + 1);
    while (true) {
      limit = std::min(limit, limit_of(root + path));
      if (path.empty()) break;
      path.resize(path.find_last_of('/') == std::string::npos ? 0 : path.find_last_of('/'));
    }
  }
  return limit;
}

int usable_threads() {
  static const double limit = control_group_limit("/sys/fs/cgroup", "/proc/self/cgroup");
  return static_cast<int>(std::max(1.0, std::min<double>(processors(), std::ceil(limit))));
}

}  // namespace mods::cpu
