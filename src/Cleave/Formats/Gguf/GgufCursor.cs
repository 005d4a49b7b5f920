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

    /// <summary>A key with its value.</summary>
    public GgufKey Key()
    {
        string name = Text();
        GgufValueType type = Type(name);
        if (type != GgufValueType.List)
            return new GgufKey(name, type, Value(type));
        GgufValueType element = Type(name);
        if (element == GgufValueType.List)
            throw new ModelFileException(path, $"the key {name} is a list of lists, which is not supported", Position);
        return new GgufKey(name, type, Items(element, name), element);
    }

    private GgufValueType Type(string name) => UInt32() is <= (uint)GgufValueType.F64 and var type ? (GgufValueType)type
        : throw new ModelFileException(path, $"the key {name} has a value type that is not known", Position - sizeof(uint));

    private object Value(GgufValueType type)
    {
        switch (type)
        {
            case GgufValueType.U8: return (long)Byte();
            case GgufValueType.I8: return (long)(sbyte)Byte();
            case GgufValueType.U16: return (long)BinaryPrimitives.ReadUInt16LittleEndian(Take(2));
            case GgufValueType.I16: return (long)BinaryPrimitives.ReadInt16LittleEndian(Take(2));
            case GgufValueType.U32: return (long)UInt32();
            case GgufValueType.I32: return (long)(int)UInt32();
            case GgufValueType.F32: return (double)BitConverter.UInt32BitsToSingle(UInt32());
            case GgufValueType.Bool: return Byte() != 0;
            case GgufValueType.Text: return Text();
            case GgufValueType.U64:
                ulong large = UInt64();
                return large <= long.MaxValue ? (long)large : large;
            case GgufValueType.I64: return (long)UInt64();
            default: return BitConverter.UInt64BitsToDouble(UInt64());
        }
    }

    private Array Items(GgufValueType type, string key)
    {
        int count = Count($"values of the key {key}", GgufValues.LeastBytes(type));
        return type switch
        {
            GgufValueType.Bool => Fill(new bool[count]),
            GgufValueType.Text => Fill(new string[count]),
            GgufValueType.F32 or GgufValueType.F64 => Fill(new double[count]),
            _ => Fill(new long[count]),
        };

        T[] Fill<T>(T[] items)
        {
            for (int i = 0; i < items.Length; i++)
            {
                items[i] = Value(type) is T item ? item
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
