// Loss of power: all that a program did to its files is recorded, and each moment of it is a folder as it may look afterwards. What was
// not synced may be lost, cut off or full of zeros, and each name may mean what it meant at any time since its folder was synced.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <random>
#include <set>

#include "faulty_files.hpp"
#include "local/document.hpp"
#include "local/journal.hpp"
#include "local_layer.hpp"

namespace cacherator::engine {
namespace {

/// What happened to the files of one folder, in order.
struct Event {
  enum Kind : std::uint8_t { write, sync_file, name, sync_folder, told } kind;
  int file = -1;             ///< write, sync_file; name: which file it means from now on, -1: none
  std::string text{};        ///< write: bytes; name: the name
  std::uint64_t offset = 0;  ///< write
};

class Recorder final : public platform::Faults {
 public:
  long around(const FileCall& call, const Make& make) override {
    std::lock_guard lock(mutex_);
    const long answer = call.kind == FileCall::Kind::sync ? 0 : make(call);  // a real sync takes milliseconds
    if (answer >= 0) record(call, answer);
    return answer;
  }
  /// The program has been told something: it is sure from here on.
  void told() {
    std::lock_guard lock(mutex_);
    events.push_back({.kind = Event::told});
  }
  std::vector<Event> events;

 private:
  void record(const FileCall& call, long answer) {
    switch (call.kind) {
      case FileCall::Kind::open:
        if (call.create) name(call.name, files_[inode(static_cast<int>(answer))] = next_++);
        break;
      case FileCall::Kind::write: {
        const int file = files_.at(inode(call.fd));
        auto& size = sizes_[file];
        events.push_back({.kind = Event::write, .file = file, .text = std::string(call.bytes.substr(0, static_cast<std::size_t>(answer))), .offset = size});
        size += static_cast<std::uint64_t>(answer);
        break;
      }
      case FileCall::Kind::sync: {
        const auto file = files_.find(inode(call.fd));
        events.push_back(file == files_.end() ? Event{.kind = Event::sync_folder} : Event{.kind = Event::sync_file, .file = file->second});
        break;
      }
      case FileCall::Kind::link: name(call.to, names_.at(call.name)); break;
      case FileCall::Kind::rename:
        name(call.to, names_.at(call.name));
        name(call.name, -1);
        break;
      case FileCall::Kind::unlink: name(call.name, -1); break;
      default: break;
    }
  }
  void name(const std::string& text, int file) {
    names_[text] = file;
    events.push_back({.kind = Event::name, .file = file, .text = text});
  }
  static std::uint64_t inode(int fd) {
    struct stat found {};
    ::fstat(fd, &found);
    return found.st_ino;
  }

  std::mutex mutex_;
  std::map<std::uint64_t, int> files_;  ///< by inode; a number that is used again belongs to a new file
  std::map<int, std::uint64_t> sizes_;
  std::map<std::string, int> names_;
  int next_ = 0;
};

/// What may be found after a loss of power behind the first `count` events.
class Remains {
 public:
  Remains(const std::vector<Event>& events, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      const Event& event = events[i];
      switch (event.kind) {
        case Event::write: files_[event.file].bytes.replace(event.offset, event.text.size(), event.text); break;
        case Event::sync_file: files_[event.file].sure = files_[event.file].bytes.size(); break;
        case Event::name: {
          auto known = std::find_if(names_.begin(), names_.end(), [&](const auto& each) { return each.first == event.text; });
          if (known == names_.end()) known = names_.insert(known, {event.text, {-1}});
          known->second.push_back(event.file);
          files_[event.file];
          break;
        }
        case Event::sync_folder:
          for (auto& [name, meant] : names_) meant.erase(meant.begin(), meant.end() - 1);
          break;
        case Event::told: break;
      }
    }
  }

