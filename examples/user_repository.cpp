// Database queries: rows are asked for once.
#include <sqlite3.h>
#include <cacherator/cacherator.hpp>

#include <iostream>

using cacherator::CachedMethod;
using cacherator::Days;
using cacherator::JSONCache;

struct User {
  int id = 0;
  std::string name;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(User, id, name)

class Database {
 public:
  explicit Database(const char* path) {
    if (sqlite3_open(path, &db_) != SQLITE_OK) throw std::runtime_error(sqlite3_errmsg(db_));
    run("CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY, name TEXT);"
        "CREATE TABLE IF NOT EXISTS posts (id INTEGER PRIMARY KEY, user_id INTEGER);"
        "INSERT OR IGNORE INTO users VALUES (1, 'Ada'), (2, 'Grace');"
        "INSERT OR IGNORE INTO posts VALUES (1, 1), (2, 1), (3, 2);");
  }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database() { sqlite3_close(db_); }

  /// The last column of the first row, if there is one.
  std::optional<std::string> ask(const char* sql, int id) const {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(db_, sql, -1, &statement, nullptr) != SQLITE_OK) throw std::runtime_error(sqlite3_errmsg(db_));
    sqlite3_bind_int(statement, 1, id);
    std::optional<std::string> answer;
    if (sqlite3_step(statement) == SQLITE_ROW) {
      answer = reinterpret_cast<const char*>(sqlite3_column_text(statement, sqlite3_column_count(statement) - 1));
    }
    sqlite3_finalize(statement);
    return answer;
  }

 private:
  void run(const char* sql) {
    if (sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) throw std::runtime_error(sqlite3_errmsg(db_));
  }
  sqlite3* db_ = nullptr;
};

class UserRepository : public JSONCache {
  const Database& db_;

  std::optional<User> get_user_by_id_(int id) {
    auto name = db_.ask("SELECT id, name FROM users WHERE id = ?", id);
    if (!name) return std::nullopt;
    return User{id, *std::move(name)};
  }
  int get_user_stats_(int id) { return std::stoi(*db_.ask("SELECT COUNT(*) FROM posts WHERE user_id = ?", id)); }

 public:
  explicit UserRepository(const Database& db) : JSONCache({.data_id = "user_repo", .ttl = Days{0.1}}), db_(db) {}  // 2.4 hours
  CachedMethod<&UserRepository::get_user_by_id_> get_user_by_id{this};
  CachedMethod<&UserRepository::get_user_stats_> get_user_stats{this, {.ttl = Days{1}}};
};

int main() {
  const Database db("users.sqlite");
  UserRepository repository(db);
  for (const int id : {1, 2, 3}) {
    const auto user = repository.get_user_by_id(id);
    std::cout << "user " << id << ": " << (user ? user->name : "nobody") << " (" << *repository.last_cache_status() << ")\n";
    const int posts = repository.get_user_stats(id);
    std::cout << "posts: " << posts << " (" << *repository.last_cache_status() << ")\n";
  }
}
