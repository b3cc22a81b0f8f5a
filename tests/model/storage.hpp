// The files of one cache and the processes that use them: the state of the storage protocol's model.
// Names of files: J the journal, O the old journal (during a checkpoint), D the document, as in the protocol.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "search.hpp"

namespace cacherator::model {

inline constexpr std::size_t kKeys = 2;      ///< signatures: a is a call of the function f, b of g
inline constexpr std::size_t kJournals = 4;  ///< that can be reached at once; then a number is used again
inline constexpr std::size_t kRecords = 4;   ///< in one journal
inline constexpr std::size_t kProcesses = 4;
inline constexpr Byte kNone = 0xff;  ///< no file, no journal

/// A wrong order of steps, which some scenario must find; or another order that is thought safe, which none may find.
enum class Change : Byte {
  none,
  // wrong
  path_check_before_write,
  fold_reads_before_rotation,
  document_opened_first,
  void_puts_overwrite,
  word_incremented,
  word_read_after_tail,
  old_removed_before_document_replaced,
  clear_number_without_tail,
  record_not_written_again,
  journal_read_once_before_following,
  no_maintenance_range,
  // thought safe
  clear_number_kept,
  as_the_code,  ///< src/local: short look, O with a known id folded again, a word after each rotation
  journals_replayed_although_folded,
};

enum class Kind : Byte { put, drop, clear, checkpoint, open, hit };

struct Op {
  Kind kind;
  Byte key = 0;           ///< put, drop
  Byte value = 0;         ///< put: 1 to 7, another for each put
  Byte functions = 0b11;  ///< clear: a bit for each key's function
};

/// A process and what it does, one after the other.
struct Program {
  std::string name;
  std::vector<Op> ops;
  bool may_die = false;  ///< killed before any step: a checkpointer's next operation is then another process's
};

struct Scenario {
  std::string name;
  std::vector<Program> programs;
  bool large = false;  ///< only with --large
};

struct Entry {
  Byte value, under;  ///< 0: no entry
};

/// What document and journals say together. Also what a process has in memory.
struct Contents {
  std::array<Byte, kKeys> cleared;  ///< the largest clear number of each function
  Byte clock;
  std::array<Entry, kKeys> entries;
};

struct Record {
  Kind kind;  ///< put, drop or clear
  Byte key, value;
  Byte number;  ///< put: its clear number (`under`); clear: n
};

struct Journal {
  Byte in_use;
  Byte after;  ///< the journal it follows; its own id is its index
  std::array<Byte, kKeys> cleared;
  Byte clock;
  Byte count;
  std::array<Record, kRecords> records;
};

struct Document {
  Byte inode;
  Byte folded;  ///< a bit for each journal
  Contents contents;
};

/// Each is one atomic step on the files. A process stands before the step that it is at.
enum class Step : Byte {
  begin,
  // open
  open_word,
  open_journal,
  open_old,
  open_document,
  read_old,
  read_journal,
  open_late_word,
  // tail
  short_look_word,
  short_look_size,
  tail_word,
  tail_read,
  tail_check,
  tail_read_again,
  tail_follow,
  tail_late_word,
  // append
  check_before_write,
  write,
  check_path,
  load_word,
  write_word,
  // checkpoint
  look_at_old,
  remove_folded,
  link_old,
  read_for_header,
  rename_journal,
  touch_word,
  read_document,
  read_rotated,
  check_unchanged,
  rename_document,
  unlink_old,
  free_range,
};

/// What comes after a tail.
enum class Goal : Byte { none, compute, number, write, hit };

struct Process {
  Byte op;
  Step step;
  Goal goal;
  Byte dead;
  Byte journal, read_to;  ///< the open journal; kNone: none. How many of its records were read
  Byte seen, word;        ///< the slot word: remembered, just loaded
  Contents memory;
  // of one operation:
  Byte number;                            ///< `under` of a put, n of a clear, the incremented word
  Byte old, folded, document, left_over;  ///< as opened or read
  Byte before;                            ///< values: what this operation voids, drops or replaces, if it is acknowledged
  Byte gone, required;                    ///< values: what must not, and what must be found
};

struct Files {
  Byte journal, old;  ///< paths: which journal they name
  Byte word;
  Byte range;  ///< who has the maintenance range
  Document document;
  std::array<Journal, kJournals> journals;
};

/// What an observer of all calls and returns knows. A bit for each value.
struct Observed {
  Byte called, begun, acknowledged;  ///< a put: the call has begun; the function runs; the put has returned
  Byte cleared, dropped, replaced;   ///< for certain: what did it began after, and has returned
  Byte maybe_void, maybe_replaced;   ///< what may do it was going on at the same time, or came later
};

class Storage {
 public:
  struct State {
    Files files;
    Observed observed;
    std::array<Process, kProcesses> processes;
  };

  Storage(const Scenario& scenario, Change change) : scenario_(scenario), change_(change) {}

  [[nodiscard]] State initial() const;
  [[nodiscard]] std::size_t actors() const { return scenario_.programs.size(); }
  [[nodiscard]] std::string_view name(std::size_t actor) const { return scenario_.programs[actor].name; }
  [[nodiscard]] bool may(const State& state, Move move) const;
  [[nodiscard]] Fault apply(State& state, Move move, std::string* note) const;
  [[nodiscard]] bool finished(const State& state) const;

 private:
  struct At;  ///< the state and the process whose step it is

  [[nodiscard]] const Op& op(const At& at) const;
  [[nodiscard]] bool is(Change change) const { return change_ == change; }

  Fault step(const At& at) const;
  Fault crash(const At& at) const;
  void end_operation(const At& at) const;
  void simplify(State& state, bool renumbers) const;
  [[nodiscard]] bool uses_word(const State& state, std::size_t process) const;
  [[nodiscard]] Byte fresh_word(const State& state) const;
  Fault begin(const At& at) const;
  void begin_removal(const At& at) const;
  Fault begin_checkpoint(const At& at) const;
  Fault finish(const At& at) const;

  Fault open(const At& at) const;
  void open_one(const At& at) const;
  void opened_path(const At& at, Step path) const;
  void replay(const At& at, Byte journal) const;
  Fault read_in(const At& at) const;

  Fault tail(const At& at) const;
  void tail_read(const At& at) const;
  Fault follow(const At& at) const;
  Fault tailed(const At& at) const;
  void begin_call(const At& at) const;
  void compute(const At& at) const;

  Fault append(const At& at) const;
  Fault write(const At& at) const;
  Fault written(const At& at) const;

  Fault checkpoint(const At& at) const;
  Fault look_at_old(const At& at) const;
  Fault rotate(const At& at) const;
  Fault fold(const At& at) const;
  Fault replace_document(const At& at) const;

  template <class Use>
  void for_each_put(Use use) const {
    for (const auto& program : scenario_.programs) {
      for (const Op& each : program.ops) {
        if (each.kind == Kind::put) use(each);
      }
    }
  }
  template <class Use>
  void for_each_going_on(const At& at, Use use) const;  ///< operations of other processes, those of killed ones too
  void apply_record(const Record& record, Contents& contents) const;
  [[nodiscard]] Byte values(const Contents& contents) const;
  [[nodiscard]] Fault judge(const At& at, bool opening) const;

  const Scenario& scenario_;
  const Change change_;
};

[[nodiscard]] const std::vector<Scenario>& scenarios();

struct Variant {
  Change change;
  std::string name;
  bool wrong;  ///< some scenario must find it
  bool large = false;
};
[[nodiscard]] const std::vector<Variant>& variants();

}  // namespace cacherator::model
