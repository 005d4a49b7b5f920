namespace Cleave.Tuning.Artifacts;

/// <summary>Where files are kept that trials have made, for all workers alike.</summary>
public interface IArtifactStore : IDisposable
{
    /// <summary>Keeps a copy of a file; what is there under the key is replaced, whole or not at all.</summary>
    /// <param name="key">Names with slashes between them.</param>
    /// <exception cref="CleaveException">The file cannot be read, or the copy cannot be kept.</exception>
    Task Put(string key, string file, CancellationToken cancellation);
}

/// <summary>Stores by their addresses.</summary>
public static class ArtifactStores
{
    /// <summary>An address as it is given to another process that begins elsewhere.</summary>
    public static string Absolute(string address) => S3Artifacts.Is(address) ? address : Path.GetFullPath(address);

    /// <param name="address">A folder, or <c>s3://bucket/prefix</c>.</param>
    /// <exception cref="CleaveException">The address is of no such kind, or says too little.</exception>
    public static IArtifactStore Open(string address)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (S3Artifacts.Is(address))
            return new S3Artifacts(address);
        return address.Contains("://", StringComparison.Ordinal) || address.Length == 0
            ? throw new CleaveException($"{address}: artifacts are kept in a folder, or in an S3-compatible store (s3://bucket/prefix)") : new FolderArtifacts(address);
    }
}
