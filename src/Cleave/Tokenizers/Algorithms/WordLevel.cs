using System.Text.Json;

namespace Cleave.Tokenizers.Algorithms;

/// <summary>Every piece is a token or unknown.</summary>
internal sealed class WordLevel(Vocabulary vocabulary, string unknownToken) : TokenModel
{
    public override int[] Compute(ReadOnlySpan<char> piece, List<(int Start, int End)>? spans)
    {
        spans?.Add((0, piece.Length));
        return [vocabulary.ModelIdOf(piece) ?? vocabulary.ModelIdOf(unknownToken) ?? throw NoUnknown(piece)];
    }

    public override void Write(Utf8JsonWriter json, Vocabulary vocabulary)
    {
        json.WriteString("type", "WordLevel");
        vocabulary.Write(json);
        json.WriteString("unk_token", unknownToken);
    }
}
