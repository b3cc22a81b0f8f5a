// The module cacherator._native: the engine's cache, the hot path, and what the package's Python code asks of them.
#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>

#include <map>

#include "coroutine.hpp"
#include "encode.hpp"
#include "function.hpp"
#include "render.hpp"
#include "story.hpp"

namespace nb = nanobind;

namespace cacherator::python {

PyObject* imported(const char* module, const char* name) {
  static std::map<std::pair<std::string, std::string>, Ref>& known = *new std::map<std::pair<std::string, std::string>, Ref>;
  Ref& held = known[{module, name}];
  if (!held) {
    const Ref found = Ref::take(PyImport_ImportModule(module));
    held = Ref::take(found ? PyObject_GetAttrString(found.get(), name) : nullptr);
  }
  return held.get();
}

namespace {

PyObject* no_text = nullptr;  ///< exception NoText

std::string text_of(nb::handle text) {
  auto found = string_of(text.ptr());
  if (!found) throw nb::python_error();
  return *std::move(found);
}

[[noreturn]] void raise(const engine::Fault& fault) {
  if (fault.kind == engine::Fault::Kind::misuse) throw nb::value_error(fault.message.c_str());
  PyErr_SetString(PyExc_OSError, fault.message.c_str());
  throw nb::python_error();
}

template <class Call>
void checked(Call call) {
  auto done = without_gil(call);
  if (!done) raise(done.fault());
}

nb::object owned(PyObject* object) {
  if (!object) throw nb::python_error();
  return nb::steal(object);
}

Memory* as_memory(nb::handle object) {
  if (Py_TYPE(object.ptr()) != memory_type) throw nb::type_error("a Memory is needed");
  return reinterpret_cast<Memory*>(object.ptr());
}

double seconds(engine::Time time) { return static_cast<double>(time) / 1e9; }

/// An async call, step by step, for cacherator._async.
class AsyncCall {
 public:
  AsyncCall(nb::handle function, nb::tuple arguments, nb::dict keywords) {
    std::vector<PyObject*> values;
    Ref names = Ref::take(keywords.size() ? PyTuple_New(static_cast<Py_ssize_t>(keywords.size())) : nullptr);
    for (const auto value : arguments) values.push_back(value.ptr());
    Py_ssize_t i = 0;
    for (const auto [name, value] : keywords) {
      PyTuple_SET_ITEM(names.get(), i++, Py_NewRef(name.ptr()));
      values.push_back(value.ptr());
    }
    FunctionObject* f = as_function(function.ptr());
    Memory* memory;
    Table* table;
    const Py_ssize_t skipped = f->kind == Kind::plain ? 0 : 1;
    if (!find_table(f, skipped ? values.at(0) : nullptr, memory, table)) {
      if (PyErr_Occurred()) throw nb::python_error();
      return;
    }
    memory_ = Ref::share(reinterpret_cast<PyObject*>(memory));
    table_ = table;
    story_ = Story::begin(f, memory, table, {values.data() + skipped, static_cast<Py_ssize_t>(arguments.size()) - skipped, names.get()});
    if (!story_ && PyErr_Occurred()) throw nb::python_error();
  }

  /// (0, value): a hit; (1, None): wait; (2, None): this one leads; (3, None): nothing can be remembered, call the function.
  nb::tuple ask() {
    if (!story_) return nb::make_tuple(3, nb::none());
    Ref value;
    switch (story_->ask(value)) {
      case Story::Next::hit: return nb::make_tuple(0, nb::steal(value.release()));
      case Story::Next::wait: return nb::make_tuple(1, nb::none());
      case Story::Next::lead: return nb::make_tuple(2, nb::none());
      case Story::Next::error: break;
    }
    throw nb::python_error();
  }

