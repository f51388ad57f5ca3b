// What one call of kcenter_cpu owns and hands to its parts.
#pragma once
#include <vector>

#include "cpu/kernels/kernels.hpp"
#include "cpu/machine/memory.hpp"
#include "cpu/machine/team.hpp"
#include "cpu/rows.hpp"
#include "progress.hpp"

namespace mods::cpu {

/// What every part of a call works with.
struct Tools {
  const Kernels& kernels;
  Team& team;
  MemoryMeter& meter;
  Statistics& statistics;
};

struct Run {
  const Options& options;
  std::vector<RowReader>& parts;
  Progress& progress;
  Tools tools;
  Result& result;

  int64_t n() const { return parts.back().first() + parts.back().n(); }
  int64_t d() const { return parts.front().d(); }
  int64_t picked() const { return static_cast<int64_t>(result.picks.size()); }

  RowAt locate(int64_t id) {
    std::size_t part = parts.size() - 1;
    while (parts[part].first() > id) --part;
    return RowAt{id, &parts[part], id - parts[part].first()};
  }

  /// The centres known at the start: the fixed ones, else the first pick.
  std::vector<RowAt> starting_centres() {
    std::vector<RowAt> centres;
    for (int64_t i = 0; i < options.initial_count; ++i)
      centres.push_back(locate(options.initial[i]));
    if (centres.empty()) centres.push_back(locate(options.first));
    return centres;
  }

  /// Once the starting centres are centres: the first pick is one of them where none was given.
  void note_first_pick() {
    if (options.initial_count == 0) result.picks.push_back(options.first);
  }

  /// Records the largest m once all picks so far are centres, and tells the caller.
  void note_radius(double largest) {
    if (picked() > 0 && picked() > static_cast<int64_t>(result.radii.size()))
      result.radii.push_back(static_cast<float>(reported_radius(largest, options.metric)));
    progress.report(picked(), largest);
  }
};

/// Fused brute force from a given state: for each part, m[p] exact for every row and all centres so
/// far, -1 for centres. Picks until options.k rows are picked or no row is left apart from copies.
void continue_brute(Run& run, std::vector<Buffer<double>> m);

/// Brute force from the start.
void run_brute(Run& run);

/// Lazy blocked k-center greedy. False (with nothing picked) when the data are beyond what the
/// sketch can certify.
bool run_lazy(Run& run);

}  // namespace mods::cpu
