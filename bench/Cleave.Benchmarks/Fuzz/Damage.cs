using System.Buffers.Binary;
using System.Text;
using Cleave.Numerics;

namespace Cleave.Benchmarks.Fuzz;

/// <summary>Damage to bytes and to lines of text.</summary>
internal static class Damage
{
    public static readonly long[] Numbers =
        [0, 1, 2, 3, 7, 8, 31, 32, 33, 64, 127, 128, 255, 256, 1000, 65535, 1 << 20, int.MaxValue, uint.MaxValue, 1L << 40, long.MaxValue, long.MinValue, -1, -2];

    private static readonly float[] Floats = [float.NaN, float.PositiveInfinity, float.NegativeInfinity, float.MaxValue, -0f, 1e-45f, 0];

    private static readonly string[] Texts =
        ["", " ", "\0", "\t", "\r", "\n\n", "\uFEFF", "\u2581", "<0x00>", "<0xZZ>", "..", "../../etc/passwd", "/", "NaN", "1e999", "-1", "99999999999999999999", "#", "##", "\u2028", "\u0301"];

    /// <summary>One change of a few bytes, mostly before <paramref name="structure"/>, or a cut.</summary>
    public static byte[] Bytes(byte[] bytes, Rng random, int structure = int.MaxValue)
    {
        if (bytes.Length == 0)
            return [(byte)random.NextInt(256)];
        int end = random.NextInt(4) == 0 ? bytes.Length : Math.Min(bytes.Length, structure), at = random.NextInt(Math.Max(1, end));
        Span<byte> rest = bytes.AsSpan(at);
        long number = Numbers[random.NextInt(Numbers.Length)];
        switch (random.NextInt(9))
        {
            case 0: rest[0] ^= (byte)(1 << random.NextInt(8)); break;
            case 1: rest[0] = (byte)random.NextInt(256); break;
            case 2 when rest.Length >= 4: BinaryPrimitives.WriteUInt32LittleEndian(rest, (uint)number); break;
            case 3 when rest.Length >= 8: BinaryPrimitives.WriteInt64LittleEndian(rest, number); break;
            case 4 when rest.Length >= 4: BinaryPrimitives.WriteSingleLittleEndian(rest, Floats[random.NextInt(Floats.Length)]); break;
            case 5: return bytes[..at];
            case 6: return [.. bytes[..at], .. bytes[Math.Min(bytes.Length, at + 1 + random.NextInt(8))..]];
            case 7: return [.. bytes[..at], .. Encoding.UTF8.GetBytes(Texts[random.NextInt(Texts.Length)]), .. bytes[at..]];
            default: return [.. bytes[..at], .. bytes[random.NextInt(at + 1)..at], .. bytes[at..]];
        }
        return bytes;
    }

    /// <summary>One change of whole lines.</summary>
    /// <param name="phrases">What else could stand in such a file.</param>
    public static string Lines(string text, Rng random, ReadOnlySpan<string> phrases)
    {
        List<string> lines = [.. text.Split('\n')];
        int at = random.NextInt(lines.Count), other = random.NextInt(lines.Count);
        switch (random.NextInt(8))
        {
            case 0: lines.RemoveAt(at); break;
            case 1: lines.Insert(at, lines[other]); break;
            case 2: (lines[at], lines[other]) = (lines[other], lines[at]); break;
            case 3: lines[at] = Characters(lines[at], random, phrases); break;
            case 4: lines.Insert(at, phrases[random.NextInt(phrases.Length)]); break;
            case 5: lines[at] = phrases[random.NextInt(phrases.Length)]; break;
            case 6: lines[at] = new string(' ', random.NextInt(5)) + lines[at].TrimStart(); break;
            default: lines[at] += lines[other]; break;
        }
        return string.Join('\n', lines);
    }

    /// <summary>One change within a text.</summary>
    public static string Characters(string text, Rng random, ReadOnlySpan<string> phrases)
    {
        int at = random.NextInt(text.Length + 1), to = at + random.NextInt(Math.Min(8, text.Length - at) + 1);
        return random.NextInt(6) switch
        {
            0 => string.Concat(text.AsSpan(0, at), text.AsSpan(to)),
            1 => string.Concat(text.AsSpan(0, at), Texts[random.NextInt(Texts.Length)], text.AsSpan(to)),
            2 => string.Concat(text.AsSpan(0, at), phrases[random.NextInt(phrases.Length)], text.AsSpan(at)),
            3 => string.Concat(text.AsSpan(0, at), text.AsSpan(at, to - at), text.AsSpan(at)),
            4 => string.Concat(text.AsSpan(0, at), ((char)(random.NextInt(2) == 0 ? random.NextInt(128) : random.NextInt(0xD800))).ToString(), text.AsSpan(to)),
            _ => text[..at],
        };
    }
}
