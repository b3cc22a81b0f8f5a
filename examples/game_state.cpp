// State persistence: Persistent members survive a restart.
#include <cacherator/cacherator.hpp>

#include <iostream>

using cacherator::JSONCache;
using cacherator::Persistent;

class GameState : public JSONCache {
 public:
  explicit GameState(const std::string& game_id) : JSONCache({.data_id = "game_" + game_id}) {}
  Persistent<int> score{this, "score", 0};
  Persistent<int> level{this, "level", 1};

  void add_points(int points) {
    score += points;
    json_cache_save();
  }
};

int main() {
  GameState game("player1");
  game.add_points(100);
  std::cout << "level " << game.level.get() << ", score " << game.score.get() << '\n';
}
