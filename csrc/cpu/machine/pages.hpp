// What the operating system knows of the caller's rows: whether their pages are in memory, and a
// hint to fetch some. Hints only: nothing here changes or drops data, and all of it may be absent.
#pragma once
#include <cstddef>
#include <cstdint>

#if defined(__linux__) || defined(__APPLE__)
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>
#define MODS_HAS_PAGES 1
#endif

namespace mods::cpu {

#if defined(MODS_HAS_PAGES)

/// The whole pages that hold bytes begin .. begin + size.
struct PageRange {
  char* begin;
  std::size_t size;

  PageRange(const void* data, std::size_t bytes) {
    static const std::uintptr_t page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
    const std::uintptr_t first = reinterpret_cast<std::uintptr_t>(data);
    begin = reinterpret_cast<char*>(first & ~(page - 1));
    size = ((first + bytes + page - 1) & ~(page - 1)) - (first & ~(page - 1));
  }
};

/// False when reading the byte at `data` would wait for a disk. Always true for a file that this
/// process neither owns nor may write: the system does not tell.
inline bool in_memory(const void* data) {
#if defined(__APPLE__)
  char state = 1;
#else
  unsigned char state = 1;
#endif
  const PageRange pages(data, 1);
  return mincore(pages.begin, pages.size, &state) != 0 || (state & 1) != 0;
}

/// Starts reading the pages from disk without waiting for them; others, by way of read-ahead, are
/// not read. Does nothing to pages that are in memory.
inline void fetch_pages(const void* data, std::size_t bytes) {
  const PageRange pages(data, bytes);
  madvise(pages.begin, pages.size, MADV_WILLNEED);
}

/// How often this process has waited for a disk so far.
inline int64_t disk_waits() {
  rusage usage;
  return getrusage(RUSAGE_SELF, &usage) == 0 ? static_cast<int64_t>(usage.ru_majflt) : 0;
}

#else

inline bool in_memory(const void*) { return true; }
inline int64_t disk_waits() { return 0; }
inline void fetch_pages(const void*, std::size_t) {}

#endif

}  // namespace mods::cpu
