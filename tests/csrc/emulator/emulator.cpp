// The device of the emulator: threads as fibres, blocks, barriers, warp collectives and the
// scheduler.
#include "emulator.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <deque>
#include <exception>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "cuda_runtime.h"
#include "device_emulated.hpp"

#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace emulator {

std::mt19937_64 generator{1};

namespace {

// ---- fibres ------------------------------------------------------------------------------------
constexpr std::size_t kStackBytes = 96 * 1024;

#if defined(__x86_64__)
extern "C" void emulator_switch(void** save, void* load);
asm(R"(
.text
.globl emulator_switch
.type emulator_switch, @function
emulator_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
)");
#endif

struct Block;

struct Fibre {
#if defined(__x86_64__)
  void* sp = nullptr;
#else
  ucontext_t context;
#endif
  unsigned char* stack = nullptr;
  Where where;
  Block* block = nullptr;
  int lane = 0, warp = 0;
  bool done = false, waiting = false;
  const char* site_file = nullptr;
  int site_line = 0;
  bool at_barrier = false;
  std::vector<std::pair<void*, const void*>> copies;              // not committed yet
  std::deque<std::vector<std::pair<void*, const void*>>> groups;  // committed, oldest first
};

struct Collective {
  unsigned mask = 0, arrived = 0;
  int operation = 0;
  uint64_t values[32], published[32];
};

struct Block {
  std::vector<std::unique_ptr<Fibre>> fibres;
  std::vector<std::vector<std::unique_ptr<Collective>>> warps;
  std::vector<unsigned char> shared_storage;
  unsigned char* shared = nullptr;
  std::size_t shared_bytes = 0;
  int living = 0, at_barrier = 0;
};

Fibre* current = nullptr;
#if defined(__x86_64__)
void* scheduler_sp = nullptr;
#else
ucontext_t scheduler_context;
#endif
const std::function<void()>* thread_body = nullptr;
std::exception_ptr failure;
std::size_t launch_count = 0;

void to_scheduler() {
  Fibre* me = current;
#if defined(__x86_64__)
  emulator_switch(&me->sp, scheduler_sp);
#else
  swapcontext(&me->context, &scheduler_context);
#endif
}

void resume(Fibre* fibre) {
  current = fibre;
#if defined(__x86_64__)
  emulator_switch(&scheduler_sp, fibre->sp);
#else
  swapcontext(&scheduler_context, &fibre->context);
#endif
  current = nullptr;
}

void fibre_main() {
  try {
    (*thread_body)();
  } catch (...) {
    if (!failure) failure = std::current_exception();
  }
  current->done = true;
  to_scheduler();
  std::abort();
}

unsigned char* take_stack() {
  void* memory = mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  return static_cast<unsigned char*>(memory);
}

std::vector<std::unique_ptr<Fibre>> fibre_pool;

std::unique_ptr<Fibre> make_fibre() {
  std::unique_ptr<Fibre> fibre;
  if (!fibre_pool.empty()) {
    fibre = std::move(fibre_pool.back());
    fibre_pool.pop_back();
    fibre->done = fibre->waiting = fibre->at_barrier = false;
    fibre->copies.clear();
    fibre->groups.clear();
  } else {
    fibre = std::make_unique<Fibre>();
    fibre->stack = take_stack();
  }
#if defined(__x86_64__)
  auto top = reinterpret_cast<uintptr_t>(fibre->stack + kStackBytes) & ~uintptr_t{63};
  auto* slot = reinterpret_cast<void**>(top);
  *--slot = nullptr;  // alignment as after a call
  *--slot = reinterpret_cast<void*>(&fibre_main);
  for (int i = 0; i < 6; ++i) *--slot = nullptr;
  fibre->sp = slot;
#else
  getcontext(&fibre->context);
  fibre->context.uc_stack.ss_sp = fibre->stack;
  fibre->context.uc_stack.ss_size = kStackBytes;
  fibre->context.uc_link = nullptr;
  makecontext(&fibre->context, fibre_main, 0);
#endif
  return fibre;
}

void release_barrier_if_complete(Block& block) {
  if (block.at_barrier == 0 || block.at_barrier < block.living) return;
  const Fibre* first = nullptr;
  for (auto& fibre : block.fibres) {
    if (fibre->done || !fibre->at_barrier) continue;
    if (!first) first = fibre.get();
    if (fibre->site_line != first->site_line || fibre->site_file != first->site_file)
      throw std::logic_error("divergent __syncthreads: lines " + std::to_string(first->site_line) +
                             " and " + std::to_string(fibre->site_line));
    fibre->at_barrier = fibre->waiting = false;
  }
  block.at_barrier = 0;
}

std::unique_ptr<Block> make_block(dim3 grid, dim3 size, unsigned index, std::size_t shared) {
  auto block = std::make_unique<Block>();
  const unsigned count = size.x * size.y * size.z;
  block->shared_bytes = shared;
  block->shared_storage.resize((shared + 128) / 8 * 8);
  for (std::size_t i = 0; i < block->shared_storage.size(); i += 8) {
    const uint64_t garbage = generator();
    std::memcpy(&block->shared_storage[i], &garbage, 8);
  }
  block->shared = reinterpret_cast<unsigned char*>(
      (reinterpret_cast<uintptr_t>(block->shared_storage.data()) + 63) & ~uintptr_t{63});
  block->warps.resize((count + 31) / 32);
  for (unsigned i = 0; i < count; ++i) {
    auto fibre = make_fibre();
    fibre->where.thread = dim3(i % size.x, i / size.x % size.y, i / (size.x * size.y));
    fibre->where.block = dim3(index % grid.x, index / grid.x % grid.y, index / (grid.x * grid.y));
    fibre->where.block_size = size;
    fibre->where.grid_size = grid;
    fibre->block = block.get();
    fibre->lane = static_cast<int>(i % 32);
    fibre->warp = static_cast<int>(i / 32);
    block->fibres.push_back(std::move(fibre));
  }
  block->living = static_cast<int>(count);
  return block;
}

}  // namespace

