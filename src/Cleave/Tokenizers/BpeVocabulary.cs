using System.Text.Json;
using Cleave.Json;

namespace Cleave.Tokenizers;

/// <summary>Collects tokens and ids while a tokenizer is read, and refuses duplicates, gaps and contradictions.</summary>
internal sealed class BpeVocabulary
{
    private readonly string _file;
    private readonly Dictionary<string, int> _model;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _modelBySpan;
    private readonly Dictionary<string, int> _added = new(StringComparer.Ordinal);
    private readonly string?[] _tokens;
    private int _count;

    /// <param name="vocabulary">The model's own tokens.</param>
    /// <param name="added">How many added tokens there are at most.</param>
    public BpeVocabulary(JsonCursor vocabulary, int added)
    {
        _file = vocabulary.File;
        if (vocabulary.Kind != JsonValueKind.Object)
            throw vocabulary.Expected("an object");
        int count = vocabulary.Element.GetPropertyCount();
        _model = new Dictionary<string, int>(count, StringComparer.Ordinal);
        _modelBySpan = _model.GetAlternateLookup<ReadOnlySpan<char>>();
        _tokens = new string?[count + added];
        foreach ((string token, JsonCursor value) in vocabulary.Members())
        {
            int id = value.Int(0);
            Take(id, token, value);
            _model.Add(token, id);
        }
        for (int b = 0; b < 256; b++)
        {
            string token = ByteAlphabet.ToCharacter((byte)b).ToString();
            if (!_model.ContainsKey(token))
                throw vocabulary.Error($"there is no token {token} for the byte 0x{b:X2}; a byte-level vocabulary has all 256");
        }
    }

    public IReadOnlyList<AddedToken> AddTokens(JsonCursor list)
    {
        var added = new List<AddedToken>();
        foreach (JsonCursor item in list.Items())
        {
            var token = new AddedToken(
                item["id"].Int(0), item["content"].Text(), item.Flag("special", false), item.Flag("normalized", false),
                item.Flag("single_word", false), item.Flag("lstrip", false), item.Flag("rstrip", false));
            if (token.Content.Length == 0)
                throw item["content"].Error("an added token is not empty");
            if (!_added.TryAdd(token.Content, token.Id))
                throw item["content"].Error($"the token {token.Content} is there twice");
            if (_model.TryGetValue(token.Content, out int id))
            {
                if (id != token.Id)
                    throw item["id"].Error($"the vocabulary gives {token.Content} the id {id}, not {token.Id}");
            }
            else
            {
                Take(token.Id, token.Content, item["id"]);
            }
            added.Add(token);
        }
        return added;
    }

    public int? IdOf(string token) => _added.TryGetValue(token, out int id) ? id : ModelIdOf(token);

    public int? ModelIdOf(ReadOnlySpan<char> token) => _modelBySpan.TryGetValue(token, out int id) ? id : null;

    /// <summary>The tokens by id, without a gap.</summary>
    public (string[] Tokens, bool[] InModel) Build()
    {
        var tokens = new string[_count];
        var inModel = new bool[_count];
        for (int id = 0; id < _count; id++)
        {
            tokens[id] = _tokens[id]
                ?? throw new ModelFileException(_file, $"no token has the id {id}, though there are {_count} tokens; ids have no gaps");
            inModel[id] = _model.ContainsKey(tokens[id]);
        }
        return (tokens, inModel);
    }

    private void Take(int id, string token, JsonCursor place)
    {
        if (id >= _tokens.Length)
            throw place.Error($"the id {id} is too large for {_tokens.Length} tokens; ids have no gaps");
        if (_tokens[id] is { } owner)
            throw place.Error($"the id {id} belongs to {owner} already");
        _tokens[id] = token;
        _count++;
    }
}
