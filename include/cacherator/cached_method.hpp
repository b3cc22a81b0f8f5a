// CachedMethod<&Class::method_>: a method whose results are remembered, under the method's own name.
#pragma once

#include <string_view>
#include <utility>

#include "cacherator/cached.hpp"

namespace cacherator {
namespace detail {

template <class M>
struct MethodOf {
  static_assert(never<M>, "cacherator: CachedMethod takes a pointer to a method, such as &Class::method_");
};
template <class C, class R, class... P>
struct MethodOf<R (C::*)(P...)> {
  using type = R(P...);
  using object = C;
};
template <class C, class R, class... P>
struct MethodOf<R (C::*)(P...) const> {
  using type = R(P...);
  using object = const C;
};
template <class C, class R, class... P>
struct MethodOf<R (C::*)(P...) noexcept> : MethodOf<R (C::*)(P...)> {};
template <class C, class R, class... P>
struct MethodOf<R (C::*)(P...) const noexcept> : MethodOf<R (C::*)(P...) const> {};

/// The method's name, without underscores at its ends, as the compiler spells it in this function's own name.
template <auto Method>
consteval std::string_view method_name() {
  std::string_view text = __PRETTY_FUNCTION__;
  const auto begin = text.find("Method = ") + 9;
  auto end = text.find(';', begin);
  if (end == text.npos) end = text.rfind(']');
  text = text.substr(begin, end - begin);
  while (text.back() == ')') text.remove_suffix(1);
  text = text.substr(text.rfind("::") + 2);
  while (text.size() > 1 && text.back() == '_') text.remove_suffix(1);
  while (text.size() > 1 && text.front() == '_') text.remove_prefix(1);
  return text;
}

}  // namespace detail

/// A member of the class, declared after the method:
///
///     CachedMethod<&Calculator::power_> power{this};   // named "power"
///
/// Of an overloaded method, name one: `static_cast<double (C::*)(double)>(&C::f)`. Everything else as Cached.
template <auto Method>
class CachedMethod : public Cached<typename detail::MethodOf<decltype(Method)>::type> {
  using Base = Cached<typename detail::MethodOf<decltype(Method)>::type>;
  using Object = typename detail::MethodOf<decltype(Method)>::object;

 public:
  explicit CachedMethod(Object* self, CallOptions options = {})
      : Base(
            self, detail::method_name<Method>(), [self]<class... A>(A&&... arguments) { return (self->*Method)(std::forward<A>(arguments)...); }, options) {}
};

}  // namespace cacherator