void run_grid(dim3 grid, dim3 size, std::size_t shared, const std::function<void()>& body) {
  ++launch_count;
  if (shared > 99 * 1024) throw std::logic_error("more shared memory than every target has");
  if (size.x * size.y * size.z > 1024 || size.x * size.y * size.z == 0)
    throw std::logic_error("block size");
  if (grid.x == 0 || grid.y == 0 || grid.y > 65535 || grid.x > 2147483647u)
    throw std::logic_error("grid size");
  const unsigned blocks = grid.x * grid.y * grid.z;
  std::vector<unsigned> order(blocks);
  for (unsigned i = 0; i < blocks; ++i) order[i] = i;
  std::shuffle(order.begin(), order.end(), generator);
  thread_body = &body;
  failure = nullptr;
  std::vector<std::unique_ptr<Block>> resident;
  unsigned next = 0;
  uint64_t held_back = 0;  // warps (by number mod 64) that do not run for a while
  int patience = 0;
  while (next < blocks || !resident.empty()) {
    while (next < blocks && resident.size() < 3)
      resident.push_back(make_block(grid, size, order[next++], shared));
    bool moved = false;
    // One sweep: the ready fibres of all resident blocks, from a random place in a random
    // direction.
    std::vector<Fibre*> ready;
    for (auto& block : resident)
      for (auto& fibre : block->fibres)
        if (!fibre->done && !fibre->waiting) ready.push_back(fibre.get());
    if (generator() & 1) std::reverse(ready.begin(), ready.end());
    if (!ready.empty())
      std::rotate(ready.begin(), ready.begin() + generator() % ready.size(), ready.end());
    if (generator() % 8 == 0) std::shuffle(ready.begin(), ready.end(), generator);
    // Slow warps: what a barrier forgets to order shows when one warp runs far ahead of another.
    if (--patience < 0) {
      held_back = generator() % 2 == 0 ? generator() & generator() : 0;
      patience = static_cast<int>(generator() % 64);
    }
    const auto held = [&](const Fibre* fibre) {
      return (held_back >> (fibre->warp % 64) & 1) != 0;
    };
    if (std::all_of(ready.begin(), ready.end(), held)) held_back = 0;
    for (Fibre* fibre : ready) {
      if (fibre->done || fibre->waiting || held(fibre)) continue;
      resume(fibre);
      moved = true;
      if (failure) std::rethrow_exception(failure);
      if (fibre->done) --fibre->block->living;
      if (fibre->at_barrier || fibre->done) release_barrier_if_complete(*fibre->block);
    }
    for (auto& block : resident)
      if (block->living == 0) {
        for (auto& fibre : block->fibres) fibre_pool.push_back(std::move(fibre));
        block.reset();
      }
    const std::size_t before = resident.size();
    resident.erase(std::remove(resident.begin(), resident.end(), nullptr), resident.end());
    if (!moved && before == resident.size())
      throw std::logic_error("deadlock: threads wait for a barrier or collective nobody completes");
  }
}

