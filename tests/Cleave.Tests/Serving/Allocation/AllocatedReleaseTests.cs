using Cleave.Serving;
using Cleave.Serving.Allocation;
using Cleave.Serving.Engine;
using Cleave.Serving.Versions;
using Cleave.Splitting.Releases;

namespace Cleave.Tests.Serving.Allocation;

public sealed class AllocatedReleaseTests(TinyRelease tiny) : IClassFixture<TinyRelease>
{
    private const double KeyValues = 0.4;

    private static readonly (string Module, string Text)[] Asked = [("reply", "who is there?"), ("names", "it is anna"), ("mood", "so loud, shout")];

    /// <summary>Room for the reply's module or for the monolith, which answers for the names, but not for both.</summary>
    private long Tight()
    {
        using Release release = Release.Open(tiny.Folder);
        return (long)((release.StoredBytes("reply") + release.StoredBytes("monolith")) * 0.85 / (1 - KeyValues));
    }

    private static string Ask(IModuleHost host, (string Module, string Text) asked, CancellationToken cancellation = default)
    {
        var request = new ModuleRequest { Module = asked.Module, Prompt = asked.Text };
        return host.Run(request, new Nobody(), cancellation).Text;
    }

    [Fact]
    public async Task Modules_that_do_not_fit_together_come_when_they_are_asked_for_and_answer_as_ever()
    {
        string[] expected;
        using (Release all = Release.Open(tiny.Folder))
        using (var roomy = new ReleaseHost(all, default))
            expected = [.. Asked.Select(a => Ask(roomy, a))];
        long limit = Tight();
        using var allocator = new ServingAllocator(new AllocatorOptions { MemoryBytes = limit });
        using Release release = Release.Open(tiny.Folder);
        using (var host = new ReleaseHost(release, default, new ServingOptions { Allocator = allocator, KeyValueShare = KeyValues }))
        {
            Assert.Equal(["mood", "reply", "names"], host.Modules.Select(m => m.Name));
            Assert.Equal(48, host.Modules[1].ContextLength);
            await Task.WhenAll(Enumerable.Range(0, 4).Select(t => Task.Run(() =>
            {
                for (int i = t; i < t + Asked.Length; i++)
                    Assert.Equal(expected[i % Asked.Length], Ask(host, Asked[i % Asked.Length]));
            })));
            (long used, long evictions, long reloads) = allocator.Memory.Totals;
            Assert.True(evictions > 0 && reloads > 0, $"{evictions} evictions, {reloads} reloads");
            Assert.InRange(used, 1, limit);
            Assert.Equal(0, allocator.Memory.Waiting);
            Assert.All(allocator.Memory.State(), m => Assert.Equal(0, m.Users));
        }
        Assert.Equal(0, allocator.Memory.Totals.Used);
        Assert.Empty(allocator.Memory.State());
    }

    [Fact]
    public void Who_waits_for_memory_can_give_up_and_what_never_fits_is_refused_at_the_start()
    {
        using var allocator = new ServingAllocator(new AllocatorOptions { MemoryBytes = Tight() });
        using Release release = Release.Open(tiny.Folder);
        using var host = new ReleaseHost(release, default, new ServingOptions { Allocator = allocator, KeyValueShare = KeyValues });
        string key = allocator.Memory.State().Single(m => m.Module.Name.EndsWith("/reply", StringComparison.Ordinal)).Module.Name;
        using (allocator.Memory.Use(key, default))
        {
            using var soon = new CancellationTokenSource(TimeSpan.FromMilliseconds(50));
            Assert.Throws<OperationCanceledException>(() => Ask(host, Asked[1], soon.Token)); // a holder is not driven out
        }
        Assert.Contains("of memory are allowed for modules", Assert.Throws<CapacityException>(() =>
        {
            using var none = new ServingAllocator(new AllocatorOptions { MemoryBytes = 40_000 });
            using Release again = Release.Open(tiny.Folder);
            using var refused = new ReleaseHost(again, default, new ServingOptions { Allocator = none, KeyValueShare = KeyValues });
        }).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Weights_change_while_modules_compute_and_minimums_hold_in_all_versions()
    {
        using var allocator = new ServingAllocator(new AllocatorOptions { Weights = new Dictionary<string, double> { ["reply"] = 3 } });
        using HostedVersion first = ReleaseVersion.Open(tiny.Folder, allocator);
        ComputeShare reply = allocator.Share("reply"), monolith = allocator.Share("monolith");
        Assert.Equal(3, reply.Weight / monolith.Weight, 9);
        allocator.Set(new AllocatorOptions { MinimumShares = new Dictionary<string, double> { ["monolith"] = 0.9 } });
        Assert.Equal((0.9, true), (monolith.Weight, reply.Weight < 0.1));
        Assert.Throws<CleaveException>(() => allocator.Set(new AllocatorOptions { Weights = new Dictionary<string, double> { ["reply"] = 0 } }));
        Assert.Throws<CleaveException>(() => allocator.Set(new AllocatorOptions { MemoryBytes = 1 << 30 }));
        Assert.Equal(0.9, monolith.Weight);
        allocator.Look();
        Ask(first.Host, Asked[0]);
        allocator.Look();
        AllocationState state = allocator.State;
        Assert.Equal(BottleneckKind.None, state.Bottleneck.Kind);
        Assert.Contains(state.Load.Modules, m => m is { Name: "reply", IsResident: true, Room: > 0, WeightBytes: > 0, Processor: > 0 });
        Assert.True(allocator.Computed.Single(c => c.Module == "reply").CoreSeconds > 0);
    }

    private sealed class Nobody : IResultSink
    {
        public void Chosen(ModuleChoice choice) { }

        public void Text(string piece) { }
    }
}
