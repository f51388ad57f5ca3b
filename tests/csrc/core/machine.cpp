// Memory kept between calls, and the CPU limits of control groups.
#include <cmath>
#include <filesystem>
#include <fstream>

#include "cpu/machine/memory.hpp"
#include "cpu/machine/processors.hpp"
#include "suite.hpp"

namespace mods::test {

namespace {

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

}  // namespace

void test_machine() {
  expect_large_blocks_to_be_used_again();
  expect_limits_of_control_groups_to_be_found();
}

}  // namespace mods::test
