using System.Text.Json;
using Cleave.Json;
using Cleave.Tokenizers;
using Cleave.Tokenizers.Reading;

namespace Cleave.Formats.HuggingFace;

/// <summary>What <c>tokenizer_config.json</c> says of a tokenizer; nothing where there is none.</summary>
internal sealed class TokenizerConfig(JsonCursor? root)
{
    public const string FileName = "tokenizer_config.json";

    private static readonly string[] Roles = ["bos_token", "eos_token", "pad_token", "unk_token"];

    public static TokenizerConfig Load(string folder)
    {
        string path = Path.Combine(folder, FileName);
        return new TokenizerConfig(File.Exists(path) ? JsonFile.Load(path) : null);
    }

    public string Class => root?.Text("tokenizer_class", "") ?? "";

    public bool? Flag(string name) => root?.Find(name)?.Flag();

    /// <summary>The names of the control tokens that have a role.</summary>
    public string[] Special() => [.. Roles.Select(NameOf).OfType<JsonCursor>().Select(n => n.Text()).Distinct().Order(StringComparer.Ordinal)];

    public string? Name(string role) => NameOf(role)?.Text();

    /// <summary>Tokens by id, as newer files list them.</summary>
    public IReadOnlyList<AddedToken> AddedTokens()
    {
        var tokens = new List<AddedToken>();
        foreach ((string key, JsonCursor value) in root?.Find("added_tokens_decoder")?.Members() ?? [])
        {
            if (!int.TryParse(key, out int id) || id < 0)
                throw value.Error("the name of an added token's entry is its id");
            tokens.Add(new AddedToken(id, value["content"].Text(), value.Flag("special", false), value.Flag("normalized", false),
                value.Flag("single_word", false), value.Flag("lstrip", false), value.Flag("rstrip", false)));
        }
        return tokens;
    }

    public BertOptions Bert()
    {
        var otherwise = new BertOptions();
        return new BertOptions
        {
            Lowercase = Flag("do_lower_case") ?? true,
            StripAccents = Flag("strip_accents"),
            Chinese = Flag("tokenize_chinese_chars") ?? true,
            Unknown = Name("unk_token") ?? otherwise.Unknown,
            Begin = Name("cls_token") ?? otherwise.Begin,
            End = Name("sep_token") ?? otherwise.End,
            Pad = Name("pad_token") ?? otherwise.Pad,
            Mask = Name("mask_token") ?? otherwise.Mask,
        };
    }

    /// <summary>The tokenizer with the control tokens that are named here.</summary>
    public Tokenizer Apply(Tokenizer tokenizer) => root is null ? tokenizer
        : tokenizer.WithControlTokens(IdOf("bos_token", tokenizer), IdOf("eos_token", tokenizer), IdOf("pad_token", tokenizer));

    private int? IdOf(string role, Tokenizer tokenizer) => NameOf(role) is not { } name ? null
        : tokenizer.IdOf(name.Text()) ?? throw name.Error($"the tokenizer has no token {name.Text()}");

    /// <summary>A control token is named by a text or by an object with its content.</summary>
    private JsonCursor? NameOf(string role) =>
        root?.Find(role) is not { } value ? null : value.Kind == JsonValueKind.Object ? value["content"] : value;
}
