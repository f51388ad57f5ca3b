// Brings stale rows up to date: the part where nearly all arithmetic happens.
#pragma once
#include <vector>

#include "cpu/centres.hpp"

namespace mods::cpu {

/// For each listed row, bounds it against the centres it has not seen, in order, until either
/// upper < tau (the row cannot be picked now) or all centres are seen, and then makes it exact:
/// nothing pending, upper == round_up(exact). Only rows that stay on top are read for that. Rows in
/// memory are also read early where that probably saves many bounds; from a disk a read costs more
/// than any number of bounds.
class Refresher {
 public:
  Refresher(const Tools& tools, const RowReader& rows, Sketch& sketch, const Centres& centres);

  /// `ids` should be grouped by stamp, so that rows of a block need the same centres.
  void refresh(const int32_t* ids, int64_t count, double tau);

  /// Does on one thread, until `over`, what the next refresh would have to do for these rows,
  /// except for reading those that stay on top: centres to come will add to what is pending. Where
  /// it stops has no effect on the picks.
  void refresh_ahead(int thread, const int32_t* ids, int64_t count, double tau,
                     const std::atomic<bool>& over);

  /// Adds what was done to the statistics.
  void sum_up();

 private:
  static constexpr int kBlock = 64;
  static constexpr int kMostPending = 32;

  /// A row being brought up to date. While it is, more centres may be pending than a Point holds.
  struct Active {
    int32_t id;
    int32_t pending_count;
    int32_t pending[kMostPending];
    float pending_lower[kMostPending];

    void open(int32_t row, const Point& point);
    void drop_hopeless(float upper);
    bool probably_below(double tau, float upper) const;
    void likeliest_to(int place);
  };

  struct Worker {
    std::vector<float> buffer;
    double bounded = 0, refined = 0, read = 0;
    Active rows[kBlock];
    Active* active[kBlock];
    int count = 0;
    double tau = 0;
    const std::atomic<bool>* over = nullptr;  ///< set while working ahead

    bool ahead() const { return over != nullptr; }
    bool out_of_time() const { return ahead() && *over; }
  };

  void refresh_block(Worker& worker, const int32_t* ids, int64_t count, double tau);
  void bound_chunk(Worker& worker, int64_t group, int groups);
  void bound_rows(Worker& worker, Active** rows, int count, int64_t group, int groups);
  void add_survivors(Worker& worker, Active& row, const TilePoint& tile, const float* lower,
                     int64_t first);
  void add_pending(Worker& worker, Active& row, int32_t centre, float lower);
  void read_early(Worker& worker);
  void read_all(Worker& worker);
  void close_settled(Worker& worker);
  void read(Worker& worker, Active** rows, int count);
  void make_exact(Worker& worker, Active& row);
  void close(Active& row);

  float upper(const Active& row) const { return sketch_.upper[row.id]; }
  int32_t& stamp(const Active& row) const { return sketch_.stamp[row.id]; }
  Point& point(const Active& row) const { return sketch_.points[row.id]; }

  const Tools tools_;
  const RowReader& rows_;
  Sketch& sketch_;
  const Centres& centres_;
  std::vector<Worker> workers_;
};

}  // namespace mods::cpu
