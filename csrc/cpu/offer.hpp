// What shards and the pick loop tell each other; shard.hpp says in which order.
#pragma once
#include <cstdint>
#include <vector>

#include "bound.hpp"
#include "cpu/rows.hpp"

namespace mods::cpu {

/// A row that may be picked next.
struct Candidate {
  RowAt row;
  double exact;     ///< canonical distance to the nearest of all centres
  const int8_t* q;  ///< its sketch
  SketchRow sketch;
  int shard = 0;  ///< which of the offers it came in
};

struct Offer {
  std::vector<Candidate> candidates;  ///< ascending; all have exact >= tau
  double tau;                         ///< all other rows that can still be picked have m < tau
};

/// What became of a candidate that was not picked.
struct Settled {
  int64_t index;  ///< of the row in its shard
  int32_t stamp;  ///< centres that `exact` takes into account
  double exact;
};

}  // namespace mods::cpu
