using System.Text.Json;
using Cleave.Tokenizers.Segmentation;

namespace Cleave.Tokenizers.PreTokenizers;

/// <summary>Any other split pattern: matches are words, and so is what lies between them.</summary>
/// <exception cref="ArgumentException">The pattern is not one that .NET understands.</exception>
internal sealed class RegexPreTokenizer(string pattern) : PreTokenizer
{
    private readonly RegexPattern _regex = new(pattern);

    /// <exception cref="CleaveException">The pattern takes too long on this text.</exception>
    public override void Split(ReadOnlySpan<char> text, List<int> ends)
    {
        var matches = new List<TextMatch>();
        _regex.Find(text.ToString(), matches);
        foreach (TextMatch match in matches)
        {
            if (match.End > match.Start)
                ends.Add(match.End);
        }
    }

    internal override void Write(Utf8JsonWriter json) => WriteSplitThenByteLevel(json, pattern);
}
