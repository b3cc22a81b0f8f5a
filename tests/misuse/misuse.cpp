// Each macro switches one mistake on; the compiler's answer must hold the sentence that CMakeLists.txt names. Without any it compiles.
#include <cacherator/cacherator.hpp>
#include <filesystem>
#include <tuple>
#include <vector>

using namespace cacherator;
struct Opaque {
  int (*function)(int);
};
struct Task {
  struct promise_type {
    Task get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_value(int) {}
    void unhandled_exception() {}
  };
  bool await_ready() { return true; }
  void await_suspend(std::coroutine_handle<>) {}
  int await_resume() { return 0; }
};

struct Sound : JSONCache {
  Cached<int(int)> f{this, "f", [](int x) { return x; }};
#ifdef POINTER
  Cached<int(int*)> pointer{this, "g", [](int* x) { return *x; }};
#endif
#ifdef REFERENCE_RESULT
  Cached<int&(int)> reference{this, "g", [](int) -> int& {
                                static int x;
                                return x;
                              }};
#endif
#ifdef NOTHING
  Cached<void(int)> nothing{this, "g", [](int) {}};
#endif
#ifdef OUT_PARAMETER
  Cached<int(int&)> out{this, "g", [](int& x) { return x; }};
#endif
#ifdef BAD_FIT
  Cached<int(int)> fit{this, "g", [](int, int) { return 0; }};
#endif
#ifdef NO_SIGNATURE
  Cached<int(Opaque)> opaque{this, "g", [](const Opaque&) { return 0; }};
#endif
#ifdef NO_JSON
  Cached<Opaque(int)> opaque{this, "g", [](int) { return Opaque{}; }};
#endif
#ifdef VIEW_RESULT
  Cached<std::vector<std::string_view>(int)> view{this, "g", [](int) { return std::vector<std::string_view>{}; }};
#endif
#ifdef PATH_ARGUMENT
  Cached<int(std::filesystem::path)> path{this, "g", [](const std::filesystem::path&) { return 0; }};
#endif
#ifdef TWO_NULLS
  Cached<std::optional<std::optional<int>>(int)> nulls{this, "g", [](int) { return std::optional<std::optional<int>>(); }};
#endif
#ifdef KW_TWICE
  Cached<int(Kw<"k", int>, Kw<"k", int>)> twice{this, "g", [](int, int) { return 0; }};
#endif
#ifdef POINTING
  Cached<Task(std::tuple<std::string_view, int>)> pointing{this, "g", [](std::tuple<std::string_view, int>) { return Task(); }};
#endif
#ifdef NO_TYPE
  Cached<int> type{this, "g", [](int) { return 0; }};
#endif
};

int use() {
  Sound sound;
#ifdef MOVED
  std::vector<Sound> many;
  many.push_back(Sound());
#endif
#ifdef NO_SIGNATURE
  sound.opaque({});
#endif
#ifdef NO_JSON
  sound.opaque(1);
#endif
#ifdef VIEW_RESULT
  sound.view(1);
#endif
#ifdef PATH_ARGUMENT
  sound.path("/");
#endif
#ifdef TWO_NULLS
  sound.nulls(1);
#endif
#ifdef KW_TWICE
  sound.twice(1, 2);
#endif
  return sound.f(1);
}