  enum How : std::uint8_t { all_kept, all_lost, names_kept, bytes_kept, by_chance };
  void make(const std::filesystem::path& folder, How how, std::mt19937& chance) const {
    const bool copied = how == by_chance && chance() % 2;  // names of one file are two files then
    std::map<int, std::filesystem::path> made;
    for (const auto& [name, meant] : names_) {
      const bool last = how == all_kept || how == names_kept;
      const int file = how == by_chance ? meant[chance() % meant.size()] : last ? meant.back() : meant.front();
      if (file < 0 || name.ends_with(".lock")) continue;  // a lock file is of its boot only
      if (!copied && made.contains(file)) {
        std::filesystem::create_hard_link(made[file], folder / name);
        continue;
      }
      made[file] = folder / name;
      const bool whole = how == all_kept || how == bytes_kept;
      std::ofstream(folder / name, std::ios::binary) << bytes(files_.at(file), how == by_chance ? 2 : whole ? 1 : 0, chance);
    }
  }

 private:
  struct File {
    std::string bytes{};
    std::size_t sure = 0;
  };
  static std::string bytes(const File& file, int how, std::mt19937& chance) {
    std::string text = file.bytes;
    const std::size_t open = text.size() - file.sure;
    if (how == 0) text.resize(file.sure);
    if (how < 2 || open == 0) return text;
    const std::size_t from = file.sure + chance() % (open + 1), to = from + chance() % (text.size() - from + 1);
    switch (chance() % 4) {
      case 0: break;
      case 1: text.resize(from); break;
      case 2: text.replace(from, to - from, to - from, '\0'); break;  // a page that was not written
      default: text.replace(from, text.size() - from, text.size() - from, '\0');
    }
    return text;
  }

  std::map<int, File> files_;
  std::vector<std::pair<std::string, std::vector<int>>> names_;  ///< in the order of their first use, as some are random
};

/// A program that notes what it was told, and when.
class Program {
 public:
  explicit Program(Durability durability) : durability_(durability) {}

  void run() {
    const Installed installed(recorder_);
    open();
    for (int i = 0; i < 3; ++i) keep("f(" + std::to_string(i) + ",){}");
    keep("g(0,){}");
    (void)cache_->checkpoint();
    keep("f(3,){}");
    keep("f(0,){}");
    forget("f(1,){}");
    keep("g(1,){}");
    clear("f");
    keep("f(1,){}");
    (void)cache_->checkpoint();
    keep("g(0,){}");
    forget("g(1,){}");
    cache_.reset();
    open();
    (void)cache_->checkpoint();
    keep("h(0,){}");
    clear("g");
    keep("f(5,){}");
    (void)cache_->checkpoint();
    (void)cache_->checkpoint();
    keep("f(6,){}");
    recorder_->told();
  }

  /// What a signature may be at a moment: what it was told last, and what was begun since.
  struct Told {
    std::size_t begun, told;  ///< events
    std::string value;        ///< empty: it is gone
    std::uint64_t under = 0;
  };
  std::map<std::string, std::vector<Told>> told;
  [[nodiscard]] const std::vector<Event>& events() const { return recorder_->events; }

 private:
  void open() { cache_ = *Cache::open({.data_id = "calc", .directory = folder_.str(), .durability = durability_}); }
  void keep(const std::string& signature) {
    const std::string value = '"' + std::string(20 + 400 * (count_ % 2), 'v') + std::to_string(count_) + '"';
    ++count_;
    auto answer = cache_->ask({.signature = signature, .ttl = 999, .recompute = true});
    auto& lead = std::get<Lead>(answer);
    const std::size_t begun = recorder_->events.size();
    EXPECT_NE(cache_->keep(lead, signature, {}, value, 999).serial, 0U);
    recorder_->told();
    told[signature].push_back({begun, recorder_->events.size(), value, lead.under});
    lead.land();
  }
  void forget(const std::string& signature) {
    const std::size_t begun = recorder_->events.size();
    EXPECT_TRUE(cache_->drop(signature));
    recorder_->told();
    told[signature].push_back({begun, recorder_->events.size(), {}});
  }
  void clear(const std::string& function) {
    const std::size_t begun = recorder_->events.size();
    EXPECT_TRUE(cache_->clear(function));
    recorder_->told();
    for (auto& [signature, all] : told) {
      if (signature.starts_with(function + '(')) all.push_back({begun, recorder_->events.size(), {}});
    }
  }

