#include "dynamodb/retry.hpp"

#include <gtest/gtest.h>

namespace cacherator::engine::dynamodb {
namespace {

using namespace std::chrono_literals;

const SteadyTime kBegin{1000h};

TEST(Backoff, DoublesWithEachAttemptUpToTwentySeconds) {
  EXPECT_EQ(backoff(1, 1, 1s), 1s);
  EXPECT_EQ(backoff(2, 1, 1s), 2s);
  EXPECT_EQ(backoff(3, 1, 1s), 4s);
  EXPECT_EQ(backoff(6, 1, 1s), 20s);
  EXPECT_EQ(backoff(1000, 1, 1s), 20s);
}

TEST(Backoff, IsAnyPartOfThatTime) {
  EXPECT_EQ(backoff(1, 0), 0s);
  EXPECT_EQ(backoff(2, 0.25), 500ms);
  EXPECT_EQ(backoff(2, 0.5, 50ms), 50ms);
}

TEST(AttemptLimit, LeavesHalfOfTheTimeForAnotherAttemptAndGivesTheLastOneAllOfIt) {
  EXPECT_EQ(attempt_limit(1, 3s), 1500ms);
  EXPECT_EQ(attempt_limit(2, 1500ms), 750ms);
  EXPECT_EQ(attempt_limit(3, 750ms), 750ms);
}

TEST(AttemptLimit, IsNoShorterThanHalfASecondAndNoLongerThanWhatIsLeft) {
  EXPECT_EQ(attempt_limit(1, 600ms), 500ms);
  EXPECT_EQ(attempt_limit(1, 200ms), 200ms);
}

TEST(TokenBucket, PaysForAHundredRetriesAndNoMore) {
  TokenBucket bucket;
  for (int i = 0; i < 100; ++i) ASSERT_EQ(bucket.take(false), 5) << i;
  EXPECT_EQ(bucket.take(false), 0);
}

TEST(TokenBucket, ARetryAfterATimeoutCostsTwiceAsMuch) {
  TokenBucket bucket;
  for (int i = 0; i < 50; ++i) ASSERT_EQ(bucket.take(true), 10) << i;
  EXPECT_EQ(bucket.take(true), 0);
}

TEST(TokenBucket, ARetryThatSucceededGivesItsTokensBack) {
  TokenBucket bucket;
  bucket.succeeded(bucket.take(true));
  EXPECT_EQ(bucket.tokens(), TokenBucket::kCapacity);
}

TEST(TokenBucket, ASuccessWithoutRetryBringsOneTokenAndNeverOverflows) {
  TokenBucket bucket;
  bucket.succeeded(0);
  EXPECT_EQ(bucket.tokens(), TokenBucket::kCapacity);
  ASSERT_EQ(bucket.take(false), 5);
  bucket.succeeded(0);
  EXPECT_EQ(bucket.tokens(), TokenBucket::kCapacity - 4);
}

class BreakerTest : public testing::Test {
 protected:
  bool allows(SteadyTime now) const {
    return breaker_.allows([&] { return now; });
  }
  /// Fails one probe after another, each as soon as it is allowed, and gives the time for which it is open after the last one.
  std::chrono::nanoseconds open_after(int failures) {
    SteadyTime now = kBegin;
    breaker_.failed(now);
    for (int i = 1; i < failures; ++i) {
      now = first_allowed(now);
      EXPECT_TRUE(breaker_.allow(now));
      breaker_.failed(now);
    }
    return first_allowed(now) - now;
  }
  SteadyTime first_allowed(SteadyTime from) const {
    while (!allows(from)) from += 100ms;
    return from;
  }
  Breaker breaker_;
};

TEST_F(BreakerTest, IsClosedAtFirst) {
  EXPECT_TRUE(breaker_.allow(kBegin));
  EXPECT_EQ(breaker_.state(kBegin), Breaker::State::closed);
}

TEST_F(BreakerTest, OneFailedOperationOpensItForASecond) {
  EXPECT_TRUE(breaker_.failed(kBegin));
  EXPECT_FALSE(breaker_.allow(kBegin + 999ms));
  EXPECT_EQ(breaker_.state(kBegin + 999ms), Breaker::State::open);
  EXPECT_EQ(breaker_.state(kBegin + 1s), Breaker::State::half_open);
}

TEST_F(BreakerTest, OneOperationProbesAndTheOthersFailUntilItEnds) {
  breaker_.failed(kBegin);
  EXPECT_TRUE(breaker_.allow(kBegin + 1s));
  EXPECT_FALSE(breaker_.allow(kBegin + 1s));
  EXPECT_FALSE(allows(kBegin + 1s));
  breaker_.succeeded();
  EXPECT_TRUE(breaker_.allow(kBegin + 1s));
}

TEST_F(BreakerTest, StaysOpenTwiceAsLongAfterEachFailedProbeUpToThirtySeconds) {
  EXPECT_EQ(open_after(2), 2s);
  breaker_.succeeded();
  EXPECT_EQ(open_after(5), 16s);
  breaker_.succeeded();
  EXPECT_EQ(open_after(9), 30s);
}

TEST_F(BreakerTest, BeginsAtASecondAgainOnceAProbeSucceeded) {
  EXPECT_EQ(open_after(4), 8s);
  breaker_.succeeded();
  EXPECT_EQ(open_after(1), 1s);
}

TEST_F(BreakerTest, OperationsThatBeganBeforeItOpenedDoNotKeepItOpenLonger) {
  breaker_.failed(kBegin);
  for (int i = 0; i < 50; ++i) EXPECT_FALSE(breaker_.failed(kBegin + 500ms));
  EXPECT_TRUE(breaker_.allow(kBegin + 1s));
}

TEST_F(BreakerTest, AProbeThatNeverEndsIsFollowedByAnother) {
  breaker_.failed(kBegin);
  ASSERT_TRUE(breaker_.allow(kBegin + 1s));
  EXPECT_FALSE(breaker_.allow(kBegin + 10s));
  EXPECT_TRUE(breaker_.allow(kBegin + 11s));
}

TEST_F(BreakerTest, AGentleFailureOpensItForOneSecondEachTime) {
  breaker_.failed(kBegin, true);
  ASSERT_TRUE(breaker_.allow(kBegin + 1s));
  breaker_.failed(kBegin + 1s, true);
  EXPECT_TRUE(breaker_.allow(kBegin + 2s));
}

TEST_F(BreakerTest, SaysOnlyOnceThatItOpened) {
  EXPECT_TRUE(breaker_.failed(kBegin));
  ASSERT_TRUE(breaker_.allow(kBegin + 1s));
  EXPECT_FALSE(breaker_.failed(kBegin + 1s));
}

}  // namespace
}  // namespace cacherator::engine::dynamodb