  /// Calls `then` on the ending thread when the flight has ended; False: it has ended already.
  bool on_end(nb::object then) {
    auto held = std::shared_ptr<PyObject>(then.release().ptr(), [](PyObject* object) {
      const WithGil gil;
      Py_DECREF(object);
    });
    return story_->wait().flight().on_end([held] {
      const WithGil gil;
      const Ref done = Ref::take(PyObject_CallNoArgs(held.get()));
      if (!done) PyErr_Clear();  // its event loop was closed
    });
  }
  void waited() {
    if (!story_->waited()) throw nb::python_error();
  }
  nb::object enter() { return owned(set_lineage(story_->lineage())); }
  void leave(nb::object token) { reset_lineage(token.release().ptr()); }
  void keep(nb::handle value) {
    if (!story_->keep(value.ptr())) throw nb::python_error();
  }
  /// After (3, None): the function was called.
  void computed() {
    if (memory_) count_unnamed(reinterpret_cast<Memory*>(memory_.get()), table_);
  }
  void fail(nb::handle exception) { story_->fail(exception.ptr()); }
  void abandon() { story_->abandon(); }

 private:
  Ref memory_;
  Table* table_ = nullptr;
  std::unique_ptr<Story> story_;
};

std::string render_text(nb::handle value, int depth) {
  Text text{.out = "", .anonymous = {}, .depth = depth};
  if (!render(text, value.ptr())) throw nb::python_error();
  if (!text.anonymous.empty()) {
    PyErr_SetString(no_text, "only an address names this value");
    throw nb::python_error();
  }
  return std::move(text.out);
}

std::string encode_text(nb::handle value, bool as_base) {
  std::string out;
  Problem problem;
  if (encode(value.ptr(), out, problem, as_base)) return out;
  if (PyErr_Occurred()) throw nb::python_error();
  throw nb::value_error((problem.path + ": " + problem.reason).c_str());
}

/// An order for the elements of a set that is the same in every process.
std::string encode_or_repr(nb::handle value) {
  std::string out;
  Problem problem;
  if (encode(value.ptr(), out, problem)) return out;
  PyErr_Clear();
  return nb::repr(value).c_str();
}

using CachePtr = std::shared_ptr<engine::Cache>;

CachePtr open_cache(std::string data_id, nb::bytes directory, std::string stem, bool clear, bool logging, bool power, bool checked_hits,
                    double single_flight_wait, std::string dynamodb_table, double connect_timeout, double timeout, bool fleet) {
  const auto duration = [](double seconds) { return std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9)); };
  auto opened = without_gil([&] {
    return engine::Cache::open({.data_id = std::move(data_id),
                                .directory = {directory.c_str(), directory.size()},
                                .incumbent_stem = std::move(stem),
                                .clear_cache = clear,
                                .logging = logging,
                                .durability = power ? engine::Durability::power : engine::Durability::process,
                                .hits = checked_hits ? engine::Hits::checked : engine::Hits::mapped,
                                .single_flight_wait = duration(single_flight_wait),
                                .dynamodb_table = std::move(dynamodb_table),
                                .dynamodb_connect_timeout = duration(connect_timeout),
                                .dynamodb_timeout = duration(timeout),
                                .fleet = fleet});
  });
  if (!opened) raise(opened.fault());
  return *std::move(opened);
}

/// signature -> (value, seconds since 1970, by 1.2.9); what cannot be restored is left out.
nb::dict entries(engine::Cache& cache) {
  nb::dict all;
  const auto listed = without_gil([&] { return cache.entries(); });
  for (const auto& [signature, entry] : listed) {
    const Ref value = Ref::take(decode(entry.value, entry.plain));
    if (!value) {
      PyErr_Clear();
      continue;
    }
    all[nb::steal(text_from(signature).release())] = nb::make_tuple(nb::borrow(value.get()), seconds(entry.utc));
  }
  return all;
}

nb::list signatures(engine::Cache& cache) {
  nb::list all;
  for (const auto& [signature, entry] : without_gil([&] { return cache.entries(); })) all.append(nb::steal(text_from(signature).release()));
  return all;
}

/// name -> (value or None, JSON text, plain, fault or None)
nb::dict state(engine::Cache& cache) {
  nb::dict all;
  for (const auto& variable : without_gil([&] { return cache.state(); })) {
    const Ref value = Ref::take(decode(variable.value, variable.plain));
    nb::object fault = nb::none();
    if (!value) {
      nb::python_error error;
      fault = nb::str(error.value());
    }
    all[nb::steal(text_from(variable.name).release())] =
        nb::make_tuple(value ? nb::borrow(value.get()) : nb::none(), nb::steal(text_from(variable.value).release()), variable.plain, fault);
  }
  return all;
}

