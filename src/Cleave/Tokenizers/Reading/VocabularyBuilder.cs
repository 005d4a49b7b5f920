using System.Text.Json;
using Cleave.Json;

namespace Cleave.Tokenizers.Reading;

/// <summary>Collects tokens and ids while a tokenizer is read, and refuses duplicates and contradictions.</summary>
internal sealed class VocabularyBuilder
{
    /// <summary>Ids may have gaps, but no more of them than this for each token, so that memory stays in proportion.</summary>
    private const int MostGaps = 4, FreeGaps = 1 << 16;

    private readonly string _file;
    private readonly Dictionary<string, int> _model = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _addedIds = new(StringComparer.Ordinal);
    private readonly List<AddedToken> _added = [];
    private readonly List<string?> _tokens = [];
    private readonly HashSet<int> _unmatched = [];
    private readonly long _mostIds;

    /// <param name="expected">How many tokens there are.</param>
    public VocabularyBuilder(string file, int expected)
    {
        _file = file;
        _mostIds = Math.Min((long)MostGaps * expected + FreeGaps, Array.MaxLength / 16);
    }

    /// <summary>The model's tokens from an object (token: id).</summary>
    public static VocabularyBuilder Read(JsonCursor vocabulary, int added)
    {
        if (vocabulary.Kind != JsonValueKind.Object)
            throw vocabulary.Expected("an object");
        var builder = new VocabularyBuilder(vocabulary.File, vocabulary.Element.GetPropertyCount() + added);
        foreach ((string token, JsonCursor value) in vocabulary.Members())
        {
            if (builder.AddModelToken(value.Int(0), token) is { } problem)
                throw value.Error(problem);
        }
        return builder;
    }

    /// <summary>A token of the model.</summary>
    /// <param name="matched">Whether text can become this token.</param>
    /// <returns>What is wrong with it, or null.</returns>
    public string? AddModelToken(int id, string token, bool matched = true)
    {
        if (Take(id, token) is { } problem)
            return problem;
        if (!_model.TryAdd(token, id))
            return $"the token {token} is there twice";
        if (!matched)
            _unmatched.Add(id);
        return null;
    }

    /// <summary>A token of a model that lists its tokens in order; of equal tokens the last one counts.</summary>
    /// <param name="keepsFirst">Whether the first of them counts instead.</param>
    public void AppendModelToken(string token, bool matched = true, bool keepsFirst = false)
    {
        if (!keepsFirst || !_model.ContainsKey(token))
            _model[token] = _tokens.Count;
        if (!matched)
            _unmatched.Add(_tokens.Count);
        _tokens.Add(token);
    }

    public string? AddToken(AddedToken token)
    {
        if (token.Content.Length == 0)
            return "an added token is not empty";
        if (!_addedIds.TryAdd(token.Content, token.Id))
            return $"the token {token.Content} is there twice";
        if (!_model.TryGetValue(token.Content, out int id))
        {
            if (Take(token.Id, token.Content) is { } problem)
                return problem;
        }
        else if (id != token.Id)
        {
            return $"the vocabulary gives {token.Content} the id {id}, not {token.Id}";
        }
        _added.Add(token);
        return null;
    }

    public void AddTokens(JsonCursor list)
    {
        foreach (JsonCursor item in list.Items())
        {
            var token = new AddedToken(
                item["id"].Int(0), item["content"].Text(), item.Flag("special", false), item.Flag("normalized", false),
                item.Flag("single_word", false), item.Flag("lstrip", false), item.Flag("rstrip", false));
            if (AddToken(token) is { } problem)
                throw item[problem.Contains("twice", StringComparison.Ordinal) || token.Content.Length == 0 ? "content" : "id"].Error(problem);
        }
    }

    public int Count => _tokens.Count;

    public AddedToken[] AddedSoFar(bool special) => [.. _added.Where(t => t.Special == special)];

    public int? IdOf(string token) => _addedIds.TryGetValue(token, out int id) ? id : ModelIdOf(token);

    public int? ModelIdOf(string token) => _model.TryGetValue(token, out int id) ? id : null;

    /// <exception cref="ModelFileException">There is no token at all.</exception>
    public Vocabulary Build() => _tokens.Count == 0
        ? throw new ModelFileException(_file, "the vocabulary is empty")
        : new Vocabulary([.. _tokens], _model, _added, _unmatched);

    private string? Take(int id, string token)
    {
        if (id >= _mostIds)
            return $"the id {id} is too large; there are not nearly so many tokens";
        while (_tokens.Count <= id)
            _tokens.Add(null);
        if (_tokens[id] is { } owner)
            return $"the id {id} belongs to {owner} already";
        _tokens[id] = token;
        return null;
    }
}
