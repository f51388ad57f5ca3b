#include "refresh.hpp"

namespace mods::cpu {

namespace {

/// Drops the pending centres that can no longer be nearest.
void drop_hopeless(Point& point, float upper) {
  int kept = 0;
  for (int i = 0; i < point.pending_count; ++i)
    if (point.pending_lower[i] < upper) {
      point.pending[kept] = point.pending[i];
      point.pending_lower[kept++] = point.pending_lower[i];
    }
  point.pending_count = kept;
}

/// Whether computing the pending distances will probably bring the row below tau: the truth lies
/// near the middle of the bounds. Only speed depends on the guess.
bool probably_below(const Point& point, float upper, double tau) {
  for (int i = 0; i < point.pending_count; ++i)
    if (0.5 * (static_cast<double>(point.pending_lower[i]) + upper) < tau) return true;
  return false;
}

}  // namespace

Refresher::Refresher(Run& run, Sketch& sketch, const Centres& centres)
    : run_(run), sketch_(sketch), centres_(centres), workers_(run.team.size()) {
  if (!run.rows.direct())
    for (Worker& worker : workers_) worker.buffer.resize(run.rows.d());
}

void Refresher::refresh(const int32_t* ids, int64_t count, double tau) {
  // Full blocks use the kernels best; short lists are cut finer, so that all threads have work.
  const int64_t share = count / (4 * run_.team.size());
  const int64_t size =
      run_.team.size() == 1 ? kBlock : std::min<int64_t>(kBlock, std::max<int64_t>(share, 8));
  const int64_t blocks = (count + size - 1) / size;
  run_.team.for_chunks(blocks, 1, [&](int thread, int64_t begin, int64_t) {
    Worker& worker = workers_[thread];
    const int64_t first = begin * size;
    worker.count = static_cast<int>(std::min(size, count - first));
    worker.tau = tau;
    std::copy(ids + first, ids + first + worker.count, worker.active);
    refresh_block(worker);
  });
  for (Worker& worker : workers_) {
    run_.result.statistics.pairs_bounded += worker.bounded;
    run_.result.statistics.pairs_refined += worker.refined;
    worker.bounded = worker.refined = 0;
  }
}

void Refresher::refresh_block(Worker& worker) {
  const int64_t end = (centres_.count() + kGroup - 1) / kGroup;
  int64_t group = end;
  for (int i = 0; i < worker.count; ++i)
    group = std::min<int64_t>(group, sketch_.points[worker.active[i]].stamp / kGroup);
  settle(worker, false);
  for (; worker.count > 0 && group < end; group += kTileGroups) {
    bound_chunk(worker, group, static_cast<int>(std::min<int64_t>(kTileGroups, end - group)));
    settle(worker, false);
  }
  settle(worker, true);
}

/// Bounds the active rows that have not seen all centres of groups group..group+groups.
void Refresher::bound_chunk(Worker& worker, int64_t group, int groups) {
  const int32_t last =
      static_cast<int32_t>(std::min<int64_t>(centres_.count(), (group + groups) * kGroup));
  int due[kBlock], count = 0;
  for (int i = 0; i < worker.count; ++i)
    if (sketch_.points[worker.active[i]].stamp < last) due[count++] = worker.active[i];
  for (int i = 0; i < count; i += kTilePoints)
    bound_points(worker, due + i, std::min(kTilePoints, count - i), group, groups);
  for (int i = 0; i < count; ++i) {
    int32_t& stamp = sketch_.points[due[i]].stamp;
    worker.bounded += last - stamp;
    stamp = last;
  }
}

void Refresher::bound_points(Worker& worker, const int* ids, int count, int64_t group, int groups) {
  alignas(64) float lower[kTilePoints][kTileLanes];
  TilePoint tile[kTilePoints];
  for (int i = 0; i < count; ++i) tile[i] = sketch_.tile_point(ids[i]);
  run_.kernels.bound_tile(centres_.view(), group, groups, tile, count, sketch_.slack(), lower);
  for (int i = 0; i < count; ++i)
    if (tile[i].survivors != 0) add_survivors(worker, ids[i], tile[i], lower[i], group * kGroup);
}

void Refresher::add_survivors(Worker& worker, int p, const TilePoint& tile, const float* lower,
                              int64_t first) {
  sketch_.upper[p] = tile.upper;
  for (uint64_t left = tile.survivors; left != 0; left &= left - 1) {
    const int lane = __builtin_ctzll(left);
    const int32_t centre = static_cast<int32_t>(first) + lane;
    if (centre >= sketch_.points[p].stamp && lower[lane] < sketch_.upper[p])
      add_pending(worker, p, centre, lower[lane]);
  }
}

void Refresher::add_pending(Worker& worker, int p, int32_t centre, float lower) {
  Point& point = sketch_.points[p];
  if (point.pending_count == kPending) drop_hopeless(point, sketch_.upper[p]);
  if (point.pending_count == kPending) {
    make_exact(worker, p);
    if (lower >= sketch_.upper[p]) return;
  }
  point.pending[point.pending_count] = centre;
  point.pending_lower[point.pending_count++] = lower;
}

/// Removes the active rows that are below tau, after computing the pending distances of those that
/// probably are (all: of every row). The rows are asked for first, so that their transfers overlap.
void Refresher::settle(Worker& worker, bool all) {
  int due[kBlock], count = 0, kept = 0;
  for (int i = 0; i < worker.count; ++i) {
    const int p = worker.active[i];
    const Point& point = sketch_.points[p];
    if (sketch_.upper[p] < worker.tau || point.pending_count == 0) continue;
    if (!all && !probably_below(point, sketch_.upper[p], worker.tau)) continue;
    run_.rows.prefetch(p);
    due[count++] = p;
  }
  for (int i = 0; i < count; ++i) make_exact(worker, due[i]);
  for (int i = 0; i < worker.count; ++i)
    if (sketch_.upper[worker.active[i]] >= worker.tau) worker.active[kept++] = worker.active[i];
  worker.count = kept;
}

/// Computes the pending distances of row p, likeliest first.
void Refresher::make_exact(Worker& worker, int p) {
  Point& point = sketch_.points[p];
  const float* row = run_.rows.get(p, worker.buffer.data());
  for (int i = 0; i < point.pending_count; ++i)
    for (int j = i + 1; j < point.pending_count; ++j)
      if (point.pending_lower[j] < point.pending_lower[i]) {
        std::swap(point.pending[i], point.pending[j]);
        std::swap(point.pending_lower[i], point.pending_lower[j]);
      }
  for (int i = 0; i < point.pending_count; ++i) {
    if (point.pending_lower[i] >= point.exact) break;
    const double value = run_.kernels.distance(row, centres_.row(point.pending[i]), run_.rows.d());
    worker.refined += 1;
    point.exact = std::min(point.exact, value);
  }
  point.pending_count = 0;
  sketch_.upper[p] = round_up(point.exact);
}

}  // namespace mods::cpu
