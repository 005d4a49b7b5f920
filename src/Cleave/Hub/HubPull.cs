using Cleave.Formats;
using Cleave.Formats.Durable;
using Cleave.Numerics;

namespace Cleave.Hub;

/// <summary>A file of a fetched model.</summary>
/// <param name="Cached">Whether it was there already.</param>
public sealed record PulledFile(string Path, long Bytes, bool Cached);

/// <summary>A model that was fetched.</summary>
/// <param name="Place">The folder of its files, or the one file that was asked for.</param>
/// <param name="FetchedBytes">That were not in the cache, nor brought there by another program meanwhile.</param>
public sealed record PulledModel(HubReference Reference, string Commit, string Place, IReadOnlyList<PulledFile> Files, long FetchedBytes);

/// <summary>Fetches models from a hub into the cache: several files at once, each resumable, each checked.</summary>
public sealed class HubPull(HubClient client, HubCache cache)
{
    private static readonly TimeSpan LockPoll = TimeSpan.FromSeconds(0.25);

    /// <param name="workers">Files fetched at once.</param>
    /// <exception cref="HubException">The model cannot be had; what has come stays, and the next call continues.</exception>
    /// <exception cref="CapacityException">The disk has no room for it; nothing was fetched.</exception>
    public async Task<PulledModel> RunAsync(
        HubReference reference, FileSelection selection, int workers, IProgress<ProgressReport>? progress, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(reference);
        ArgumentNullException.ThrowIfNull(selection);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(workers);
        HubListing listing = await client.ListAsync(reference, cancel).ConfigureAwait(false);
        IReadOnlyList<HubFile> files = reference.File is { } one ? [OneFile(reference, listing, one)] : selection.Choose(listing);
        PulledFile[] pulled = [.. files.Select(f => new PulledFile(f.Path, f.Bytes, cache.Has(listing, f) || cache.HasBlob(listing, f)))];
        HubFile[] absent = [.. files.Where(f => !cache.Has(listing, f) && !cache.HasBlob(listing, f)).DistinctBy(f => f.Hash)];
        RequireSpace(listing, absent);
        var counter = new Counter($"pull {reference.Repository}", absent.Sum(f => f.Bytes), progress);
        await Parallel.ForEachAsync(absent, new ParallelOptions { MaxDegreeOfParallelism = workers, CancellationToken = cancel },
            async (file, token) => await FetchAsync(listing, file, counter, token).ConfigureAwait(false)).ConfigureAwait(false);
        try
        {
            foreach (HubFile file in files.Where(f => !cache.Has(listing, f)))
                cache.Link(listing, file);
            cache.SetRef(reference, listing.Commit);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new HubException($"{cache.Folder(reference.Repository)}: cannot be written: {e.Message}", e);
        }
        string folder = cache.Snapshot(listing.Repository, listing.Commit);
        return new PulledModel(reference, listing.Commit, reference.File is { } path ? SafePath.Join(folder, path) : folder, pulled, counter.Fetched);
    }

    private HubFile OneFile(HubReference reference, HubListing listing, string path)
    {
        if (listing.Files.FirstOrDefault(f => f.Path == path) is { } file)
            return file;
        cache.MarkMissing(listing, path);
        throw new HubException($"{reference}: the model has no file '{path}'; {Suggest.Hint(path, [.. listing.Files.Select(f => f.Path)])}");
    }

    private void RequireSpace(HubListing listing, HubFile[] absent)
    {
        decimal needed = absent.Sum(f => (decimal)Math.Max(0, f.Bytes - BlobDownload.Left(cache.Blob(listing.Repository, f.Hash))));
        if (needed > 0)
            DiskSpace.Require(cache.Root, (long)Math.Min(needed, long.MaxValue), "free some, or set HF_HOME to another place");
    }

    private async Task FetchAsync(HubListing listing, HubFile file, Counter counter, CancellationToken cancel)
    {
        string blob = cache.Blob(listing.Repository, file.Hash), lockFile = cache.LockFile(listing.Repository, file.Hash);
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(blob)!);
            Directory.CreateDirectory(Path.GetDirectoryName(lockFile)!);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new HubException($"{blob}: cannot be written: {e.Message} (set HF_HOME to another place)", e);
        }
        // Whoever comes second, of this program or of Hugging Face's library, waits and finds the file there.
        FileLock? held;
        while ((held = FileLock.TryAcquire(lockFile, blob)) is null)
            await Task.Delay(LockPoll, client.Clock, cancel).ConfigureAwait(false);
        using (held)
        {
            if (cache.HasBlob(listing, file))
                counter.Found(file.Bytes);
            else
                await new BlobDownload(client, listing, file, blob, counter.Add).RunAsync(cancel).ConfigureAwait(false);
            cache.Link(listing, file);
        }
    }

    /// <summary>Bytes of all files together, from several threads.</summary>
    private sealed class Counter(string stage, long total, IProgress<ProgressReport>? progress)
    {
        private readonly Lock _gate = new();
        private long _done, _found;

        /// <summary>Bytes of the files that this run made whole.</summary>
        public long Fetched => _done - _found;

        public void Add(long bytes)
        {
            lock (_gate)
            {
                _done += bytes;
                progress?.Report(new ProgressReport(stage, _done, total, "bytes"));
            }
        }

        /// <summary>Another process brought them.</summary>
        public void Found(long bytes)
        {
            lock (_gate)
                _found += bytes;
            Add(bytes);
        }
    }
}
