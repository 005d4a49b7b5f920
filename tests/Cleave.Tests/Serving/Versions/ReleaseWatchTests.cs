using Cleave.Formats.Durable;
using Cleave.Serving.Versions;
using Cleave.Tests.Cli;
using Cleave.Tests.Formats.Durable;

namespace Cleave.Tests.Serving.Versions;

/// <summary>New releases are found, tried and taken, or refused while the old one goes on.</summary>
public sealed class ReleaseWatchTests : IDisposable
{
    private readonly TemporaryFolder _root = new();
    private readonly List<string> _said = [], _noted = [];

    public void Dispose() => _root.Dispose();

    // A release is what has this file; what it says is its version's name.
    private string Put(string name, string version)
    {
        string folder = Directory.CreateDirectory(_root.File(name)).FullName;
        File.WriteAllText(Path.Combine(folder, "release.json"), version);
        return folder;
    }

    private static HostedVersion Open(string folder, CancellationToken cancellation)
    {
        string version = File.ReadAllText(Path.Combine(folder, "release.json"));
        return version == "damaged" ? throw new CleaveException($"{folder}: modules/a has been changed") : new SayingHost(version).Version(version == "foreign" ? "other" : "desk");
    }

    private (ReleaseWatch Watch, VersionedHost Host) Start(string path, string arrival = "promote", int most = 4)
    {
        var watch = new ReleaseWatch(path, ReleaseArrival.Parse(arrival));
        return (watch, new VersionedHost(watch.OpenFirst(Open, _said.Add), Open, most));
    }

    private async Task Look(ReleaseWatch watch, VersionedHost host, int times = 2)
    {
        for (int i = 0; i < times; i++)
            await watch.PollAsync(host, _said.Add, (outcome, folder, reason) => _noted.Add($"{outcome} {Path.GetFileName(folder)}{(reason is null ? "" : ": " + reason)}"), CancellationToken.None);
    }

    private static string Serving(VersionedHost host) => host.State.Versions.Single(v => v.Role == VersionRole.Serving).Hash;

    private static void IsServing(string version, VersionedHost host) => Assert.Equal(SayingHost.HashOf(version), Serving(host));

    [Fact]
    public async Task The_last_release_by_name_is_served_and_one_that_comes_later_is_promoted_once_it_is_whole()
    {
        Put("2026-01", "a");
        Put("2026-02", "b");
        Put(".2026-03.partial", "c");
        (ReleaseWatch watch, VersionedHost host) = Start(_root.Path);
        using VersionedHost mine = host;
        IsServing("b", host);
        await Look(watch, host, 5);
        Assert.Empty(_said);
        Put("2026-00", "z"); // not the last by name
        string coming = Put("2026-03", "c");
        await Look(watch, host, 1);
        File.WriteAllText(Path.Combine(coming, "more"), "still being copied");
        await Look(watch, host, 1);
        IsServing("b", host);
        await Look(watch, host, 1);
        IsServing("c", host);
        Assert.Equal(["begun 2026-03", "done 2026-03"], _noted);
        Assert.Single(_said);
        Assert.Equal(("2026-03", "done"), (watch.State.Last, watch.State.Outcome));
        host.Rollback();
        await Look(watch, host, 5);
        IsServing("b", host); // what an operator undid stays undone
    }

