"""Database queries: rows are asked for once."""

import sqlite3
from typing import Any, Dict, Optional

from cacherator import Cached, JSONCache


def open_database() -> sqlite3.Connection:
    db = sqlite3.connect("users.sqlite")
    db.executescript(
        "CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY, name TEXT);"
        "CREATE TABLE IF NOT EXISTS posts (id INTEGER PRIMARY KEY, user_id INTEGER);"
        "INSERT OR IGNORE INTO users VALUES (1, 'Ada'), (2, 'Grace');"
        "INSERT OR IGNORE INTO posts VALUES (1, 1), (2, 1), (3, 2);"
    )
    return db


class UserRepository(JSONCache):
    def __init__(self, db: sqlite3.Connection) -> None:
        self._excluded_cache_vars = ["db"]
        super().__init__(data_id="user_repo", ttl=0.1)  # 2.4 hours
        self.db = db

    @Cached()
    def get_user_by_id(self, user_id: int) -> Optional[Dict[str, Any]]:
        row = self.db.execute("SELECT id, name FROM users WHERE id = ?", (user_id,)).fetchone()
        return {"id": row[0], "name": row[1]} if row else None

    @Cached(ttl=1)
    def get_user_stats(self, user_id: int) -> int:
        return int(self.db.execute("SELECT COUNT(*) FROM posts WHERE user_id = ?", (user_id,)).fetchone()[0])


if __name__ == "__main__":
    repository = UserRepository(open_database())
    for user_id in (1, 2, 3):
        user = repository.get_user_by_id(user_id)
        print(f"user {user_id}: {user['name'] if user else 'nobody'} ({repository.last_cache_status})")
        print(f"posts: {repository.get_user_stats(user_id)} ({repository.last_cache_status})")
