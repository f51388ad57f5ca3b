#include "cpu/machine/team.hpp"

#include <cfenv>

#include "kcenter.hpp"

namespace mods::cpu {

namespace {

/// Rounds of busy waiting before a thread sleeps: some tens of microseconds, longer than the serial
/// gaps between most parallel loops and too short to disturb others.
constexpr int kSpins = 4000;

inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#else
  std::this_thread::yield();
#endif
}

}  // namespace

Team::Team(int threads, std::function<bool()> poll)
    : size_(threads < 1 ? 1 : threads), poll_(std::move(poll)) {
  try {
    for (int thread = 1; thread < size_; ++thread)
      threads_.emplace_back([this, thread] { serve(thread); });
  } catch (...) {
    shut_down();
    throw;
  }
}

Team::~Team() { shut_down(); }

void Team::dismiss() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    quit_ = true;
  }
  wake_.notify_all();
}

void Team::shut_down() {
  dismiss();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void Team::run(const std::function<void(int)>& work) {
  work_ = &work;
  error_ = nullptr;
  busy_.store(size_ - 1, std::memory_order_relaxed);
  if (size_ > 1) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      round_.fetch_add(1, std::memory_order_release);
    }
    wake_.notify_all();
  }
  call(0);
  for (int spins = 0; busy_.load(std::memory_order_acquire) != 0; ++spins)
    spins < kSpins ? relax() : std::this_thread::yield();
  if (error_) std::rethrow_exception(error_);
}

void Team::expect_work() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    ++expected_;
  }
  wake_.notify_all();
}

void Team::call(int thread) {
  try {
    (*work_)(thread);
  } catch (...) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!error_) error_ = std::current_exception();
  }
}

bool Team::wait_for_work(uint64_t seen) {
  const auto ready = [&] { return quit_ || round_.load(std::memory_order_acquire) != seen; };
  while (true) {
    for (int spins = 0; spins < kSpins; ++spins) {
      if (ready()) return !quit_;
      relax();
    }
    std::unique_lock<std::mutex> lock(mutex_);
    wake_.wait(lock, [&, expected = expected_] { return ready() || expected_ != expected; });
  }
}

void Team::serve(int thread) {
  std::fesetenv(FE_DFL_ENV);
  for (uint64_t seen = 0; wait_for_work(seen);) {
    seen = round_.load(std::memory_order_acquire);
    call(thread);
    busy_.fetch_sub(1, std::memory_order_release);
  }
}

void Team::throw_if_stopped() const {
  if (stop_) throw Interrupted{};
}

}  // namespace mods::cpu
