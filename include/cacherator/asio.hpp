// Coroutines of Asio (standalone, `asio.hpp`): who waits for a flight is resumed on its own executor.
#pragma once

// Asio before 1.24 does not see that clang has coroutines.
#if defined(__clang__) && !defined(ASIO_HAS_CO_AWAIT) && !defined(ASIO_CONFIG_HPP)
#define ASIO_HAS_CO_AWAIT 1
#define ASIO_HAS_STD_COROUTINE 1
#endif
#include <asio.hpp>
#ifndef ASIO_HAS_CO_AWAIT
#error \
    "cacherator/asio.hpp: Asio sees no coroutines in this compiler; include this header before Asio's, or define ASIO_HAS_CO_AWAIT and ASIO_HAS_STD_COROUTINE"
#endif
#if ASIO_VERSION >= 102000
#define CACHERATOR_ASIO_CANCELS 1
#endif
#include <atomic>
#include <memory>
#include <utility>

#include "cacherator/coroutine.hpp"

namespace cacherator {

/// A wait can be cancelled, as Asio's own operations can: it then throws `operation_aborted`, and the flight goes on.
template <class T, class Executor>
struct wait_in<asio::awaitable<T, Executor>> {
  using executor = Executor;

  static asio::awaitable<void, Executor> on(engine::Flight& flight) {
    return asio::async_initiate<const asio::use_awaitable_t<Executor>&, void(asio::error_code)>(
        [&flight](auto handler) {
          auto waiting = std::make_shared<Waiting<decltype(handler)>>(std::move(handler));
#ifdef CACHERATOR_ASIO_CANCELS
          // Before on_end: after it another thread may have resumed the coroutine. Weak: the slot is part of what the handler owns.
          if (auto slot = asio::get_associated_cancellation_slot(waiting->handler); slot.is_connected()) {
            slot.assign([weak = std::weak_ptr(waiting)](asio::cancellation_type type) {
              if (const auto locked = weak.lock(); locked && type != asio::cancellation_type::none) end(locked, asio::error::operation_aborted);
            });
          }
#endif
          if (!flight.on_end([waiting] { end(waiting, {}); })) end(waiting, {});
        },
        asio::use_awaitable_t<Executor>{});
  }

#ifdef CACHERATOR_ASIO_CANCELS
  static auto cancellation() { return asio::this_coro::cancellation_state; }
  static bool cancelled(const asio::cancellation_state& state) { return state.cancelled() != asio::cancellation_type::none; }
#endif

 private:
  template <class Handler>
  struct Waiting {
    explicit Waiting(Handler&& h) : handler(std::move(h)) {}
    Handler handler;
    asio::executor_work_guard<asio::associated_executor_t<Handler>> work = asio::make_work_guard(asio::get_associated_executor(handler));
    std::atomic<bool> waits{true};
  };

  /// Resumes who waits, once: the flight's end and a cancellation may meet.
  template <class Handler>
  static void end(const std::shared_ptr<Waiting<Handler>>& waiting, asio::error_code error) {
    if (!waiting->waits.exchange(false)) return;
    const auto work = std::move(waiting->work);
    asio::post(work.get_executor(), [waiting, error] {
      auto handler = std::move(waiting->handler);
#ifdef CACHERATOR_ASIO_CANCELS
      if (auto slot = asio::get_associated_cancellation_slot(handler); slot.is_connected()) slot.clear();
#endif
      std::move(handler)(error);
    });
  }
};

}  // namespace cacherator
