namespace Cleave.Tokenizers.PreTokenizers;

/// <summary>Split patterns of published families, by the names that GGUF files give them (<c>tokenizer.ggml.pre</c>).</summary>
internal static class SplitPatterns
{
    private const string Upper = @"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", Lower = @"[\p{Ll}\p{Lm}\p{Lo}\p{M}]", Short = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
    private const string Blanks = @"|\s*[\r\n]+|\s+(?!\S)|\s+", Marks = @"[^\r\n\p{L}\p{N}]?";

    /// <summary>GPT-4o's: words begin with their capital letters.</summary>
    public const string Gpt4o = Marks + Upper + "*" + Lower + "+" + Short + "?|" + Marks + Upper + "+" + Lower + "*" + Short
        + @"?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*" + Blanks;

    private const string Tekken = Marks + Upper + "*" + Lower + "+|" + Marks + Upper + "+" + Lower + @"*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*" + Blanks;

    private const string DeepSeekWords = @"[!""#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*" + Blanks;

    private const string Bloom = " ?[^(\\s|.,!?\u2026\u3002\uFF0C\u3001\u0964\u06D4\u060C)]+";

    private const string Cjk = "[\u4E00-\u9FA5\u3040-\u309F\u30A0-\u30FF]+";

    private static readonly string[] Gpt2 = [Gpt2PreTokenizer.Pattern], Llama3 = [Llama3PreTokenizer.Pattern], Qwen2 = [Llama3PreTokenizer.QwenPattern];
    private static readonly string[] Digits = [@"\p{N}", Gpt2PreTokenizer.Pattern];

    private static readonly Dictionary<string, string[]> ByName = new(StringComparer.Ordinal)
    {
        ["default"] = [@"[\p{P}\$\+<=>\^~\|]+", Gpt2PreTokenizer.Pattern, @"\p{N}+", "[0-9][0-9][0-9]"],
        ["bailingmoe"] = ["'(?i:[sdmt]|ll|ve|re)|" + Marks + @"\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"],
        ["bloom"] = [Bloom],
        ["chatglm-bpe"] = Llama3,
        ["codeshell"] = Digits,
        ["command-r"] = Digits,
        ["dbrx"] = Llama3,
        ["deepseek-coder"] = ["[\r\n]", @"\s?\p{L}+", @"\s?\p{P}+", "[\u4E00-\u9FA5\u0800-\u4E00\uAC00-\uD7FF]+", @"\p{N}"],
        ["deepseek-r1-qwen"] = Qwen2,
        ["deepseek-v3"] = [@"\p{N}{1,3}", Cjk, DeepSeekWords],
        ["exaone"] = Digits,
        ["falcon"] = [@"[\p{P}\$\+<=>\^~\|`]+", Gpt2PreTokenizer.Pattern, "[0-9][0-9][0-9]"],
        ["falcon3"] = Llama3,
        ["gpt-2"] = Gpt2,
        ["gpt-4o"] = [Gpt4o],
        ["gpt3-finnish"] = [Bloom],
        ["hunyuan"] = Qwen2,
        ["hunyuan-dense"] = [@"\p{N}{1,3}", Cjk, DeepSeekWords],
        ["jais"] = Gpt2,
        ["jina-v2-code"] = Gpt2,
        ["jina-v2-de"] = Gpt2,
        ["jina-v2-es"] = Gpt2,
        ["llama-bpe"] = Llama3,
        ["llama-v3"] = Llama3,
        ["llama3"] = Llama3,
        ["llama4"] = [Gpt4o],
        ["megrez"] = Qwen2,
        ["minerva-7b"] = Digits,
        ["mpt"] = Gpt2,
        ["olmo"] = Gpt2,
        ["phi-2"] = Gpt2,
        ["pixtral"] = Llama3,
        ["poro-chat"] = [Bloom],
        ["qwen2"] = Qwen2,
        ["refact"] = Digits,
        ["roberta-bpe"] = Gpt2,
        ["seed-coder"] = [Short + "|" + Marks + @"\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+" + Blanks],
        ["smaug-bpe"] = Llama3,
        ["smollm"] = Digits,
        ["stablelm2"] = Qwen2,
        ["starcoder"] = Digits,
        ["superbpe"] = [@"\p{N}+", @"(?=(\d{3})+(?!\d))"],
        ["tekken"] = [Tekken],
        ["trillion"] = Gpt2,
        ["viking"] = [Bloom, @"\p{N}"],
    };

    /// <summary>Names that go before others with the same patterns.</summary>
    private static readonly string[] Known = ["gpt-2", "llama-bpe", "qwen2", "smollm", "tekken", "gpt-4o", "dbrx"];

    /// <summary>Names that take a word that is a token as a whole as it is.</summary>
    private static readonly HashSet<string> Whole = ["llama-bpe", "llama-v3", "llama3", "falcon3", "pixtral", "tekken"];

    /// <summary>The patterns of a name, each applied to what the one before left, or null for a name that is not known.</summary>
    public static string[]? Find(string name) => ByName.GetValueOrDefault(name);

    /// <summary>A name of these patterns, the best known one of several; null where there is none.</summary>
    public static string? NameOf(IReadOnlyList<string> patterns, bool ignoresMerges) => Known.Concat(ByName.Keys.Order(StringComparer.Ordinal))
        .FirstOrDefault(name => Whole.Contains(name) == ignoresMerges && ByName[name].SequenceEqual(patterns));

    public static bool IgnoresMerges(string name) => Whole.Contains(name);
}
