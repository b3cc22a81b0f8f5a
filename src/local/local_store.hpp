// The store on files: what is open, and the steps of the protocol. Where each step is:
//   opening.cpp      open            local_store.cpp  hit, tail, append
//   clearing.cpp     clear, drop, state
//   checkpoint.cpp   rotate, fold    foreign.cpp      step U: what others did to the files; reports
//   remote.cpp       what a second layer asks of it
//   stores.cpp       one store per cache and process; the background
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "flights.hpp"
#include "local/contents.hpp"
#include "local/folder.hpp"
#include "local/journal.hpp"
#include "local/stem.hpp"
#include "local/store.hpp"

namespace cacherator::engine {

constexpr Time kLookEvery = kSecond / 10;  ///< step U
constexpr Time kStill = 2 * kSecond;       ///< a damaged document that did not change for so long is not just being written

/// The hint word where no lock file is open.
inline const std::atomic<std::uint64_t> kNoWord{0};
/// The hint word where each hit is to ask the store: never one that was seen.
inline const std::atomic<std::uint64_t> kAsk{UINT64_MAX};

/// What it takes to open a store.
struct StoreName {
  std::string data_id;
  Stems stems;
  std::string directory;  ///< absolute
  Durability durability = Durability::process;
  Hits hits = Hits::mapped;
};

class LocalStore final : public Store, public std::enable_shared_from_this<LocalStore> {
 public:
  /// Nothing is opened yet; call load_now() once.
  explicit LocalStore(StoreName name);
  ~LocalStore() override;

  void load_now();
  /// What another object of this cache asks for besides: the stronger durability and the more careful hits hold for all.
  void demand(Durability durability, Hits hits);
  void forget_all();  ///< CacheOptions::clear_cache: entries and state

  [[nodiscard]] const Freshness& freshness() const noexcept override { return fresh_; }
  void refresh() override;
  /// Looks at the files at once: for a new object, whose user may just have removed them.
  void look_now();
  void tail() override;
  [[nodiscard]] std::optional<Entry> find(std::string_view signature, std::string_view digest) override;
  [[nodiscard]] std::uint64_t clock() const noexcept override;
  [[nodiscard]] bool holds(std::string_view function, std::uint64_t under) const override;
  [[nodiscard]] std::shared_ptr<FlightRange> range(std::string_view signature) override;
  Kept put(const Put& put) override;
  Result<void> drop(std::string_view signature) override;
  Result<void> clear(std::string_view function) override;
  Result<void> save_state(std::span<const Variable> changed, bool touch) override;
  [[nodiscard]] TableTokens tokens(std::string_view table) override;
  [[nodiscard]] std::string tokens_of(std::string_view table, std::string_view signature, std::string_view digest) override;
  void set_tokens(std::string_view table, const TableTokens& tokens) override;
  [[nodiscard]] std::uint64_t drops() const override { return drops_; }
  Kept bring(std::string_view table, const Put& put, bool plain, std::uint64_t drops) override;
  void said_once(std::string_view signature) override;
  void acknowledge(std::string_view table, std::span<const std::pair<std::string, Time>> entries) override;
  [[nodiscard]] std::map<std::string, std::string> pending(std::string_view table) override;
  void told(std::string_view table, std::string_view key, std::string_view id) override;
  void join(std::string_view table) override;
  bool bring_state(std::span<const Variable> variables) override;
  void note(std::string text, std::string_view once) override;
  void tell(std::string text) override;
  std::vector<std::string> take_operations() override;
  Result<void> checkpoint() override { return fold(true); }
  [[nodiscard]] std::vector<std::pair<std::string, Entry>> entries() override;
  [[nodiscard]] std::vector<Variable> state() override;
  [[nodiscard]] Time state_saved() override;
  [[nodiscard]] Info info() override;
  std::vector<std::string> take_notices() override;
  [[nodiscard]] const std::shared_ptr<Flights>& flights() const noexcept override;

  /// Folds the journal into the document. `wanted`: by a caller who wants to find the document up to date (waits, bounded,
  /// for another process that folds; makes the document if there is none); else in the background.
  Result<void> fold(bool wanted);
  /// When the background should fold: 0 now or later in nanoseconds, negative: nothing to fold.
  [[nodiscard]] Time fold_due(Time now) const;
  /// Closes the journal's descriptor if nobody uses it at this moment; it is opened again when needed.
  bool release_descriptor();
  /// Lets go of the folder in the same way; hits look at the files then.
  bool release_folder();
  [[nodiscard]] StoreName name() const { return {data_id_, stems_, directory_, durability_, hits_}; }
  /// False: some records are in memory alone, or someone is at work.
  [[nodiscard]] bool all_written() const;

 private:
  /// All that a fork makes void. Lock order: folding, append, index.
  struct Inner {
    std::mutex folding;         ///< one checkpoint at a time
    mutable std::mutex append;  ///< journal, folder, document's status
    mutable std::mutex index;   ///< contents, notices, counts

