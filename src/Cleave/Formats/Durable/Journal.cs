using System.Buffers.Binary;
using System.Text;

namespace Cleave.Formats.Durable;

/// <summary>What a journal holds and how it is written.</summary>
/// <param name="Kind">The content, such as "study"; a journal of another kind is not opened by mistake.</param>
/// <param name="Version">The version of the content, from 1. Older files open (see <see cref="Journal.Version"/>), newer ones do not.</param>
/// <param name="FlushEachAppend">Whether every record reaches the disk before <see cref="Journal.Append"/> returns.</param>
public sealed record JournalOptions(string Kind, int Version = 1, bool FlushEachAppend = true);

/// <summary>
/// An append-only file of records, safe after kill -9 or a power cut at any moment. Layout, little-endian:
/// <c>"CLVJRNL\n"</c>, u32 version of the content, u32 n, n bytes of kind, u32 CRC-32C of all before it; then
/// for each record u32 length, u32 CRC-32C of (length, u64 offset of the record), u32 CRC-32C of the payload, payload.
/// </summary>
/// <remarks>
/// A record that is broken with no sound one after it was being written when the process died: it is cut off.
/// A broken record with a sound one after it is damage, and an error. The offset inside the check keeps the
/// payload of a torn record from passing for a record.
/// </remarks>
public sealed class Journal : IDisposable
{
    /// <summary>The longest payload, 256 MiB.</summary>
    public const int MaxRecordBytes = 1 << 28;

    internal const int FrameBytes = 12;

    private const string LockSuffix = ".lock";

    /// <summary>A turn lasts milliseconds; who waits for so long waits for a process that is stopped, or for one that has the journal to itself.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly FileStream _stream;
    private readonly FileLock? _lock;
    private readonly JournalOptions _options;
    private readonly Action<ReadOnlyMemory<byte>> _replay;
    private long _end;
    private string? _broken;

    private Journal(FileStream stream, FileLock? held, JournalOptions options, Action<ReadOnlyMemory<byte>> replay) =>
        (_stream, _lock, _options, _replay) = (stream, held, options, replay);

    public string Path => _stream.Name;

    /// <summary>The content's version in the file, at most the one asked for.</summary>
    public int Version { get; private set; }

    /// <summary>Bytes of a half-written record that were cut off at opening; 0 after an orderly end.</summary>
    public long CutBytes { get; private set; }

    /// <summary>Opens or makes the journal for writing, alone, and hands each record to <paramref name="replay"/> in order.</summary>
    /// <param name="replay">Takes one payload; its memory is used again after the call.</param>
    /// <exception cref="CleaveException">Another process writes it, it is damaged (with the offset), or it is of another kind or a newer version.</exception>
    public static Journal Open(string path, JournalOptions options, Action<ReadOnlyMemory<byte>> replay)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(replay);
        path = System.IO.Path.GetFullPath(path);
        CreateIfAbsent(path, options);
        FileLock held = FileLock.Acquire(path + LockSuffix, path);
        try
        {
            return Start(path, held, options, replay, 1 << 16);
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Opens or makes the journal for several processes of one machine, which take turns: every reading and appending happens
    /// inside <see cref="Alone"/>, and what the others have appended is handed to <paramref name="replay"/> first.
    /// </summary>
    /// <exception cref="CleaveException">As for <see cref="Open"/>.</exception>
    public static Journal OpenShared(string path, JournalOptions options, Action<ReadOnlyMemory<byte>> replay)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(replay);
        path = System.IO.Path.GetFullPath(path);
        using FileLock turn = WaitForTurn(path);
        CreateIfAbsent(path, options);
        return Start(path, null, options, replay, 0); // nothing is buffered that others may replace
    }

    /// <summary>Calls <paramref name="work"/> while no other process appends, and after everything that they have appended was replayed.</summary>
    /// <exception cref="CleaveException">Another process does not end its turn, or the file is damaged.</exception>
    public T Alone<T>(Func<T> work)
    {
        ArgumentNullException.ThrowIfNull(work);
        if (_lock is not null)
            return work();
        using FileLock turn = WaitForTurn(Path);
        try
        {
            CatchUp();
        }
        catch (IOException e)
        {
            throw new CleaveException($"{Path}: cannot be read: {e.Message}", e);
        }
        return work();
    }