  TemporaryFolder folder_;
  Durability durability_;
  std::shared_ptr<Recorder> recorder_ = std::make_shared<Recorder>();
  std::shared_ptr<Cache> cache_;
  int count_ = 0;
};

class PowerLossTest : public testing::Test {
 protected:
  PowerLossTest() {
    use_folders_in_memory();
    set_log_sink(nullptr);
  }

  using Check = std::function<void(const Program&, std::size_t count, const Values& found, const ClearedMap& cleared)>;

  /// All moments, in all extreme ways and some of those between.
  void lose_power(const Program& program, const Check& check, int samples) {
    for (std::size_t count = 1; count <= program.events().size(); ++count) {
      const Remains remains(program.events(), count);
      for (int sample = 0; sample < 4 + samples; ++sample) {
        const auto how = static_cast<Remains::How>(std::min(sample, 4));
        TemporaryFolder folder;
        remains.make(folder.path(), how, chance_);
        SCOPED_TRACE("after " + std::to_string(count) + " of " + std::to_string(program.events().size()) + " events, way " + std::to_string(sample));
        const auto cleared = cleared_in(folder);
        auto cache = open_cache(folder.path());
        check(program, count, values(*cache), cleared);
        ++states_;
        if (sample >= 6 || HasFailure()) continue;
        // And it goes on: what is written now is found by the next program, with what was there.
        engine::keep(*cache, "new(1,){}", "\"new\"");
        // (Not of this cache: a record that lacked nothing but its newline is whole by what was written behind it.)
        auto expected = values(*Restarted(folder));
        EXPECT_EQ(expected["new(1,){}"], "\"new\"");
        EXPECT_TRUE(cache->checkpoint());
        engine::keep(*cache, "new(2,){}", "\"new\"");
        expected["new(2,){}"] = "\"new\"";
        EXPECT_EQ(values(*Restarted(folder)), expected);
      }
      if (HasFailure()) return;
    }
    RecordProperty("states", states_);
  }
  /// The clears that the files of a folder name.
  static ClearedMap cleared_in(const TemporaryFolder& folder) {
    ClearedMap cleared;
    const auto note = [&](const std::string& function, std::uint64_t number) { cleared[function].number = std::max(cleared[function].number, number); };
    for (const char* name : {"calc.journal", "calc.journal.old"}) {
      std::istringstream lines(folder.read(name));
      for (std::string line; std::getline(lines, line) && !lines.eof();) {  // without its newline it is not there yet
        const auto record = parse_record(line);
        if (const auto* clear = std::get_if<ClearRecord>(&record)) note(clear->function, clear->number);
        if (const auto* header = std::get_if<JournalHeader>(&record)) {
          for (const auto& [function, each] : header->cleared) note(function, each.number);
        }
      }
    }
    if (std::filesystem::exists(folder / "calc.json")) {
      const auto document = read_document(std::make_shared<std::string>(folder.read("calc.json")));
      for (const auto& [function, each] : document->header.cleared) note(function, each.number);
    }
    return cleared;
  }

