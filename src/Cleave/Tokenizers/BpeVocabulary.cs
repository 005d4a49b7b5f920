using Cleave.Json;

namespace Cleave.Tokenizers;

/// <summary>Collects tokens and ids while a tokenizer is read, and refuses duplicates, gaps and contradictions.</summary>
internal sealed class BpeVocabulary(string file)
{
    private readonly Dictionary<string, int> _model = new(StringComparer.Ordinal);
    private readonly Dictionary<int, string> _tokens = [];
    private readonly Dictionary<string, int> _added = new(StringComparer.Ordinal);

    public void AddModel(JsonCursor vocabulary)
    {
        foreach ((string token, JsonCursor value) in vocabulary.Members())
        {
            int id = value.Int(0);
            if (!_tokens.TryAdd(id, token))
                throw value.Error($"the id {id} belongs to {_tokens[id]} already");
            if (!_model.TryAdd(token, id))
                throw value.Error("the token is there twice");
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
            else if (!_tokens.TryAdd(token.Id, token.Content))
            {
                throw item["id"].Error($"the id {token.Id} belongs to {_tokens[token.Id]} already");
            }
            added.Add(token);
        }
        return added;
    }

    public int? IdOf(string token) => _added.TryGetValue(token, out int id) ? id : ModelIdOf(token);

    public int? ModelIdOf(string token) => _model.TryGetValue(token, out int id) ? id : null;

    /// <summary>The tokens by id, without a gap.</summary>
    public (string[] Tokens, bool[] InModel) Build()
    {
        var tokens = new string[_tokens.Count];
        var inModel = new bool[_tokens.Count];
        for (int id = 0; id < tokens.Length; id++)
        {
            tokens[id] = _tokens.TryGetValue(id, out string? token) ? token
                : throw new ModelFileException(file, $"no token has the id {id}, though there are {tokens.Length} tokens; ids have no gaps");
            inModel[id] = _model.ContainsKey(token);
        }
        return (tokens, inModel);
    }
}
