// How many threads can run at a time: processors, and the CPU limit of a container.
#pragma once
#include <string>

namespace mods::cpu {

/// Processors that this process may run on, but no more than its control group allows it (rounded
/// up). At least 1.
int usable_threads();

/// The CPU limit, in processors, of the control groups that `membership` lists (a file like
/// /proc/self/cgroup) and of the groups above them, below `mount` (like /sys/fs/cgroup). Versions 1
/// and 2. Infinity where there is none.
double control_group_limit(const std::string& mount, const std::string& membership);

}  // namespace mods::cpu
