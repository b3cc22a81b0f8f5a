// Coroutines of Asio (standalone, `asio.hpp`): who waits for a flight is resumed on its own executor.
#pragma once

#include <asio.hpp>
#include <memory>
#include <utility>

#include "cacherator/coroutine.hpp"

namespace cacherator {

template <class T, class Executor>
struct wait_in<asio::awaitable<T, Executor>> {
  static asio::awaitable<void, Executor> on(engine::Flight& flight) {
    return asio::async_initiate<const asio::use_awaitable_t<Executor>&, void()>(
        [&flight](auto handler) {
          const auto executor = asio::get_associated_executor(handler);
          auto waiting = std::make_shared<decltype(handler)>(std::move(handler));
          auto resume = [waiting, executor, work = asio::make_work_guard(executor)] {
            asio::post(executor, [waiting] { std::move (*waiting)(); });
          };
          if (!flight.on_end(resume)) resume();
        },
        asio::use_awaitable_t<Executor>{});
  }
};

}  // namespace cacherator
