using Cleave.Splitting.Modules;

namespace Cleave.Serving;

/// <summary>The length of texts as modules count it.</summary>
public static class ModuleTokens
{
    /// <summary>Tokens of a text; words for a module without a tokenizer, which reads words.</summary>
    public static int Count(ITaskModule module, string text)
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentNullException.ThrowIfNull(text);
        return module is TransformerModule transformer ? transformer.Model.Tokenizer.Encode(text).Length
            : text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Length;
    }
}
