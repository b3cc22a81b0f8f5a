// The call of a cached function: memory first, without any text; then the story.
#include <cmath>

#include "coroutine.hpp"
#include "story.hpp"

namespace cacherator::python {
namespace {

/// The cached function within an attribute of a class, and what it is there; borrowed, null: none.
PyObject* inside(PyObject* attribute, Kind& kind) {
  PyTypeObject* const type = Py_TYPE(attribute);
  kind = type == &PyStaticMethod_Type ? Kind::plain : type == &PyClassMethod_Type ? Kind::of_class : Kind::method;
  if (is_cached_function(attribute)) return attribute;
  const char* const way = type == &PyProperty_Type                               ? "fget"
                          : kind != Kind::method                                 ? "__func__"
                          : std::string_view(type->tp_name) == "cached_property" ? "func"
                                                                                 : nullptr;
  const Ref found = Ref::take(way ? PyObject_GetAttrString(attribute, way) : nullptr);
  PyErr_Clear();
  return found && is_cached_function(found.get()) ? found.get() : nullptr;  // the attribute keeps it
}

/// Calls `visit(class, name, attribute)` for all attributes, in the order in which Python looks; until it answers true.
template <class Visit>
void each_attribute(PyTypeObject* type, Visit visit) {
  PyObject* const mro = type->tp_mro;
  for (Py_ssize_t i = 0; mro && i < PyTuple_GET_SIZE(mro); ++i) {
    auto* const cls = reinterpret_cast<PyTypeObject*>(PyTuple_GET_ITEM(mro, i));
    if (!(cls->tp_flags & Py_TPFLAGS_HEAPTYPE)) continue;
    PyObject *name, *attribute;
    for (Py_ssize_t at = 0; PyDict_Next(cls->tp_dict, &at, &name, &attribute);) {
      if (visit(cls, name, attribute)) return;
    }
  }
}

/// True where the function's qualified name says that a class holds it.
bool in_a_class(PyObject* function) {
  const Ref name = Ref::take(PyObject_GetAttrString(function, "__qualname__"));
  const auto text = name ? utf8_of(name.get()) : std::string_view();
  const auto dot = text.rfind('.');
  return dot != std::string_view::npos && !text.substr(0, dot).ends_with("<locals>");
}

/// What the function is, for one that never saw __set_name__ (below a property, given to a class later, or in none).
Kind kind_of(FunctionObject* f, PyObject* const* args, Py_ssize_t count) {
  if (count == 0) return Kind::plain;
  const bool is_class = PyType_Check(args[0]);
  const bool of_a_class = in_a_class(f->wrapped);
  Kind found = Kind::plain;
  each_attribute(is_class ? reinterpret_cast<PyTypeObject*>(args[0]) : Py_TYPE(args[0]), [&](PyTypeObject*, PyObject* name, PyObject* attribute) {
    Kind kind;
    const bool itself = inside(attribute, kind) == reinterpret_cast<PyObject*>(f);
    // By its name alone: another decorator stands between.
    if (itself || (of_a_class && found == Kind::plain && utf8_of(name) == f->name)) found = kind;
    return itself;
  });
  PyErr_Clear();
  return found == (is_class ? Kind::of_class : Kind::method) ? found : Kind::plain;
}

/// A plain function that was given to a class after its first call is a method from then on.
void look_again(FunctionObject* f, PyObject* const* args, Py_ssize_t count) {
  static PyObject* const base = imported("cacherator._core", "JSONCache");
  if (!base || !PyType_IsSubtype(Py_TYPE(args[0]), reinterpret_cast<PyTypeObject*>(base))) return PyErr_Clear();
  if (kind_of(f, args, count) != Kind::method) return;
  f->kind = Kind::method;
  f->parameters.reset();
  f->last_self = nullptr;
}

/// The memory a call asks; null without an error: none can be had.
Memory* memory_for(FunctionObject* f, PyObject* first) {
  if (f->kind == Kind::method) {
    Memory* memory = memory_of(first);
    if (memory && !memory->cache) {
      PyObject* const open = imported("cacherator._core", "open_for_object");
      const Ref done = open ? Ref::take(PyObject_CallFunctionObjArgs(open, first, memory, nullptr)) : Ref();
      if (!done) return nullptr;
    }
    return memory;
  }
  Ref& holder = f->kind == Kind::plain ? f->own_memory : f->class_memories;
  if (f->kind == Kind::of_class) {
    if (!holder) {
      PyObject* const type = imported("weakref", "WeakKeyDictionary");
      holder = Ref::take(type ? PyObject_CallNoArgs(type) : nullptr);
    }
    if (const Ref held = Ref::take(holder ? PyObject_GetItem(holder.get(), first) : nullptr)) return reinterpret_cast<Memory*>(held.get());
    if (!PyErr_ExceptionMatches(PyExc_KeyError)) return nullptr;
    PyErr_Clear();
  } else if (holder) {
    return reinterpret_cast<Memory*>(holder.get());
  }
  Ref made = Ref::take(reinterpret_cast<PyObject*>(new_memory()));
  PyObject* const open = imported("cacherator._cached", "open_for_function");
  const Ref done = made && open ? Ref::take(PyObject_CallFunctionObjArgs(open, f, f->kind == Kind::of_class ? first : Py_None, made.get(), nullptr)) : Ref();
  if (!done) return nullptr;
  auto* memory = reinterpret_cast<Memory*>(made.get());
  if (f->kind == Kind::plain) {
    holder = std::move(made);
  } else if (PyObject_SetItem(holder.get(), first, made.get()) < 0) {
    return nullptr;
  }
  return memory;
}

/// An attribute's name as it is written in the class: a private one's without the class's.
std::string_view as_written(PyObject* key, const FunctionObject* f) {
  const std::string_view name = utf8_of(key);
  const bool is_private = f->name.starts_with("__") && name.starts_with('_') && name.size() > f->name.size() + 1 && name.ends_with(f->name);
  return is_private ? std::string_view(f->name) : name;
}

/// Which class holds a function, and under which name.
struct Home {
  PyTypeObject* cls = nullptr;
  std::string name;
};

/// Where the function is found; one that another decorator hides: in the class that its qualified name tells.
Home home_of(FunctionObject* f, PyTypeObject* type) {
  Home home, hidden;
  const Ref qualified = Ref::take(PyObject_GetAttrString(f->wrapped, "__qualname__"));
  const std::string_view text = qualified ? utf8_of(qualified.get()) : std::string_view();
  each_attribute(type, [&](PyTypeObject* cls, PyObject* key, PyObject* attribute) {
    Kind kind;
    const std::string_view name = as_written(key, f);
    if (inside(attribute, kind) == reinterpret_cast<PyObject*>(f)) {
      if (!home.cls || name == f->name) home = {cls, std::string(name)};
      return name == f->name;
    }
    if (!hidden.cls && name == f->name) {
      const Ref of_class = Ref::take(PyObject_GetAttrString(reinterpret_cast<PyObject*>(cls), "__qualname__"));
      if (of_class && text == std::string(utf8_of(of_class.get())) + '.' + f->name) hidden = {cls, f->name};
    }
    return false;
  });
  return home.cls ? home : hidden;
}

/// "f", the name of the attribute; "Base.f" where a class before Base has another by that name. Of classes of one name that do
/// so the last one is "Base", the others "Base#2", "Base#3": they keep these names in classes that are derived from them.
std::string signature_name(FunctionObject* f, PyObject* first) {
  if (f->kind == Kind::plain) return f->name;
  PyTypeObject* const type = f->kind == Kind::of_class ? reinterpret_cast<PyTypeObject*>(first) : Py_TYPE(first);
  const Home home = home_of(f, type);
  if (!home.cls) return PyErr_Clear(), f->name;
  const std::string_view base = home.cls->tp_name;
  bool seen = false, overridden = false;
  int namesakes = 1;
  PyTypeObject* last = nullptr;
  each_attribute(type, [&](PyTypeObject* cls, PyObject* key, PyObject* attribute) {
    seen |= cls == home.cls;
    Kind kind;
    PyObject* const found = inside(attribute, kind);
    if (cls == home.cls || cls == last || (found ? as_written(key, as_function(found)) : utf8_of(key)) != home.name) return false;
    last = cls;
    if (!seen) overridden = true;
    if (seen && cls->tp_name == base) ++namesakes;
    return false;
  });
  PyErr_Clear();
  if (!overridden) return home.name;
  return std::string(base) + (namesakes > 1 ? '#' + std::to_string(namesakes) : "") + '.' + home.name;
}

}  // namespace

bool find_table(FunctionObject* f, PyObject* first, Memory*& memory, Table*& table) {
  if (!f->parameters) {
    f->parameters = Parameters::of(f->wrapped, f->kind != Kind::plain);
    if (!f->parameters) return false;
  }
  memory = memory_for(f, first);
  if (!memory) return false;
  table = memory->table_of(reinterpret_cast<PyObject*>(f));
  if (!table) {
    memory->tables.emplace_back(Ref::share(reinterpret_cast<PyObject*>(f)), std::make_unique<Table>(signature_name(f, first)));
    table = memory->tables.back().second.get();
  }
  f->last_self = first;
  f->last_generation = memory_generation;
  f->last_memory = memory;
  f->last_table = table;
  return true;
}

namespace {

/// Waits without the GIL, in slices: signals are heard. False: a Python error is set.
bool wait_for(Story& story) {
  engine::Wait& wait = story.wait();
  for (;;) {
    const auto end = without_gil([&] { return wait.flight().wait_for(std::chrono::milliseconds(50)); });
    if (end) return story.waited();
    if (PyErr_CheckSignals() < 0) return false;
    if (wait.stuck()) return story.give_up_waiting(), true;
  }
}

PyObject* compute(FunctionObject* f, Story& story, PyObject* const* args, size_t count, PyObject* names) {
  PyObject* const token = set_lineage(story.lineage());
  if (!token) return nullptr;
  PyObject* const value = PyObject_Vectorcall(f->wrapped, args, count, names);
  if (value) {
    reset_lineage(token);
    if (story.keep(value)) return value;
    Py_DECREF(value);
    return nullptr;
  }
  PyObject *type, *exception, *traceback;
  PyErr_Fetch(&type, &exception, &traceback);
  PyErr_NormalizeException(&type, &exception, &traceback);
  if (traceback) PyException_SetTraceback(exception, traceback);
  reset_lineage(token);
  // An interrupt or an exit is this thread's alone: one of those that wait takes the lead.
  if (PyErr_GivenExceptionMatches(exception, PyExc_Exception)) {
    story.fail(exception);
  } else {
    story.abandon();
  }
  PyErr_Restore(type, exception, traceback);
  return nullptr;
}

PyObject* call_story(FunctionObject* f, Memory* memory, Table* table, const Arguments& arguments, PyObject* const* args, size_t count) {
  const Ref keep_memory = Ref::share(reinterpret_cast<PyObject*>(memory));
  const auto story = Story::begin(f, memory, table, arguments);
  if (!story) {
    PyObject* const value = PyErr_Occurred() ? nullptr : PyObject_Vectorcall(f->wrapped, args, count, arguments.names);
    if (value) count_unnamed(memory, table);
    return value;
  }
  for (;;) {
    Ref value;
    switch (story->ask(value)) {
      case Story::Next::hit: return value.release();
      case Story::Next::error: return nullptr;
      case Story::Next::lead: return compute(f, *story, args, count, arguments.names);
      case Story::Next::wait: break;
    }
    if (!wait_for(*story)) return nullptr;
  }
}

/// The object, the memory and the table of a call.
struct Place {
  Memory* memory;
  Table* table;
  Arguments arguments;  ///< without the object
  PyObject* kept;       ///< the memory, owned, where the GIL was released and the call goes on
};

/// False: an error is set, or, without one, the function itself is to be called.
bool find_place(FunctionObject* f, PyObject* const* args, Py_ssize_t count, PyObject* names, Place& place) {
  if (f->kind == Kind::unknown) {
    f->kind = kind_of(f, args, count);
    f->guessed = true;
  } else if (f->kind == Kind::plain && f->guessed && count > 0 && Py_TYPE(args[0])->tp_flags & Py_TPFLAGS_HEAPTYPE) {
    look_again(f, args, count);
  }
  const Py_ssize_t skipped = f->kind == Kind::plain ? 0 : 1;
  if (count < skipped) return false;
  PyObject* const first = skipped ? args[0] : nullptr;
  place = {f->last_memory, f->last_table, {args + skipped, count - skipped, names}, nullptr};
  if (first == f->last_self && f->last_generation == memory_generation) return true;
  return find_table(f, first, place.memory, place.table);
}

PyObject* hit(const Place& place, Known* known) {
  known->status = place.memory->last = Status::l1;
  ++place.table->hits_l1;
  PyObject* const value = known->value.get();
  Py_INCREF(value);
  return value;
}

/// Looks closer, which releases the GIL: a clear in another thread may take the call, or the object, away meanwhile.
[[gnu::noinline]] PyObject* look_closer(Place& place, Known* known, engine::Time now) {
  Ref memory = Ref::share(reinterpret_cast<PyObject*>(place.memory));
  const auto keep_known = known->shared_from_this();
  if (still_holds(place.memory, place.table, known, now)) return hit(place, known);
  place.kept = memory.release();
  return nullptr;
}

/// What memory has and may still give (a new reference); null: nothing.
inline PyObject* find_value(FunctionObject* f, Place& place) {
  std::uint64_t hash;
  bool fast;
  Known* const known = f->clear_cache || f->key ? nullptr : place.table->find(place.arguments, hash, fast);
  if (!known) return nullptr;
  const engine::Time now = engine::now();
  const engine::Freshness* const fresh = place.memory->fresh;
  const bool holds =
      now < known->expires && fresh && known->anchors.empty() && known->generation == fresh->generation.load(std::memory_order_acquire) && fresh->current(now);
  return holds ? hit(place, known) : look_closer(place, known, now);
}

}  // namespace

bool find_in_memory(PyObject* function, PyObject* const* args, Py_ssize_t count, PyObject* names, PyObject*& value) {
  Place place;
  if (!find_place(as_function(function), args, count, names, place)) return !PyErr_Occurred();
  value = find_value(as_function(function), place);
  Py_XDECREF(place.kept);
  return true;
}

PyObject* call_async(PyObject* function, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  PyObject* const miss = imported("cacherator._async", "call");
  if (!miss) return nullptr;
  const Ref positional = Ref::take(PyTuple_New(count));
  const Ref keywords = Ref::take(PyDict_New());
  if (!positional || !keywords) return nullptr;
  for (Py_ssize_t i = 0; i < count; ++i) {
    Py_INCREF(args[i]);
    PyTuple_SET_ITEM(positional.get(), i, args[i]);
  }
  for (Py_ssize_t i = 0; names && i < PyTuple_GET_SIZE(names); ++i) {
    if (PyDict_SetItem(keywords.get(), PyTuple_GET_ITEM(names, i), args[count + i]) < 0) return nullptr;
  }
  return PyObject_CallFunctionObjArgs(miss, function, positional.get(), keywords.get(), nullptr);
}

PyObject* call_cached(PyObject* function, PyObject* const* args, size_t nargsf, PyObject* names) {
  FunctionObject* const f = as_function(function);
  const Py_ssize_t count = PyVectorcall_NARGS(nargsf);
  if (f->is_async) return new_coroutine(function, args, count, names);
  Place place;
  if (!find_place(f, args, count, names, place)) {
    return PyErr_Occurred() ? nullptr : PyObject_Vectorcall(f->wrapped, args, nargsf, names);
  }
  if (PyObject* const value = find_value(f, place)) return value;
  const Ref kept = Ref::take(place.kept);
  return call_story(f, place.memory, place.table, place.arguments, args, nargsf & ~PY_VECTORCALL_ARGUMENTS_OFFSET);
}

}  // namespace cacherator::python
