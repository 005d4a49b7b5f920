namespace Cleave.Serving.Versions;

/// <summary>One version of a project, loaded and able to answer.</summary>
/// <param name="Hash">Its name: the SHA-256 of its contents in lowercase hexadecimal digits.</param>
/// <param name="Project">The project that it is a version of.</param>
/// <param name="Folder">Where it was read.</param>
/// <param name="Owned">What is disposed, in this order, when the version is unloaded.</param>
public sealed record HostedVersion(string Hash, string Project, string Folder, IModuleHost Host, IReadOnlyList<IDisposable> Owned) : IDisposable
{
    /// <summary>What is proven about its modules, in the order of the host's modules.</summary>
    public IReadOnlyList<ModuleProof> Proofs { get; init; } = [];

    public void Dispose()
    {
        foreach (IDisposable owned in Owned)
            owned.Dispose();
    }
}

/// <summary>What a module's certificate says, in short.</summary>
/// <param name="Module">The module's name.</param>
/// <param name="Passed">Whether it was shown to be no worse than the monolith by more than its margin; null where it has no certificate.</param>
/// <param name="Sentence">The verdict in words, or an empty text.</param>
public sealed record ModuleProof(string Module, bool? Passed, string Sentence);
