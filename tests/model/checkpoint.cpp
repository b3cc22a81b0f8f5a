// The checkpointer's steps: K1 to K7 of the protocol.
#include <algorithm>

#include "at.hpp"

namespace cacherator::model {

/// K1.
Fault Storage::begin_checkpoint(const At& at) const {
  if (is(Change::no_maintenance_range)) return at.go(Step::look_at_old);
  if (at.files().range != kNone) {
    at.say("the range is taken: no checkpoint");
    return finish(at);
  }
  at.files().range = at.self;
  at.say("takes the range");
  return at.go(Step::look_at_old);
}

Fault Storage::checkpoint(const At& at) const {
  switch (at.me.step) {
    case Step::look_at_old:
    case Step::remove_folded: return look_at_old(at);
    case Step::link_old:
    case Step::read_for_header:
    case Step::rename_journal:
    case Step::touch_word: return rotate(at);
    case Step::read_document:
    case Step::read_rotated: return fold(at);
    case Step::free_range:
      if (at.files().range == at.self) at.files().range = kNone;
      at.say("frees the range");
      return finish(at);
    default: return replace_document(at);
  }
}

/// K2: what an earlier checkpoint left.
Fault Storage::look_at_old(const At& at) const {
  Files& files = at.files();
  if (at.me.step == Step::remove_folded) {
    files.old = kNone;
    at.say("removes O");
    return at.go(Step::link_old);
  }
  at.say("O is ", journal_name(files.old));
  if (files.old == kNone) return at.go(Step::link_old);
  if (files.old == files.journal) return at.go(Step::read_for_header);
  const bool folded = (files.document.folded & bit(files.old)) != 0;
  if (folded && !is(Change::as_the_code)) return at.go(Step::remove_folded);
  at.me.left_over = 1;
  return at.go(Step::read_document);
}

/// K2: O is linked to J, then another journal takes J's path.
Fault Storage::rotate(const At& at) const {
  Files& files = at.files();
  Process& me = at.me;
  switch (me.step) {
    case Step::link_old:
      if (files.old != kNone) {
        at.say("links J to O: it exists; ends");
        return at.go(Step::free_range);
      }
      files.old = files.journal;
      at.say("links J to O: ", journal_name(files.old));
      return at.go(Step::read_for_header);
    case Step::read_for_header:  // what the new journal's header says: all that is known at this moment
      me.memory = files.document.contents;
      me.folded = files.document.folded;
      me.document = files.document.inode;
      me.old = files.journal;
      if (!(me.folded & bit(me.old))) replay(at, me.old);
      at.say("reads D and ", journal_name(me.old), " for the next header: clock ", number(me.memory.clock));
      return at.go(Step::rename_journal);
    case Step::rename_journal: {
      const auto next = std::find_if(files.journals.begin(), files.journals.end(), [](const Journal& each) { return each.in_use == 0; });
      if (next == files.journals.end()) return "the model has too little room: kJournals";
      *next = {.in_use = 1, .after = me.old, .cleared = me.memory.cleared, .clock = me.memory.clock, .count = 0, .records = {}};
      files.journal = byte(static_cast<std::size_t>(next - files.journals.begin()));
      at.say("renames ", journal_name(files.journal), " to J");
      if (is(Change::as_the_code)) return at.go(Step::touch_word);
      break;
    }
    default: files.word = fresh_word(at.state); at.say("writes the word, ", number(files.word));
  }
  return at.go(is(Change::fold_reads_before_rotation) ? Step::check_unchanged : Step::read_document);
}

/// K3.
Fault Storage::fold(const At& at) const {
  Files& files = at.files();
  Process& me = at.me;
  if (me.step == Step::read_document) {
    me.memory = files.document.contents;
    me.folded = files.document.folded;
    me.document = files.document.inode;
    at.say("reads D: ", text_of(me.memory));
    return at.go(Step::read_rotated);
  }
  me.old = files.old;
  if (me.old == kNone) {
    at.say("O is not there any more; ends");
    return at.go(Step::free_range);
  }
  if (!(me.folded & bit(me.old))) replay(at, me.old);
  at.say("reads O, ", journal_name(me.old), ", to its end: ", text_of(me.memory));
  return at.go(Step::check_unchanged);
}

/// K5 and K6. (K4, the temporary file, is nobody else's to see.)
Fault Storage::replace_document(const At& at) const {
  Files& files = at.files();
  Process& me = at.me;
  const bool removes_first = is(Change::old_removed_before_document_replaced);
  switch (me.step) {
    case Step::check_unchanged: {
      const bool same = files.document.inode == me.document && files.old == me.old;
      at.say(same ? "D and O are what was read" : "D or O is another: reads again");
      return at.go(!same ? Step::read_document : removes_first ? Step::unlink_old : Step::rename_document);
    }
    case Step::rename_document:
      files.document.contents = me.memory;
      files.document.folded = byte(me.folded | bit(me.old));
      files.document.inode = byte(files.document.inode + 2u);  // 2: not this one, renumbered
      at.say("renames a new D: ", text_of(me.memory));
      if (!removes_first) return at.go(Step::unlink_old);
      break;
    default:
      at.say("removes O, ", journal_name(files.old));
      files.old = kNone;
      if (removes_first) return at.go(Step::rename_document);
  }
  const bool once_more = me.left_over != 0;  // the journal itself comes after what was left
  me.left_over = 0;
  me.memory = {};
  me.folded = me.document = 0;
  me.old = kNone;
  return at.go(once_more ? Step::link_old : Step::free_range);
}

}  // namespace cacherator::model
