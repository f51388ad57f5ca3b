#include "run_state.hpp"

namespace mods::cpu {

bool run_lazy(Run&) { return false; }

}  // namespace mods::cpu
