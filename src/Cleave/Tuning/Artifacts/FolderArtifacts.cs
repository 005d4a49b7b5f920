using Cleave.Formats.Durable;

namespace Cleave.Tuning.Artifacts;

/// <summary>A folder that every worker sees.</summary>
internal sealed class FolderArtifacts(string folder) : IArtifactStore
{
    public Task Put(string key, string file, CancellationToken cancellation)
    {
        try
        {
            using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read);
            AtomicFile.Write(Path.Combine(folder, key), stream.CopyTo);
            return Task.CompletedTask;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CleaveException($"{file}: cannot be read: {e.Message}", e);
        }
    }

    public void Dispose()
    {
    }
}