  std::mt19937 chance_{20240607u + static_cast<unsigned>(testing::UnitTest::GetInstance()->random_seed())};  // others: --gtest_shuffle
  int states_ = 0;
};

/// The value was once right; nothing that a clear in the files made void.
void expect_right(const Program& program, std::size_t, const Values& found, const ClearedMap& cleared) {
  for (const auto& [signature, value] : found) {
    const auto& all = program.told.at(signature);
    const auto told = std::find_if(all.begin(), all.end(), [&, &is = value](const auto& each) { return each.value == is; });
    ASSERT_NE(told, all.end()) << signature << " is " << value;
    const auto clear = cleared.find(function_of(signature));
    EXPECT_GE(told->under, clear == cleared.end() ? 0 : clear->second.number) << signature << " was cleared";
  }
}

/// What was told last is there, or what was begun since.
void expect_all(const Program& program, std::size_t count, const Values& found, const ClearedMap& cleared) {
  expect_right(program, count, found, cleared);
  for (const auto& [signature, all] : program.told) {
    std::set<std::string> allowed{""};
    for (const auto& each : all) {
      if (each.told <= count) allowed = {each.value};
      else if (each.begun < count) allowed.insert(each.value);
    }
    const auto entry = found.find(signature);
    EXPECT_TRUE(allowed.contains(entry == found.end() ? "" : entry->second))
        << signature << " is " << (entry == found.end() ? "lost" : entry->second) << ", not " << *allowed.rbegin();
  }
}

TEST_F(PowerLossTest, In_durability_power_nothing_that_was_returned_is_lost) {
  Program program(Durability::power);
  program.run();
  lose_power(program, expect_all, 16);
}

TEST_F(PowerLossTest, By_default_the_cache_opens_and_what_it_returns_is_right) {
  Program program(Durability::process);
  program.run();
  lose_power(program, expect_right, 16);
}

/// Counts syncs, each of which takes as long as that of a good disk.
class SlowSync final : public platform::Faults {
 public:
  long around(const FileCall& call, const Make& make) override {
    if (call.kind != FileCall::Kind::sync) return make(call);
    ++syncs;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return 0;
  }
  std::atomic<int> syncs{0};
};

TEST_F(PowerLossTest, Threads_that_write_at_once_share_their_syncs) {
  constexpr int kThreads = 16, kEach = 20;
  TemporaryFolder folder;
  auto slow = std::make_shared<SlowSync>();
  const Installed installed(slow);
  auto cache = *Cache::open({.data_id = "calc", .directory = folder.str(), .durability = Durability::power});
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < kEach; ++i) {
        const std::string signature = "f(" + std::to_string(thread) + "," + std::to_string(i) + "){}";
        EXPECT_NE(engine::keep(*cache, signature, std::to_string(i)).serial, 0U);
        EXPECT_EQ(ask(*cache, signature), std::to_string(i));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_LT(slow->syncs, kThreads * kEach / 2);
  EXPECT_EQ(values(*Restarted(folder)).size(), kThreads * kEach);
}

TEST_F(PowerLossTest, One_object_that_asks_for_power_gets_it_for_its_whole_cache) {
  TemporaryFolder folder;
  auto slow = std::make_shared<SlowSync>();
  const Installed installed(slow);
  auto first = *Cache::open({.data_id = "calc", .directory = folder.str()});
  engine::keep(*first, "f(){}", "1");
  EXPECT_EQ(slow->syncs, 0);
  auto second = *Cache::open({.data_id = "calc", .directory = folder.str(), .durability = Durability::power});
  engine::keep(*second, "g(){}", "2");
  const int after_one = slow->syncs;
  EXPECT_GT(after_one, 0);
  engine::keep(*first, "h(){}", "3");
  EXPECT_GT(slow->syncs, after_one);
  EXPECT_EQ(values(*first), values(*Restarted(folder)));
}

/// What is forgotten or cleared while its record is being synced stays so, here and in the files.
TEST_F(PowerLossTest, What_is_written_during_a_sync_is_taken_over_in_the_order_of_the_journal) {
  TemporaryFolder folder;
  const Installed installed(std::make_shared<SlowSync>());
  auto cache = *Cache::open({.data_id = "calc", .directory = folder.str(), .durability = Durability::power});
  for (int round = 0; round < 20; ++round) {
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&, thread] {
        if (thread == 2) (void)cache->drop("f(){}");
        if (thread == 3 && round % 2) (void)cache->clear("g");
        const std::string signature = thread % 2 ? "f(){}" : "g(){}";
        auto answer = cache->ask({.signature = signature, .recompute = true, .alone = true});
        (void)cache->keep(std::get<Lead>(answer), signature, {}, std::to_string(round * 4 + thread), 999);
      });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(values(*cache), values(*Restarted(folder)));
  }
}

}  // namespace
}  // namespace cacherator::engine
