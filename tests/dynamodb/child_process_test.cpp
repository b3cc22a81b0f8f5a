// Programs of the user's: bounded in time and in what they print.
#include "dynamodb/child_process.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <thread>

#include "temporary_folder.hpp"

namespace cacherator::engine::dynamodb {
namespace {

using namespace std::chrono_literals;

Result<std::string> shell(const std::string& script, std::chrono::milliseconds limit = 10s) { return output_of({"sh", "-c", script}, limit); }

std::string fault(const Result<std::string>& result) { return result ? "no fault: " + *result : result.fault().message; }

TEST(ChildProcess, What_a_program_prints_is_read_to_its_end) {
  EXPECT_EQ(*shell("echo a; sleep 0.1; echo b"), "a\nb\n");
  EXPECT_EQ(shell("head -c 65536 /dev/zero")->size(), 65536u);
  EXPECT_EQ(*shell("true"), "");
}

TEST(ChildProcess, It_has_nothing_to_read_and_its_complaints_are_not_ours) { EXPECT_EQ(*shell("cat; echo done; echo complaint >&2"), "done\n"); }

TEST(ChildProcess, A_variable_takes_the_place_of_its_namesake) {
  EXPECT_EQ(*output_of({"sh", "-c", "echo $HOME; env | grep -c ^HOME="}, 10s, "HOME=/of/its/own"), "/of/its/own\n1\n");
  EXPECT_EQ(*shell("echo $HOME"), std::string(std::getenv("HOME")) + "\n");
}

TEST(ChildProcess, One_that_takes_too_long_is_killed_with_all_it_started) {
  const TemporaryFolder folder;
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_NE(fault(shell("(sleep 1; touch " + folder.str() + "/alive) & sleep 100", 200ms)).find("200 ms"), std::string::npos);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 1s);
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "it was not waited for";
  std::this_thread::sleep_for(1200ms);
  EXPECT_FALSE(std::filesystem::exists(folder / "alive"));
}

TEST(ChildProcess, One_that_closes_its_output_is_still_waited_for) {
  EXPECT_NE(fault(shell("exec >&-; sleep 0.1; exit 4")).find("ended with 4"), std::string::npos);
  EXPECT_NE(fault(shell("exec >&-; sleep 100", 200ms)).find("200 ms"), std::string::npos);
}

TEST(ChildProcess, What_one_leaves_running_is_not_waited_for) {
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(*shell("sleep 5 & echo a"), "a\n");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 3s);
}

TEST(ChildProcess, One_that_prints_without_end_or_cannot_be_started_is_a_fault) {
  EXPECT_NE(fault(shell("yes")).find("64 KiB"), std::string::npos);
  EXPECT_NE(fault(output_of({"/nowhere/at-all", "s3cret"}, 1s)).find("'/nowhere/at-all' cannot be run"), std::string::npos);
  EXPECT_EQ(fault(output_of({"/nowhere/at-all", "s3cret"}, 1s)).find("s3cret"), std::string::npos);
  EXPECT_FALSE(output_of({}, 1s));
}

}  // namespace
}  // namespace cacherator::engine::dynamodb
