using System.Text;
using System.Text.Json;

namespace Cleave.Tokenizers.Algorithms;

/// <summary>What a byte-pair encoding is made of.</summary>
internal sealed record BpeRules
{
    /// <summary>Merges as ids, in the order of their ranks. Ids beyond the vocabulary are characters that only occur inside of tokens.</summary>
    public required IReadOnlyList<(int Left, int Right, int Result)> Merges { get; init; }

    /// <summary>The rank of each merge, the lower the earlier; null where each has its own. Of equal ranks the leftmost goes first.</summary>
    public IReadOnlyList<int>? Ranks { get; init; }

    /// <summary>Whether a piece that is a token as a whole needs no merges to become it.</summary>
    public bool IgnoreMerges { get; init; }

    public string? UnknownToken { get; init; }

    /// <summary>Whether what is unknown becomes the tokens <c>&lt;0x00&gt;</c> … of its bytes.</summary>
    public bool ByteFallback { get; init; }

    /// <summary>Whether a run of unknown characters is one unknown token.</summary>
    public bool FuseUnknown { get; init; }

    /// <summary>What tokens begin with that do not begin a word.</summary>
    public string Prefix { get; init; } = "";

    /// <summary>What tokens end with that end a word.</summary>
    public string Suffix { get; init; } = "";

    /// <summary>Single characters, by their code, that have an id beyond the vocabulary.</summary>
    public IReadOnlyDictionary<int, int> InnerCharacters { get; init; } = new Dictionary<int, int>();

    /// <summary>Pieces that are one token whatever merges say.</summary>
    public IReadOnlyDictionary<string, int> Whole { get; init; } = new Dictionary<string, int>();

    /// <summary>Tokens that only lead to others: where one is left over, it falls back into its two halves.</summary>
    public IReadOnlyDictionary<int, (int Left, int Right)> Unused { get; init; } = new Dictionary<int, (int, int)>();

    public MergeTable Table()
    {
        var table = new MergeTable(Merges.Count);
        for (int i = 0; i < Merges.Count; i++)
            table.Add(Merges[i].Left, Merges[i].Right, Ranks?[i] ?? i, Merges[i].Result);
        return table;
    }

    public void Write(Utf8JsonWriter json, Vocabulary vocabulary)
    {
        json.WriteString("type", "BPE");
        json.WriteNull("dropout");
        json.WriteString("unk_token", UnknownToken);
        json.WriteString("continuing_subword_prefix", Prefix.Length > 0 ? Prefix : null);
        json.WriteString("end_of_word_suffix", Suffix.Length > 0 ? Suffix : null);
        json.WriteBoolean("fuse_unk", FuseUnknown);
        json.WriteBoolean("byte_fallback", ByteFallback);
        json.WriteBoolean("ignore_merges", IgnoreMerges);
        vocabulary.Write(json);
        WriteMerges(json, vocabulary);
    }

    private void WriteMerges(Utf8JsonWriter json, Vocabulary vocabulary)
    {
        (int Left, int Right)[] merges = [.. Merges.Where(m => Math.Max(m.Left, m.Right) < vocabulary.Count).Select(m => (m.Left, m.Right))];
        bool pairs = merges.Any(m => vocabulary.TokenOf(m.Left).Contains(' ') || vocabulary.TokenOf(m.Right).Contains(' '));
        json.WriteStartArray("merges");
        foreach ((int left, int right) in merges)
        {
            if (!pairs)
            {
                json.WriteStringValue($"{vocabulary.TokenOf(left)} {vocabulary.TokenOf(right)}");
                continue;
            }
            json.WriteStartArray();
            json.WriteStringValue(vocabulary.TokenOf(left));
            json.WriteStringValue(vocabulary.TokenOf(right));
            json.WriteEndArray();
        }
        json.WriteEndArray();
    }
}

/// <summary>The ids of the tokens <c>&lt;0x00&gt;</c> … <c>&lt;0xFF&gt;</c>.</summary>
internal sealed class ByteTokens
{
    private readonly int[] _ids = new int[256];

    public ByteTokens(Func<string, int?> idOf)
    {
        for (int b = 0; b < 256; b++)
            _ids[b] = idOf($"<0x{b:X2}>") ?? -1;
    }

    /// <summary>Appends the tokens of a text's bytes, unless one of them has none.</summary>
    public bool TryAppend(ReadOnlySpan<char> text, int start, List<int> ids, List<(int Start, int End)>? spans)
    {
        int before = ids.Count;
        Span<byte> bytes = stackalloc byte[4];
        for (int at = 0; at < text.Length;)
        {
            Rune.DecodeFromUtf16(text[at..], out Rune rune, out int length);
            foreach (byte b in bytes[..rune.EncodeToUtf8(bytes)])
            {
                if (_ids[b] < 0)
                {
                    ids.RemoveRange(before, ids.Count - before);
                    return false;
                }
                ids.Add(_ids[b]);
            }
            at += length;
        }
        if (spans is null)
            return true;
        for (int at = 0; at < text.Length;)
        {
            Rune.DecodeFromUtf16(text[at..], out Rune rune, out int length);
            for (int b = 0; b < rune.Utf8SequenceLength; b++)
                spans.Add((start + at, start + at + length));
            at += length;
        }
        return true;
    }
}
