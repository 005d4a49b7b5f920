using Cleave.Numerics;
using Cleave.Serving.Feedback;

namespace Cleave.Tests.Serving.Feedback;

/// <summary>A version's share of the requests follows what people say, and no more is lost than may be.</summary>
[Trait("Kernels", "unused")]
public sealed class VersionBanditTests
{
    private sealed record Life(VersionBandit Bandit, double Lost, int Judged, List<TrialVerdict> Verdicts);

    // Judges so many answers, or until a verdict; what is lost is what was to be expected, not what happened.
    private static Life Live(double serving, double tried, int judgements, ulong seed, double most = 0.5, double risk = 0.05, double judgedIfGood = 1, bool untilVerdict = false)
    {
        var verdicts = new List<TrialVerdict>();
        var bandit = new VersionBandit(most, risk, s => verdicts.Add(s.Verdict));
        var rng = new Rng(seed);
        double lost = 0;
        int judged = 0;
        while (judged < judgements && !(untilVerdict && verdicts.Count > 0))
        {
            double share = bandit.Share;
            bool isTried = rng.NextDouble() < share, isBad = rng.NextDouble() < (isTried ? tried : serving);
            if (!isBad && rng.NextDouble() >= judgedIfGood)
                continue;
            judged++;
            lost += share * (tried - serving);
            bandit.Judge(isTried, share, isBad ? 0 : 1);
            Assert.InRange(bandit.Share, 0, most);
        }
        return new Life(bandit, lost, judged, verdicts);
    }

    [Theory]
    [InlineData(0.3, 0.1)]
    [InlineData(0.1, 0.05)]
    public void The_better_version_comes_to_have_the_most_it_may(double serving, double tried)
    {
        Life life = Live(serving, tried, 8000, seed: 3);
        Assert.Equal(0.5, life.Bandit.Share, 2);
        Assert.NotEmpty(life.Verdicts);
        Assert.DoesNotContain(TrialVerdict.Worse, life.Verdicts);
        BanditState state = life.Bandit.State;
        Assert.InRange(tried - serving, state.Low, state.High);
        Assert.Equal(8000, state.Judged);
    }

    [Theory]
    [InlineData(0.05, 1, 0.05)]
    [InlineData(0.1, 0.4, 0.05)]
    [InlineData(0.1, 0.4, 0.01)]
    public void The_worse_version_ends_with_nothing_and_what_it_cost_is_within_the_risk(double serving, double tried, double risk)
    {
        for (ulong seed = 1; seed <= 20; seed++)
        {
            Life life = Live(serving, tried, 20_000, seed, risk: risk, untilVerdict: true);
            Assert.Equal([TrialVerdict.Worse], life.Verdicts);
            Assert.Equal(0, life.Bandit.Share);
            Assert.True(life.Lost <= risk * life.Judged, $"{life.Lost} lost of {life.Judged}");
            life.Bandit.Judge(true, 0.5, 1); // what still comes in changes nothing
            Assert.Equal((0, (long)life.Judged), (life.Bandit.Share, life.Bandit.State.Judged));
        }
    }

    /// <summary>Of two versions that are alike, one in forty may at most ever be called worse, and one in forty better, however long one looks.</summary>
    [Fact]
    public void Verdicts_about_equals_are_seldom_wrong_at_any_time()
    {
        int worse = 0, better = 0;
        for (ulong seed = 1; seed <= 200; seed++)
        {
            Life life = Live(0.3, 0.3, 1500, seed);
            worse += life.Verdicts.Contains(TrialVerdict.Worse) ? 1 : 0;
            better += life.Verdicts.Contains(TrialVerdict.Better) ? 1 : 0;
        }
        Assert.InRange(worse, 0, 10); // 5 expected at most, two standard deviations
        Assert.InRange(better, 0, 10);
    }

    /// <summary>The bounds hold at every moment at once, also where the share changes, bad answers are judged oftener, and people become stricter.</summary>
    [Theory]
    [InlineData(1, 0)]
    [InlineData(1, 0.4)]
    public void Bounds_hold_at_every_moment(double judgedIfGood, double stricter)
    {
        int wrong = 0;
        for (ulong seed = 1; seed <= 100; seed++)
        {
            var bandit = new VersionBandit(0.5);
            var rng = new Rng(seed);
            bool isWrong = false;
            for (int i = 0; i < 1500; i++)
            {
                double share = bandit.Share, strictness = stricter * i / 1500;
                if (share <= 0)
                    break;
                bool isTried = rng.NextDouble() < share, isBad = rng.NextDouble() < 0.1 + strictness + (isTried ? 0.1 : 0);
                if (!isBad && rng.NextDouble() >= judgedIfGood)
                    continue;
                bandit.Judge(isTried, share, isBad ? 0 : 1);
                BanditState state = bandit.State;
                isWrong |= state.Low > 0.1 || state.High < 0.1;
            }
            wrong += isWrong ? 1 : 0;
        }
        Assert.InRange(wrong, 0, 10); // 5 expected at most
    }

    [Fact]
    public void Where_good_answers_are_seldom_judged_the_worse_version_is_found_all_the_same()
    {
        Assert.Equal([TrialVerdict.Worse], Live(0.1, 0.3, 20_000, seed: 5, judgedIfGood: 0.1, untilVerdict: true).Verdicts);
        Assert.DoesNotContain(TrialVerdict.Worse, Live(0.1, 0.1, 4000, seed: 5, judgedIfGood: 0.1).Verdicts);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Who_wants_to_do_harm_gets_no_further_than_the_bounds(bool praises)
    {
        var bandit = new VersionBandit(0.3, 0.02);
        var rng = new Rng(1);
        for (int i = 0; i < 3000 && bandit.Share > 0; i++)
        {
            double share = bandit.Share;
            bool isTried = rng.NextDouble() < share;
            bandit.Judge(isTried, share, isTried == praises ? 5 : -5);
            Assert.InRange(bandit.Share, 0, 0.3);
        }
        Assert.Equal(praises ? 0.3 : 0, bandit.Share, 6);
        Assert.Equal(praises ? TrialVerdict.Better : TrialVerdict.Worse, bandit.State.Verdict);
    }

    [Fact]
    public void It_begins_with_the_risk_and_without_judgements_nothing_changes()
    {
        Assert.Equal((0.05, 0.03), (new VersionBandit(0.5).Share, new VersionBandit(0.03).Share));
        var bandit = new VersionBandit(0.5);
        bandit.Judge(true, 0, 0); // a draw that was none
        bandit.Judge(false, 1, 0);
        bandit.Judge(false, double.NaN, 0);
        Assert.Equal(new BanditState(0.05, 0.5, 0.05, 0, 0, null, -1, 1, TrialVerdict.Open), bandit.State);
    }

    [Fact]
    public void The_same_judgements_give_the_same_state()
    {
        Life[] both = [Live(0.2, 0.15, 700, seed: 9), Live(0.2, 0.15, 700, seed: 9)];
        Assert.Equal(both[0].Bandit.State, both[1].Bandit.State);
        Assert.InRange(both[0].Bandit.State.Extra!.Value, both[0].Bandit.State.Low, both[0].Bandit.State.High);
    }

    [Theory]
    [InlineData(0, 0.05)]
    [InlineData(1, 0.05)]
    [InlineData(double.NaN, 0.05)]
    [InlineData(0.5, 0)]
    [InlineData(0.5, 1)]
    [InlineData(0.5, double.NaN)]
    public void What_is_no_share_or_risk_is_refused(double most, double risk) => Assert.Throws<ArgumentOutOfRangeException>(() => new VersionBandit(most, risk));
}
