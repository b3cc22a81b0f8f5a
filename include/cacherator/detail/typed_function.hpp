// A cached function with its types: the hot path, and what the story needs of them.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "cacherator/detail/memory.hpp"
#include "cacherator/value.hpp"

namespace cacherator::detail {

/// R: what the user's function returns; V: the result (R itself, or what awaiting R gives); P: the parameters.
template <class R, class V, class... P>
class TypedFunction final : public FunctionBase {
 public:
  using Kept = Held<V>;
  using Call = typename Memory<V, P...>::Call;
  using User = std::function<R(typename Argument<P>::Given...)>;

  TypedFunction(std::shared_ptr<Core> core, std::string name, CallOptions options, User user)
      : FunctionBase(std::move(core), std::move(name), options), user_(std::move(user)) {}

  const User& user() const noexcept { return user_; }

  /// The hot path: what memory holds, if nothing can have changed it. No lock, no text, no allocation.
  std::optional<Kept> recall(const typename Argument<P>::View&... views) {
    const engine::Freshness* const fresh = freshness_.load(std::memory_order_acquire);
    if (!fresh) return std::nullopt;
    const engine::Time now = engine::now();
    if (!fresh->current(now)) return std::nullopt;
    const auto hash = hash_of<P...>(views...);
    const auto generation = fresh->generation.load(std::memory_order_acquire);
    Reader& here = reader();
    std::optional<Kept> found;
    {
      const Section section(here);
      Call* const call = memory_.find(hash, views...);
      if (!call || now >= call->expires || call->generation.load(std::memory_order_relaxed) != generation) return std::nullopt;
      if (call->status.load(std::memory_order_relaxed) != Status::l1) call->status.store(Status::l1, std::memory_order_relaxed);
      found.emplace(call->value);
    }
    count_hit(here);
    core_->note(here, Status::l1);
    return found;
  }

  std::string signature(const typename Argument<P>::View&... views) const { return signature_of<P...>(name_, views...); }

  /// What memory alone holds (its text could not be written), looked at closer than recall() does.
  std::optional<Kept> recall_unwritten(Story& story, const typename Argument<P>::View&... views) {
    if (!memory_.has_unwritten()) return std::nullopt;
    const engine::Time now = engine::now();
    auto& cache = story.cache();
    cache.refresh();
    const auto generation = cache.freshness().generation.load(std::memory_order_acquire);
    auto found = memory_.locked(
        [&](Call* call) -> std::optional<Kept> {
          if (!call || call->serial != 0 || now >= call->expires || !cache.holds(name_, call->under)) return std::nullopt;
          call->generation.store(generation, std::memory_order_relaxed);
          call->status.store(Status::l1, std::memory_order_relaxed);
          return call->value;
        },
        hash_of<P...>(views...), views...);
    if (found) told(Status::l1);
    return found;
  }

  /// A stored entry becomes the answer: the value that memory has already, or the text restored. Nothing: it cannot be.
  std::optional<Kept> take(Story& story, const engine::Entry& entry, const typename Argument<P>::View&... views) {
    const Status status = entry.layer == engine::LayerName::l2 ? Status::l2 : Status::l1;
    auto known = memory_.locked(
        [&](Call* call) -> std::optional<Kept> {
          if (!call || call->serial != entry.serial) return std::nullopt;
          call->generation.store(story.generation(), std::memory_order_relaxed);
          call->status.store(status, std::memory_order_relaxed);
          return call->value;
        },
        hash_of<P...>(views...), views...);
    if (!known) {
      try {
        known.emplace(hold<V>(from_text<V>(entry.value, entry.plain)));
      } catch (const std::exception& error) {
        story.unreadable(error.what());
        return std::nullopt;
      }
      remember(story, *known, {.serial = entry.serial, .generation = story.generation(), .utc = entry.utc}, entry.under, status, views...);
    }
    told(status);
    return known;
  }

  /// A computed result: files first, then memory, then those that wait.
  Kept keep(Story& story, engine::Lead& lead, V result, const typename Argument<P>::View&... views) {
    std::string text, problem;
    try {
      text = to_text(result);
    } catch (const std::exception& error) {
      problem = error.what();
    }
    Kept held = hold<V>(std::move(result));
    const engine::Kept kept = story.keep(lead, text, problem);
    if (!kept.cleared) remember(story, held, kept, lead.under, Status::miss, views...);
    told(Status::miss);
    lead.land();
    return held;
  }

  /// Memory and files, without computing.
  std::optional<Kept> peek(const typename Argument<P>::View&... views) {
    if (auto held = recall(views...)) return held;
    Story story(*this, signature(views...));
    if (auto held = recall_unwritten(story, views...)) return held;
    const auto entry = story.look();
    return entry ? take(story, *entry, views...) : std::nullopt;
  }

  void forget(std::optional<std::string_view> signature) override { memory_.forget(signature); }
  void statuses(std::map<std::string, std::string>& into) override { memory_.statuses(into); }

 private:
  void remember(Story& story, const Kept& value, const engine::Kept& kept, std::uint64_t under, Status status, const typename Argument<P>::View&... views) {
    auto call = std::unique_ptr<Call>(new Call{.hash = hash_of<P...>(views...),
                                               .arguments = {Argument<P>::own(views)...},
                                               .signature = story.signature(),
                                               .value = value,
                                               .expires = engine::expiry(kept.utc, ttl_days()),
                                               .serial = kept.serial,
                                               .under = under,
                                               .generation = kept.generation,
                                               .status = status});
    memory_.remember(std::move(call), views...);
  }

  void told(Status status) {
    count(status);
    core_->note(reader(), status);
  }

  Memory<V, P...> memory_;
  const User user_;
};

}  // namespace cacherator::detail
