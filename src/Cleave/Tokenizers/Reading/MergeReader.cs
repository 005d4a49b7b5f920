using System.Text.Json;
using Cleave.Json;

namespace Cleave.Tokenizers.Reading;

/// <summary>Merges as they are read, each checked against the vocabulary and those before.</summary>
/// <param name="prefix">What tokens begin with that do not begin a word; it goes where they are merged.</param>
internal sealed class MergeReader(VocabularyBuilder vocabulary, string prefix)
{
    private readonly HashSet<ulong> _seen = [];

    public List<(int Left, int Right, int Result)> Merges { get; } = [];

    public void Read(JsonCursor list)
    {
        foreach (JsonCursor item in list.Items())
        {
            string? problem;
            if (item.Kind == JsonValueKind.Array)
            {
                JsonCursor[] pair = [.. item.Items()];
                problem = pair.Length == 2 ? Add(pair[0].Text(), pair[1].Text()) : "a merge has two parts";
            }
            else
            {
                problem = Add(item.Text());
            }
            if (problem is not null)
                throw item.Error(problem);
        }
    }

    /// <returns>What is wrong with it, or null.</returns>
    public string? Add(string pair)
    {
        int blank = pair.IndexOf(' ', StringComparison.Ordinal);
        return blank < 0 || pair.IndexOf(' ', blank + 1) >= 0
            ? "a merge is two tokens with one blank between them" : Add(pair[..blank], pair[(blank + 1)..]);
    }

    public string? Add(string left, string right)
    {
        if (vocabulary.ModelIdOf(left) is not { } leftId)
            return $"the merge names {left}, which is not in the vocabulary";
        if (vocabulary.ModelIdOf(right) is not { } rightId)
            return $"the merge names {right}, which is not in the vocabulary";
        string merged = string.Concat(left, right.AsSpan(prefix.Length > 0 && right.StartsWith(prefix, StringComparison.Ordinal) ? prefix.Length : 0));
        if (vocabulary.ModelIdOf(merged) is not { } result)
            return $"the merge makes {merged}, which is not in the vocabulary";
        if (!_seen.Add(((ulong)(uint)leftId << 32) | (uint)rightId))
            return $"the merge of {left} and {right} is there twice";
        Merges.Add((leftId, rightId, result));
        return null;
    }
}
