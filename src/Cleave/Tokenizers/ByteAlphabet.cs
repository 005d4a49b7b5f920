using System.Text;
using Cleave.Tokenizers.Characters;

namespace Cleave.Tokenizers;

/// <summary>
/// The reversible alphabet of byte-level BPE (Radford et al. 2019): each byte has one printable character, so
/// that a vocabulary of byte strings can be stored as text. Printable Latin-1 bytes stand for themselves; the
/// other 68 are U+0100 onward in byte order.
/// </summary>
internal static class ByteAlphabet
{
    private static readonly char[] Characters = BuildCharacters();
    private static readonly short[] Bytes = BuildBytes();

    /// <summary>The bytes in the order in which vocabularies list them: printable ones first.</summary>
    public static IEnumerable<byte> InVocabularyOrder() =>
        Enumerable.Range(0, 256).Select(i => (byte)i).OrderBy(b => IsPrintable(b) ? 0 : 1).ThenBy(b => b);

    public static char ToCharacter(byte b) => Characters[b];

    public static string Encode(ReadOnlySpan<byte> bytes) =>
        string.Create(bytes.Length, bytes, static (text, source) => Encode(source, text));

    public static void Encode(ReadOnlySpan<byte> bytes, Span<char> characters)
    {
        for (int i = 0; i < bytes.Length; i++)
            characters[i] = Characters[bytes[i]];
    }

    /// <summary>A part of a text in the alphabet, each character aligned with the one whose byte it is.</summary>
    public static void Append(string text, int start, int end, AlignedTextBuilder output)
    {
        Span<byte> bytes = stackalloc byte[4];
        while (start < end)
        {
            Rune.DecodeFromUtf16(text.AsSpan(start, end - start), out Rune rune, out int length);
            foreach (byte b in bytes[..rune.EncodeToUtf8(bytes)])
                output.Append(Characters[b], start, start + length);
            start += length;
        }
    }

    /// <summary>The bytes of a token; a token with a character outside of the alphabet stands for its own text.</summary>
    public static byte[] Decode(string token)
    {
        var bytes = new byte[token.Length];
        for (int i = 0; i < bytes.Length; i++)
        {
            if (token[i] >= Bytes.Length || Bytes[token[i]] < 0)
                return Encoding.UTF8.GetBytes(token);
            bytes[i] = (byte)Bytes[token[i]];
        }
        return bytes;
    }

    private static bool IsPrintable(int b) => b is >= '!' and <= '~' or >= 0xA1 and <= 0xAC or >= 0xAE;

    private static char[] BuildCharacters()
    {
        var characters = new char[256];
        char next = (char)256;
        for (int b = 0; b < 256; b++)
            characters[b] = IsPrintable(b) ? (char)b : next++;
        return characters;
    }

    private static short[] BuildBytes()
    {
        var bytes = new short[256 + 68];
        Array.Fill(bytes, (short)-1);
        for (int b = 0; b < 256; b++)
            bytes[Characters[b]] = (short)b;
        return bytes;
    }
}
