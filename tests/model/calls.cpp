// What every process does with the files: opening, tailing, appending. The checkpoint is in checkpoint.cpp.
#include <algorithm>

#include "at.hpp"

namespace cacherator::model {

// ---- open: J, then O, then D; replayed in the other order

Fault Storage::open(const At& at) const {
  switch (at.me.step) {
    case Step::open_word:
      at.me.word = at.files().word;
      at.say("loads the word, ", number(at.me.word));
      at.go(is(Change::document_opened_first) ? Step::open_document : Step::open_journal);
      return {};
    case Step::read_old:
    case Step::read_journal:
    case Step::open_late_word: return read_in(at);
    default: return open_one(at), Fault();
  }
}

void Storage::open_one(const At& at) const {
  const bool document_first = is(Change::document_opened_first);
  if (at.me.step == Step::open_journal) {
    at.me.journal = at.files().journal;
    at.me.read_to = 0;
    at.say("opens J: ", journal_name(at.me.journal));
    at.go(document_first ? Step::read_old : Step::open_old);
  } else if (at.me.step == Step::open_old) {
    at.me.old = at.files().old;
    at.say("opens O: ", journal_name(at.me.old));
    at.go(document_first ? Step::open_journal : Step::open_document);
  } else {
    at.me.memory = at.files().document.contents;
    at.me.folded = is(Change::journals_replayed_although_folded) ? Byte{0} : at.files().document.folded;
    at.say("opens and reads D: ", text_of(at.me.memory));
    at.go(document_first ? Step::open_old : Step::read_old);
  }
}

void Storage::replay(const At& at, Byte index) const {
  const Journal& journal = at.files().journals[index];
  Contents& memory = at.me.memory;
  memory.clock = std::max(memory.clock, journal.clock);
  for (std::size_t key = 0; key < kKeys; ++key) memory.cleared[key] = std::max(memory.cleared[key], journal.cleared[key]);
  for (std::size_t i = 0; i < journal.count; ++i) apply_record(journal.records[i], memory);
}

Fault Storage::read_in(const At& at) const {
  Process& me = at.me;
  if (me.step == Step::read_old) {
    const bool apart = me.old != kNone && me.old != me.journal;
    if (apart && !(me.folded & bit(me.old))) replay(at, me.old);
    at.say("reads O: ", text_of(me.memory));
    return at.go(Step::read_journal);
  }
  if (me.step == Step::read_journal) {
    if (!(me.folded & bit(me.journal))) replay(at, me.journal);
    me.read_to = at.files().journals[me.journal].count;
    at.say("reads J's file: ", text_of(me.memory));
    if (is(Change::word_read_after_tail)) return at.go(Step::open_late_word);
  } else {
    me.word = at.files().word;
    at.say("loads the word only now, ", number(me.word));
  }
  me.seen = me.word;
  me.folded = 0;
  me.old = kNone;
  if (op(at).kind != Kind::open) return tailed(at);
  const Fault fault = judge(at, true);
  return fault.empty() ? finish(at) : fault;
}

// ---- tail

Fault Storage::tail(const At& at) const {
  Process& me = at.me;
  switch (me.step) {
    case Step::short_look_word:
      at.say("loads the word, ", number(at.files().word), at.files().word == me.seen ? ": as remembered" : ": another one");
      return at.go(at.files().word == me.seen ? Step::short_look_size : Step::tail_word);
    case Step::short_look_size:
      at.say("looks at the size of its journal");
      if (at.files().journals[me.journal].count == me.read_to) return tailed(at);
      return at.go(Step::tail_word);
    case Step::tail_word:
      me.word = at.files().word;
      at.say("tails: loads the word, ", number(me.word));
      return at.go(Step::tail_read);
    case Step::tail_read:
    case Step::tail_read_again: tail_read(at); return {};
    case Step::tail_late_word:
      me.word = at.files().word;
      me.seen = me.word;
      at.say("loads the word only now, ", number(me.word));
      return tailed(at);
    default: return follow(at);
  }
}

void Storage::tail_read(const At& at) const {
  Process& me = at.me;
  const Journal& journal = at.files().journals[me.journal];
  if (me.read_to == 0) {
    replay(at, me.journal);
  } else {
    for (std::size_t i = me.read_to; i < journal.count; ++i) apply_record(journal.records[i], me.memory);
  }
  me.read_to = journal.count;
  at.say("reads ", journal_name(me.journal), " to its end: ", text_of(me.memory));
  at.go(me.step == Step::tail_read ? Step::tail_check : Step::tail_follow);
}

Fault Storage::follow(const At& at) const {
  Process& me = at.me;
  const Byte there = at.files().journal;
  if (me.step == Step::tail_check) {
    at.say("J is ", journal_name(there), there == me.journal ? ": the same" : ": another one");
    if (there != me.journal) {
      at.go(is(Change::journal_read_once_before_following) ? Step::tail_follow : Step::tail_read_again);
      return {};
    }
    if (is(Change::word_read_after_tail)) return at.go(Step::tail_late_word);
    me.seen = me.word;
    return tailed(at);
  }
  const bool follows = at.files().journals[there].after == me.journal;
  at.say("opens J: ", journal_name(there), follows ? ", which follows" : ", which does not follow: opens anew");
  if (follows) {
    me.journal = there;
    me.read_to = 0;
  }
  at.go(follows ? Step::tail_word : Step::open_word);
  return {};
}

/// The tail has come to the end.
Fault Storage::tailed(const At& at) const {
  Process& me = at.me;
  switch (me.goal) {
    case Goal::hit: {
      const Fault fault = judge(at, false);
      return fault.empty() ? finish(at) : fault;
    }
    case Goal::compute: compute(at); break;
    case Goal::number: me.number = byte(me.memory.clock + 1u); break;
    default: break;
  }
  if (me.goal == Goal::compute || is(Change::clear_number_kept)) me.goal = Goal::write;
  at.go(is(Change::path_check_before_write) ? Step::check_before_write : Step::write);
  return {};
}

// ---- append

Fault Storage::append(const At& at) const {
  Process& me = at.me;
  switch (me.step) {
    case Step::check_before_write:
      at.say("J is ", journal_name(at.files().journal));
      at.go(at.files().journal == me.journal ? Step::write : Step::tail_word);
      return {};
    case Step::write: return write(at);
    case Step::check_path:  // I2
      at.say("J is ", journal_name(at.files().journal), at.files().journal == me.journal ? ": the record counts" : ": once more");
      if (at.files().journal == me.journal || is(Change::record_not_written_again)) return written(at);
      return at.go(Step::tail_word);
    case Step::load_word:
      me.number = byte(at.files().word + 1u);
      at.say("loads the word, ", number(at.files().word));
      return at.go(Step::write_word);
    default:
      at.files().word = is(Change::word_incremented) ? me.number : fresh_word(at.state);
      at.say("writes the word, ", number(at.files().word), ", and returns");
      return finish(at);
  }
}

Fault Storage::write(const At& at) const {
  const Op& what = op(at);
  const Record record{what.kind, what.kind == Kind::clear ? what.functions : what.key, what.value, what.kind == Kind::drop ? Byte{0} : at.me.number};
  Journal& journal = at.files().journals[at.me.journal];
  if (journal.count == kRecords) return "the model has too little room: kRecords";
  journal.records[journal.count++] = record;
  at.say("writes \"", text_of(record), "\" to ", journal_name(at.me.journal));
  if (is(Change::path_check_before_write)) return written(at);
  at.go(Step::check_path);
  return {};
}

/// The record counts: memory learns it. The word only where others may know an entry that is not any more.
Fault Storage::written(const At& at) const {
  Process& me = at.me;
  const Op& what = op(at);
  const Journal& journal = at.files().journals[me.journal];
  if (journal.count == me.read_to + 1) me.read_to = journal.count;  // else the tail reads it again, in the journal's order
  const Byte known = values(me.memory);
  apply_record({what.kind, what.kind == Kind::clear ? what.functions : what.key, what.value, what.kind == Kind::drop ? Byte{0} : me.number}, me.memory);
  const bool tells = what.kind != Kind::put || (known & ~values(me.memory)) != 0;
  if (!tells) return finish(at);
  at.go(is(Change::word_incremented) ? Step::load_word : Step::write_word);
  return {};
}

}  // namespace cacherator::model
