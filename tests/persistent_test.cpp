#include "cacherator/persistent.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <thread>

#include "cacherator/logging.hpp"
#include "temporary_folder.hpp"

namespace cacherator {
namespace {

struct Game : JSONCache {
  explicit Game(const TemporaryFolder& folder, Days ttl = Days{999}) : JSONCache({.data_id = "game_player1", .directory = folder.path(), .ttl = ttl}) {}
  Persistent<int> score{this, "score", 0};
  Persistent<std::map<std::string, std::set<int>>> found{this, "found", {}};
};

struct PersistentTest : testing::Test {
  TemporaryFolder folder;
};

TEST_F(PersistentTest, A_variable_survives_a_restart_after_a_save) {
  {
    Game game(folder);
    EXPECT_FALSE(game.score.restored());
    game.score += 100;
    game.found.update([](auto& found) { found["gold"].insert({1, 2}); });
    game.json_cache_save();
    EXPECT_TRUE(std::filesystem::exists(folder / "game-player1.json"));
  }
  Game game(folder);
  EXPECT_TRUE(game.score.restored());
  EXPECT_EQ(game.score, 100);
  EXPECT_EQ(game.found.get().at("gold"), (std::set{1, 2}));
}

TEST_F(PersistentTest, A_changed_variable_is_saved_when_it_goes_and_an_untouched_one_is_not) {
  {
    Game game(folder);
    game.score = 7;
  }
  Game game(folder);
  EXPECT_EQ(game.score, 7);
  EXPECT_TRUE(game.score.restored());
  EXPECT_FALSE(game.found.restored());
}

TEST_F(PersistentTest, An_exception_in_a_constructor_saves_nothing_half_made) {
  struct Broken : Game {
    explicit Broken(const TemporaryFolder& f) : Game(f) { throw std::runtime_error("half way"); }
  };
  EXPECT_THROW(Broken{folder}, std::runtime_error);
  EXPECT_FALSE(Game(folder).score.restored());
}

TEST_F(PersistentTest, A_variable_may_outlive_its_object) {
  std::unique_ptr<Persistent<int>> survivor;
  {
    Game game(folder);
    survivor = std::make_unique<Persistent<int>>(&game, "late", 1);
  }
  *survivor = 2;
  survivor.reset();
  Game game(folder);
  EXPECT_EQ(Persistent<int>(&game, "late", 0), 2);
}

TEST_F(PersistentTest, State_is_outdated_by_the_caches_ttl) {
  Game(folder).score = 7;
  EXPECT_EQ(Game(folder, Days{0}).score, 0);
  EXPECT_EQ(Game(folder, Days{30}).score, 7);
}

TEST_F(PersistentTest, Threads_may_change_it_together) {
  Game game(folder);
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 1000; ++k) ++game.score;
    });
  }
  game.json_cache_save();
  threads.clear();
  EXPECT_EQ(game.score, 4000);
}

TEST_F(PersistentTest, A_value_that_does_not_fit_the_type_is_kept_aside_with_a_warning) {
  struct Wrong : JSONCache {
    explicit Wrong(const TemporaryFolder& f) : JSONCache({.data_id = "game_player1", .directory = f.path()}) {}
    Persistent<std::string> score{this, "score", "none"};
  };
  { Game(folder).score = 7; }
  std::string warned;
  set_log_sink([&](std::string_view message) { warned += message; });
  EXPECT_EQ(Wrong(folder).score.get(), "none");
  set_log_sink(nullptr);
  EXPECT_NE(warned.find("'score' cannot be restored: it is not a text: 7"), std::string::npos) << warned;
  EXPECT_EQ(Game(folder).score, 7);
}

TEST_F(PersistentTest, One_that_cannot_be_is_told_where_it_is_made_and_leaves_nothing_behind) {
  const JSONCache cache({.data_id = "game_player1", .directory = folder.path()});
  EXPECT_THROW(Persistent<std::string>(&cache, "name", "\xff"), ValueError);
  EXPECT_THROW(Persistent<int>(&cache, "\xff", 1), std::invalid_argument);
  Persistent<int> score(&cache, "score", 1);
  score = 2;
  const_cast<JSONCache&>(cache).json_cache_save();
  EXPECT_EQ(Game(folder).score, 2);
}

}  // namespace
}  // namespace cacherator
