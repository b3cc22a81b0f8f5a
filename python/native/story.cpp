#include "story.hpp"

#include <algorithm>
#include <cmath>

#include "encode.hpp"

namespace cacherator::python {
namespace {

using engine::Time;

PyObject* lineage_variable() {
  static PyObject* const variable = PyContextVar_New("cacherator_lineage", nullptr);
  return variable;
}

void free_lineage(PyObject* capsule) { delete static_cast<engine::LineagePtr*>(PyCapsule_GetPointer(capsule, nullptr)); }

/// A leader's exception, shared with threads that do not hold the GIL.
std::shared_ptr<void> share_exception(PyObject* exception) {
  Py_INCREF(exception);
  return {exception, [](void* object) {
            const WithGil gil;
            Py_DECREF(static_cast<PyObject*>(object));
          }};
}

bool anchors_live(const Known& known) {
  return std::all_of(known.anchors.begin(), known.anchors.end(), [](const Ref& anchor) { return lives(anchor.get()); });
}

void warn_anonymous(const FunctionObject* f, const Memory* memory, PyObject* argument) {
  if (!memory->cache) return;
  const std::string type = Py_TYPE(argument)->tp_name;
  memory->cache->warn("a call of '" + f->name + "' has an argument of type " + type +
                          " that nothing but its address tells from others: it is remembered in memory only, while that "
                          "object lives. Give " +
                          type + " a __cache_key__() or a __repr__ without an address, or use @Cached(key=...)",
                      f->name + '/' + type);
}

/// True for what its first reader uses up: an iterator, synchronous or not, that is its own; a coroutine.
bool used_up_by_reading(PyObject* value) {
  const auto is_own = [value](getiterfunc iterator) {
    const Ref made = Ref::take(iterator ? iterator(value) : Py_NewRef(value));
    PyErr_Clear();
    return made.get() == value;
  };
  const PyTypeObject* const type = Py_TYPE(value);
  if (PyIter_Check(value)) return is_own(type->tp_iter);
  const PyAsyncMethods* const async = type->tp_as_async;
  if (!async) return false;
  return async->am_anext ? is_own(async->am_aiter) : async->am_await && PyObject_HasAttrString(value, "send");
}

void warn_used_up(const FunctionObject* f, const Memory* memory, PyObject* value) {
  if (!memory->cache) return;
  memory->cache->warn("a result of '" + f->name + "' is used up by who reads it first (" + Py_TYPE(value)->tp_name +
                          "): it is computed each time. Return a list; of a coroutine, make the function async",
                      f->name + "/used up");
}

/// True, and the error is gone, where an argument has no text because of how deep it goes.
bool too_deep(FunctionObject* f, Memory* memory) {
  if (!PyErr_ExceptionMatches(too_deep_error()) && !PyErr_ExceptionMatches(PyExc_RecursionError)) return false;
  PyErr_Clear();
  if (memory->cache) {
    memory->cache->warn("a call of '" + f->name +
                            "' has an argument that is nested deeper than 512 levels, or holds itself: it is "
                            "computed each time. Pass something flatter, or use @Cached(key=...)",
                        f->name + "/deep");
  }
  return true;
}

}  // namespace

engine::LineagePtr current_lineage() {
  PyObject* value = nullptr;
  if (PyContextVar_Get(lineage_variable(), nullptr, &value) < 0) PyErr_Clear();
  if (!value) return nullptr;
  const Ref held = Ref::take(value);
  return *static_cast<engine::LineagePtr*>(PyCapsule_GetPointer(value, nullptr));
}

PyObject* set_lineage(const engine::LineagePtr& lineage) {
  const Ref capsule = Ref::take(PyCapsule_New(new engine::LineagePtr(lineage), nullptr, free_lineage));
  return capsule ? PyContextVar_Set(lineage_variable(), capsule.get()) : nullptr;
}

void reset_lineage(PyObject* token) {
  if (PyContextVar_Reset(lineage_variable(), token) < 0) PyErr_Clear();
  Py_DECREF(token);
}

bool still_holds(Memory* memory, Table* table, Known* known, Time now) {
  if (now >= known->expires || !known->value) return false;
  if (!known->anchors.empty() && !anchors_live(*known)) return false;
  if (!memory->cache) return true;
  engine::Cache& cache = *memory->cache;
  const auto& fresh = cache.freshness();
  if (!fresh.current(now)) without_gil([&] { cache.refresh(); });
  const auto generation = fresh.generation.load(std::memory_order_acquire);
  const auto forgotten = [&] { return !known->value || now >= known->expires; };  // by another thread, meanwhile
  if (known->generation == generation) return !forgotten();
  if (known->serial == 0) {
    if (!cache.holds(table->name(), known->under)) return table->forget(known), false;
  } else {
    const auto entry = without_gil([&] { return cache.find(known->signature, known->digest); });
    if (!entry || entry->serial != known->serial || forgotten()) return false;
  }
  known->generation = generation;
  return true;
}

std::unique_ptr<Story> Story::begin(FunctionObject* f, Memory* memory, Table* table, const Arguments& arguments) {
  Text text;
  if (f->key) {
    const Ref key = Ref::take(PyObject_Vectorcall(f->key, arguments.values, static_cast<size_t>(arguments.positional), arguments.names));
    if (!key) return nullptr;
    (text.out += table->name()) += '(';
    if (!render(text, key.get())) return too_deep(f, memory), nullptr;
    text.out += ",){}";
  } else {
    switch (f->parameters->canonical(table->name(), arguments, text)) {
      case Parameters::Answer::text: break;
      case Parameters::Answer::mismatch: return nullptr;
      case Parameters::Answer::error: return too_deep(f, memory), nullptr;
    }
  }
  std::unique_ptr<Story> story(new Story);
  for (const Ref& argument : text.anonymous) {
    warn_anonymous(f, memory, argument.get());
    if (!story->anchors_.add(argument.get())) return nullptr;
  }
  story->anonymous_ = !text.anonymous.empty();
  story->function_ = Ref::share(reinterpret_cast<PyObject*>(f));
  story->memory_ = Ref::share(reinterpret_cast<PyObject*>(memory));
  story->table_ = table;
  if (memory->cache && !story->anonymous_ && !f->key && table->name() == f->name) {
    std::string old;
    if (Parameters::incumbent(table->name(), arguments, old) && old != text.out) {
      story->old_signature_ = engine::shorten(std::move(old)).text;
    }
  }
  story->signature_ = engine::shorten(std::move(text.out));
  story->recompute_ = f->clear_cache && !f->computed.contains(story->signature_.text);
  bool fast = false;
  table->find(arguments, story->hash_, fast);
  if (fast && !f->key) {
    story->fast_ = true;
    const Py_ssize_t count = arguments.positional + (arguments.names ? PyTuple_GET_SIZE(arguments.names) : 0);
    for (Py_ssize_t i = 0; i < count; ++i) story->argument_values_.push_back(Ref::share(arguments.values[i]));
    story->argument_names_ = Ref::share(arguments.names);
    story->positional_ = arguments.positional;
  }
  return story;
}

double Story::ttl() const {
  const double own = as_function(function_.get())->ttl;
  return std::isnan(own) ? reinterpret_cast<Memory*>(memory_.get())->ttl : own;
}

void Story::remember(PyObject* value, Time utc, const engine::Kept& kept, Status status) {
  auto* memory = reinterpret_cast<Memory*>(memory_.get());
  auto known = std::make_shared<Known>();
  known->signature = signature_.text;
  known->digest = signature_.digest;
  known->value = Ref::share(value);
  known->utc = utc;
  known->expires = engine::expiry(utc, ttl());
  known->generation = kept.generation;
  known->serial = kept.serial;
  known->status = memory->last = status;
  if (lead_) known->under = lead_->under;
  const auto made = table_->remember(std::move(known));
  if (anonymous_) anchors_.hold(made);
  alias(made.get());
}

/// Calls with these very arguments find it without a text.
void Story::alias(Known* known) {
  if (!fast_) return;
  std::vector<PyObject*> values;
  for (const auto& value : argument_values_) values.push_back(value.get());
  table_->alias({values.data(), positional_, argument_names_.get()}, hash_, known);
}

bool Story::try_memory(Ref& value) {
  if (recompute_) return false;
  auto* memory = reinterpret_cast<Memory*>(memory_.get());
  Known* known = table_->find(signature_.text);
  const auto held = known ? known->shared_from_this() : nullptr;
  if (!held || !still_holds(memory, table_, known, engine::now()) || table_->find(signature_.text) != known) return false;
  value = known->value;
  known->status = memory->last = Status::l1;
  ++table_->hits_l1;
  alias(known);
  return true;
}

/// A stored value that cannot be restored is a miss, said once: it is computed anew.
bool Story::take(const engine::Entry& entry, Ref& value) {
  auto* memory = reinterpret_cast<Memory*>(memory_.get());
  value = Ref::take(decode(entry.value, entry.plain));
  if (!value) {
    if (!PyErr_ExceptionMatches(PyExc_ValueError)) return false;
    PyObject *type, *error, *traceback;
    PyErr_Fetch(&type, &error, &traceback);
    const Ref text = Ref::take(error ? PyObject_Str(error) : nullptr);
    memory->cache->warn(
        "the stored value of " + signature_.text + " cannot be restored (" + std::string(text ? utf8_of(text.get()) : "") + "); it is computed anew",
        signature_.text);
    Py_XDECREF(type);
    Py_XDECREF(error);
    Py_XDECREF(traceback);
    recompute_ = true;
    return false;
  }
  const engine::Kept kept{.serial = entry.serial, .generation = generation_, .utc = entry.utc};
  const bool l2 = entry.layer == engine::LayerName::l2;
  remember(value.get(), entry.utc, kept, l2 ? Status::l2 : Status::l1);
  ++(l2 ? table_->hits_l2 : table_->hits_l1);
  return true;
}

Story::Next Story::ask(Ref& value) {
  if (try_memory(value)) return Next::hit;
  auto* memory = reinterpret_cast<Memory*>(memory_.get());
  if (!memory->cache || anonymous_) {
    lead_.emplace();
    lead_->lineage = current_lineage();
    return Next::lead;
  }
  engine::Cache& cache = *memory->cache;
  for (;;) {
    generation_ = cache.freshness().generation.load(std::memory_order_acquire);  // before the look: a clear meanwhile shows
    engine::Call call{.signature = signature_.text,
                      .digest = signature_.digest,
                      .old_signature = old_signature_,
                      .ttl = ttl(),
                      .recompute = recompute_,
                      .alone = alone_,
                      .here = here_,
                      .asked = asked_,
                      .lineage = current_lineage()};
    auto answer = without_gil([&] { return cache.ask(call); });
    if (auto* entry = std::get_if<engine::Entry>(&answer)) {
      if (take(*entry, value)) return Next::hit;
      if (PyErr_Occurred()) return Next::error;
      continue;
    }
    if (auto* wait = std::get_if<engine::Wait>(&answer)) {
      wait_.emplace(std::move(*wait));
      return Next::wait;
    }
    lead_.emplace(std::move(std::get<engine::Lead>(answer)));
    return Next::lead;
  }
}

bool Story::waited() {
  const auto end = wait_->flight().ended();
  if (end == engine::Flight::End::failed) {
    const auto failure = wait_->flight().failure();
    auto* exception = static_cast<PyObject*>(failure.get());
    PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(exception)), exception);
    wait_.reset();
    return false;
  }
  if (end == engine::Flight::End::elsewhere) here_ = true;
  if (end == engine::Flight::End::asked) asked_ = true;
  alone_ = end == engine::Flight::End::kept;  // what it kept is found now, or this call cannot share
  auto* f = as_function(function_.get());
  if (recompute_ && end == engine::Flight::End::kept) recompute_ = !f->computed.contains(signature_.text);
  wait_.reset();
  return true;
}

