using Cleave.Tokenizers;
using Cleave.Tokenizers.Templates;

namespace Cleave.Formats.Gguf;

/// <summary>The chat template inside of a GGUF file: the key <c>tokenizer.chat_template</c> of ggml's format specification.</summary>
public static class GgufChat
{
    private const string Key = "tokenizer.chat_template";

    /// <summary>The file's template with the tokenizer's control tokens, or null where it has no template.</summary>
    /// <exception cref="TemplateException">The template is not one, or uses what is not supported.</exception>
    public static ChatFormat? Read(GgufFile file, ITokenizer tokenizer)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(tokenizer);
        if (file.Metadata.FindText(Key) is not { } source)
            return null;
        var tokens = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach ((string role, int? id) in ((string, int?)[])[("bos_token", tokenizer.BosId), ("eos_token", tokenizer.EosId), ("pad_token", tokenizer.PadId), ("unk_token", tokenizer.UnknownId)])
        {
            if (id is { } given)
                tokens[role] = tokenizer.TokenOf(given);
        }
        return new ChatFormat(ChatTemplate.Parse(source, file.Path), tokens);
    }

    /// <summary>A template as the key that holds it; its control tokens are the tokenizer's.</summary>
    public static IEnumerable<GgufKey> Write(ChatFormat? format) => format is null ? [] : [new GgufKey(Key, format.Template.Source)];
}
