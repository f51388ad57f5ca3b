#include "cpu/machine/memory.hpp"

#include <cstdlib>
#include <mutex>
#include <new>
#include <vector>

#if defined(__unix__) || defined(__APPLE__)
#include <sys/mman.h>
#include <unistd.h>
#endif

namespace mods::cpu {

namespace {

constexpr std::size_t kHugePage = 2 << 20;
constexpr std::size_t kWorthKeeping = 128 << 10;
constexpr std::size_t kMostKept = 256 << 20;

std::size_t page_size() {
#if defined(_SC_PAGESIZE)
  static const std::size_t size = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return size;
#else
  return 4096;
#endif
}

std::size_t alignment_for(std::size_t bytes) {
  return bytes >= kHugePage ? kHugePage : bytes >= kWorthKeeping ? page_size() : 64;
}

/// Whole pages, so that a block shares none.
std::size_t block_size(std::size_t bytes) {
  const std::size_t alignment = alignment_for(bytes);
  return (bytes + alignment - 1) / alignment * alignment;
}

Block allocate(std::size_t bytes) {
  Block block{nullptr, block_size(bytes)};
  block.data = std::aligned_alloc(alignment_for(bytes), block.bytes);
  if (block.data == nullptr) return block;
#if defined(MADV_HUGEPAGE)
  // A hint: failure is harmless. Without the rest of the last page, which need not be resident.
  if (bytes >= kHugePage) madvise(block.data, bytes, MADV_HUGEPAGE);
#endif
  return block;
}

/// Lets the system take the pages when memory runs short, and otherwise leave them as they are.
bool offer_to_system([[maybe_unused]] const Block& block) {
#if defined(MADV_FREE)
  return madvise(block.data, block.bytes, MADV_FREE) == 0;
#else
  return false;
#endif
}

/// Blocks kept for later calls. Never waits: a lock that is held (by another thread, or at the time
/// of a fork for ever) makes it do nothing.
class Kept {
 public:
  Kept() { blocks_.reserve(kMostKept / kWorthKeeping); }  // so that keep() never throws

  /// A block of that size or little more, or none.
  Block take(std::size_t size) {
    const std::unique_lock<std::mutex> lock(mutex_, std::try_to_lock);
    if (!lock) return Block{};
    auto best = blocks_.end();
    for (auto it = blocks_.begin(); it != blocks_.end(); ++it)
      if (it->bytes >= size && it->bytes - size <= size / 8 &&
          (best == blocks_.end() || it->bytes < best->bytes))
        best = it;
    return best == blocks_.end() ? Block{} : remove(best);
  }

  /// False when the block is not kept and the caller has to free it. Frees the oldest for it.
  bool keep(const Block& block) {
    if (block.bytes > kMostKept) return false;
    const std::unique_lock<std::mutex> lock(mutex_, std::try_to_lock);
    if (!lock || !offer_to_system(block)) return false;
    while (total_ + block.bytes > kMostKept) std::free(remove(blocks_.begin()).data);
    blocks_.push_back(block);
    total_ += block.bytes;
    return true;
  }

  void free_all() {
    const std::unique_lock<std::mutex> lock(mutex_, std::try_to_lock);
    while (lock && !blocks_.empty()) std::free(remove(blocks_.begin()).data);
  }

 private:
  Block remove(std::vector<Block>::iterator it) {
    const Block block = *it;
    blocks_.erase(it);
    total_ -= block.bytes;
    return block;
  }

  std::mutex mutex_;
  std::vector<Block> blocks_;  ///< oldest first
  std::size_t total_ = 0;
};

/// Lives as long as the process: threads may outlast static objects.
Kept& kept() {
  static Kept* const instance = new Kept;
  return *instance;
}

}  // namespace

Block take_block(std::size_t bytes) {
  Block block;
  if (bytes >= kWorthKeeping) block = kept().take(block_size(bytes));
  if (block.data == nullptr) block = allocate(bytes);
  if (block.data == nullptr) {
    kept().free_all();
    block = allocate(bytes);
  }
  if (block.data == nullptr) throw std::bad_alloc();
  return block;
}

void give_back(const Block& block) noexcept {
  if (block.bytes < kWorthKeeping || !kept().keep(block)) std::free(block.data);
}

}  // namespace mods::cpu
