// The threads of one call: started by it, joined by it, shared with nothing. No global pool, so
// fork() and other libraries' OpenMP run times are not disturbed.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace mods::cpu {

class Team {
 public:
  /// `poll` is called now and then from the calling thread; when it returns false the loop in
  /// progress ends early and throws Interrupted.
  Team(int threads, std::function<bool()> poll);
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  int size() const { return size_; }

  /// Runs work(thread) on every thread; returns when all have finished. The first exception thrown
  /// is thrown again here.
  void run(const std::function<void(int)>& work);

  /// Wakes the threads, which takes some tens of microseconds, to wait busily for work that comes
  /// about then.
  void expect_work();

  /// Lets the threads end, while the caller tidies up: there is no more work for them.
  void dismiss();

  /// Runs work(thread, begin, end) over 0..count in chunks handed out in ascending order.
  template <class Work>
  void for_chunks(int64_t count, int64_t chunk, const Work& work) {
    std::atomic<int64_t> next{0};
    run([&](int thread) {
      while (!stop_.load(std::memory_order_relaxed)) {
        const int64_t begin = next.fetch_add(chunk, std::memory_order_relaxed);
        if (begin >= count) return;
        work(thread, begin, begin + chunk < count ? begin + chunk : count);
        if (thread == 0 && !poll_()) stop_ = true;
      }
    });
    throw_if_stopped();
  }

  /// Runs work(thread, begin, end) over 0..count in one contiguous part a thread.
  template <class Work>
  void for_parts(int64_t count, const Work& work) {
    run([&](int thread) { work(thread, count * thread / size_, count * (thread + 1) / size_); });
  }

 private:
  void shut_down();
  void serve(int thread);
  void call(int thread);
  bool wait_for_work(uint64_t seen);
  void throw_if_stopped() const;

  const int size_;
  const std::function<bool()> poll_;
  std::vector<std::thread> threads_;
  const std::function<void(int)>* work_ = nullptr;
  std::atomic<uint64_t> round_{0};
  std::atomic<int> busy_{0};
  std::atomic<bool> stop_{false}, quit_{false};
  std::mutex mutex_;
  uint64_t expected_ = 0;  ///< calls of expect_work()
  std::condition_variable wake_;
  std::exception_ptr error_;
};

}  // namespace mods::cpu
