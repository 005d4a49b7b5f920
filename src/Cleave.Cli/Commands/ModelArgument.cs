using System.CommandLine;
using Cleave.Cli.Shell;
using Cleave.Formats.HuggingFace;
using Cleave.Models;
using Cleave.Splitting.Releases;
using Cleave.Tokenizers;

namespace Cleave.Cli.Commands;

/// <summary>The argument MODEL, the same in every command.</summary>
internal static class ModelArgument
{
    public static Argument<string> Create() => new("MODEL") { Description = "A model's folder in Hugging Face's form, a .gguf file with its tokenizer, or 'starter' for the model that ships with Cleave." };

    /// <exception cref="CleaveException">There is no such model, or it is damaged.</exception>
    public static LanguageModel Load(Call call, Argument<string> argument)
    {
        string name = call.Get(argument);
        LanguageModel model = IsFile(name, GgufModel.Extension) ? GgufModel.LoadWithTokenizer(name) : ModelFolder.Load(Folder(call, argument));
        call.Detail($"{name}: {Format.Count(model.Parameters)} parameters, context {model.Transformer.Spec.ContextLength}");
        return model;
    }

    /// <summary>An argument for commands that need no tokenizer.</summary>
    public static Argument<string> CreateForWeights() =>
        new("MODEL") { Description = "A model's folder in Hugging Face's form, a .gguf file, llama2.c's .bin, or 'starter' for the model that ships with Cleave." };

    /// <summary>The weights alone.</summary>
    /// <returns>The transformer, and the tokenizer if the model is a folder.</returns>
    /// <exception cref="CleaveException">There is no such model, or it is damaged.</exception>
    public static (Transformer Transformer, ITokenizer? Tokenizer) LoadWeights(Call call, Argument<string> argument)
    {
        string name = call.Get(argument);
        if (IsFile(name, GgufModel.Extension))
            return (GgufModel.Load(name), null);
        if (IsFile(name, Llama2cModel.Extension))
            return (Llama2cModel.Load(name), null);
        LanguageModel model = Load(call, argument);
        return (model.Transformer, model.Tokenizer);
    }

    private static bool IsFile(string name, string extension) =>
        name.EndsWith(extension, StringComparison.OrdinalIgnoreCase) && !Directory.Exists(name);

    public static string Folder(Call call, Argument<string> argument) => BaseModel.Find(call.Get(argument), Environment.CurrentDirectory);

    /// <summary>The tokenizer alone; its folder needs no weights.</summary>
    public static ITokenizer LoadTokenizer(Call call, Argument<string> argument)
    {
        string name = call.Get(argument);
        return TokenizerFolder.Load(Directory.Exists(name) ? name : Folder(call, argument));
    }
}
