// Every call that changes the files, in a program that keeps, clears, drops, saves and folds, is a point at which its process is killed, or is
// held while another process works on the same cache. These are the bars of the protocol ("a crash may separate"), and all between them.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "local_layer.hpp"
#include "platform/faults.hpp"

namespace cacherator::engine {
namespace {

using platform::FileCall;
using Kind = FileCall::Kind;

/// What a cache holds: signatures and variables, with their values.
using Model = std::map<std::string, std::string>;

/// One thing that a program does, and what it does to the cache.
struct Step {
  std::function<void(Cache&)> act;
  std::function<void(Model&)> effect;
  bool folds = false;
};
using Steps = std::vector<Step>;

Step keeps(const std::string& signature, const std::string& value) {
  return {[=](Cache& cache) { (void)keep(cache, signature, value); }, [=](Model& model) { model[signature] = value; }};
}
Step drops(const std::string& signature) {
  return {[=](Cache& cache) { (void)cache.drop(signature); }, [=](Model& model) { model.erase(signature); }};
}
/// All functions: "*".
Step clears(const std::string& function) {
  return {[=](Cache& cache) { (void)cache.clear(function); },
          [=](Model& model) {
            std::erase_if(model, [&](const auto& each) {
              return each.first.find('(') != std::string::npos && (function == "*" || each.first.starts_with(function + "("));
            });
          }};
}
Step saves(const std::string& name, const std::string& value) {
  return {[=](Cache& cache) { save(cache, name, value); }, [=](Model& model) { model[name] = value; }};
}
Step folds() {
  return {[](Cache& cache) { (void)cache.checkpoint(); }, [](Model&) {}, true};
}

const Steps kProgram = {keeps("a(1,){}", "1"),
                        keeps("b(1,){}", "1"),
                        saves("score", "1"),
                        folds(),
                        keeps("a(2,){}", "2"),
                        keeps("a(1,){}", "3"),
                        clears("b"),
                        keeps("b(2,){}", "4"),
                        saves("score", "2"),
                        folds(),
                        drops("a(2,){}"),
                        keeps("a(4,){}", "5"),
                        clears("*"),
                        keeps("c(1,){}", "6"),
                        folds()};
const Steps kOther = {keeps("c(9,){}", "9"), clears("a"), keeps("b(9,){}", "9")};

Model after(const Steps& steps) {
  Model model;
  for (const auto& step : steps) step.effect(model);
  return model;
}

Model all_of(Cache& cache) {
  Model all = values(cache);
  all.merge(variables(cache));
  return all;
}

/// "J", "O", "D", "L" as the protocol names the files; "tmp"; "folder".
std::string letter(const std::string& name) {
  for (const auto& [end, is] : {std::pair{".journal", "J"}, {".journal.old", "O"}, {".json", "D"}, {".lock", "L"}, {".tmp", "tmp"}}) {
    if (name.ends_with(end)) return is;
  }
  return "folder";
}
std::string letter(int fd) {
  char path[4096];
  const auto length = ::readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), path, sizeof path);
  return letter(std::string(path, static_cast<std::size_t>(std::max<ssize_t>(length, 0))));
}

/// The point's name; empty: a call that changes nothing.
std::string name_of(const FileCall& call) {
  switch (call.kind) {
    case Kind::make_folders: return "make folder";
    case Kind::open: return call.create ? "create " + letter(call.name) : "";
    case Kind::write: return "write " + letter(call.fd);
    case Kind::write_at: return "write to " + letter(call.fd);
    case Kind::sync: return "sync " + letter(call.fd);
    case Kind::link: return "link " + letter(call.name) + " " + letter(call.to);
    case Kind::rename: return "rename " + letter(call.name) + " " + letter(call.to);
    case Kind::unlink: return "unlink " + letter(call.name);
    case Kind::lock: return "lock";
    case Kind::unlock: return "unlock";
    default: return "";
  }
}

/// What the program's process tells this one.
struct Told {
  std::atomic<int> done{0};   ///< steps that have returned
  std::atomic<int> calls{0};  ///< points passed
  std::atomic<bool> held{false}, go_on{false};
  char point[64] = "";  ///< where it was stopped
};

