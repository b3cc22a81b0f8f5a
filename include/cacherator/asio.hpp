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
#include <memory>
#include <utility>

#include "cacherator/coroutine.hpp"

namespace cacherator {

template <class T, class Executor>
struct wait_in<asio::awaitable<T, Executor>> {
  using executor = Executor;
  static asio::awaitable<void, Executor> on(engine::Flight& flight) {
    return asio::async_initiate<const asio::use_awaitable_t<Executor>&, void()>(
        [&flight](auto handler) {
          const auto executor = asio::get_associated_executor(handler);
          auto waiting = std::make_shared<decltype(handler)>(std::move(handler));
          auto resume = [waiting, executor, work = asio::make_work_guard(executor)] { asio::post(executor, [waiting] { std::move (*waiting)(); }); };
          if (!flight.on_end(resume)) resume();
        },
        asio::use_awaitable_t<Executor>{});
  }
};

}  // namespace cacherator
