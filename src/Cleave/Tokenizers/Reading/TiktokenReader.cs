using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using Cleave.Tokenizers.Algorithms;
using Cleave.Tokenizers.PreTokenizers;
using Cleave.Tokenizers.SentencePiece;

namespace Cleave.Tokenizers.Reading;

/// <summary>
/// Reads a file of ranks as OpenAI's tiktoken has them: on each line the bytes of a token in base64 and its rank, which is
/// its id too. Two neighbours merge where together they are a token, the lowest rank first.
/// </summary>
internal static class TiktokenReader
{
    /// <param name="pattern">How words are cut; null to tell by the number of ranks.</param>
    /// <param name="bos">Put before every text, where not null.</param>
    public static TokenizerDefinition Read(ReadOnlySpan<byte> file, IReadOnlyList<AddedToken> added, string? pattern, string path, int? bos)
    {
        var tokens = new List<(string Text, int Id, double Score)>();
        int number = 0;
        for (int at = 0; at < file.Length;)
        {
            number++;
            int length = file[at..].IndexOf((byte)'\n');
            ReadOnlySpan<byte> line = length < 0 ? file[at..] : file.Slice(at, length);
            if (!line.Trim("\r "u8).IsEmpty)
                tokens.Add(ReadLine(line, path, number, at));
            at += line.Length + 1;
        }
        var vocabulary = new VocabularyBuilder(path, tokens.Count + added.Count);
        foreach ((string text, int id, _) in tokens)
        {
            if (vocabulary.AddModelToken(id, text) is { } problem)
                throw new ModelFileException(path, problem);
        }
        foreach (AddedToken token in added)
        {
            if (vocabulary.AddToken(token) is { } problem)
                throw new ModelFileException(path, problem);
        }
        BpeRules rules = PieceMerges.Of(tokens, vocabulary.Count, characters: false) with { IgnoreMerges = true };
        return ByteLevelReader.Build(vocabulary, rules, [pattern ?? PatternOf(tokens.Count)], bos, null, path);
    }

    /// <summary>Whether a file begins like one of ranks.</summary>
    public static bool Accepts(ReadOnlySpan<byte> file)
    {
        int end = file.IndexOf((byte)'\n');
        ReadOnlySpan<byte> line = end < 0 ? file : file[..end];
        int blank = line.IndexOf((byte)' ');
        return blank > 0 && Base64.IsValid(line[..blank]) && Utf8Parser.TryParse(line[(blank + 1)..], out int _, out _);
    }

    /// <summary>A <c>pre_tokenizer</c> value that cuts by patterns, one after the other, and takes bytes.</summary>
    public static string PreTokenizerJson(params string[] patterns)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            json.WriteString("type", "Sequence");
            json.WriteStartArray("pretokenizers");
            foreach (string pattern in patterns)
                PreTokenizer.WriteSplit(json, pattern);
            PreTokenizer.WriteByteLevel(json, addPrefixSpace: false, useRegex: false);
            json.WriteEndArray();
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(stream.ToArray());
    }

    /// <summary>The files do not say how words are cut, but the published ones are told by their size.</summary>
    private static string PatternOf(int ranks) => ranks switch
    {
        50256 or 50280 or 50257 => Gpt2PreTokenizer.Pattern,
        151643 => Llama3PreTokenizer.QwenPattern,
        199998 => SplitPatterns.Gpt4o,
        _ => Llama3PreTokenizer.Pattern,
    };

    private static (string Text, int Id, double Score) ReadLine(ReadOnlySpan<byte> line, string path, int number, int at)
    {
        int blank = line.IndexOf((byte)' ');
        if (blank > 0 && Utf8Parser.TryParse(line[(blank + 1)..], out int rank, out int read) && rank >= 0
            && line[(blank + 1 + read)..].Trim("\r "u8).IsEmpty)
        {
            var bytes = new byte[Base64.GetMaxDecodedFromUtf8Length(blank)];
            if (Base64.DecodeFromUtf8(line[..blank], bytes, out _, out int count) == System.Buffers.OperationStatus.Done && count > 0)
                return (ByteAlphabet.Encode(bytes.AsSpan(0, count)), rank, -(double)rank);
        }
        throw new ModelFileException(path, $"line {number} is not a token in base64 and its rank", at);
    }
}