const Where& where() { return current->where; }
int lane() { return current->lane; }
unsigned char* shared_memory() { return current->block->shared; }

void check_shared(const void* pointer, std::size_t bytes) {
  const auto* at = static_cast<const unsigned char*>(pointer);
  const Block& block = *current->block;
  if (at < block.shared || at + bytes > block.shared + block.shared_bytes)
    throw std::logic_error("shared memory out of bounds");
}

void barrier(const char* file, int line) {
  Fibre* me = current;
  me->site_file = file;
  me->site_line = line;
  me->at_barrier = me->waiting = true;
  ++me->block->at_barrier;
  to_scheduler();
}

const uint64_t* exchange(unsigned mask, uint64_t value, int operation) {
  Fibre* me = current;
  if (!(mask >> me->lane & 1u))
    throw std::logic_error("lane calls a collective without being in its mask");
  auto& slots = me->block->warps[me->warp];
  Collective* slot = nullptr;
  for (auto& candidate : slots)
    if (candidate->mask == mask) slot = candidate.get();
  if (!slot) {
    slots.push_back(std::make_unique<Collective>());
    slot = slots.back().get();
    slot->mask = mask;
  }
  if (slot->arrived == 0) slot->operation = operation;
  if (slot->operation != operation)
    throw std::logic_error("lanes of a warp meet in different collectives");
  slot->values[me->lane] = value;
  slot->arrived |= 1u << me->lane;
  if (slot->arrived == mask) {
    std::memcpy(slot->published, slot->values, sizeof(slot->values));
    slot->arrived = 0;
    for (int i = 0; i < 32; ++i)
      if (mask >> i & 1u) me->block->fibres[me->warp * 32 + i]->waiting = false;
    if (generator() % 4 == 0) to_scheduler();
  } else {
    me->waiting = true;
    to_scheduler();
  }
  return slot->published;
}

void maybe_switch() {
  if (current && generator() % 16 == 0) to_scheduler();
}

// The hardware may copy at any time between the request and the wait: sometimes do it at once.
void async_copy(void* to, const void* from) {
  if (generator() & 1)
    std::memcpy(to, from, 16);
  else
    current->copies.emplace_back(to, from);
}
void async_commit() {
  current->groups.push_back(std::move(current->copies));
  current->copies.clear();
}
void async_wait(int pending) {
  while (static_cast<int>(current->groups.size()) > pending) {
    for (auto& [to, from] : current->groups.front()) std::memcpy(to, from, 16);
    current->groups.pop_front();
  }
}

void seed(uint64_t value) { generator.seed(value); }
std::size_t launches() { return launch_count; }

}  // namespace emulator