    [Theory]
    [InlineData("damaged", "has been changed")]
    [InlineData("foreign", "belongs to the project 'other'")]
    public async Task One_that_cannot_be_used_is_refused_in_one_line_and_tried_again_when_it_has_changed(string version, string reason)
    {
        Put("1", "a");
        (ReleaseWatch watch, VersionedHost host) = Start(_root.Path);
        using VersionedHost mine = host;
        Put("2", version);
        await Look(watch, host, 6);
        IsServing("a", host);
        string line = Assert.Single(_said);
        Assert.Contains(reason, line, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', line);
        Assert.Equal(("refused", 1L), (watch.State.Outcome, watch.State.Refusals));
        Put("2", "repaired");
        await Look(watch, host);
        IsServing("repaired", host);
    }

    [Fact]
    public async Task At_the_start_the_one_before_a_damaged_one_is_served()
    {
        Put("1", "a");
        Put("2", "b");
        Put("3", "damaged");
        (ReleaseWatch watch, VersionedHost host) = Start(_root.Path);
        using VersionedHost mine = host;
        IsServing("b", host);
        Assert.Contains("has been changed", Assert.Single(_said), StringComparison.Ordinal);
        await Look(watch, host, 4);
        Assert.Single(_said);
        Assert.Throws<CleaveException>(() => new ReleaseWatch(_root.File("nowhere"), ReleaseArrival.Promote).OpenFirst(Open, _said.Add));
    }

    [UnixFact]
    public async Task A_link_that_is_changed_is_followed_to_where_it_leads()
    {
        string a = Put("a", "a"), b = Put("b", "b"), link = _root.File("current");
        Directory.CreateSymbolicLink(link, a);
        (ReleaseWatch watch, VersionedHost host) = Start(link);
        using VersionedHost mine = host;
        IsServing("a", host);
        File.Delete(link);
        Directory.CreateSymbolicLink(link, b);
        await Look(watch, host);
        IsServing("b", host);
        File.Delete(link); // for a moment there is nothing
        await Look(watch, host);
        IsServing("b", host);
        Directory.CreateSymbolicLink(link, a);
        await Look(watch, host);
        IsServing("a", host);
    }

    [Theory]
    [InlineData("load", VersionRole.Ready)]
    [InlineData("shadow", VersionRole.Shadow)]
    [InlineData("canary:12.5", VersionRole.Canary)]
    [InlineData("learn:12.5", VersionRole.Canary)]
    public async Task A_new_release_can_be_given_less_than_everything(string arrival, VersionRole role)
    {
        Put("1", "a");
        (ReleaseWatch watch, VersionedHost host) = Start(_root.Path, arrival);
        using VersionedHost mine = host;
        Put("2", "b");
        await Look(watch, host);
        IsServing("a", host);
        Assert.Equal(role, host.State.Versions[1].Role);
        Assert.Equal(role == VersionRole.Canary ? 12.5 : 0, (host.State.Trial?.Learned is { } learned ? 100 * learned.Most : host.State.Trial?.Percent) ?? 0);
    }

    [Fact]
    public async Task Of_many_releases_the_oldest_goes_and_the_way_back_stays()
    {
        Put("1", "a");
        (ReleaseWatch watch, VersionedHost host) = Start(_root.Path, most: 3);
        using VersionedHost mine = host;
        for (int i = 2; i < 9; i++)
        {
            Put($"{i}", $"v{i}");
            await Look(watch, host);
            IsServing($"v{i}", host);
            Assert.Equal(i == 2 ? SayingHost.HashOf("a") : SayingHost.HashOf($"v{i - 1}"), host.State.RollbackTo);
            Assert.True(host.State.Versions.Count <= 3);
        }
    }

    [Fact]
    public async Task Nothing_is_changed_that_cannot_be_noted()
    {
        Put("1", "a");
        (ReleaseWatch watch, VersionedHost host) = Start(_root.Path);
        using VersionedHost mine = host;
        Put("2", "b");
        bool isFull = true;
        for (int i = 0; i < 4; i++)
            await watch.PollAsync(host, _said.Add, (_, _, _) => { if (isFull) throw new CleaveException("the disk is full"); }, CancellationToken.None);
        IsServing("a", host);
        Assert.Equal(["the disk is full"], _said);
        isFull = false;
        await Look(watch, host);
        IsServing("b", host);
    }

    [Theory]
    [InlineData("canary")]
    [InlineData("canary:0")]
    [InlineData("canary:101")]
    [InlineData("canary:-5")]
    [InlineData("canary:5:5")]
    [InlineData("learn:100")]
    [InlineData("promote:5")]
    [InlineData("Promote")]
    public void What_a_new_release_cannot_be_given_is_refused(string text) => Assert.Throws<CleaveException>(() => ReleaseArrival.Parse(text));

    [Fact]
    public async Task A_real_release_that_was_damaged_on_its_way_is_refused_by_its_hash()
    {
        using var tiny = new TinyRelease();
        FolderCopy.Copy(tiny.Folder, _root.File("1"));
        tiny.SetThreshold("reply", 0.5);
        var watch = new ReleaseWatch(_root.Path, ReleaseArrival.Promote);
        using var host = new VersionedHost(watch.OpenFirst(ReleaseVersion.Open, _said.Add), ReleaseVersion.Open);
        string first = Serving(host);
        FolderCopy.Copy(tiny.Folder, _root.File("2"));
        string weights = _root.File("2/modules/mood/model.safetensors");
        byte[] bytes = await File.ReadAllBytesAsync(weights), damaged = [.. bytes];
        damaged[^1] ^= 1;
        await File.WriteAllBytesAsync(weights, damaged);
        await Look(watch, host);
        Assert.Equal(first, Serving(host));
        Assert.Contains("modules/mood/model.safetensors has been changed", Assert.Single(_said), StringComparison.Ordinal);
        await File.WriteAllBytesAsync(weights, bytes);
        File.SetLastWriteTimeUtc(weights, DateTime.UtcNow.AddMinutes(1)); // whatever the clock of the file system resolves
        await Look(watch, host);
        Assert.NotEqual(first, Serving(host));
    }
}