    std::shared_ptr<Folder> folder;
    std::optional<platform::Identity> left;  ///< the folder that was let go of, until it is used again
    std::string stem, document_name, journal_name, old_name;
    Journal journal;
    std::optional<platform::Status> document;  ///< as it was when read; nothing: there was none
    std::vector<std::string> read_journals;    ///< ids of journals that are in `contents`, the last ones
    std::string memory_only;                   ///< why the files cannot be used; empty: they can
    std::string pending;                       ///< records that could not be written yet
    std::uint64_t damaged_documents = 0;
    bool unread = false;          ///< the journal could not be read when it was last tried
    bool journal_is_old = false;  ///< by a copy or a loss of power: folded already, or the old journal's twin; not to be added to

    Contents contents;
    std::vector<std::string> notices, said;
    std::deque<std::string> operations;
    std::string joined;  ///< the table for which clears are pending
    std::uint64_t appended = 0, checkpoints = 0, write_faults = 0, other_faults = 0;

    std::atomic<std::uint64_t> journal_bytes{0}, document_bytes{0};
    std::atomic<Time> first_append{0}, last_append{0};  ///< since the last fold; 0: none
    std::shared_ptr<Flights> flights = std::make_shared<Flights>();
    const std::uint32_t forks;
    Inner();
  };

  /// This process's part; in the child of a fork a new one, opened from the files.
  Inner& inner() const;

  /// The hint word as it is now (I8).
  [[nodiscard]] std::uint64_t word(const Inner& in) const;
  [[nodiscard]] bool told(const Inner& in) const { return word(in) != fresh_.seen.load(); }

  // With Inner::append held:
  void watch(Inner& in);
  void load(Inner& in);
  void choose_stem(Inner& in);
  void set_stem(Inner& in, const std::string& stem);
  bool read_files(Inner& in, Contents& fresh);
  void adopt(Inner& in, Contents fresh);
  void tail(Inner& in);
  void read_journal(Inner& in, bool to_its_end = false);
  void sync_to_read(Inner& in, const Journal& journal);
  bool follow_journal(Inner& in);
  bool ensure_journal_open(Inner& in);
  int ensure_folder(Inner& in);
  void return_to_folder(Inner& in);
  int create_journal(Inner& in);
  int replace_old_journal(Inner& in);
  int append(Inner& in, const std::string& record, std::unique_lock<std::mutex>* held = nullptr);
  int write_record(Inner& in, std::string_view record, std::unique_lock<std::mutex>* held = nullptr);
  int settle_synced(Inner& in, std::unique_lock<std::mutex>* held);
  bool keep_pending(Inner& in, const std::string& record, int error);
  void look(Inner& in);  // step U
  void document_changed(Inner& in, const std::optional<platform::Status>& now_there);
  bool is_known_checkpoint(Inner& in, const std::vector<std::string>& folded);
  void note_damage(Inner& in, const Document& document);
  void merge(Inner& in, const std::shared_ptr<const Document>& document, const platform::Status& status);
  std::shared_ptr<const Document> read_document_file(const Inner& in, const Folder& folder, platform::Status& status, int& error);

  // The checkpoint (with Inner::folding held), checkpoint.cpp:
  Result<void> fold_locked(Inner& in, Folder& folder, bool wanted);
  enum class Old : std::uint8_t {
    none,       ///< there is nothing to fold
    ready,      ///< what was the journal
    left_over,  ///< by a crash: the journal itself comes after it
    failed,     ///< the journal could not be moved aside
  };
  Old prepare_old_journal(Inner& in, Folder& where);
  int rotate(Inner& in, Folder& where);
  enum class Written : std::uint8_t {
    done,
    again,    ///< the document was changed meanwhile
    not_now,  ///< it is perhaps being written; or the lock file or the old journal is another: whoever has them folds
  };
  Result<Written> write_document(Inner& in, Folder& folder);
  Result<void> save_whole(Inner& in);
  bool keep_damaged_copy(Inner& in, Folder& folder, const std::string& text);

  void notice(Inner& in, std::string text, std::string_view once = {});  // with Inner::index free
  static void notice_locked(Inner& in, std::string text, std::string_view once = {});
  void changed(bool known);
  void dirty(Inner& in, std::size_t bytes);

  // For a second layer (src/local/remote.cpp), with Inner::append held:
  std::string pending_id(Inner& in);
  template <class R>
  void apply_and_append(Inner& in, const R& record);

  const std::string data_id_;
  const Stems stems_;
  const std::string directory_;
  std::atomic<Durability> durability_;
  std::atomic<Hits> hits_;
  mutable Freshness fresh_;
  std::atomic<std::uint64_t> drops_{0};
  mutable std::atomic<Inner*> inner_{nullptr};
};

/// Tells the background that this store has something to fold (src/local/stores.cpp).
void note_dirty(const std::shared_ptr<LocalStore>& store);
/// Counts an open journal descriptor; beyond 64 the longest unused one is closed.
void note_descriptor(const std::shared_ptr<LocalStore>& store);
/// The same of the folder; to be called after each Folder::open.
void note_folder(const std::shared_ptr<LocalStore>& store);

}  // namespace cacherator::engine