    /// <summary>Reads a journal that another process may be writing; a half-written last record is left out and left alone.</summary>
    /// <exception cref="CleaveException">It is missing, damaged, of another kind or of a newer version.</exception>
    public static void Read(string path, JournalOptions options, Action<ReadOnlyMemory<byte>> replay)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(replay);
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, 1 << 16);
            JournalScan.Run(stream, path, options, replay);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CleaveException($"{path}: cannot be read: {e.Message}", e);
        }
    }

    /// <summary>Removes the journal. Those who share it notice in their next turn.</summary>
    /// <param name="shared">Whether several processes take turns at it, so that it is worth waiting for one.</param>
    /// <exception cref="CleaveException">A process has it to itself, or does not end its turn.</exception>
    public static void Delete(string path, bool shared)
    {
        ArgumentNullException.ThrowIfNull(path);
        path = System.IO.Path.GetFullPath(path);
        using FileLock turn = shared ? WaitForTurn(path) : FileLock.Acquire(path + LockSuffix, path);
        try
        {
            // Emptied first, which those who have it open notice.
            using (new FileStream(path, FileMode.Truncate, FileAccess.Write, FileShare.ReadWrite))
                File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CleaveException($"{path}: cannot be removed: {e.Message}", e);
        }
    }

    /// <summary>Adds one record. After a failure every further append fails in the same words; open the journal again.</summary>
    /// <exception cref="CleaveException">The disk is full or gone.</exception>
    public void Append(ReadOnlySpan<byte> payload)
    {
        if (payload.Length > MaxRecordBytes)
            throw new ArgumentException($"a record of {payload.Length} bytes; the most is {MaxRecordBytes}", nameof(payload));
        if (_broken is not null)
            throw new CleaveException(_broken);
        Span<byte> frame = stackalloc byte[FrameBytes];
        WriteFrame(frame, payload, _end);
        try
        {
            _stream.Write(frame);
            _stream.Write(payload);
            _stream.Flush(_options.FlushEachAppend);
            _end += FrameBytes + payload.Length;
        }
        catch (Exception e) when (e is IOException or ArgumentOutOfRangeException) // the latter where the file may not grow (EFBIG)
        {
            _broken = $"{Path}: cannot be written: {e.Message} (free space there and resume)";
            throw new CleaveException(_broken, e);
        }
    }

    /// <summary>Brings everything appended so far to the disk.</summary>
    public void Flush() => _stream.Flush(flushToDisk: true);

    public void Dispose()
    {
        _stream.Dispose();
        _lock?.Dispose();
    }

    private static Journal Start(string path, FileLock? held, JournalOptions options, Action<ReadOnlyMemory<byte>> replay, int buffer)
    {
        FileStream? stream = null;
        try
        {
            stream = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, held is null ? FileShare.ReadWrite : FileShare.Read, buffer);
            var journal = new Journal(stream, held, options, replay);
            (journal.Version, journal._end) = JournalScan.Run(stream, path, options, replay);
            journal.CutTail();
            return journal;
        }
        catch (Exception e)
        {
            stream?.Dispose();
            if (e is IOException or UnauthorizedAccessException)
                throw new CleaveException($"{path}: cannot be opened: {e.Message}", e);
            throw;
        }
    }

    private void CatchUp()
    {
        if (_stream.Length > _end)
            _end = JournalScan.RunFrom(_stream, Path, _end, _replay);
        else if (_stream.Length < _end)
            throw new CleaveException($"{Path}: has become shorter (it was replaced by something else; start again)");
        CutTail();
    }

    /// <summary>Cuts off what a writer that died has left half-written.</summary>
    private void CutTail()
    {
        long cut = _stream.Length - _end;
        if (cut > 0)
        {
            CutBytes += cut;
            _stream.SetLength(_end);
            _stream.Flush(flushToDisk: true);
        }
        _stream.Position = _end;
    }

    private static FileLock WaitForTurn(string path)
    {
        long start = Environment.TickCount64;
        for (int pause = 1; ; pause = Math.Min(2 * pause, 20))
        {
            if (FileLock.TryAcquire(path + LockSuffix, path) is { } turn)
                return turn;
            if (Environment.TickCount64 - start > Patience.TotalMilliseconds)
                return FileLock.Acquire(path + LockSuffix, path); // or says who has it
            Thread.Sleep(pause);
        }
    }

    internal static uint LengthCheck(uint length, long offset)
    {
        Span<byte> bytes = stackalloc byte[12];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, length);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[4..], offset);
        return Crc32C.Compute(bytes);
    }

    private static void WriteFrame(Span<byte> frame, ReadOnlySpan<byte> payload, long offset)
    {
        BinaryPrimitives.WriteInt32LittleEndian(frame, payload.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(frame[4..], LengthCheck((uint)payload.Length, offset));
        BinaryPrimitives.WriteUInt32LittleEndian(frame[8..], Crc32C.Compute(payload));
    }

    private static void CreateIfAbsent(string path, JournalOptions options)
    {
        var file = new FileInfo(path);
        if (file.Exists && file.Length > 0)
            return;
        byte[] kind = Encoding.UTF8.GetBytes(options.Kind);
        byte[] header = new byte[JournalScan.Magic.Length + 8 + kind.Length + 4];
        JournalScan.Magic.CopyTo(header);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(8), options.Version);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(12), kind.Length);
        kind.CopyTo(header, 16);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(16 + kind.Length), Crc32C.Compute(header.AsSpan(0, 16 + kind.Length)));
        AtomicFile.WriteBytes(path, header);
    }
}
