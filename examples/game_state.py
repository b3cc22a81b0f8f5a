"""State persistence: attributes survive a restart."""

from cacherator import JSONCache


class GameState(JSONCache):
    score: int
    level: int

    def __init__(self, game_id: str) -> None:
        super().__init__(data_id=f"game_{game_id}")
        if not hasattr(self, "score"):
            self.score = 0
            self.level = 1

    def add_points(self, points: int) -> None:
        self.score += points
        self.json_cache_save()


if __name__ == "__main__":
    game = GameState("player1")
    game.add_points(100)
    print(f"level {game.level}, score {game.score}")
