using System.Net;
using System.Security.Cryptography;
using Cleave.Formats.Durable;

namespace Cleave.Hub;

/// <summary>
/// Fetches one file's content into the cache: what an earlier attempt left in <c>HASH.incomplete</c> is continued, the
/// whole is checked against the hash, and only then does it get its name.
/// </summary>
/// <param name="progress">Takes the bytes that were gained, or lost where the server begins anew.</param>
internal sealed class BlobDownload(HubClient client, HubListing listing, HubFile file, string blob, Action<long> progress)
{
    public const string IncompleteSuffix = ".incomplete";
    private const int BufferBytes = 1 << 18;
    private readonly byte[] _buffer = new byte[BufferBytes];
    private readonly Backoff _backoff = client.NewBackoff();
    private IncrementalHash _hash = file.Hash.Begin(file.Bytes);
    private long _length, _furthest;

    private string What => $"{HubReference.Prefix}{listing.Repository}:{file.Path}";

    /// <summary>Bytes that an earlier attempt has left.</summary>
    public static long Left(string blob) => new FileInfo(blob + IncompleteSuffix) is { Exists: true } left ? left.Length : 0;

    /// <exception cref="HubException">The file cannot be had, or what came is not what the hub's list names.</exception>
    public async Task RunAsync(CancellationToken cancel)
    {
        string incomplete = blob + IncompleteSuffix;
        using (_hash)
        {
            using (FileStream stream = OpenIncomplete(incomplete))
            {
                bool resumed = TakeUp(stream, cancel);
                await FillAsync(stream, cancel).ConfigureAwait(false);
                if (!file.Hash.Matches(_hash))
                {
                    // What was left may have been damaged; what came in one piece is what the server gives.
                    Restart(stream);
                    if (resumed)
                        await FillAsync(stream, cancel).ConfigureAwait(false);
                    if (!resumed || !file.Hash.Matches(_hash))
                    {
                        stream.SetLength(0);
                        throw new HubException($"{What}: the content that came does not have the hash {file.Hash.Hex}; nothing was kept (a proxy or mirror may have changed it; try again later)");
                    }
                }
                OnDisk(() => stream.Flush(flushToDisk: true));
            }
            OnDisk(() =>
            {
                File.Move(incomplete, blob, overwrite: true);
                FolderSync.Flush(Path.GetDirectoryName(blob)!);
            });
        }
    }

    private static FileStream OpenIncomplete(string path)
    {
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 0);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new HubException($"{path}: cannot be written: {e.Message}", e);
        }
    }

    // The hash needs the bytes that are there already.
    private bool TakeUp(FileStream stream, CancellationToken cancel)
    {
        if (stream.Length > file.Bytes)
            stream.SetLength(0);
        for (int read; (read = stream.Read(_buffer)) > 0;)
        {
            cancel.ThrowIfCancellationRequested();
            _hash.AppendData(_buffer, 0, read);
            _length += read;
        }
        _furthest = _length;
        progress(_length);
        return _length > 0;
    }

    private async Task FillAsync(FileStream stream, CancellationToken cancel)
    {
        while (_length < file.Bytes)
        {
            try
            {
                await AttemptAsync(stream, cancel).ConfigureAwait(false);
            }
            catch (TransientException e)
            {
                if (_length > _furthest)
                    _backoff.Progressed();
                _furthest = Math.Max(_furthest, _length);
                await _backoff.WaitAsync(e, cancel).ConfigureAwait(false);
            }
        }
    }

    private async Task AttemptAsync(FileStream stream, CancellationToken cancel)
    {
        using var guard = new StallGuard(client.Settings.StallTimeout, client.Clock, cancel);
        Uri address = client.Settings.Endpoint;
        try
        {
            using HttpResponseMessage response = await client.OpenAsync(listing, file, _length, guard.Token).ConfigureAwait(false);
            address = response.RequestMessage?.RequestUri ?? address;
            Accept(response, stream);
            Stream body = await response.Content.ReadAsStreamAsync(guard.Token).ConfigureAwait(false);
            for (int read; (read = await body.ReadAsync(_buffer, guard.Token).ConfigureAwait(false)) > 0; guard.Alive())
            {
                if (read > file.Bytes - _length)
                    throw WrongLength(stream, $"more than the {file.Bytes}");
                OnDisk(() => stream.Write(_buffer, 0, read));
                _hash.AppendData(_buffer, 0, read);
                _length += read;
                progress(read);
            }
        }
        catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
        {
            throw guard.Explain(e, address);
        }
        if (_length < file.Bytes)
            throw new TransientException($"{What}: the connection ended after {_length} of {file.Bytes} bytes");
    }

    // 206 continues; 200 is the whole from its beginning, whatever was asked for; 416 says that what is here cannot be continued.
    private void Accept(HttpResponseMessage response, FileStream stream)
    {
        if (response.StatusCode == HttpStatusCode.PartialContent)
        {
            if (response.Content.Headers.ContentRange is not { } range || range.From != _length || range.Length is { } whole && whole != file.Bytes)
                throw WrongLength(stream, $"'{response.Content.Headers.ContentRange}' of the {file.Bytes}");
        }
        else if (_length > 0)
            Restart(stream);
        if (response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable)
            throw new TransientException($"{What}: the server cannot continue it", TimeSpan.Zero);
        if (response.Content.Headers.ContentEncoding.Any(e => e != "identity"))
            throw new HubException($"{What}: the server sends it in another encoding ({string.Join(", ", response.Content.Headers.ContentEncoding)}), unasked");
        if (response.Content.Headers.ContentLength is { } length && length != file.Bytes - _length)
            throw WrongLength(stream, $"{length + _length} where its list says {file.Bytes}");
    }

    private HubException WrongLength(FileStream stream, string bytes)
    {
        Restart(stream);
        return new HubException($"{What}: the server sends {bytes} bytes; nothing was kept (a proxy or mirror may have changed it; try again later)");
    }

    private void Restart(FileStream stream)
    {
        OnDisk(() => stream.SetLength(0));
        progress(-_length);
        _length = 0;
        _hash.Dispose();
        _hash = file.Hash.Begin(file.Bytes);
    }

    // A full disk is no reason to ask the server again.
    private void OnDisk(Action write)
    {
        try
        {
            write();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new HubException($"{blob}: cannot be written: {e.Message} (free space there, or set HF_HOME to another place)", e);
        }
    }
}
