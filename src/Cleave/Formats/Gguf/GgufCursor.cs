using System.Buffers.Binary;
using System.Text;

namespace Cleave.Formats.Gguf;

/// <summary>Reads the front of a GGUF file in order, a buffer at a time, never past the file's end.</summary>
internal sealed class GgufCursor(string path, long fileBytes, GgufCursor.Reader read)
{
    private const int MaxTextBytes = 1 << 26;
    private readonly byte[] _buffer = new byte[1 << 16];
    private long _start; // of the buffer, in the file
    private int _at, _filled;

    internal delegate void Reader(Span<byte> destination, long offset);

    public long Position => _start + _at;

    public byte Byte() => Take(1)[0];
    public uint UInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4));
    public ulong UInt64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(8));

    /// <summary>How many items follow, each of at least <paramref name="leastBytes"/>: never more than the file has room for.</summary>
    public int Count(string what, int leastBytes)
    {
        long at = Position;
        ulong count = UInt64();
        if (count > (ulong)((fileBytes - Position) / leastBytes) || count > int.MaxValue)
            throw new ModelFileException(path, $"{count} {what} do not fit into the file", at);
        return (int)count;
    }

    public string Text()
    {
        long at = Position;
        ulong length = UInt64();
        if (length > MaxTextBytes || (long)length > fileBytes - Position)
            throw new ModelFileException(path, $"a text of {length} bytes does not fit into the file", at);
        if (length <= (ulong)_buffer.Length)
            return Decode(Take((int)length), at);
        var bytes = new byte[length];
        for (int done = 0; done < bytes.Length;)
        {
            ReadOnlySpan<byte> part = Take(Math.Min(_buffer.Length, bytes.Length - done));
            part.CopyTo(bytes.AsSpan(done));
            done += part.Length;
        }
        return Decode(bytes, at);
    }

    /// <summary>A value of one of the format's thirteen types.</summary>
    public object Value(uint type, string key)
    {
        switch (type)
        {
            case 0: return (long)Byte();
            case 1: return (long)(sbyte)Byte();
            case 2: return (long)BinaryPrimitives.ReadUInt16LittleEndian(Take(2));
            case 3: return (long)BinaryPrimitives.ReadInt16LittleEndian(Take(2));
            case 4: return (long)UInt32();
            case 5: return (long)(int)UInt32();
            case 6: return (double)BitConverter.UInt32BitsToSingle(UInt32());
            case 7: return Byte() != 0;
            case 8: return Text();
            case 9: return Items(key);
            case 10:
                ulong large = UInt64();
                return large <= long.MaxValue ? (long)large : large;
            case 11: return (long)UInt64();
            case 12: return BitConverter.UInt64BitsToDouble(UInt64());
            default: throw new ModelFileException(path, $"the key {key} has the value type {type}, which is not known", Position);
        }
    }

    private object Items(string key)
    {
        uint type = UInt32();
        if (type == 9)
            throw new ModelFileException(path, $"the key {key} is a list of lists, which is not supported", Position);
        int least = type switch { 0 or 1 or 7 => 1, 2 or 3 => 2, 4 or 5 or 6 => 4, _ => 8 };
        int count = Count($"values of the key {key}", least);
        return type switch
        {
            7 => Fill(new bool[count]),
            8 => Fill(new string[count]),
            6 or 12 => Fill(new double[count]),
            _ => Fill(new long[count]),
        };

        object Fill<T>(T[] items)
        {
            for (int i = 0; i < items.Length; i++)
            {
                items[i] = Value(type, key) is T item ? item
                    : throw new ModelFileException(path, $"the key {key} holds a number beyond 63 bits", Position);
            }
            return items;
        }
    }

    private string Decode(ReadOnlySpan<byte> bytes, long at)
    {
        try
        {
            return Strict.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            throw new ModelFileException(path, "a text is not valid UTF-8", at);
        }
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > _filled - _at)
        {
            _start = Position;
            _at = 0;
            _filled = (int)Math.Min(_buffer.Length, fileBytes - _start);
            if (count > _filled)
                throw new ModelFileException(path, "the file ends inside its header; it is cut short or damaged", fileBytes);
            read(_buffer.AsSpan(0, _filled), _start);
        }
        _at += count;
        return _buffer.AsSpan(_at - count, count);
    }

    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);
}
