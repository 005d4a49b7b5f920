using Cleave.Numerics.Threading;

namespace Cleave.Tests.Numerics.Kernels;

public class ThreadTeamTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void Every_part_runs_once(int threads)
    {
        using var team = new ThreadTeam(threads);
        for (int parts = 0; parts < 50; parts++)
        {
            var body = new Count { Seen = new int[parts] };
            team.Run(parts, ref body);
            Assert.All(body.Seen, n => Assert.Equal(1, n));
        }
    }

    [Fact]
    public void Workers_that_have_parked_are_woken()
    {
        using var team = new ThreadTeam(3);
        for (int round = 0; round < 3; round++)
        {
            // Both parts have to be inside at once before either goes on, so a worker must have come.
            using var together = new Barrier(2);
            var body = new Meet { Together = together };
            team.Run(2, ref body);
            Thread.Sleep(5); // long enough to park
        }
    }

    [Fact]
    public void A_run_inside_a_part_runs_on_its_thread()
    {
        using var team = new ThreadTeam(2);
        var body = new Nested { Team = team, Seen = new int[4 * 8], Threads = new int[4 * 8] };
        team.Run(4, ref body);
        Assert.All(body.Seen, n => Assert.Equal(1, n));
        for (int outer = 0; outer < 4; outer++)
            Assert.Single(body.Threads[(outer * 8)..(outer * 8 + 8)].Distinct());
    }

    [Fact]
    public void Several_callers_at_once_all_finish()
    {
        using var team = new ThreadTeam(2);
        var counts = new int[4][];
        Thread[] callers = [.. Enumerable.Range(0, 4).Select(c => new Thread(() =>
        {
            var body = new Count { Seen = new int[16] };
            for (int round = 0; round < 500; round++)
                team.Run(16, ref body);
            counts[c] = body.Seen;
        }))];
        Array.ForEach(callers, t => t.Start());
        Array.ForEach(callers, t => t.Join());
        Assert.All(counts, seen => Assert.All(seen, n => Assert.Equal(500, n)));
    }

    [Fact]
    public void An_exception_reaches_the_caller_and_the_team_lives_on()
    {
        using var team = new ThreadTeam(2);
        for (int bad = 0; bad < 6; bad++)
        {
            var body = new Throwing { Bad = bad, Seen = new int[6] };
            var error = Assert.Throws<InvalidOperationException>(() => team.Run(6, ref body));
            Assert.Equal($"part {bad}", error.Message);
            Assert.Equal(5, body.Seen.Sum());
            body.Bad = -1;
            team.Run(6, ref body);
            Assert.Equal(11, body.Seen.Sum());
        }
    }

    [Fact]
    public void A_run_allocates_nothing()
    {
        using var team = new ThreadTeam(2);
        var body = new Count { Seen = new int[8] };
        team.Run(8, ref body);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
            team.Run(8, ref body);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void A_disposed_team_runs_on_its_caller()
    {
        var team = new ThreadTeam(2);
        team.Dispose();
        var body = new Count { Seen = new int[3] };
        team.Run(3, ref body);
        Assert.Equal([1, 1, 1], body.Seen);
    }

    [Fact]
    public void A_scope_replaces_the_shared_team_on_this_thread()
    {
        using var team = new ThreadTeam(3);
        ThreadTeam before = ThreadTeam.Current;
        using (ThreadTeam.Use(team))
            Assert.Same(team, ThreadTeam.Current);
        Assert.Same(before, ThreadTeam.Current);
    }

    [Fact]
    public void The_number_of_threads_is_checked()
    {
        Assert.Null(ThreadTeam.ThreadsFrom(null));
        Assert.Equal(7, ThreadTeam.ThreadsFrom("7"));
        foreach (string bad in new[] { "0", "-1", "two", "100000" })
            Assert.Contains(bad, Assert.Throws<CapacityException>(() => ThreadTeam.ThreadsFrom(bad)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => new ThreadTeam(0));
        Assert.InRange(Processors.Physical(), 1, Environment.ProcessorCount);
        Assert.Throws<InvalidOperationException>(() => ThreadTeam.Configure(ThreadTeam.Shared.Threads + 1));
        ThreadTeam.Configure(ThreadTeam.Shared.Threads);
    }

    private struct Count : IPart
    {
        public int[] Seen;

        public readonly void Invoke(int part) => Interlocked.Increment(ref Seen[part]);
    }

    private struct Meet : IPart
    {
        public Barrier Together;

        public readonly void Invoke(int part) => Assert.True(Together.SignalAndWait(TimeSpan.FromSeconds(60)));
    }

    private struct Nested : IPart
    {
        public ThreadTeam Team;
        public int[] Seen, Threads;

        public readonly void Invoke(int part)
        {
            var inner = new Inner { Seen = Seen, Threads = Threads, First = part * 8 };
            Team.Run(8, ref inner);
        }
    }

    private struct Inner : IPart
    {
        public int[] Seen, Threads;
        public int First;

        public readonly void Invoke(int part)
        {
            Interlocked.Increment(ref Seen[First + part]);
            Threads[First + part] = Environment.CurrentManagedThreadId;
        }
    }

    private struct Throwing : IPart
    {
        public int Bad;
        public int[] Seen;

        public readonly void Invoke(int part)
        {
            if (part == Bad)
                throw new InvalidOperationException($"part {part}");
            Interlocked.Increment(ref Seen[part]);
        }
    }
}
