using Cleave.Numerics;
using Cleave.Serving.Allocation;

namespace Cleave.Tests.Serving.Allocation;

[Trait("Kernels", "unused")]
public sealed class MemoryTableTests
{
    [Fact]
    public void What_nobody_waits_for_any_more_makes_no_room()
    {
        MemoryTable table = Table(100, ("a", 100), ("b", 100), ("c", 100));
        Load(table, "a", 0);
        Assert.False(table.TryUse("b", 1));
        Assert.False(table.TryUse("c", 1));
        table.Abandon("b");
        Assert.Equal(new MemoryStep("a", false), table.Next(100));
        table.Gone("a");
        Assert.Equal(new MemoryStep("c", true), table.Next(100));
        table.Abandon("d"); // whose version has gone
    }

    [Fact]
    public void What_does_not_fit_waits_until_who_is_worth_less_has_ended_and_stayed_its_time()
    {
        MemoryTable table = Table(200, ("a", 100), ("b", 100), ("c", 100));
        Load(table, "a", 0);
        Load(table, "b", 0);
        Assert.True(table.TryUse("a", 1));
        Assert.True(table.TryUse("b", 1));
        Assert.True(table.TryUse("b", 1));
        Assert.False(table.TryUse("c", 1.5));
        Assert.Null(table.Next(1.5)); // they have just come
        Assert.Equal(2.5, table.Patience(1.5)!.Value, 9);
        Assert.Null(table.Next(4.5)); // 'a' is asked for less often, and still in use
        Assert.False(table.TryUse("a", 4.6)); // it takes no more requests
        table.Leave("a");
        Assert.Equal(new MemoryStep("a", false), table.Next(4.7));
        Assert.Equal(200, table.Used);
        Assert.Null(table.Next(4.7));
        table.Gone("a");
        Assert.Equal(new MemoryStep("c", true), table.Next(4.8));
        table.Loaded("c", 100, 1, 5);
        Assert.True(table.TryUse("c", 5, again: true));
        table.Leave("b");
        table.Leave("b");
        Assert.Equal(new MemoryStep("b", false), table.Next(5)); // 'a' comes next, and 'c' has just come
        table.Gone("b");
        Assert.Equal(new MemoryStep("a", true), table.Next(5));
        Assert.Equal((2L, 0L), (table.Evictions, table.Reloads));
        table.Loaded("a", 100, 1, 6);
        Assert.Equal(1, table.Reloads);
    }

    [Fact]
    public void Memory_is_never_exceeded_nobody_is_taken_away_from_its_user_and_everyone_gets_a_turn()
    {
        var rng = new Rng(5);
        string[] names = ["a", "b", "c", "d", "e"];
        MemoryTable table = Table(250, ("a", 100), ("b", 90), ("c", 120), ("d", 30), ("e", 240));
        var using_ = new List<(string Name, double Until)>();
        var waiting = new List<(string Name, double Since)>();
        var loading = new List<(string Name, double Until)>();
        int served = 0;
        double longest = 0;
        for (double now = 0; now < 400; now += 0.05)
        {
            using_.RemoveAll(u => { bool over = u.Until <= now; if (over) table.Leave(u.Name); return over; });
            loading.RemoveAll(l =>
            {
                bool over = l.Until <= now;
                if (over)
                    table.Loaded(l.Name, Bytes(l.Name), 0.2, now);
                return over;
            });
            waiting.RemoveAll(w => { bool got = table.TryUse(w.Name, now, again: true); if (got) { served++; longest = Math.Max(longest, now - w.Since); using_.Add((w.Name, now + rng.NextDouble())); } return got; });
            if (now < 350 && rng.NextInt(3) == 0)
            {
                string name = names[rng.NextInt(names.Length)];
                if (table.TryUse(name, now))
                    using_.Add((name, now + rng.NextDouble()));
                else
                    waiting.Add((name, now));
            }
            while (table.Next(now) is { } step)
            {
                if (step.Load)
                {
                    loading.Add((step.Module, now + 0.2));
                    continue;
                }
                Assert.DoesNotContain(using_, u => u.Name == step.Module);
                table.Gone(step.Module);
            }
            Assert.True(table.Used <= 250, $"{table.Used} bytes");
        }
        Assert.Empty(waiting);
        Assert.True(served > 100 && longest < 30, $"{served} served, the last after {longest} s");

        long Bytes(string name) => table.State(0).Single(s => s.Module.Name == name).Module.Bytes;
    }

    [Fact]
    public void What_would_not_fit_alone_is_refused_when_it_is_added()
    {
        MemoryTable table = Table(100, ("a", 100));
        Assert.Contains("'b' needs 101 bytes and 100 bytes of memory", Assert.Throws<CapacityException>(() => table.Add("b", 101, 1)).Message, StringComparison.Ordinal);
        Assert.False(table.Knows("b"));
        Assert.Throws<CapacityException>(() => table.SetLimit(99));
        table.SetLimit(1000);
        Assert.Throws<CapacityException>(() => table.Reserve(901));
        table.Reserve(900);
        Assert.Throws<CapacityException>(() => table.Add("b", 101, 1));
    }

    private static MemoryTable Table(long limit, params (string Name, long Bytes)[] units)
    {
        var table = new MemoryTable(limit);
        foreach ((string name, long bytes) in units)
            table.Add(name, bytes, 1);
        return table;
    }

    private static void Load(MemoryTable table, string name, double now)
    {
        Assert.False(table.TryUse(name, now));
        Assert.Equal(new MemoryStep(name, true), table.Next(now));
        table.Loaded(name, table.State(now).Single(s => s.Module.Name == name).Module.Bytes, 1, now);
    }
}