void save_state(engine::Cache& cache, nb::dict changed, nb::list gone, bool touch, bool share) {
  std::vector<engine::Variable> variables;
  for (const auto [name, json] : changed) {
    variables.push_back({.name = text_of(name), .value = text_of(json)});
  }
  for (const auto name : gone) variables.push_back({.name = text_of(name), .value = "", .gone = true});
  checked([&] { return cache.save_state(variables, touch, share); });
}

nb::object path_from(const std::string& bytes) { return owned(PyUnicode_DecodeFSDefaultAndSize(bytes.data(), static_cast<Py_ssize_t>(bytes.size()))); }

nb::dict info(const engine::LayerInfo& l2) {
  const auto counts = [](const std::map<std::string, std::uint64_t>& of) {
    nb::dict all;
    for (const auto& [name, count] : of) all[name.c_str()] = count;
    return all;
  };
  nb::dict all;
  all["table"] = l2.table;
  all["region"] = l2.region;
  all["endpoint"] = l2.endpoint;
  all["requests"] = counts(l2.requests);
  all["read_units"] = l2.read_units;
  all["write_units"] = l2.write_units;
  all["bytes_sent"] = l2.bytes_sent;
  all["bytes_received"] = l2.bytes_received;
  all["errors"] = counts(l2.errors);
  all["retries"] = l2.retries;
  all["breaker"] = l2.breaker;
  all["hits"] = l2.hits;
  all["misses"] = l2.misses;
  all["written"] = l2.written;
  all["backfilled"] = l2.backfilled;
  all["queued"] = l2.queued;
  all["queued_bytes"] = l2.queued_bytes;
  all["dropped"] = l2.dropped;
  all["too_large"] = l2.too_large;
  all["clears_pending"] = l2.clears_pending;
  all["legacy_hits"] = l2.legacy_hits;
  return all;
}

nb::dict info(engine::Cache& cache) {
  const auto i = without_gil([&] { return cache.info(); });
  nb::dict all;
  all["data_id"] = nb::steal(text_from(i.data_id).release());
  all["directory"] = path_from(i.directory);
  all["document"] = path_from(i.document);
  all["entries"] = i.entries;
  all["variables"] = i.variables;
  all["document_bytes"] = i.document_bytes;
  all["journal_bytes"] = i.journal_bytes;
  all["appended"] = i.appended;
  all["checkpoints"] = i.checkpoints;
  nb::dict faults;
  faults["damaged_records"] = i.damaged_records;
  faults["damaged_documents"] = i.damaged_documents;
  faults["write"] = i.write_faults;
  faults["other"] = i.other_faults;
  all["faults"] = faults;
  all["memory_only"] = i.memory_only;
  all["reason"] = i.reason;
  if (i.l2) all["l2"] = info(*i.l2);
  return all;
}

/// {"keys": [...], "last_key": text or None}
nb::dict list_db_keys(engine::Cache& cache, std::size_t limit, std::optional<std::string> after) {
  auto page = without_gil([&] { return cache.list_db_keys(limit, after); });
  if (!page) raise(page.fault());
  nb::list keys;
  for (const auto& key : page->keys) keys.append(nb::steal(text_from(key).release()));
  nb::dict all;
  all["keys"] = keys;
  all["last_key"] = page->last_key ? nb::steal(text_from(*page->last_key).release()) : nb::none();
  return all;
}

/// A Python function as a sink of the engine's; it is held for the life of the process.
std::function<void(std::string_view)> sink_of(nb::object sink) {
  PyObject* const function = sink.release().ptr();
  return [function](std::string_view message) {
    if (!Py_IsInitialized()) return;
    const WithGil gil;
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    const Ref text = text_from(message);
    const Ref done = Ref::take(text ? PyObject_CallOneArg(function, text.get()) : nullptr);
    if (!done) PyErr_WriteUnraisable(function);
    PyErr_Restore(type, value, traceback);
  };
}

