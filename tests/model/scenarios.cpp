// What is searched, and the wrong orders that the search must find.
#include "storage.hpp"

namespace cacherator::model {
namespace {

constexpr Byte a = 0, b = 1;
constexpr Byte f = 0b01, g = 0b10, all = 0b11;

Op put(Byte key, Byte value) { return {.kind = Kind::put, .key = key, .value = value}; }
Op drop(Byte key) { return {.kind = Kind::drop, .key = key}; }
Op clear(Byte functions = all) { return {.kind = Kind::clear, .functions = functions}; }

constexpr Op kOpen{.kind = Kind::open}, kHit{.kind = Kind::hit}, kFold{.kind = Kind::checkpoint};

Program writer(std::vector<Op> ops) { return {"writer", std::move(ops)}; }
Program second(std::vector<Op> ops) { return {"second writer", std::move(ops)}; }
Program killed(std::vector<Op> ops) { return {"killed writer", std::move(ops), true}; }
Program clearer(std::vector<Op> ops) { return {"clearer", std::move(ops)}; }
Program checkpointer(std::size_t times) { return {"checkpointer", std::vector<Op>(times, kFold), true}; }
Program reader() { return {"reader", {kOpen}}; }
Program caller(std::size_t hits) {
  std::vector<Op> ops(hits + 1, kHit);
  ops.front() = kOpen;
  return {"caller", ops};
}

}  // namespace

const std::vector<Scenario>& scenarios() {
  static const std::vector<Scenario> list = {
      {"slow put | clear, put | open", {writer({put(a, 1)}), clearer({clear(), put(a, 2)}), reader()}},
      {"clear, put | clear | open", {writer({clear(), put(a, 1)}), clearer({clear()}), reader()}},
      {"put | clear, clear | call, call", {writer({put(a, 1)}), clearer({clear(), clear()}), caller(2)}},
      {"clear | clear, put, clear | call", {clearer({clear()}), writer({clear(), put(a, 1), clear()}), caller(1)}},
      {"put, drop | 2 checkpoints | open", {writer({put(a, 1), drop(a)}), checkpointer(2), reader()}},
      {"two puts of one key | 2 checkpoints | open", {writer({put(a, 1), put(a, 2)}), checkpointer(2), reader()}},
      {"two puts | 2 checkpoints | open", {writer({put(a, 1), put(b, 2)}), checkpointer(2), reader()}},
      {"put | checkpoint | checkpoint | open", {writer({put(a, 1)}), checkpointer(1), checkpointer(1), reader()}},
      {"two puts | clear | clear | open", {writer({put(a, 1), put(b, 2)}), clearer({clear()}), {"second clearer", {clear()}}, reader()}},
      {"put of f, put of g | clear f | clear g | open", {writer({put(a, 1), put(b, 2)}), clearer({clear(f)}), {"second clearer", {clear(g)}}, reader()}},
      {"put, call, call | clear | checkpoint", {writer({put(a, 1), kHit, kHit}), clearer({clear()}), checkpointer(1)}},
      {"put, open | killed clear | checkpoint", {writer({put(a, 1), kOpen}), killed({clear()}), checkpointer(1)}},
      {"two puts, open | clear | checkpoint", {writer({put(a, 1), put(b, 2), kOpen}), clearer({clear()}), checkpointer(1)}},
      {"put | drop | checkpoint | call", {writer({put(a, 1)}), {"dropper", {drop(a)}}, checkpointer(1), caller(1)}},
      {"put | put | checkpoint | open", {writer({put(a, 1)}), second({put(b, 2)}), checkpointer(1), reader()}},
      {"put | clear | checkpoint | open", {writer({put(a, 1)}), clearer({clear()}), checkpointer(1), reader()}},

      {"put | put of the same key | checkpoint | open", {writer({put(a, 1)}), second({put(a, 2)}), checkpointer(1), reader()}, true},
      {"put, open | killed clear | 2 checkpoints", {writer({put(a, 1), kOpen}), killed({clear()}), checkpointer(2)}, true},
      {"put | clear | 2 checkpoints", {writer({put(a, 1)}), clearer({clear()}), checkpointer(2)}, true},
      {"put | clear | checkpoint | call", {writer({put(a, 1)}), clearer({clear()}), checkpointer(1), caller(1)}, true},
      {"put | killed clear | checkpoint | open", {writer({put(a, 1)}), killed({clear()}), checkpointer(1), reader()}, true},
      {"two puts of one key | 3 checkpoints | open", {writer({put(a, 1), put(a, 2)}), checkpointer(3), reader()}, true},
      {"put, drop | 3 checkpoints | open", {writer({put(a, 1), drop(a)}), checkpointer(3), reader()}, true},
      {"two puts | 2 checkpoints | checkpoint | open", {writer({put(a, 1), put(b, 2)}), checkpointer(2), checkpointer(1), reader()}, true},
      {"put | put | 2 checkpoints | open", {writer({put(a, 1)}), second({put(b, 2)}), checkpointer(2), reader()}, true},
      {"put, open | clear | 2 checkpoints", {writer({put(a, 1), kOpen}), clearer({clear()}), checkpointer(2)}, true},
  };
  return list;
}

const std::vector<Variant>& variants() {
  static const std::vector<Variant> list = {
      {Change::path_check_before_write, "path check before the write", true},
      {Change::fold_reads_before_rotation, "fold reads before the rotation", true},
      {Change::document_opened_first, "D opened before O and J", true},
      {Change::void_puts_overwrite, "void puts overwrite", true},
      {Change::word_incremented, "slot word incremented", true},
      {Change::word_read_after_tail, "word read after the tail", true},
      {Change::old_removed_before_document_replaced, "O removed before D is replaced", true},
      {Change::clear_number_without_tail, "clear number without tailing first", true},
      {Change::record_not_written_again, "record not written again in the next journal", true},
      {Change::journal_read_once_before_following, "journal not read again before the next is followed", true},
      {Change::no_maintenance_range, "checkpoint without the maintenance range", true},
      {Change::clear_number_kept, "clear number not computed anew in the next journal", false, true},
      {Change::as_the_code, "the steps in src/local's order", false},
      {Change::journals_replayed_although_folded, "journals replayed although D has folded them", false, true},
  };
  return list;
}

}  // namespace cacherator::model
