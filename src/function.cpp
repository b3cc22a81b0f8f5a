#include "cacherator/detail/function.hpp"

#include <cmath>
#include <stdexcept>

namespace cacherator::detail {
namespace {

thread_local engine::LineagePtr lineage;

double days_of(const CallOptions& own, const Options& cache, const std::string& name) {
  const double days = own.ttl.value_or(cache.ttl).count();
  if (std::isnan(days)) throw std::invalid_argument("cacherator: the ttl of '" + name + "' is NaN; give a duration, such as 6h or Days{0.25}");
  return days;
}

}  // namespace

FunctionBase::FunctionBase(std::shared_ptr<Core> core, std::string name, CallOptions options)
    : core_(std::move(core)), name_(std::move(name)), options_(options), ttl_days_(days_of(options_, core_->options(), name_)) {
  if (name_.empty() || name_.find('(') != std::string::npos || !engine::is_utf8(name_)) {
    throw std::invalid_argument("cacherator: a cached function cannot be named '" + name_ + "': a name is not empty, is UTF-8, and has no '('");
  }
  core_->add(this);
}

FunctionBase::~FunctionBase() {
  core_->remove(this);
  for (auto& seat : seats_) delete seat.load(std::memory_order_relaxed);
}

void FunctionBase::count_hit(Reader& reader) noexcept {
  if (reader.slot >= seats_.size()) return void(hits_l1_.fetch_add(1, std::memory_order_relaxed));
  auto& place = seats_[reader.slot];
  Seat* seat = place.load(std::memory_order_acquire);
  if (!seat) place.store(seat = new Seat, std::memory_order_release);
  seat->hits.store(seat->hits.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

void FunctionBase::count(Status status) noexcept {
  auto& counter = status == Status::miss ? misses_ : status == Status::l2 ? hits_l2_ : hits_l1_;
  counter.fetch_add(1, std::memory_order_relaxed);
}

Counts FunctionBase::counts() const noexcept {
  Counts counts{.hits_l1 = hits_l1_.load(), .hits_l2 = hits_l2_.load(), .misses = misses_.load()};
  for (const auto& place : seats_) {
    if (const Seat* seat = place.load(std::memory_order_acquire)) counts.hits_l1 += seat->hits.load(std::memory_order_relaxed);
  }
  return counts;
}

Story::Story(FunctionBase& function, std::string full_signature)
    : function_(function), cache_(function.core().cache()), signature_(engine::shorten(std::move(full_signature))) {
  function_.freshness_.store(&cache_.freshness(), std::memory_order_release);
  if (!function_.options_.clear_cache) return;
  std::lock_guard lock(function_.mutex_);
  recompute_ = !function_.computed_.contains(signature_.text);
}

engine::Answer Story::ask(bool may_wait_elsewhere) {
  generation_ = cache_.freshness().generation.load(std::memory_order_acquire);  // before the look: a clear meanwhile shows
  return cache_.ask({.signature = signature_.text,
                     .digest = signature_.digest,
                     .ttl = function_.ttl_days(),
                     .recompute = recompute_,
                     .alone = alone_,
                     .here = here_ || !may_wait_elsewhere,
                     .asked = asked_,
                     .lineage = lineage});
}

std::optional<engine::Entry> Story::look() {
  generation_ = cache_.freshness().generation.load(std::memory_order_acquire);
  cache_.refresh();
  auto entry = cache_.find(signature_.text, signature_.digest);
  if (!entry || recompute_ || !engine::in_time(entry->utc, function_.ttl_days(), engine::now())) return std::nullopt;
  return entry;
}

void Story::wait(engine::Wait wait) {
  while (!wait.flight().wait_for(std::chrono::milliseconds(50))) {
    if (!wait.stuck()) continue;
    alone_ = true;
    return;
  }
  waited(wait.flight());
}

void Story::waited(const engine::Flight& flight) {
  const auto end = flight.ended();
  if (end == engine::Flight::End::failed) std::rethrow_exception(*std::static_pointer_cast<std::exception_ptr>(flight.failure()));
  if (end == engine::Flight::End::elsewhere) here_ = true;
  if (end == engine::Flight::End::asked) asked_ = true;
  if (end != engine::Flight::End::kept) return;
  alone_ = true;  // what it kept is found now, or this call cannot share
  recompute_ = false;
}

engine::Kept Story::keep(const engine::Lead& lead, std::string_view json, std::string_view problem) {
  if (json.empty()) {
    cache_.warn("the result of " + signature_.text + " is kept in memory only: " + std::string(problem), "result of " + function_.name());
  }
  if (function_.options_.clear_cache) {
    std::lock_guard lock(function_.mutex_);
    function_.computed_.insert(signature_.text);
  }
  return cache_.keep(lead, signature_.text, signature_.digest, json, function_.ttl_days());
}

void Story::unreadable(std::string_view problem) {
  cache_.warn("the stored value of " + signature_.text + " cannot be restored (" + std::string(problem) + "); it is computed anew", signature_.text);
  recompute_ = true;
}

LineageScope::LineageScope(engine::LineagePtr own) noexcept : outer_(std::exchange(lineage, std::move(own))) {}
LineageScope::~LineageScope() { lineage = std::move(outer_); }

}  // namespace cacherator::detail
