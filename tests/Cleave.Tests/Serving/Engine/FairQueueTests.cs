using Cleave.Serving.Engine;

namespace Cleave.Tests.Serving.Engine;

[Trait("Kernels", "unused")]
public sealed class FairQueueTests
{
    /// <summary>Lets shares that always want a turn have them for some time and says how long each computed.</summary>
    private static Dictionary<string, double> Simulate(double until, params (ComputeShare Share, double Turn, double From)[] all)
    {
        var queue = new FairQueue();
        var took = all.ToDictionary(a => a.Share.Name, _ => 0.0);
        var inside = new HashSet<ComputeShare>();
        for (double now = 0; now < until;)
        {
            foreach ((ComputeShare share, _, double from) in all)
            {
                if (from <= now && inside.Add(share))
                    queue.Join(share);
            }
            FairQueue.Place place = queue.First!;
            queue.Begin(place);
            double turn = all.First(a => a.Share == place.Share).Turn;
            FairQueue.End(place, turn);
            inside.Remove(place.Share);
            took[place.Share.Name] += turn;
            now += turn;
        }
        return took;
    }

    [Fact]
    public void Busy_models_compute_equally_long_however_long_their_turns_are()
    {
        Dictionary<string, double> took = Simulate(3000, (new("slow"), 10, 0), (new("quick"), 1, 0), (new("other"), 3, 0));
        Assert.All(took.Values, t => Assert.InRange(t, 980, 1020));
    }

    [Fact]
    public void Weights_are_shares()
    {
        Dictionary<string, double> took = Simulate(4000, (new("three", 3), 2, 0), (new("one"), 2, 0));
        Assert.InRange(took["three"], 2980, 3020);
    }

    [Fact]
    public void Who_was_away_gets_nothing_in_return_and_waits_for_one_turn_at_most()
    {
        Dictionary<string, double> took = Simulate(2000, (new("always"), 5, 0), (new("late"), 5, 1000));
        Assert.InRange(took["late"], 490, 510);
        var queue = new FairQueue();
        ComputeShare busy = new("busy"), rare = new("rare");
        for (int turn = 0; turn < 20; turn++)
        {
            FairQueue.Place place = queue.Join(busy);
            queue.Begin(place);
            FairQueue.Place? asked = turn % 5 == 0 ? queue.Join(rare) : null; // while the other computes
            FairQueue.End(place, 1);
            FairQueue.Place again = queue.Join(busy);
            if (asked is not null)
            {
                Assert.Same(asked, queue.First);
                queue.Begin(asked);
                FairQueue.End(asked, 0.1);
            }
            queue.Begin(again);
            FairQueue.End(again, 1);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void A_weight_is_above_zero(double weight) => Assert.Throws<ArgumentOutOfRangeException>(() => new ComputeShare("x", weight));

    [Fact]
    public void One_has_the_turn_at_a_time_and_everyone_gets_one()
    {
        var turns = new ComputeTurns();
        int inside = 0, had = 0;
        Thread[] threads = [.. Enumerable.Range(0, 6).Select(i => new Thread(() =>
        {
            turns.Take(new ComputeShare($"{i}", 1 + i));
            for (int n = 0; n < 50; n++)
            {
                Assert.Equal(1, Interlocked.Increment(ref inside));
                had++;
                Interlocked.Decrement(ref inside);
                turns.Renew();
            }
            turns.Leave();
        }))];
        Array.ForEach(threads, t => t.Start());
        Array.ForEach(threads, t => t.Join());
        Assert.Equal(300, had);
    }
}
