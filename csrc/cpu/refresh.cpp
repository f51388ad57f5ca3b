#include "cpu/refresh.hpp"

namespace mods::cpu {

namespace {

/// Centres still to be bounded from which on reading a row in memory costs less, if the reading
/// settles it.
constexpr int32_t kWorthReading = 1024;

/// Short lists are cut into this many blocks for each thread, so that none waits long for another,
/// but no block is smaller than a few tiles.
constexpr int64_t kBlocksPerThread = 8;
constexpr int64_t kLeastBlock = 2 * kTilePoints;

}  // namespace

void Refresher::Active::open(int32_t row, const Point& point) {
  id = row;
  pending_count = 0;
  while (pending_count < kPending && point.pending[pending_count] >= 0) {
    pending[pending_count] = point.pending[pending_count];
    pending_lower[pending_count] = point.pending_lower[pending_count];
    ++pending_count;
  }
}

/// Drops the pending centres that can no longer be nearest; the others keep their order.
void Refresher::Active::drop_hopeless(float upper) {
  int kept = 0;
  for (int i = 0; i < pending_count; ++i)
    if (pending_lower[i] < upper) {
      pending[kept] = pending[i];
      pending_lower[kept++] = pending_lower[i];
    }
  pending_count = kept;
}

/// Whether computing the pending distances will probably bring the row below tau: the truth lies
/// near the middle of the bounds. Only speed depends on the guess.
bool Refresher::Active::probably_below(double tau, float upper) const {
  for (int i = 0; i < pending_count; ++i)
    if (0.5 * (static_cast<double>(pending_lower[i]) + upper) < tau) return true;
  return false;
}

/// Moves the likeliest of the pending centres from `place` on there.
void Refresher::Active::likeliest_to(int place) {
  int best = place;
  for (int i = place + 1; i < pending_count; ++i)
    if (pending_lower[i] < pending_lower[best]) best = i;
  std::swap(pending[place], pending[best]);
  std::swap(pending_lower[place], pending_lower[best]);
}

Refresher::Refresher(const Tools& tools, const RowReader& rows, Sketch& sketch,
                     const Centres& centres)
    : tools_(tools), rows_(rows), sketch_(sketch), centres_(centres), workers_(tools.team.size()) {
  if (!rows.direct())
    for (Worker& worker : workers_) worker.buffer.resize(rows.d());
}

void Refresher::refresh(const int32_t* ids, int64_t count, double tau) {
  // Full blocks use the kernels best.
  const int64_t share = count / (kBlocksPerThread * tools_.team.size());
  const int64_t size =
      tools_.team.size() == 1 ? kBlock : std::min<int64_t>(kBlock, std::max(share, kLeastBlock));
  const int64_t blocks = (count + size - 1) / size;
  tools_.team.for_chunks(blocks, 1, [&](int thread, int64_t begin, int64_t) {
    const int64_t first = begin * size;
    refresh_block(workers_[thread], ids + first, std::min(size, count - first), tau);
  });
  sum_up();
}

void Refresher::refresh_ahead(int thread, const int32_t* ids, int64_t count, double tau,
                              const std::atomic<bool>& over) {
  Worker& worker = workers_[thread];
  worker.over = &over;
  for (int64_t first = 0; first < count && !over; first += kBlock)
    refresh_block(worker, ids + first, std::min<int64_t>(kBlock, count - first), tau);
  worker.over = nullptr;
}

void Refresher::sum_up() {
  for (Worker& worker : workers_) {
    tools_.statistics.pairs_bounded += worker.bounded;
    tools_.statistics.pairs_refined += worker.refined;
    tools_.statistics.rows_read += worker.read;
    worker.bounded = worker.refined = worker.read = 0;
  }
}

void Refresher::refresh_block(Worker& worker, const int32_t* ids, int64_t count, double tau) {
  worker.count = static_cast<int>(count);
  worker.tau = tau;
  for (int i = 0; i < worker.count; ++i) {
    worker.active[i] = &worker.rows[i];
    worker.rows[i].open(ids[i], sketch_.points[ids[i]]);
  }
  const int64_t end = (centres_.count() + kGroup - 1) / kGroup;
  int64_t group = end;
  for (int i = 0; i < worker.count; ++i)
    group = std::min<int64_t>(group, stamp(*worker.active[i]) / kGroup);
  while (true) {
    read_early(worker);
    close_settled(worker);
    if (worker.count == 0 || group >= end || worker.out_of_time()) break;
    bound_chunk(worker, group, static_cast<int>(std::min<int64_t>(kTileGroups, end - group)));
    group += kTileGroups;
  }
  if (!worker.ahead()) read_all(worker);
  for (int i = 0; i < worker.count; ++i) close(*worker.active[i]);
}

/// Bounds the active rows that have not seen all centres of groups group..group+groups.
void Refresher::bound_chunk(Worker& worker, int64_t group, int groups) {
  const int32_t last =
      static_cast<int32_t>(std::min<int64_t>(centres_.count(), (group + groups) * kGroup));
  Active* due[kBlock];
  int count = 0;
  for (int i = 0; i < worker.count; ++i)
    if (stamp(*worker.active[i]) < last) due[count++] = worker.active[i];
  for (int i = 0; i < count; i += kTilePoints)
    bound_rows(worker, due + i, std::min(kTilePoints, count - i), group, groups);
  for (int i = 0; i < count; ++i) {
    int32_t& seen = stamp(*due[i]);
    worker.bounded += last - seen;
    seen = last;
  }
}

void Refresher::bound_rows(Worker& worker, Active** rows, int count, int64_t group, int groups) {
  alignas(64) float lower[kTilePoints][kTileLanes];
  TilePoint tile[kTilePoints];
  for (int i = 0; i < count; ++i) tile[i] = sketch_.tile_point(rows[i]->id);
  tools_.kernels.bound_tile(centres_.view(), group, groups, tile, count, sketch_.slack(), lower);
  for (int i = 0; i < count; ++i)
    if (tile[i].survivors != 0) add_survivors(worker, *rows[i], tile[i], lower[i], group * kGroup);
}

void Refresher::add_survivors(Worker& worker, Active& row, const TilePoint& tile,
                              const float* lower, int64_t first) {
  sketch_.upper[row.id] = tile.upper;
  for (uint64_t left = tile.survivors; left != 0; left &= left - 1) {
    const int lane = __builtin_ctzll(left);
    const int32_t centre = static_cast<int32_t>(first) + lane;
    if (centre >= stamp(row) && lower[lane] < upper(row))
      add_pending(worker, row, centre, lower[lane]);
  }
}

void Refresher::add_pending(Worker& worker, Active& row, int32_t centre, float lower) {
  if (row.pending_count == kMostPending) row.drop_hopeless(upper(row));
  if (row.pending_count == kMostPending) {
    Active* full = &row;
    read(worker, &full, 1);
    if (lower >= upper(row)) return;
  }
  row.pending[row.pending_count] = centre;
  row.pending_lower[row.pending_count++] = lower;
}

/// Reads the active rows that are probably below tau and have many centres still to be bounded.
void Refresher::read_early(Worker& worker) {
  if (rows_.on_disk()) return;
  Active* due[kBlock];
  int count = 0;
  for (int i = 0; i < worker.count; ++i) {
    Active& row = *worker.active[i];
    if (centres_.count() - stamp(row) >= kWorthReading && upper(row) >= worker.tau &&
        row.probably_below(worker.tau, upper(row)))
      due[count++] = &row;
  }
  read(worker, due, count);
}

/// Reads the active rows that have something pending.
void Refresher::read_all(Worker& worker) {
  Active* due[kBlock];
  int count = 0;
  for (int i = 0; i < worker.count; ++i)
    if (worker.active[i]->pending_count > 0) due[count++] = worker.active[i];
  read(worker, due, count);
}

/// Lets go of the active rows that are below tau.
void Refresher::close_settled(Worker& worker) {
  int kept = 0;
  for (int i = 0; i < worker.count; ++i) {
    if (upper(*worker.active[i]) >= worker.tau)
      worker.active[kept++] = worker.active[i];
    else
      close(*worker.active[i]);
  }
  worker.count = kept;
}

/// The rows are asked for first, so that their transfers overlap.
void Refresher::read(Worker& worker, Active** rows, int count) {
  for (int i = 0; i < count; ++i) rows_.prefetch(rows[i]->id);
  for (int i = 0; i < count; ++i) make_exact(worker, *rows[i]);
}

/// Computes the pending distances of a row, likeliest first.
void Refresher::make_exact(Worker& worker, Active& row) {
  double& exact = point(row).exact;
  const float* values = rows_.get(row.id, worker.buffer.data());
  worker.read += 1;
  for (int i = 0; i < row.pending_count; ++i) {
    row.likeliest_to(i);
    if (row.pending_lower[i] >= exact) break;
    const float* centre = centres_.row(row.pending[i]);
    exact = std::min(exact, tools_.kernels.distance(values, centre, rows_.d()));
    worker.refined += 1;
  }
  row.pending_count = 0;
  sketch_.upper[row.id] = round_up(exact);
}

/// Stores what is pending. If it is more than a Point holds, the row goes back to the first centre
/// that does not fit and will be bounded from there again: that costs less than reading it now.
void Refresher::close(Active& row) {
  Point& kept = point(row);
  row.drop_hopeless(upper(row));
  if (row.pending_count > kPending) {
    stamp(row) = row.pending[kPending];
    row.pending_count = kPending;
  }
  std::fill(kept.pending, kept.pending + kPending, -1);
  std::copy(row.pending, row.pending + row.pending_count, kept.pending);
  std::copy(row.pending_lower, row.pending_lower + row.pending_count, kept.pending_lower);
}

}  // namespace mods::cpu
