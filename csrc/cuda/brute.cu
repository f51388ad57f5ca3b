#include <algorithm>
#include <vector>

#include "cuda/brute.hpp"
#include "cuda/kernels/brute.cuh"
#include "cuda/start.hpp"
#include "cuda/state_mirror.hpp"

namespace mods::cuda {

namespace {

constexpr double kBruteWork = 2e10;  ///< values read between two looks at the state, some 50 ms
constexpr int kBruteBatch = 64;      ///< but no more launches than that, so that progress shows

}  // namespace

void run_brute(Run& run) {
  run.result.statistics.method = "brute";
  Event begin(true), prepared(true), end(true);
  StateMirror state(run);
  const std::size_t k = static_cast<std::size_t>(run.options.k);
  const unsigned blocks =
      blocks_for(run.n(), kHalfWarps, std::min(kMaxBruteBlocks, 8 * run.multiprocessors));
  DeviceArray<double> m(run.memory, static_cast<std::size_t>(run.n()), "distances");
  DeviceArray<float> centre(run.memory, static_cast<std::size_t>(run.d()), "a centre");
  DeviceArray<int> fixed(run.memory, run.start.size(), "the fixed centres");
  DeviceArray<int> pick(run.memory, k, "the picks");
  DeviceArray<double> radius(run.memory, k, "the radii");
  DeviceArray<Best> best(run.memory, blocks, "the best rows");
  begin.record(run.stream);
  const Norms norms(run, state);
  const StreamDrain drain(run.stream);  // last: waits before anything above is released
  run.to_device(fixed.get(), run.start);
  if (run.fixed() == 0) run.to_device(pick.get(), run.start);
  gather(run, fixed.get(), 1, centre.get());
  require_valid(run, state.read());
  prepared.record(run.stream);
  const BruteStep step{fixed.get(), centre.get(), m.get(), best.get(), pick.get(), radius.get()};
  const int batch = static_cast<int>(
      std::clamp(kBruteWork / (static_cast<double>(run.n()) * run.d()), 1.0, 1.0 * kBruteBatch));
  int done = 0;
  for (bool finished = false; !finished;) {
    for (int i = 0; i < batch && done + i < run.wanted(); ++i)
      launch("brute_step", brute_step, blocks, kThreads, sizeof(BruteShared), run.stream,
             run.data.view(), step, state.device());
    const RunState& now = state.read();
    done = now.step;
    finished = now.phase == kDone;
    run.progress.report(std::max(0, done - run.fixed()), now.last_value);
  }
  end.record(run.stream);
  const std::size_t count = static_cast<std::size_t>(std::max(0, done - run.fixed()));
  const std::vector<int> picks = run.to_host(pick.get(), count);
  const std::vector<double> radii = run.to_host(radius.get(), count);
  for (std::size_t i = 0; i < count; ++i) run.append_pick(picks[i], radii[i]);
  Statistics& statistics = run.result.statistics;
  statistics.pairs_refined += static_cast<double>(run.n()) * done;
  statistics.seconds_prepare += seconds_between(begin, prepared);
  statistics.seconds_pick += seconds_between(prepared, end);
}

}  // namespace mods::cuda
