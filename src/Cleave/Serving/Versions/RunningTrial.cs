using Cleave.Serving.Feedback;

namespace Cleave.Serving.Versions;

/// <summary>A version on trial: with a share that is fixed, or with one that is learnt, or in the shadow.</summary>
internal sealed record RunningTrial(LoadedVersion Version) : IDisposable
{
    /// <summary>Of the requests, in percent, where that does not change.</summary>
    public double Fixed { get; init; }

    public VersionBandit? Bandit { get; init; }

    public Shadow? Shadow { get; init; }

    /// <summary>Of the requests that it answers; of percents, a hundredth part.</summary>
    public double Share => Bandit?.Share ?? Fixed / 100;

    public VersionTrial State => Bandit?.State is { } learned ? new VersionTrial(Version.Hash, 100 * learned.Share, null, learned) : new VersionTrial(Version.Hash, Fixed, Shadow?.Comparison, null);

    public void Dispose() => Shadow?.Dispose();
}
