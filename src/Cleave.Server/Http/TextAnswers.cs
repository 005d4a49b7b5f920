using System.Text.Json;
using Cleave.Serving;
using Cleave.Serving.Tools;

namespace Cleave.Server.Http;

/// <summary>Plain completions.</summary>
internal sealed class TextAnswers(long created) : Answers($"cmpl-{Guid.NewGuid():N}", created)
{
    private readonly Dictionary<int, int> _said = []; // characters of the tokens of each answer's earlier pieces

    public override byte[] Whole(IReadOnlyList<ModuleResult> results) => Document(results[0].Choice,
        [.. results.Select((r, i) => new TextChoice(i, r.Text, Finish(r), Scores(i, r.Tokens)))], Usage(results));

    public override byte[]? First(ModuleChoice choice, int index) => null;

    public override byte[] Piece(ModuleChoice choice, int index, string text, IReadOnlyList<TokenScore>? tokens) =>
        Document(choice, [new TextChoice(index, text, null, Scores(index, tokens))]);

    public override byte[] Call(ModuleChoice choice, int index, ToolCallPiece piece) => throw new InvalidOperationException("plain completions offer no tools");

    public override byte[] Last(ModuleResult result, int index, IReadOnlyList<TokenScore>? tokens) =>
        Document(result.Choice, [new TextChoice(index, "", Finish(result), tokens is { Count: > 0 } ? Scores(index, tokens) : null)], null, AnswerHeaders.Facts([result]));

    public override byte[] Counts(IReadOnlyList<ModuleResult> results) => Document(results[0].Choice, [], Usage(results));

    private TextScores? Scores(int index, IReadOnlyList<TokenScore>? tokens)
    {
        if (tokens is null)
            return null;
        int said = _said.GetValueOrDefault(index);
        var offsets = new int[tokens.Count];
        for (int i = 0; i < offsets.Length; i++)
        {
            offsets[i] = said;
            said += tokens[i].Text.Length;
        }
        _said[index] = said;
        // Of tokens that are written alike, such as parts of characters, the likeliest is told.
        Dictionary<string, float>[] likely = [.. tokens.Select(t => t.Alternatives.Prepend(t).GroupBy(a => a.Text, StringComparer.Ordinal)
            .ToDictionary(g => g.Key, g => ChatAnswers.Finite(g.Max(a => a.LogProbability)), StringComparer.Ordinal))];
        return new TextScores([.. tokens.Select(t => t.Text)], [.. tokens.Select(t => ChatAnswers.Finite(t.LogProbability))], likely, offsets);
    }

    private byte[] Document(ModuleChoice choice, TextChoice[] choices, Usage? usage = null, StreamFacts? facts = null) => JsonSerializer.SerializeToUtf8Bytes(
        new TextCompletion(Id, "text_completion", Created, choice.Module, choices, usage, facts), ApiJson.Api.TextCompletion);
}
