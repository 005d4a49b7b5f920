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
    private readonly FileStream _stream;
    private readonly FileLock _lock;
    private readonly JournalOptions _options;
    private string? _broken;

    private Journal(FileStream stream, FileLock held, JournalOptions options) => (_stream, _lock, _options) = (stream, held, options);

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
        FileLock held = FileLock.Acquire(path + ".lock", path);
        FileStream? stream = null;
        try
        {
            stream = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.Read, 1 << 16);
            var journal = new Journal(stream, held, options);
            var scan = JournalScan.Run(stream, path, options, replay);
            journal.Version = scan.Version;
            journal.CutBytes = stream.Length - scan.End;
            if (journal.CutBytes > 0)
            {
                stream.SetLength(scan.End);
                stream.Flush(flushToDisk: true);
            }
            stream.Position = scan.End;
            return journal;
        }
        catch (Exception e)
        {
            stream?.Dispose();
            held.Dispose();
            if (e is IOException or UnauthorizedAccessException)
                throw new CleaveException($"{path}: cannot be opened: {e.Message}", e);
            throw;
        }
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

    /// <summary>Adds one record. After a failure every further append fails in the same words; open the journal again.</summary>
    /// <exception cref="CleaveException">The disk is full or gone.</exception>
    public void Append(ReadOnlySpan<byte> payload)
    {
        if (payload.Length > MaxRecordBytes)
            throw new ArgumentException($"a record of {payload.Length} bytes; the most is {MaxRecordBytes}", nameof(payload));
        if (_broken is not null)
            throw new CleaveException(_broken);
        Span<byte> frame = stackalloc byte[FrameBytes];
        WriteFrame(frame, payload, _stream.Position);
        try
        {
            _stream.Write(frame);
            _stream.Write(payload);
            _stream.Flush(_options.FlushEachAppend);
        }
        catch (IOException e)
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
        _lock.Dispose();
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