struct Shared {
  Shared() : told(new(::mmap(nullptr, sizeof(Told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) Told) {}
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;
  ~Shared() { ::munmap(told, sizeof(Told)); }
  Told* const told;
};

enum class Stop : std::uint8_t { killed_before, killed_after, held_before, held_after };

/// Stops the thread that made it at its n-th call.
class Stopping final : public platform::Faults {
 public:
  Stopping(Told& told, int at, Stop how) : told_(told), at_(at), how_(how) {}

  long around(const FileCall& call, const std::function<long(const FileCall&)>& make) override {
    const std::string name = std::this_thread::get_id() == thread_ ? name_of(call) : "";
    const bool here = !name.empty() && ++told_.calls == at_;
    if (here) name.copy(told_.point, sizeof told_.point - 1);
    if (here && (how_ == Stop::killed_before || how_ == Stop::held_before)) stop();
    const long answer = call.kind == Kind::sync ? 0 : make(call);  // a real one takes milliseconds
    if (here && (how_ == Stop::killed_after || how_ == Stop::held_after)) stop();
    return answer;
  }

 private:
  void stop() {
    if (how_ == Stop::killed_before || how_ == Stop::killed_after) ::raise(SIGKILL);
    told_.held = true;
    while (!told_.go_on) ::usleep(100);
  }

  Told& told_;
  const int at_;
  const Stop how_;
  const std::thread::id thread_ = std::this_thread::get_id();
};

struct CrashPoints : testing::Test {
  void SetUp() override {
    SKIP_WHERE_FORK_AND_THREADS_DO_NOT_MIX();
    SKIP_WHERE_THE_ALLOCATOR_MAY_STAY_LOCKED();
  }
  /// A program, in a process of its own.
  std::unique_ptr<Process> start(Told& told, int at, Stop how, const Steps& steps = kProgram) const {
    return std::make_unique<Process>([&, at, how](Process&) {
      platform::faults = new Stopping(told, at, how);
      const auto cache = open_cache(folder->path());
      for (const auto& step : steps) {
        step.act(*cache);
        ++told.done;
      }
      return true;
    });
  }

  /// That the cache is one of `allowed`, for who has it open, for a new process, after a fold, and that it goes on from there.
  void expect(Cache& cache, const std::set<Model>& allowed) const {
    const Model found = all_of(cache);
    EXPECT_TRUE(allowed.contains(found)) << testing::PrintToString(found) << "\nis none of\n" << testing::PrintToString(allowed);
    EXPECT_EQ(all_of(**std::make_unique<Restarted>(*folder)), found) << "in another process";
    EXPECT_TRUE(cache.checkpoint());
    EXPECT_EQ(all_of(**std::make_unique<Restarted>(*folder)), found) << "after a fold";
    EXPECT_FALSE(std::filesystem::exists(*folder / "calc.journal.old"));
    keep(cache, "new(){}", "7");
    EXPECT_EQ(ask(**std::make_unique<Restarted>(*folder), "new(){}"), "7");
    EXPECT_EQ(cache.info().damaged_records + cache.info().damaged_documents, 0u);
  }

  std::optional<TemporaryFolder> folder;
};

/// The first `done` steps, and perhaps the next.
std::set<Model> after_steps(int done) {
  const auto next = std::min<std::size_t>(static_cast<std::size_t>(done) + 1, kProgram.size());
  return {after({kProgram.begin(), kProgram.begin() + done}), after({kProgram.begin(), kProgram.begin() + static_cast<long>(next)})};
}

/// `done` steps; then the other's, and the step that was held at any moment among them, or (killed) never; then, if not killed, the rest.
std::set<Model> after_both(int done, bool killed) {
  std::set<Model> models;
  const Steps before(kProgram.begin(), kProgram.begin() + done);
  for (std::size_t at = 0; at <= kOther.size(); ++at) {
    Steps steps = before;
    steps.insert(steps.end(), kOther.begin(), kOther.begin() + static_cast<long>(at));
    if (static_cast<std::size_t>(done) < kProgram.size()) steps.push_back(kProgram[static_cast<std::size_t>(done)]);
    steps.insert(steps.end(), kOther.begin() + static_cast<long>(at), kOther.end());
    if (!killed && static_cast<std::size_t>(done) < kProgram.size()) steps.insert(steps.end(), kProgram.begin() + done + 1, kProgram.end());
    models.insert(after(steps));
  }
  Steps never = before;
  never.insert(never.end(), kOther.begin(), kOther.end());
  if (killed) models.insert(after(never));
  return models;
}

TEST_F(CrashPoints, A_process_that_is_killed_at_any_of_them_loses_nothing_and_leaves_what_the_next_one_finishes) {
  std::set<std::string> points;
  for (const Stop how : {Stop::killed_before, Stop::killed_after}) {
    for (int at = 1;; ++at) {
      folder.emplace();
      const Shared shared;
      if (!start(*shared.told, at, how)->killed()) break;
      points.insert(shared.told->point);
      SCOPED_TRACE(std::string(how == Stop::killed_before ? "before " : "after ") + shared.told->point + ", " + std::to_string(at));
      expect(*open_cache(folder->path()), after_steps(shared.told->done));
      if (HasFailure()) return;
    }
  }
  const std::set<std::string> bars = {"create tmp",   "write tmp", "link tmp J",   "unlink tmp",  "write J",  "write to L", "link J O",
                                      "rename tmp J", "sync tmp",  "rename tmp D", "sync folder", "unlink O", "lock",       "unlock"};
  EXPECT_TRUE(std::includes(points.begin(), points.end(), bars.begin(), bars.end())) << testing::PrintToString(points);
}

/// `models`, and where the recovering process has got so far, what it kept.
std::set<Model> with_kept(const std::set<Model>& models, const Step& kept, bool surely) {
  std::set<Model> all;
  for (Model model : models) {
    if (!surely) all.insert(model);
    kept.effect(model);
    all.insert(model);
  }
  return all;
}

/// Recovery is an open and a checkpoint. It has bars of its own: what is there decides its steps.
TEST_F(CrashPoints, Who_finishes_what_a_killed_process_began_may_be_killed_at_any_of_them_too) {
  const Steps recovery = {keeps("c(8,){}", "8"), folds()};
  std::set<std::string> begun, points;
  for (int at = 1;; ++at) {
    folder.emplace();
    const Shared first;
    if (!start(*first.told, at, Stop::killed_before)->killed()) break;
    if (!std::filesystem::exists(*folder / "calc.journal.old")) continue;  // no checkpoint was under way
    const bool one_file = std::filesystem::equivalent(*folder / "calc.journal", *folder / "calc.journal.old");
    if (!begun.insert((one_file ? "one file: " : "two files: ") + std::string(first.told->point)).second) continue;  // as in an earlier checkpoint
    const TemporaryFolder left;
    std::filesystem::copy(folder->path(), left.path(), std::filesystem::copy_options::recursive);
    for (int then = 1;; ++then) {
      folder.emplace();
      std::filesystem::copy(left.path(), folder->path(), std::filesystem::copy_options::recursive);
      if (one_file) {
        std::filesystem::remove(*folder / "calc.journal.old");
        std::filesystem::create_hard_link(*folder / "calc.journal", *folder / "calc.journal.old");
      }
      const Shared second;
      if (!start(*second.told, then, Stop::killed_before, recovery)->killed()) break;
      points.insert(second.told->point);
      SCOPED_TRACE("killed before " + std::string(first.told->point) + ", " + std::to_string(at) + ", and then before " + second.told->point + ", " +
                   std::to_string(then));
      expect(*open_cache(folder->path()), with_kept(after_steps(first.told->done), recovery[0], second.told->done > 0));
      if (HasFailure()) return;
    }
  }
  const std::set<std::string> states = {"one file: create tmp",  "one file: write tmp",    "one file: rename tmp J",
                                        "two files: create tmp", "two files: write tmp",   "two files: rename tmp D",
                                        "two files: sync tmp",   "two files: sync folder", "two files: unlink O"};
  EXPECT_TRUE(std::includes(begun.begin(), begun.end(), states.begin(), states.end())) << testing::PrintToString(begun);
  const std::set<std::string> bars = {"lock",     "create tmp",   "write tmp",   "write J",  "link J O", "rename tmp J",
                                      "sync tmp", "rename tmp D", "sync folder", "unlink O", "unlock"};
  EXPECT_TRUE(std::includes(points.begin(), points.end(), bars.begin(), bars.end())) << testing::PrintToString(points);
}

TEST_F(CrashPoints, What_another_process_does_while_one_is_held_at_any_of_them_counts_whether_that_one_goes_on_or_is_killed) {
  for (const bool killed : {false, true}) {
    for (int at = 1;; ++at) {
      folder.emplace();
      EXPECT_TRUE(Process([&](Process&) { return keep(*open_cache(folder->path()), "b(0,){}", "0").serial > 0; }).well());
      clears("*").act(*open_cache(folder->path()));
      const Shared shared;
      auto program = start(*shared.told, at, at % 2 ? Stop::held_before : Stop::held_after);
      const auto cache = open_cache(folder->path());
      while (!shared.told->held && shared.told->done < static_cast<int>(kProgram.size())) ::usleep(100);
      if (!shared.told->held) {
        EXPECT_TRUE(program->well());
        break;
      }
      SCOPED_TRACE(std::string(killed ? "killed at " : "held at ") + shared.told->point + ", " + std::to_string(at));
      const int done = shared.told->done;
      for (const auto& step : kOther) step.act(*cache);
      if (!kProgram.at(static_cast<std::size_t>(done)).folds) {
        EXPECT_TRUE(cache->checkpoint());
      }
      if (killed) {
        program.reset();
      } else {
        shared.told->go_on = true;
        EXPECT_TRUE(program->well());
      }
      expect(*cache, after_both(done, killed));
      if (HasFailure()) return;
    }
  }
}

}  // namespace
}  // namespace cacherator::engine