/// The calls that a memory knows. Making Python objects of them may run other code, which may change the tables.
std::vector<std::shared_ptr<Known>> calls_of(const Memory* memory) {
  std::vector<std::shared_ptr<Known>> all;
  for (const auto& [function, table] : memory->tables) {
    for (const auto& [signature, known] : table->calls()) all.push_back(known);
  }
  return all;
}

std::vector<Table*> tables_of(const Memory* memory) {
  std::vector<Table*> all;
  for (const auto& [function, table] : memory->tables) all.push_back(table.get());
  return all;
}

void bind_memory(nb::module_& m) {
  m.def(
      "configure",
      [](nb::handle memory, CachePtr cache, double ttl) {
        Memory* own = as_memory(memory);
        own->keep_in(std::move(cache));
        own->ttl = ttl;
        for (Table* table : tables_of(own)) table->clear();
        ++memory_generation;
      },
      nb::arg("memory"), nb::arg("cache").none(), nb::arg("ttl"), "Gives a memory its cache and the class's ttl in days.");
  m.def(
      "set_ttl",
      [](nb::handle memory, double ttl) {
        Memory* own = as_memory(memory);
        own->ttl = ttl;
        for (const auto& [function, table] : own->tables) {
          if (as_function(function.get())->ttl == as_function(function.get())->ttl) continue;
          for (const auto& [signature, known] : table->calls()) known->expires = engine::expiry(known->utc, ttl);
        }
      },
      "Changes the class's ttl, for what is remembered too.");
  m.def(
      "memory_of",
      [](nb::handle object) -> nb::object {
        Memory* memory = memory_of(object.ptr());
        return memory ? nb::borrow(reinterpret_cast<PyObject*>(memory)) : nb::none();
      },
      "The memory of an object, or None where it can hold none.");
  m.def("cache_of", [](nb::handle memory) { return as_memory(memory)->cache; });
  m.def("last_status", [](nb::handle memory) -> nb::object {
    const Status last = as_memory(memory)->last;
    return last == Status::none ? nb::none() : nb::object(nb::str(name_of(last)));
  });
  m.def(
      "statuses",
      [](nb::handle memory) {
        nb::dict all;
        for (const auto& known : calls_of(as_memory(memory))) {
          if (known->status != Status::none) all[nb::steal(text_from(known->signature).release())] = name_of(known->status);
        }
        return all;
      },
      "signature -> status of each call that this object made.");
  m.def("counts", [](nb::handle memory) {
    nb::dict all;
    for (const Table* table : tables_of(as_memory(memory))) {
      nb::dict one;
      one["l1"] = table->hits_l1;
      one["l2"] = table->hits_l2;
      one["misses"] = table->misses;
      all[table->name().c_str()] = one;
    }
    return all;
  });
  m.def(
      "values",
      [](nb::handle memory) {
        nb::dict all;
        for (const auto& known : calls_of(as_memory(memory))) {
          if (!known->value) continue;
          all[nb::steal(text_from(known->signature).release())] = nb::make_tuple(nb::borrow(known->value.get()), seconds(known->utc));
        }
        return all;
      },
      "signature -> (value, seconds since 1970) of what this object's memory holds.");
  m.def(
      "forget",
      [](nb::handle memory, std::optional<nb::str> given) {
        const auto name = given ? std::optional(text_of(*given)) : std::nullopt;
        for (Table* table : tables_of(as_memory(memory))) {
          if (!name || table->name() == *name) {
            table->clear();
          } else if (Known* known = table->find(*name)) {
            table->forget(known);
          }
        }
      },
      nb::arg("memory"), nb::arg("name").none(), "Empties the tables of one function, one call, or all.");
}

}  // namespace
}  // namespace cacherator::python