void Story::give_up_waiting() {
  wait_.reset();
  alone_ = true;
}

namespace {

/// The object's variables that changed are saved with a miss, as 1.2.9 did; for a fiftieth of the time at most. False: a Python error is set.
bool save_state(Memory& memory) {
  constexpr int kShare = 50;
  const auto begin = std::chrono::steady_clock::now();
  if (!memory.owner || begin < memory.state_due) return true;
  PyObject* const save = imported("cacherator._core", "after_miss");
  if (!save || !Ref::take(PyObject_CallOneArg(save, memory.owner))) return false;
  const auto end = std::chrono::steady_clock::now();
  memory.state_due = end + kShare * (end - begin);
  return true;
}

}  // namespace

bool Story::keep(PyObject* value) {
  auto* memory = reinterpret_cast<Memory*>(memory_.get());
  auto* f = as_function(function_.get());
  ++table_->misses;
  if (used_up_by_reading(value)) {
    memory->last = Status::miss;
    warn_used_up(f, memory, value);
    lead_.reset();  // each of those that wait computes its own
    return true;
  }
  if (f->clear_cache) f->computed.insert(signature_.text);
  if (!memory->cache || anonymous_) {
    remember(value, engine::now(), {.generation = memory->cache ? memory->cache->freshness().generation.load() : 0}, Status::miss);
    lead_.reset();
    return true;
  }
  std::string json;
  Problem problem{.path = "", .reason = ""};
  if (!encode(value, json, problem)) {
    std::string reason = problem.reason;
    if (PyErr_Occurred()) {
      if (!PyErr_ExceptionMatches(PyExc_Exception)) return lead_.reset(), false;  // an interrupt is not the value's fault
      PyObject *type, *error, *traceback;
      PyErr_Fetch(&type, &error, &traceback);
      const Ref text = Ref::take(error ? PyObject_Str(error) : nullptr);
      reason = text ? std::string(utf8_of(text.get())) : "an error";
      Py_XDECREF(type);
      Py_XDECREF(error);
      Py_XDECREF(traceback);
      PyErr_Clear();
    }
    json.clear();
    memory->cache->warn("the result of " + signature_.text + " is kept in memory only: result" + problem.path + ": " + reason, "result of " + f->name);
  }
  engine::Cache& cache = *memory->cache;
  const double days = ttl();
  const auto kept = without_gil([&] { return cache.keep(*lead_, signature_.text, signature_.digest, json, days); });
  if (kept.cleared) {
    memory->last = Status::miss;
  } else {
    remember(value, kept.utc, kept, Status::miss);
  }
  lead_->land();
  lead_.reset();
  return save_state(*memory);
}

void Story::fail(PyObject* exception) {
  lead_->fail(share_exception(exception));
  lead_.reset();
}

void Story::abandon() { lead_.reset(); }

}  // namespace cacherator::python
