using Cleave.Models;
using Cleave.Numerics;
using Cleave.Numerics.Tensors;
using Cleave.Tokenizers;
using Cleave.Tokenizers.PreTokenizers;
using Cleave.Tokenizers.Templates;

namespace Cleave.Tests.Serving.Tools;

/// <summary>
/// Templates that write calls as families of models do, each in our own words, and a model that does what a script says: a token decides the
/// next one, and where the script is silent it would rather end, then close a text, then close an object.
/// </summary>
internal static class CallingModel
{
    public const string End = "<|end|>", Turn = "<|turn|>", Open = "<tool_call>", Close = "</tool_call>", Calls = "[TOOL_CALLS]";

    private const string Told = "{% if tools %}tools: {% for t in tools %}{{ t | tojson }} {% endfor %}{% endif %}";
    private const string Begin = "{% for m in messages %}{{ m.role }}: {% if m.role == 'tool' %}({{ m.name }} {{ m.tool_call_id }}) {% endif %}{{ m.content }}";
    private const string Rest = "<|end|>{% endfor %}{% if add_generation_prompt %}assistant: <|turn|>{% endif %}";

    // What an assistant says stands behind the token of its turn, as in the prompt for the next one.
    private const string Said = "{% for m in messages %}{{ m.role }}: {% if m.role == 'assistant' %}<|turn|>{% endif %}{% if m.role == 'tool' %}({{ m.name }} {{ m.tool_call_id }}) {% endif %}{{ m.content }}";

    public static string Hermes => Told + Said
        + "{% for c in m.tool_calls or [] %}{{ '\n<tool_call>\n' }}{\"name\": \"{{ c.function.name }}\", \"arguments\": {{ c.function.arguments | tojson }}}\n</tool_call>{% endfor %}" + Rest;

    public static string Mistral => Told + Said
        + "{% if m.tool_calls %}[TOOL_CALLS] [{% for c in m.tool_calls %}{% if c.id | length != 9 %}{{ raise_exception('ids have 9 characters') }}{% endif %}"
        + "{\"name\": \"{{ c.function.name }}\", \"arguments\": {{ c.function.arguments | tojson }}, \"id\": \"{{ c.id }}\"}{% if not loop.last %}, {% endif %}{% endfor %}]{% endif %}" + Rest;

    public static string Llama => Told + Said
        + "{% if m.tool_calls %}{% if m.tool_calls | length > 1 %}{{ raise_exception('one call at a time') }}{% endif %}"
        + "{% for c in m.tool_calls %}{\"name\": \"{{ c.function.name }}\", \"parameters\": {{ c.function.arguments | tojson }}}{% endfor %}{% endif %}" + Rest;

    /// <summary>As Hermes', with a marker of ordinary tokens and an empty thought before it.</summary>
    public static string Thinking => Told + Said
        + "{% if m.tool_calls %}<think></think>\n{% endif %}{% for c in m.tool_calls or [] %}<use>{\"name\": \"{{ c.function.name }}\", \"arguments\": {{ c.function.arguments | tojson }}}</use>{% endfor %}" + Rest;

    public static string Pythonic => Told + Said + "{% for c in m.tool_calls or [] %}{{ c.function.name }}({% for k, v in c.function.arguments.items() %}{{ k }}={{ v }}{% endfor %}){% endfor %}" + Rest;

    public static string WithoutTools => Begin + Rest;

    public static Tokenizer Tokenizer { get; } = BpeTrainer.Train(["tell me the weather of a city"], 263, [End, Turn, Open, Close, Calls], new Gpt2PreTokenizer(addPrefixSpace: false)).WithControlTokens(null, 0);

    public static LanguageModel Create(string template, params string[] script) => Create(template, 2048, script);

    /// <param name="script">Tokens; each is followed by the next one.</param>
    public static LanguageModel Create(string template, int context, params string[] script)
    {
        TransformerSpec spec = TransformerSpec.Uniform(Tokenizer.VocabularySize, 64, 1, 2, 2, 8, context) with { TiedEmbeddings = false };
        Transformer model = Transformer.Create(spec, new Rng(1));
        Dictionary<string, Tensor> weights = model.Parameters().ToDictionary(p => p.Name, p => p.Tensor, StringComparer.Ordinal);
        foreach ((string name, Tensor weight) in weights)
        {
            if (!name.Contains("norm", StringComparison.Ordinal))
                weight.Data.Clear();
        }
        Tensor embeddings = weights["model.embed_tokens.weight"], output = weights["lm_head.weight"];
        for (int id = 0; id < spec.VocabularySize; id++)
            embeddings.Data[id * spec.Width] = 1;
        output.Data[Id(End) * spec.Width] = 4;
        output.Data[Id("\"") * spec.Width] = 3;
        output.Data[Id("}") * spec.Width] = 2;
        for (int i = 0; i + 1 < script.Length; i++)
        {
            embeddings.Data[Id(script[i]) * spec.Width + i + 1] = 1;
            output.Data[Id(script[i + 1]) * spec.Width + i + 1] = 20;
        }
        return new LanguageModel(model, Tokenizer, [])
        {
            Chat = new ChatFormat(ChatTemplate.Parse(template, "test"), new Dictionary<string, string> { ["eos_token"] = End }),
        };
    }

    private static int Id(string token) => Tokenizer.IdOf(token) ?? throw new ArgumentException($"no token {token}");
}
