using System.Buffers.Binary;
using Cleave.Formats.Gguf;
using Cleave.Numerics;

namespace Cleave.Benchmarks.Fuzz;

/// <summary>Damages a good GGUF file in its own terms: keys, types, shapes, offsets, lengths, and plain bytes.</summary>
public sealed class GgufMutator
{
    private static readonly long[] Numbers =
        [0, 1, 2, 3, 7, 8, 31, 32, 33, 64, 127, 128, 255, 256, 1000, 65535, 1 << 20, int.MaxValue, uint.MaxValue, 1L << 40, long.MaxValue, long.MinValue, -1, -2];

    private readonly byte[] _good;
    private readonly IReadOnlyList<GgufKey> _keys;
    private readonly IReadOnlyList<(GgufEntry Entry, byte[] Data)> _tensors;
    private readonly int _dataStart;

    /// <param name="path">A good file, small.</param>
    public GgufMutator(string path)
    {
        _good = File.ReadAllBytes(path);
        using GgufFile file = GgufFile.Open(path);
        _keys = file.Metadata.Keys;
        _tensors = [.. file.Entries.Select(e =>
        {
            var data = new byte[e.ByteCount];
            file.ReadBytes(e, 0, data);
            return (e, data);
        })];
        _dataStart = (int)file.Entries.Min(e => e.FileOffset);
    }

    /// <summary>One damaged file.</summary>
    public byte[] Next(Rng random)
    {
        ArgumentNullException.ThrowIfNull(random);
        try
        {
            byte[] bytes = random.NextInt(3) == 0 ? Rewritten(random) : (byte[])_good.Clone();
            for (int i = random.NextInt(3); i >= 0; i--)
                bytes = Damaged(bytes, random);
            return bytes;
        }
        catch (Exception e) when (e is ArgumentException or ModelFileException or OverflowException)
        {
            return Damaged((byte[])_good.Clone(), random); // the writer refused to write that
        }
    }

    /// <summary>A whole file that says something else: other values, other types, keys and tensors missing or moved.</summary>
    private byte[] Rewritten(Rng random)
    {
        List<GgufKey> keys = [.. _keys];
        List<GgufTensor> tensors = [.. _tensors.Select(t => Tensor(t.Entry.Type, t.Entry.Shape, t))];
        int k = random.NextInt(keys.Count), t = random.NextInt(tensors.Count);
        switch (random.NextInt(8))
        {
            case 0: keys.RemoveAt(k); break;
            case 1: tensors.RemoveAt(t); break;
            case 2: keys[k] = keys[k] with { Name = keys[random.NextInt(keys.Count)].Name + "x" }; break;
            case 3: keys[k] = new GgufKey(keys[k].Name, GgufValueType.I64, Numbers[random.NextInt(Numbers.Length)]); break;
            case 4: keys[k] = new GgufKey(keys[k].Name, GgufValueType.F64, random.NextInt(2) == 0 ? double.NaN : random.NextGaussian() * 1e3); break;
            case 5: keys[k] = keys[k] with { Value = keys[k].Value is long ? Numbers[random.NextInt(Numbers.Length)] : keys[k].Value }; break;
            case 6:
                GgufTensorType[] types = Enum.GetValues<GgufTensorType>();
                tensors[t] = Tensor(types[random.NextInt(types.Length)], _tensors[t].Entry.Shape, _tensors[t]);
                break;
            default:
                long[] shape = [.. _tensors[t].Entry.Shape];
                shape[random.NextInt(shape.Length)] = 1 + random.NextInt(300);
                tensors[t] = Tensor(_tensors[t].Entry.Type, random.NextInt(2) == 0 ? shape : [.. shape.Reverse()], _tensors[t]);
                break;
        }
        using var stream = new MemoryStream();
        GgufWriter.Write(stream, keys, tensors);
        return stream.ToArray();
    }

    private static GgufTensor Tensor(GgufTensorType type, long[] shape, (GgufEntry Entry, byte[] Data) from)
    {
        var tensor = new GgufTensor(from.Entry.Name, type, shape, stream =>
        {
            long left = new GgufTensor(from.Entry.Name, type, shape, _ => { }).ByteCount;
            for (; left > 0; left -= Math.Min(left, from.Data.Length))
                stream.Write(from.Data.AsSpan(0, (int)Math.Min(left, from.Data.Length)));
        });
        return tensor;
    }

    /// <summary>Mostly in front, where the structure is.</summary>
    private byte[] Damaged(byte[] bytes, Rng random)
    {
        if (bytes.Length < 64)
            return bytes;
        int end = random.NextInt(4) == 0 ? bytes.Length : Math.Min(bytes.Length, _dataStart), at = random.NextInt(end - 8);
        long number = Numbers[random.NextInt(Numbers.Length)];
        switch (random.NextInt(8))
        {
            case 0: bytes[at] ^= (byte)(1 << random.NextInt(8)); break;
            case 1: bytes[at] = (byte)random.NextInt(256); break;
            case 2: BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(at), (uint)number); break;
            case 3: BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(at), number); break;
            case 4: BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(8 + 8 * random.NextInt(2)), number); break;
            case 5: return bytes[..(at + 1)];
            case 6: return [.. bytes[..at], .. bytes[(at + 1 + random.NextInt(8))..]];
            default: return [.. bytes[..at], .. bytes[random.NextInt(at + 1)..at], .. bytes[at..]];
        }
        return bytes;
    }
}
