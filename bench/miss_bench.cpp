// A miss that is kept on disk, beside RocksDB's Put without sync of the same key and value.
#include <rocksdb/db.h>
#include <cacherator/cacherator.hpp>

#include <filesystem>

#include "rounds.hpp"

int main() {
  const auto folder = std::filesystem::temp_directory_path() / ("cacherator-bench-" + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  {
    cacherator::JSONCache cache({.data_id = "bench", .directory = folder});
    const auto ours = cacherator::memoize(cache, "add", [](double x, double y) { return x + y; });
    cacherator::JSONCache unshared({.data_id = "unshared", .directory = folder, .single_flight_wait = std::chrono::seconds(0)});
    const auto alone = cacherator::memoize(unshared, "add", [](double x, double y) { return x + y; });
    rocksdb::DB* opened = nullptr;
    rocksdb::Options options;
    options.create_if_missing = true;
    bench::require(rocksdb::DB::Open(options, (folder / "rocksdb").string(), &opened).ok(), "RocksDB opens");
    const std::unique_ptr<rocksdb::DB> peer(opened);

    double next = 0, next_alone = 0;
    long put = 0;
    const auto call = [&](long calls) {
      for (long i = 0; i < calls; ++i) ours(next++, 2.0);
    };
    const auto call_alone = [&](long calls) {
      for (long i = 0; i < calls; ++i) alone(next_alone++, 2.0);
    };
    const auto rocks = [&](long calls) {
      for (long i = 0; i < calls; ++i) {
        std::string key = "add(";
        cacherator::append_signature(key, static_cast<double>(put));
        key += ", 2.0){}";
        std::string value;
        cacherator::append_signature(value, static_cast<double>(put++) + 2.0);
        if (!peer->Put(rocksdb::WriteOptions(), key, value).ok()) std::abort();
      }
    };
    call(1000);
    rocks(1000);
    std::string read;
    bench::require(peer->Get(rocksdb::ReadOptions(), "add(5.0, 2.0){}", &read).ok() && read == "7.0", "RocksDB reads what it wrote");
    cacherator::JSONCache again({.data_id = "bench", .directory = folder});
    bench::require(cacherator::memoize(again, "add", [](double, double) { return 0.0; }).peek(5, 2) == 7.0, "the files hold what was computed");

    std::vector<bench::Contestant> few{{"ours, a miss kept on disk", call}, {"RocksDB Put, no sync", rocks}, {"ours, single_flight_wait = 0", call_alone}};
    bench::race(few, 2000, 9);
    bench::show("C++ miss, at 1,000 to 20,000 entries", few, 1.0);
    const double at_few = few[0].best;
    call(100'000);
    call_alone(100'000);
    rocks(100'000);
    std::vector<bench::Contestant> many{{"ours, a miss kept on disk", call}, {"RocksDB Put, no sync", rocks}, {"ours, single_flight_wait = 0", call_alone}};
    bench::race(many, 2000, 9);
    bench::show("C++ miss, at 120,000 entries", many, 1.0);
    std::printf("  ours at 120,000 entries / at 1,000: %.2f\n", many[0].best / at_few);
  }
  std::filesystem::remove_all(folder);
}
