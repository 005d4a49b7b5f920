using System.Buffers.Binary;
using System.Text;
using Cleave.Numerics;

namespace Cleave.Benchmarks.Fuzz;

/// <summary>SentencePiece's .model: a message of pieces, a trainer's and a normalizer's settings, with a compiled character map.</summary>
public sealed class SentencePieceTarget : TokenizerTarget
{
    private static readonly string[] Pieces = ["<unk>", "<s>", "</s>", "\u2581", "t", "h", "e", "th", "the", "\u2581the", "c", "a", "\u2581ca", "cat", "é", "user", "unused"];
    private static readonly ulong[] Varints = [0, 1, 2, 3, 4, 5, 6, 7, 127, 128, 300, int.MaxValue, uint.MaxValue, ulong.MaxValue];

    public override string Name => "tokenizer.model (SentencePiece)";

    protected override string FileName => "spiece.model";

    public override IEnumerable<FuzzFile[]> Goods() => [[new(FileName, Joined(Fields(algorithm: 1, fallback: false)))]];

    public override FuzzFile[] Next(Rng random)
    {
        List<byte[]> fields = Fields(algorithm: 1 + (uint)random.NextInt(4), fallback: random.NextInt(3) == 0);
        for (int i = random.NextInt(4); i > 0; i--)
        {
            int at = random.NextInt(fields.Count);
            switch (random.NextInt(6))
            {
                case 0: fields.RemoveAt(at); break;
                case 1: fields.Insert(random.NextInt(fields.Count), fields[at]); break;
                case 2: fields[at] = Damage.Bytes((byte[])fields[at].Clone(), random); break;
                case 3: fields[at] = Piece(Pieces[random.NextInt(Pieces.Length)], random.NextInt(2) == 0 ? float.NaN : 1e30f, (uint)random.NextInt(9)); break;
                case 4: fields.Insert(at, Message(1 + (uint)random.NextInt(50), Damage.Bytes(Piece("x", 1, 1), random))); break;
                default: fields.Add(Message(2, Number(new uint[] { 3, 24, 35, 40, 41, 42, 43 }[random.NextInt(7)], Varints[random.NextInt(Varints.Length)]))); break;
            }
            if (fields.Count == 0)
                break;
        }
        byte[] bytes = Joined(fields);
        return [new(FileName, random.NextInt(3) == 0 ? Damage.Bytes(bytes, random) : bytes)];
    }

    private static List<byte[]> Fields(uint algorithm, bool fallback)
    {
        List<byte[]> fields = [.. Pieces.Select((p, i) => Piece(p, -i / 2f, i switch { 0 => 2, 1 or 2 => 3, 15 => 4, 16 => 5, _ => 1u }))];
        fields.Add(Message(2, [.. Number(3, algorithm), .. Number(35, fallback ? 1u : 0), .. Number(40, 0), .. Number(41, 1), .. Number(42, 2), .. Message(44, " ? "u8)]));
        fields.Add(Message(3, [.. Message(2, CharsMap()), .. Number(3, 1), .. Number(4, 1), .. Number(5, 1)]));
        return fields;
    }

    /// <summary>A double array that maps A to a and B to nothing.</summary>
    private static byte[] CharsMap()
    {
        var units = new uint[1024];
        units[0] = 256u << 10;
        Key('A', 600, place: 0);
        Key('B', 700, place: 2);
        byte[] texts = "a\0\0"u8.ToArray();
        var bytes = new byte[4 + 4 * units.Length + texts.Length];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, 4 * units.Length);
        for (int i = 0; i < units.Length; i++)
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(4 + 4 * i), units[i]);
        texts.CopyTo(bytes, 4 + 4 * units.Length);
        return bytes;

        void Key(uint label, uint leaf, uint place)
        {
            uint child = 256 ^ label;
            units[child] = label | 1u << 8 | (child ^ leaf) << 10;
            units[leaf] = 1u << 31 | place;
        }
    }

    private static byte[] Piece(string text, float score, uint kind)
    {
        var number = new byte[4];
        BinaryPrimitives.WriteSingleLittleEndian(number, score);
        return Message(1, [.. Message(1, Encoding.UTF8.GetBytes(text)), 2 << 3 | 5, .. number, .. Number(3, kind)]);
    }

    private static byte[] Number(uint field, ulong value) => [.. Varint(field << 3), .. Varint(value)];

    private static byte[] Message(uint field, ReadOnlySpan<byte> bytes) => [.. Varint(field << 3 | 2), .. Varint((ulong)bytes.Length), .. bytes];

    private static byte[] Joined(List<byte[]> fields) => [.. fields.SelectMany(f => f)];

    private static List<byte> Varint(ulong value)
    {
        var bytes = new List<byte>();
        for (; value >= 0x80; value >>= 7)
            bytes.Add((byte)(value | 0x80));
        bytes.Add((byte)value);
        return bytes;
    }
}
