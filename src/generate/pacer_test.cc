#include "generate/pacer.h"

#include <gtest/gtest.h>

namespace tarn::generate {
namespace {

TEST(Pacer, FirstIsDueAtOnceAndTheRestInStep) {
  FakeClock clock;
  Pacer pacer(clock);
  EXPECT_EQ(pacer.UntilDue(5'000'000), 0);
  EXPECT_EQ(pacer.UntilDue(5'250'000), 250'000);
  clock.Advance(200'000);
  EXPECT_EQ(pacer.UntilDue(5'250'000), 50'000);
}

TEST(Pacer, CatchesUpAfterAShortDelay) {
  FakeClock clock;
  Pacer pacer(clock, 1'000'000);
  EXPECT_EQ(pacer.UntilDue(0), 0);
  clock.Advance(900'000);
  EXPECT_EQ(pacer.UntilDue(100'000), 0);
  EXPECT_EQ(pacer.UntilDue(900'000), 0);
  EXPECT_EQ(pacer.UntilDue(1'000'000), 100'000);
}

TEST(Pacer, GivesUpWhatIsFartherBehind) {
  FakeClock clock;
  Pacer pacer(clock, 1'000'000);
  EXPECT_EQ(pacer.UntilDue(0), 0);
  clock.Advance(3'600'000'000);
  EXPECT_EQ(pacer.UntilDue(1'000), 0);
  EXPECT_EQ(pacer.UntilDue(1'001'000), 0) << "one second is caught up";
  EXPECT_EQ(pacer.UntilDue(1'501'000), 500'000) << "and the rest of the hour is not";
}

TEST(Pacer, AStepOfTheWallClockChangesNothing) {
  FakeClock clock;
  Pacer pacer(clock);
  EXPECT_EQ(pacer.UntilDue(0), 0);
  clock.Step(-86'400'000'000);
  EXPECT_EQ(pacer.UntilDue(10'000), 10'000);
}

}  // namespace
}  // namespace tarn::generate
