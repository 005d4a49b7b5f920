using System.Buffers.Binary;
using System.Text;

namespace Cleave.Formats.Durable;

/// <summary>One pass over a journal's bytes: its header, every sound record, and where they end.</summary>
internal static class JournalScan
{
    private const int MaxKindBytes = 256;

    public static ReadOnlySpan<byte> Magic => "CLVJRNL\n"u8;

    public static (int Version, long End) Run(FileStream stream, string path, JournalOptions options, Action<ReadOnlyMemory<byte>> replay)
    {
        (int version, long at) = ReadHeader(stream, path, options);
        return (version, RunFrom(stream, path, at, replay));
    }

    /// <summary>The rest of a pass that came to <paramref name="at"/>, the beginning of a record or the file's end.</summary>
    /// <returns>Where the sound records end.</returns>
    public static long RunFrom(FileStream stream, string path, long at, Action<ReadOnlyMemory<byte>> replay)
    {
        long length = stream.Length;
        byte[] payload = [];
        while (true)
        {
            int size = ReadRecord(stream, at, length, ref payload);
            if (size < 0)
                break;
            replay(payload.AsMemory(0, size));
            at += Journal.FrameBytes + size;
        }
        if (at < length && FindSound(stream, at + 1, length) is { } next)
        {
            throw new CleaveException($"{path}: the record at byte {at} is damaged, and sound ones follow from byte {next} on " +
                "(restore the file from a copy; nothing was changed)");
        }
        return at;
    }

    /// <summary>The payload's size, or -1 where no sound record stands at <paramref name="at"/>.</summary>
    private static int ReadRecord(FileStream stream, long at, long length, ref byte[] payload)
    {
        if (length - at < Journal.FrameBytes)
            return -1;
        Span<byte> frame = stackalloc byte[Journal.FrameBytes];
        stream.Position = at;
        stream.ReadExactly(frame);
        uint size = BinaryPrimitives.ReadUInt32LittleEndian(frame);
        if (size > Journal.MaxRecordBytes || size > length - at - Journal.FrameBytes
            || Journal.LengthCheck(size, at) != BinaryPrimitives.ReadUInt32LittleEndian(frame[4..]))
        {
            return -1;
        }
        if (payload.Length < size)
            payload = new byte[Math.Max(size, 2 * payload.Length)];
        stream.ReadExactly(payload, 0, (int)size);
        bool sound = Crc32C.Compute(payload.AsSpan(0, (int)size)) == BinaryPrimitives.ReadUInt32LittleEndian(frame[8..]);
        return sound ? (int)size : -1;
    }

    /// <summary>The first offset from <paramref name="from"/> on with a sound record, or null.</summary>
    private static long? FindSound(FileStream stream, long from, long length)
    {
        byte[] payload = [];
        byte[] window = new byte[1 << 16];
        while (length - from >= Journal.FrameBytes)
        {
            stream.Position = from;
            int read = stream.ReadAtLeast(window, window.Length, throwOnEndOfStream: false);
            int last = read - Journal.FrameBytes;
            for (int i = 0; i <= last; i++)
            {
                uint size = BinaryPrimitives.ReadUInt32LittleEndian(window.AsSpan(i));
                uint check = BinaryPrimitives.ReadUInt32LittleEndian(window.AsSpan(i + 4));
                if (size <= Journal.MaxRecordBytes && Journal.LengthCheck(size, from + i) == check
                    && ReadRecord(stream, from + i, length, ref payload) >= 0)
                {
                    return from + i;
                }
            }
            from += last + 1;
        }
        return null;
    }

    private static (int Version, long End) ReadHeader(FileStream stream, string path, JournalOptions options)
    {
        byte[] head = new byte[16 + MaxKindBytes + 4];
        stream.Position = 0;
        int read = stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false);
        if (read < 20 || !head.AsSpan(0, 8).SequenceEqual(Magic))
            throw new CleaveException($"{path}: is not a journal (choose another file)");
        int version = BinaryPrimitives.ReadInt32LittleEndian(head.AsSpan(8));
        int kindBytes = BinaryPrimitives.ReadInt32LittleEndian(head.AsSpan(12));
        if (kindBytes < 0 || kindBytes > MaxKindBytes || 16 + kindBytes + 4 > read
            || Crc32C.Compute(head.AsSpan(0, 16 + kindBytes)) != BinaryPrimitives.ReadUInt32LittleEndian(head.AsSpan(16 + kindBytes)))
        {
            throw new CleaveException($"{path}: the journal's header is damaged (restore the file from a copy)");
        }
        string kind = Encoding.UTF8.GetString(head, 16, kindBytes);
        if (kind != options.Kind)
            throw new CleaveException($"{path}: is a journal of kind '{kind}', not '{options.Kind}' (choose another file)");
        if (version < 1 || version > options.Version)
            throw new CleaveException($"{path}: was written by a newer program (version {version}, known up to {options.Version}): update this one");
        return (version, 16 + kindBytes + 4);
    }
}
