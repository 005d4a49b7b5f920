using System.Buffers.Binary;
using Cleave.Formats.Durable;

namespace Cleave.Training.Distillation;

/// <summary>
/// What a file of a teacher's predictions is of. Layout, little-endian: <c>"CLVTEACH"</c>, u32 version, u32 V, u32 tokens of a window, u32 k,
/// f32 temperature, u64 windows, three SHA-256 (teacher, vocabulary, the text's tokens), u32 CRC-32C of all before. Then each window: for each of
/// its tokens f32 probability of all other tokens, k ids (u16 where V ≤ 65536, else u32), k f16 log-probabilities, the likeliest first; and u32
/// CRC-32C of (u64 number of the window, the window).
/// </summary>
/// <param name="Window">Tokens that are predicted in a window.</param>
/// <param name="Top">k, how many of the likeliest tokens are kept.</param>
public sealed record TeacherFileHeader(int Vocabulary, int Window, int Top, float Temperature, long Windows, string Teacher, string Tokenizer, string Text)
{
    internal const int Bytes = 8 + 5 * 4 + 8 + 3 * 32 + 4;

    private const int Version = 1, LongestWindow = 1 << 20;

    private static ReadOnlySpan<byte> Magic => "CLVTEACH"u8;

    internal int IdBytes => Vocabulary <= 1 << 16 ? sizeof(ushort) : sizeof(uint);

    /// <summary>Of one token's prediction.</summary>
    internal int RowBytes => checked(sizeof(float) + Top * (IdBytes + sizeof(ushort)));

    /// <summary>Of one window without its check.</summary>
    internal int WindowBytes => checked(Window * RowBytes);

    /// <summary>Of the whole file.</summary>
    public long FileBytes => checked(Bytes + Windows * (WindowBytes + sizeof(uint)));

    internal byte[] Write()
    {
        byte[] bytes = new byte[Bytes];
        Magic.CopyTo(bytes);
        Span<byte> at = bytes.AsSpan(Magic.Length);
        foreach (int number in new[] { Version, Vocabulary, Window, Top })
        {
            BinaryPrimitives.WriteInt32LittleEndian(at, number);
            at = at[4..];
        }
        BinaryPrimitives.WriteSingleLittleEndian(at, Temperature);
        BinaryPrimitives.WriteInt64LittleEndian(at[4..], Windows);
        at = at[12..];
        foreach (string hash in new[] { Teacher, Tokenizer, Text })
        {
            Convert.FromHexString(hash).CopyTo(at);
            at = at[32..];
        }
        BinaryPrimitives.WriteUInt32LittleEndian(at, Crc32C.Compute(bytes.AsSpan(0, Bytes - 4)));
        return bytes;
    }

    /// <exception cref="ModelFileException">It is no such file, of a newer version, or damaged.</exception>
    internal static TeacherFileHeader Read(ReadOnlySpan<byte> bytes, string path, long fileBytes)
    {
        if (bytes.Length < Bytes || !bytes.StartsWith(Magic))
            throw new ModelFileException(path, "is not a file of a teacher's predictions; name another file and it is made", 0);
        int version = BinaryPrimitives.ReadInt32LittleEndian(bytes[8..]);
        if (version != Version)
            throw new ModelFileException(path, $"a teacher's predictions in version {version}, and this program reads version {Version}; make them again", 8);
        if (BinaryPrimitives.ReadUInt32LittleEndian(bytes[(Bytes - 4)..]) != Crc32C.Compute(bytes[..(Bytes - 4)]))
            throw new ModelFileException(path, "the header's check fails: the file is damaged; delete it and it is made again", Bytes - 4);
        int Number(ReadOnlySpan<byte> from, int at, int least, int most) => BinaryPrimitives.ReadInt32LittleEndian(from[at..]) is var n && n >= least && n <= most ? n
            : throw new ModelFileException(path, $"{n} is not from {least} to {most}: the file is damaged; delete it and it is made again", at);
        int vocabulary = Number(bytes, 12, 2, int.MaxValue), window = Number(bytes, 16, 1, LongestWindow), top = Number(bytes, 20, 1, vocabulary);
        var header = new TeacherFileHeader(vocabulary, window, top, BinaryPrimitives.ReadSingleLittleEndian(bytes[24..]), BinaryPrimitives.ReadInt64LittleEndian(bytes[28..]),
            Convert.ToHexStringLower(bytes.Slice(36, 32)), Convert.ToHexStringLower(bytes.Slice(68, 32)), Convert.ToHexStringLower(bytes.Slice(100, 32)));
        // Divided, not multiplied: nothing overflows, whatever is written there.
        long windowBytes = window * (4L + (long)top * (header.IdBytes + 2)) + 4, content = fileBytes - Bytes;
        if (windowBytes > Array.MaxLength || header.Windows < 1 || content % windowBytes != 0 || content / windowBytes != header.Windows)
            throw new ModelFileException(path, $"{fileBytes} bytes are not what {header.Windows} windows of {window} tokens take: the file is damaged; delete it and it is made again", 28);
        return header;
    }

    /// <summary>The check of a window, which is wrong for the same bytes at another place.</summary>
    internal static uint Check(long window, ReadOnlySpan<byte> bytes)
    {
        Span<byte> number = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(number, window);
        return Crc32C.Append(Crc32C.Compute(number), bytes);
    }
}
