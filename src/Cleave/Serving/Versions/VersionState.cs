using Cleave.Serving.Feedback;

namespace Cleave.Serving.Versions;

/// <summary>What a version does at present.</summary>
public enum VersionRole
{
    /// <summary>Nothing: it is ready.</summary>
    Ready,

    /// <summary>It answers all requests that no trial takes.</summary>
    Serving,

    /// <summary>It answers some of the requests.</summary>
    Canary,

    /// <summary>It answers requests that another version answers too; nobody is given its answers.</summary>
    Shadow,

    /// <summary>It finishes the requests that it has begun, and is unloaded then.</summary>
    Draining,
}

/// <summary>A version at one moment.</summary>
/// <param name="Running">Requests that it is answering.</param>
/// <param name="Requests">That it has answered or failed to answer since it was loaded.</param>
/// <param name="Failures">Of those, the ones that ended in an error which was not the request's.</param>
/// <param name="MeanCompute">Of an answer.</param>
public sealed record VersionState(string Hash, string Project, string Folder, VersionRole Role, IReadOnlyList<ServedModule> Modules,
    IReadOnlyList<ModuleProof> Proofs, int Running, long Requests, long Failures, TimeSpan MeanCompute);

/// <summary>A trial of a version beside the one that serves.</summary>
/// <param name="Percent">Of the requests that it answers; 0 for a shadow, and for what has turned out worse.</param>
/// <param name="Comparison">Of a shadow's answers, else null.</param>
/// <param name="Learned">Of a trial whose share follows judgements, else null.</param>
public sealed record VersionTrial(string Hash, double Percent, ShadowComparison? Comparison, BanditState? Learned);

/// <summary>How a shadow's answers compare with those that were given.</summary>
/// <param name="Compared">Answers of both.</param>
/// <param name="Equal">Of those, the ones with the same task and the same text.</param>
/// <param name="Failed">Requests that the shadow could not answer.</param>
/// <param name="Skipped">Requests that it was too busy for.</param>
/// <param name="EqualByTask">Compared and equal answers by the task of the answer that was given.</param>
public sealed record ShadowComparison(long Compared, long Equal, long Failed, long Skipped, IReadOnlyDictionary<string, (long Compared, long Equal)> EqualByTask);

/// <summary>All versions at one moment.</summary>
/// <param name="Versions">In the order in which they were loaded.</param>
/// <param name="Loading">The folder that is being read, or null.</param>
/// <param name="RollbackTo">What a rollback would promote, or null.</param>
public sealed record VersionsState(IReadOnlyList<VersionState> Versions, VersionTrial? Trial, string? Loading, string? RollbackTo);
