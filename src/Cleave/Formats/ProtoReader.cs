using System.Buffers.Binary;

namespace Cleave.Formats;

/// <summary>Walks the fields of one protocol-buffers message. A message that is not well formed is an <see cref="InvalidDataException"/>.</summary>
internal ref struct ProtoReader(ReadOnlySpan<byte> message)
{
    private ReadOnlySpan<byte> _rest = message;

    private readonly int _length = message.Length;

    /// <summary>How much of the message has been read, in bytes.</summary>
    public readonly int Position => _length - _rest.Length;

    public int Field { get; private set; }

    /// <summary>0 varint, 1 eight bytes, 2 a length and bytes, 5 four bytes.</summary>
    public int WireType { get; private set; }

    /// <summary>The value of a field of wire type 0, 1 or 5.</summary>
    public ulong Number { get; private set; }

    /// <summary>The value of a field of wire type 2.</summary>
    public ReadOnlySpan<byte> Bytes { get; private set; }

    public readonly float Single => BitConverter.UInt32BitsToSingle((uint)Number);

    public readonly double Double => BitConverter.UInt64BitsToDouble(Number);

    public bool Next()
    {
        if (_rest.IsEmpty)
            return false;
        ulong tag = Varint();
        Field = (int)Math.Min(tag >> 3, int.MaxValue);
        WireType = (int)(tag & 7);
        Bytes = default;
        switch (WireType)
        {
            case 0:
                Number = Varint();
                break;
            case 1:
                Number = BinaryPrimitives.ReadUInt64LittleEndian(Take(8));
                break;
            case 2:
                Bytes = Take(Varint());
                break;
            case 5:
                Number = BinaryPrimitives.ReadUInt32LittleEndian(Take(4));
                break;
            default:
                throw new InvalidDataException($"a field of the unknown wire type {WireType}");
        }
        return true;
    }

    private ReadOnlySpan<byte> Take(ulong count)
    {
        if (count > (ulong)_rest.Length)
            throw new InvalidDataException("a field runs over the end of its message");
        ReadOnlySpan<byte> taken = _rest[..(int)count];
        _rest = _rest[(int)count..];
        return taken;
    }

    private ulong Varint()
    {
        ulong value = 0;
        for (int i = 0; i < 10 && i < _rest.Length; i++)
        {
            value |= (ulong)(_rest[i] & 0x7F) << (7 * i);
            if (_rest[i] >= 0x80)
                continue;
            _rest = _rest[(i + 1)..];
            return value;
        }
        throw new InvalidDataException("a number does not end");
    }
}
