using System.Runtime.CompilerServices;
using Cleave.Models.Sampling.Grammars;
using Cleave.Serving;
using Cleave.Serving.Feedback;
using Cleave.Serving.Versions;

namespace Cleave.Tests.Serving.Versions;

[Trait("Kernels", "unused")]
public sealed class VersionedHostTests
{
    private static readonly string A = SayingHost.HashOf("a"), B = SayingHost.HashOf("b");

    private static VersionedHost Create(int most = 4) => new(new SayingHost("a").Version(), (folder, _) => new SayingHost(folder).Version(), most);

    private static ModuleResult Ask(VersionedHost host, string? id = null, string text = "x", Heard? heard = null) =>
        host.Run(new ModuleRequest { Module = "reply", Prompt = text, Id = id }, heard ?? new Heard(), CancellationToken.None);

    private static VersionRole? RoleOf(VersionedHost host, string hash) => host.State.Versions.FirstOrDefault(v => v.Hash == hash)?.Role;

    [Fact]
    public async Task A_loaded_version_answers_only_when_it_is_promoted_and_a_rollback_goes_back()
    {
        using VersionedHost host = Create();
        VersionState loaded = await host.LoadAsync("b");
        Assert.Equal((B, VersionRole.Ready), (loaded.Hash, loaded.Role));
        Assert.Equal("a a a", Ask(host).Text);
        host.Promote(B);
        var heard = new Heard();
        ModuleResult answer = Ask(host, heard: heard);
        Assert.Equal(("b b b", B, B, "b b b"), (answer.Text, answer.Choice.Version, heard.Choice!.Version, heard.Text));
        Assert.Equal((A, VersionRole.Ready), (host.State.RollbackTo, RoleOf(host, A)));
        Assert.Equal(A, host.Rollback());
        Assert.Equal("a a a", Ask(host).Text);
        Assert.Contains("has served before", Assert.Throws<VersionException>(() => host.Rollback()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_a_request_cannot_have_is_no_failure_of_the_version_that_says_so()
    {
        using VersionedHost host = Create();
        await host.LoadAsync("b");
        host.StartLearning(B, 50);
        foreach ((string text, Type refusal) in new[] { ("too long", typeof(CapacityException)), ("no such rules", typeof(GrammarException)), ("busy", typeof(BusyException)) })
        {
            for (int i = 0; i < 20; i++)
                Assert.Throws(refusal, () => Ask(host, $"{text}-{i}".Replace(' ', '-'), text));
        }
        Assert.All(host.State.Versions, v => Assert.Equal((0, 0), (v.Requests, v.Failures)));
        Assert.Equal(0, host.State.Trial!.Learned!.Judged);
        for (int i = 0; i < 20; i++)
            Assert.Throws<InvalidOperationException>(() => Ask(host, $"fail-{i}", "fail"));
        Assert.Equal(20, host.State.Versions.Sum(v => v.Failures));
    }

    [Fact]
    public async Task What_cannot_be_done_is_refused_and_changes_nothing()
    {
        using VersionedHost host = Create(most: 2);
        Assert.True(Assert.Throws<VersionException>(() => host.Promote(B)).IsUnknown);
        Assert.True(Assert.Throws<VersionException>(() => host.Promote(A[..7])).IsUnknown);
        Assert.False((await Assert.ThrowsAsync<VersionException>(() => host.Unload(A[..8]))).IsUnknown);
        Assert.Throws<VersionException>(() => host.StartCanary(A, 10));
        await host.LoadAsync("b");
        Assert.Contains("unload one", (await Assert.ThrowsAsync<VersionException>(() => host.LoadAsync("c"))).Message, StringComparison.Ordinal);
        foreach (double percent in new[] { 0, -1, 100.5, double.NaN })
            Assert.Throws<VersionException>(() => host.StartCanary(B, percent));
        Assert.Equal([(A, VersionRole.Serving), (B, VersionRole.Ready)], host.State.Versions.Select(v => (v.Hash, v.Role)));
        Assert.Equal("a a a", Ask(host).Text);
    }

    [Fact]
    public async Task Other_projects_and_failures_to_load_are_refused_and_the_same_contents_are_there_once()
    {
        var again = new SayingHost("a");
        using var host = new VersionedHost(new SayingHost("a").Version(), (folder, _) => folder switch
        {
            "other" => new SayingHost("x").Version("another project"),
            "again" => again.Version(),
            _ => throw new CleaveException("a file is damaged"),
        });
        Assert.Contains("belongs to the project 'another project'", (await Assert.ThrowsAsync<VersionException>(() => host.LoadAsync("other"))).Message, StringComparison.Ordinal);
        Assert.Equal("a file is damaged", (await Assert.ThrowsAsync<CleaveException>(() => host.LoadAsync("damaged"))).Message);
        Assert.Equal(VersionRole.Serving, (await host.LoadAsync("again")).Role);
        Assert.True(again.IsDisposed);
        Assert.Single(host.State.Versions);
        Assert.Null(host.State.Loading);
    }

    [Fact]
    public async Task A_version_that_lacks_modules_is_promoted_by_force_alone_and_gets_no_requests_for_them()
    {
        using var host = new VersionedHost(new SayingHost("a").Version(), (_, _) => new SayingHost("b") { Modules = [new("mood", Cleave.Data.TaskKind.Classify, DateTimeOffset.UnixEpoch, null)] }.Version());
        await host.LoadAsync("b");
        Assert.Contains("has no reply", Assert.Throws<VersionException>(() => host.Promote(B)).Message, StringComparison.Ordinal);
        host.StartCanary(B, 100);
        Assert.Equal("a a a", Ask(host, "id").Text);
        host.Promote(B, force: true);
        Assert.Equal(["mood"], host.Modules.Select(m => m.Name));
    }

    [Fact]
    public async Task A_canary_gets_its_share_by_the_requests_ids_and_the_same_ids_again()
    {
        using VersionedHost host = Create();
        await host.LoadAsync("b");
        host.StartCanary(B, 20);
        Assert.Equal((VersionRole.Canary, 20), (RoleOf(host, B), host.State.Trial!.Percent));
        string[] ids = [.. Enumerable.Range(0, 4000).Select(i => $"request-{i}")];
        string[] first = [.. ids.Where(id => Ask(host, id).Text == "b b b")];
        Assert.Equal(first, ids.Where(id => Ask(host, id).Text == "b b b"));
        Assert.InRange(first.Length, 700, 900); // 800 ± 4 standard deviations
        Assert.Equal("a a a", Ask(host).Text); // without an id
        host.StartCanary(B, 60);
        Assert.All(first, id => Assert.Equal("b b b", Ask(host, id).Text)); // a larger share keeps those that it had
        host.EndTrial();
        Assert.All(first, id => Assert.Equal("a a a", Ask(host, id).Text));
    }

    [Fact]
    public async Task A_trial_that_learns_gives_a_version_what_its_answers_earn_and_in_the_end_nothing()
    {
        using VersionedHost host = Create();
        await host.LoadAsync("b");
        var decided = new List<VersionTrial>();
        host.Decided = decided.Add;
        host.StartLearning(B, 40);
        Assert.Equal((VersionRole.Canary, 5), (RoleOf(host, B), host.State.Trial!.Percent));
        Assert.Null(Ask(host).Choice.Draw); // without an id
        for (int i = 0; i < 4000 && (decided.Count == 0 || host.State.Trial.Percent < 39); i++)
        {
            TrialDraw draw = Ask(host, $"good-{i}").Choice.Draw!;
            draw.Judge(draw.IsTried ? 1 : 0.7);
        }
        Assert.Equal(40, host.State.Trial.Percent, 0);
        Assert.Equal([TrialVerdict.AsGood], decided.Select(d => d.Learned!.Verdict));
        int asked = 0, tried = 0;
        for (; asked < 1000; asked++)
            tried += Ask(host, $"between-{asked}").Text == "b b b" ? 1 : 0;
        Assert.InRange(tried, 338, 462); // 400 ± 4 standard deviations

        host.StartLearning(B, 40); // from the beginning
        for (int i = 0; i < 4000 && host.State.Trial.Percent > 0; i++)
        {
            if (Ask(host, $"bad-{i}").Choice.Draw is not { } draw)
                break;
            draw.Judge(draw.IsTried ? 0 : 0.9);
        }
        Assert.Equal((VersionRole.Ready, 0, TrialVerdict.Worse), (RoleOf(host, B), host.State.Trial.Percent, host.State.Trial.Learned!.Verdict));
        Assert.Equal(B, decided[^1].Hash);
        Assert.All(Enumerable.Range(0, 200), i => Assert.Equal("a a a", Ask(host, $"after-{i}").Text));
    }

    [Fact]
    public async Task A_request_that_fails_counts_once_against_its_version_and_a_trial_ends_with_what_it_was_compared_with()
    {
        using VersionedHost host = Create();
        await host.LoadAsync("b");
        await host.LoadAsync("c");
        host.StartLearning(B, 50, 0.3);
        using (PinnedVersion pinned = host.Pin("reply", "several answers"))
        {
            for (int i = 0; i < 3; i++)
                Assert.Throws<InvalidOperationException>(() => pinned.Run(new ModuleRequest { Module = "reply", Prompt = "fail", Id = "several answers" }, new Heard(), CancellationToken.None));
        }
        Assert.Equal(1, host.State.Trial!.Learned!.Judged);
        for (int i = 0; i < 50; i++)
            Assert.Throws<InvalidOperationException>(() => Ask(host, $"{i}", "fail"));
        BanditState state = host.State.Trial.Learned!;
        Assert.Equal(51, state.Judged);
        Assert.InRange(state.Tried, 1, 50); // both fail alike
        Assert.Equal(TrialVerdict.Open, state.Verdict);
        host.Promote(SayingHost.HashOf("c"));
        Assert.Null(host.State.Trial);
        foreach ((double percent, double risk) in new[] { (0, 0.05), (100, 0.05), (double.NaN, 0.05), (50, 0), (50, 1), (50, double.NaN) })
            Assert.Throws<VersionException>(() => host.StartLearning(B, percent, risk));
    }

    [Fact]
    public async Task Failures_are_counted_by_version_and_the_clients_mistakes_are_not()
    {
        using VersionedHost host = Create();
        await host.LoadAsync("b");
        host.StartCanary(B, 100);
        Assert.Throws<InvalidOperationException>(() => Ask(host, "1", "fail"));
        Ask(host, "2");
        host.Promote(B);
        Assert.Null(host.State.Trial); // it is over
        VersionState b = host.State.Versions.Single(v => v.Hash == B);
        Assert.Equal((2, 1, 0, TimeSpan.FromMilliseconds(2)), (b.Requests, b.Failures, b.Running, b.MeanCompute));
    }

    [Fact]
    public async Task A_shadow_answers_too_and_its_answers_are_compared_and_given_to_nobody()
    {
        var shadow = new SayingHost("b");
        using var host = new VersionedHost(new SayingHost("a").Version(), (_, _) => shadow.Version());
        await host.LoadAsync("b");
        host.StartShadow(B);
        for (int i = 0; i < 10; i++)
            Assert.Equal("a a a", Ask(host, $"{i}").Text);
        await Until(() => host.State.Trial!.Comparison!.Compared == 10);
        ShadowComparison found = host.State.Trial!.Comparison!;
        Assert.Equal((10, 0, 0, 0), (found.Compared, found.Equal, found.Failed, found.Skipped));
        Assert.Equal((10, 0), found.EqualByTask["reply"]);
        Assert.Equal(10, shadow.Runs);
        host.EndTrial();
        Ask(host);
        Assert.Equal(10, shadow.Runs);
    }

    [Fact]
    public async Task A_shadow_that_is_too_slow_holds_up_nobody()
    {
        using var go = new ManualResetEventSlim();
        var shadow = new SayingHost("b") { BetweenWords = () => go.Wait() };
        using var host = new VersionedHost(new SayingHost("a").Version(), (_, _) => shadow.Version());
        await host.LoadAsync("b");
        host.StartShadow(B);
        for (int i = 0; i < 100; i++)
            Assert.Equal("a a a", Ask(host, $"{i}").Text);
        Assert.InRange(host.State.Trial!.Comparison!.Skipped, 60, 99);
        Task gone = host.Unload(B); // in the middle of an answer
        Assert.False(shadow.IsDisposed);
        go.Set();
        await gone.WaitAsync(TimeSpan.FromSeconds(60));
        Assert.Null(shadow.Fault);
        Assert.Equal((true, null), (shadow.IsDisposed, host.State.Trial));
    }

    [Fact]
    public async Task An_unloaded_version_finishes_what_it_has_begun_and_is_given_back_then()
    {
        using var go = new ManualResetEventSlim();
        using var begun = new SemaphoreSlim(0);
        var old = new SayingHost("a") { BetweenWords = () => { begun.Release(); go.Wait(); } };
        using var host = new VersionedHost(old.Version(), (folder, _) => new SayingHost(folder).Version());
        await host.LoadAsync("b");
        Task<ModuleResult> running = Task.Run(() => Ask(host));
        await begun.WaitAsync();
        host.Promote(B);
        Task gone = host.Unload(A);
        Assert.Equal("b b b", Ask(host).Text);
        Assert.Equal((VersionRole.Draining, false, false), (RoleOf(host, A), gone.IsCompleted, old.IsDisposed));
        Assert.True(Assert.Throws<VersionException>(() => host.Promote(A)).IsUnknown);
        go.Set();
        Assert.Equal("a a a", (await running).Text);
        await gone.WaitAsync(TimeSpan.FromSeconds(60));
        Assert.Equal((true, null, null, null), (old.IsDisposed, old.Fault, RoleOf(host, A), host.State.RollbackTo));
    }

    [Fact]
    public async Task A_pinned_version_answers_all_of_its_request_and_nothing_afterwards()
    {
        var old = new SayingHost("a");
        using var host = new VersionedHost(old.Version(), (folder, _) => new SayingHost(folder).Version());
        await host.LoadAsync("b");
        PinnedVersion pinned = host.Pin("reply", null);
        host.Promote(B);
        Task gone = host.Unload(A);
        var request = new ModuleRequest { Module = "reply", Prompt = "x" };
        for (int i = 0; i < 2; i++)
            Assert.Equal(("a a a", A), (pinned.Run(request, new Heard(), CancellationToken.None).Text, pinned.Hash));
        Assert.Equal((false, 1), (old.IsDisposed, host.State.Versions.Single(v => v.Hash == A).Running));
        pinned.Dispose();
        pinned.Dispose();
        await gone.WaitAsync(TimeSpan.FromSeconds(60));
        Assert.Throws<OperationCanceledException>(() => pinned.Run(request, new Heard(), CancellationToken.None));
        Assert.Null(old.Fault);
    }

    [Fact]
    public async Task Nothing_holds_an_unloaded_version()
    {
        (VersionedHost host, WeakReference old) = WithWatched();
        using (host)
        {
            await host.LoadAsync("b");
            host.Promote(B);
            await host.Unload(A).WaitAsync(TimeSpan.FromSeconds(60));
            for (int i = 0; i < 20 && old.IsAlive; i++)
            {
                await Task.Yield(); // off whatever stack may still hold it
                GC.Collect();
            }
            Assert.False(old.IsAlive);
            Assert.Equal("b b b", Ask(host).Text);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static (VersionedHost Host, WeakReference Old) WithWatched()
    {
        var old = new SayingHost("a");
        var host = new VersionedHost(old.Version(), (folder, _) => new SayingHost(folder).Version());
        Ask(host);
        return (host, new WeakReference(old));
    }

    [Fact]
    public async Task Swapped_to_and_fro_under_load_no_request_fails_and_none_is_answered_by_two_versions()
    {
        var made = new List<SayingHost> { new("a") };
        using var host = new VersionedHost(made[0].Version(), (folder, _) =>
        {
            var next = new SayingHost(folder) { BetweenWords = () => Thread.Yield() };
            lock (made)
                made.Add(next);
            return next.Version();
        });
        using var stop = new CancellationTokenSource();
        Task<Dictionary<string, int>>[] load = [.. Enumerable.Range(0, 3).Select(_ => Task.Factory.StartNew(() =>
        {
            var seen = new Dictionary<string, int>();
            while (!stop.IsCancellationRequested)
            {
                var heard = new Heard();
                ModuleResult answer = Ask(host, heard: heard);
                string name = answer.Text[..1];
                Assert.Equal($"{name} {name} {name}", answer.Text);
                Assert.Equal((answer.Text, SayingHost.HashOf(name)), (heard.Text, answer.Choice.Version));
                seen[name] = seen.GetValueOrDefault(name) + 1;
            }
            return seen;
        }, TaskCreationOptions.LongRunning))];
        string serving = "a";
        await host.LoadAsync("b");
        for (int swap = 0; swap < 400; swap++)
        {
            (string before, serving) = (serving, serving == "a" ? "b" : "a");
            host.Promote(SayingHost.HashOf(serving));
            if (swap % 40 > 0)
                continue;
            Task gone = host.Unload(SayingHost.HashOf(before));
            await host.LoadAsync(before); // while the other one of the same contents drains
            await gone.WaitAsync(TimeSpan.FromSeconds(60));
        }
        await stop.CancelAsync();
        Dictionary<string, int>[] seen = await Task.WhenAll(load);
        Assert.All(["a", "b"], name => Assert.True(seen.Sum(s => s.GetValueOrDefault(name)) > 0));
        Assert.All(made, v => Assert.Null(v.Fault));
        Assert.Equal((12, 10), (made.Count, made.Count(v => v.IsDisposed)));
    }

    private static async Task Until(Func<bool> isSo)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (!isSo())
        {
            patience.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    private sealed class Heard : IResultSink
    {
        public ModuleChoice? Choice { get; private set; }
        public string Text { get; private set; } = "";

        public void Chosen(ModuleChoice choice) => Choice = choice;

        void IResultSink.Text(string piece) => Text += piece;
    }
}
