// Chooses the kernels for this machine at run time.
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>

#include "cpu/kernels/kernels.hpp"

namespace mods::cpu {

int available_kernels(const Kernels* out[3]) {
  int count = 0;
#if defined(MODS_X86)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                    __builtin_cpu_supports("f16c");
  if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512vnni"))
    out[count++] = kernels_avx512();
  if (avx2) out[count++] = kernels_avx2();
#endif
  out[count++] = kernels_generic();
  return count;
}

const Kernels& choose_kernels(const char* isa) {
  const Kernels* available[3];
  const int count = available_kernels(available);
  if (isa == nullptr || *isa == '\0') isa = std::getenv("MODS_ISA");
  if (isa == nullptr || *isa == '\0') return *available[0];
  std::string names;
  for (int i = 0; i < count; ++i) {
    if (std::strcmp(available[i]->name, isa) == 0) return *available[i];
    names += std::string(i == 0 ? "" : ", ") + available[i]->name;
  }
  throw std::invalid_argument("MODS_ISA=" + std::string(isa) +
                              " is not available here; this machine runs " + names);
}

}  // namespace mods::cpu
