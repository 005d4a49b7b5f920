using System.CommandLine;
using Cleave.Cli.Shell;
using Cleave.Formats.Gguf;
using Cleave.Formats.HuggingFace;
using Cleave.Models;
using Cleave.Splitting.Releases;
using Cleave.Tokenizers;

namespace Cleave.Cli.Commands;

/// <summary>The argument MODEL, the same in every command.</summary>
internal static class ModelArgument
{
    public static Argument<string> Create() => new("MODEL") { Description = "A model's folder in Hugging Face's form, a .gguf file, or 'starter' for the model that ships with Cleave." };

    /// <exception cref="CleaveException">There is no such model, or it is damaged.</exception>
    public static LanguageModel Load(Call call, Argument<string> argument)
    {
        string name = call.Get(argument);
        string folder = IsGguf(name) ? name : Folder(call, argument);
        LanguageModel model = IsGguf(name) ? new LanguageModel(GgufModel.Load(name), TokenizerFile.Load(name), []) : ModelFolder.LoadFrozen(folder);
        call.Detail($"{folder}: {Format.Count(model.Parameters)} parameters, context {model.Transformer.Spec.ContextLength}");
        return model;
    }

    /// <summary>An argument for commands that need no tokenizer.</summary>
    public static Argument<string> CreateForWeights() =>
        new("MODEL") { Description = "A model's folder in Hugging Face's form, a .gguf file, or 'starter' for the model that ships with Cleave." };

    /// <summary>The weights alone.</summary>
    /// <returns>The transformer, and the tokenizer where there is one.</returns>
    /// <exception cref="CleaveException">There is no such model, or it is damaged.</exception>
    public static (Transformer Transformer, ITokenizer? Tokenizer) LoadWeights(Call call, Argument<string> argument)
    {
        string name = call.Get(argument);
        if (IsGguf(name))
            return (GgufModel.Load(name), FindTokenizer(name));
        LanguageModel model = Load(call, argument);
        return (model.Transformer, model.Tokenizer);
    }

    private static bool IsGguf(string name) => name.EndsWith(GgufModel.Extension, StringComparison.OrdinalIgnoreCase) && File.Exists(name);

    public static string Folder(Call call, Argument<string> argument) => BaseModel.Find(call.Get(argument), Environment.CurrentDirectory);

    /// <summary>An argument for commands that need a tokenizer alone.</summary>
    public static Argument<string> CreateForTokenizer() => new("MODEL")
    {
        Description = "A model's folder, a .gguf file, a tokenizer's own file (tokenizer.json, tokenizer.model, vocab.txt, vocab.json beside merges.txt, "
            + "tokenizer.bin), or 'starter' for the model that ships with Cleave.",
    };

    /// <summary>The tokenizer alone; it needs no weights.</summary>
    public static ITokenizer LoadTokenizer(Call call, Argument<string> argument)
    {
        string name = call.Get(argument);
        return TokenizerFile.Load(Directory.Exists(name) || File.Exists(name) ? name : Folder(call, argument));
    }

    /// <summary>The tokenizer inside of a GGUF file, or null where there is none.</summary>
    private static Tokenizer? FindTokenizer(string path)
    {
        using GgufFile file = GgufFile.Open(path);
        return file.Metadata.Contains("tokenizer.ggml.model") ? GgufTokenizer.Load(file) : null;
    }
}
