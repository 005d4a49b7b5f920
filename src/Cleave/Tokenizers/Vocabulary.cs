using System.Text.Json;

namespace Cleave.Tokenizers;

/// <summary>The tokens of a tokenizer by id and by name: those of its model, and those that were added.</summary>
internal sealed class Vocabulary
{
    private readonly string?[] _tokens;
    private readonly Dictionary<string, int> _model;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _modelBySpan;
    private readonly Dictionary<string, int> _added = new(StringComparer.Ordinal);
    private readonly bool[] _special;
    private readonly HashSet<int> _unmatched;

    /// <param name="tokens">By id; null for an id that no token has.</param>
    /// <param name="model">The model's own tokens.</param>
    /// <param name="unmatched">Tokens of the model that text never becomes, such as control tokens; null for none.</param>
    public Vocabulary(string?[] tokens, Dictionary<string, int> model, IReadOnlyList<AddedToken> added, HashSet<int>? unmatched = null)
    {
        (_tokens, _model, Added, _unmatched) = (tokens, model, added, unmatched ?? []);
        _modelBySpan = model.GetAlternateLookup<ReadOnlySpan<char>>();
        _special = new bool[tokens.Length];
        foreach (AddedToken token in added)
        {
            _added[token.Content] = token.Id;
            _special[token.Id] = token.Special;
        }
    }

    /// <summary>One more than the largest id.</summary>
    public int Count => _tokens.Length;

    public IReadOnlyList<AddedToken> Added { get; }

    /// <summary>The token as it is written in the vocabulary; empty for an id without one.</summary>
    public string TokenOf(int id) => _tokens[id] ?? "";

    public bool Has(int id) => _tokens[id] is not null;

    public int? IdOf(string token) => _added.TryGetValue(token, out int id) ? id : ModelIdOf(token);

    public int? ModelIdOf(string token) => _model.TryGetValue(token, out int id) ? id : null;

    public int? ModelIdOf(ReadOnlySpan<char> token) => _modelBySpan.TryGetValue(token, out int id) ? id : null;

    public bool IsSpecial(int id) => _special[id];

    public bool IsUnmatched(int id) => _unmatched.Contains(id);

    /// <summary>The model's own tokens by id.</summary>
    public IEnumerable<(string Token, int Id)> ModelTokens() => _model.OrderBy(t => t.Value).Select(t => (t.Key, t.Value));

    /// <summary>Writes the member <c>vocab</c> as an object.</summary>
    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject("vocab");
        foreach ((string token, int id) in ModelTokens())
            json.WriteNumber(token, id);
        json.WriteEndObject();
    }
}
