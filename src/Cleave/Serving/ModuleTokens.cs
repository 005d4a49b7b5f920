using Cleave.Splitting.Modules;

namespace Cleave.Serving;

/// <summary>The length of texts as modules count it.</summary>
public static class ModuleTokens
{
    /// <summary>Tokens of a text; words for a module without a tokenizer, which reads words.</summary>
    public static int Count(ITaskModule module, string text) => Counter(module)(text);

    /// <summary>The same for many texts, also when the module's weights have gone: only its tokenizer is kept.</summary>
    public static Func<string, int> Counter(ITaskModule module)
    {
        ArgumentNullException.ThrowIfNull(module);
        if (module is not TransformerModule { Model.Tokenizer: var tokenizer })
            return static text => text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Length;
        return text => tokenizer.Encode(text).Length;
    }
}