NB_MODULE(_native, m) {
  using namespace cacherator;
  using namespace cacherator::python;
  if (PyInterpreterState_Get() != PyInterpreterState_Main()) {
    throw nb::import_error("cacherator cannot be used in a sub-interpreter; use processes or threads instead");
  }
  nb::set_leak_warnings(false);  // of daemon threads that the end of the interpreter stopped within a call
  if (!add_memory_type(m.ptr()) || !add_function_type(m.ptr()) || !add_coroutine_type(m.ptr())) throw nb::python_error();
  no_text = PyErr_NewException("cacherator._native.NoText", nullptr, nullptr);
  m.attr("NoText") = nb::borrow(no_text);

  nb::class_<engine::Cache>(m, "Cache", "The engine's cache. Every method may be called from any thread.")
      .def("entries", &entries)
      .def("signatures", &signatures)
      .def("state", &state)
      .def("state_saved", [](engine::Cache& c) { return seconds(c.state_saved()); })
      .def("save_state", &save_state)
      .def("load_state", [](engine::Cache& cache) { without_gil([&] { cache.load_state(); }); })
      .def("list_db_keys", &list_db_keys, nb::arg("limit"), nb::arg("after").none())
      .def("checkpoint", [](engine::Cache& c) { checked([&] { return c.checkpoint(); }); })
      .def("clear", [](engine::Cache& c, nb::str name) { checked([&c, name = text_of(name)] { return c.clear(name); }); })
      .def("drop", [](engine::Cache& c, nb::str signature) { checked([&c, name = text_of(signature)] { return c.drop(name); }); })
      .def("refresh", [](engine::Cache& c) { without_gil([&] { c.refresh(); }); })
      .def("info", nb::overload_cast<engine::Cache&>(&info))
      .def("set_logging", [](engine::Cache& c, bool on) { c.set_logging(on); })
      .def(
          "warn", [](engine::Cache& c, nb::str text, nb::str once) { c.warn(text_of(text), text_of(once)); }, nb::arg("text"), nb::arg("once") = "");
  nb::class_<AsyncCall>(m, "AsyncCall")
      .def(nb::init<nb::handle, nb::tuple, nb::dict>())
      .def("ask", &AsyncCall::ask)
      .def("on_end", &AsyncCall::on_end)
      .def("waited", &AsyncCall::waited)
      .def("enter", &AsyncCall::enter)
      .def("leave", &AsyncCall::leave)
      .def("keep", &AsyncCall::keep, nb::arg("value").none())
      .def("computed", &AsyncCall::computed)
      .def("fail", &AsyncCall::fail)
      .def("abandon", &AsyncCall::abandon);
  bind_memory(m);
  m.def("open", &open_cache, nb::arg("data_id"), nb::arg("directory"), nb::arg("stem"), nb::arg("clear"), nb::arg("logging"), nb::arg("power"),
        nb::arg("checked_hits"), nb::arg("single_flight_wait"), nb::arg("dynamodb_table"), nb::arg("dynamodb_connect_timeout"), nb::arg("dynamodb_timeout"),
        nb::arg("fleet"));
  m.def(
      "set_credentials_program",
      [](nb::list command, std::string name) {
        std::vector<std::string> words;
        for (const auto word : command) words.push_back(text_of(word));
        engine::set_credentials_program(std::move(words), std::move(name));
      },
      nb::arg("command"), nb::arg("name"), "The program that is asked for credentials of AWS where the library's own chain found none.");
  m.def("render", &render_text, nb::arg("value").none(), nb::arg("depth") = 0);
  m.def("encode", &encode_text, nb::arg("value").none(), nb::arg("as_base") = false);
  m.def("encode_or_repr", &encode_or_repr, nb::arg("value").none());
  m.def(
      "decode", [](const std::string& json, bool plain) { return owned(decode(json, plain)); }, nb::arg("json"), nb::arg("plain") = false);
  m.def("shorten", [](nb::str text) { return nb::steal<nb::str>(text_from(engine::shorten(text_of(text)).text).release()); });
  m.def("flush", [] { without_gil([] { engine::flush_at_exit(); }); });
  m.def("set_logging", [](bool on) { engine::set_logging(on); });
  m.def("set_log_sink", [](nb::object sink) { engine::set_log_sink(sink_of(std::move(sink))); });
  m.def(
      "set_operation_sink",
      [](std::optional<nb::object> sink) { engine::set_operation_sink(sink ? sink_of(*std::move(sink)) : std::function<void(std::string_view)>()); },
      nb::arg("sink").none(), "Where operations of DynamoDB are told; None: nowhere.");
}
