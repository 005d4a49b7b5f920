using System.CommandLine;
using Cleave.Cli.Shell;
using Cleave.Formats.Gguf;
using Cleave.Formats.HuggingFace;
using Cleave.Hub;
using Cleave.Models;
using Cleave.Splitting.Releases;
using Cleave.Tokenizers;

namespace Cleave.Cli.Commands;

/// <summary>The argument MODEL, the same in every command.</summary>
internal static class ModelArgument
{
    public static Argument<string> Create() => new("MODEL") { Description = "A model's folder in Hugging Face's form, a .gguf file, hf:owner/name or hf:owner/name:file.gguf for what 'cleave pull' has fetched, or 'starter' for the model that ships with Cleave." };

    /// <exception cref="CleaveException">There is no such model, or it is damaged.</exception>
    public static LanguageModel Load(Call call, Argument<string> argument) => Load(call, call.Get(argument));

    /// <inheritdoc cref="Load(Call, Argument{string})"/>
    public static LanguageModel Load(Call call, string name)
    {
        string place = Place(name);
        LanguageModel model = IsGguf(place) ? GgufModel.LoadWithTokenizer(place) : ModelFolder.LoadFrozen(place);
        call.Detail($"{place}: {Format.Count(model.Parameters)} parameters, context {model.Transformer.Spec.ContextLength}");
        return model;
    }

    /// <summary>A model's folder or .gguf file.</summary>
    /// <exception cref="CleaveException">There is no such model.</exception>
    public static string Place(string name)
    {
        string place = Fetched(name);
        return IsGguf(place) ? place : BaseModel.Find(place, Environment.CurrentDirectory);
    }

    /// <summary>An argument for commands that need no tokenizer.</summary>
    public static Argument<string> CreateForWeights() =>
        new("MODEL") { Description = "A model's folder in Hugging Face's form, a .gguf file, llama2.c's .bin, hf:owner/name or hf:owner/name:file.gguf for what 'cleave pull' has fetched, or 'starter' for the model that ships with Cleave." };

    /// <summary>The weights alone.</summary>
    /// <returns>The transformer, and the tokenizer where there is one: a GGUF file's is read, and its damage found, only when it is asked for.</returns>
    /// <exception cref="CleaveException">There is no such model, or it is damaged.</exception>
    public static (Transformer Transformer, Lazy<ITokenizer?> Tokenizer) LoadWeights(Call call, Argument<string> argument) => LoadWeights(call, call.Get(argument));

    /// <inheritdoc cref="LoadWeights(Call, Argument{string})"/>
    public static (Transformer Transformer, Lazy<ITokenizer?> Tokenizer) LoadWeights(Call call, string named)
    {
        string name = Fetched(named);
        if (IsFile(name, GgufModel.Extension))
            return (GgufModel.Load(name), new Lazy<ITokenizer?>(() => FindTokenizer(name)));
        if (IsFile(name, Llama2cModel.Extension))
            return (Llama2cModel.Load(name), new Lazy<ITokenizer?>((ITokenizer?)null));
        LanguageModel model = Load(call, name);
        return (model.Transformer, new Lazy<ITokenizer?>(model.Tokenizer));
    }

    private static bool IsGguf(string name) => IsFile(name, GgufModel.Extension);

    private static bool IsFile(string name, string extension) =>
        name.EndsWith(extension, StringComparison.OrdinalIgnoreCase) && !Directory.Exists(name);

    /// <summary>What a model is called where nobody says otherwise; a fetched one lies in a folder that is named after its commit.</summary>
    /// <param name="place">Its folder or file.</param>
    public static string NameOf(string target, string place) => HubReference.IsReference(target) ? HubReference.Parse(target).Repository
        : IsGguf(place) ? Path.GetFileNameWithoutExtension(place) : Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(place)));

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
        return TokenizerFile.Load(Directory.Exists(name) || File.Exists(name) ? name : BaseModel.Find(name, Environment.CurrentDirectory, weights: false));
    }

    /// <summary>The tokenizer inside of a GGUF file, or null where there is none.</summary>
    private static Tokenizer? FindTokenizer(string path)
    {
        using GgufFile file = GgufFile.Open(path);
        return file.Metadata.Contains("tokenizer.ggml.model") ? GgufTokenizer.Load(file) : null;
    }

    /// <summary>The place of a hub's model or file in the cache; any other name stays as it is.</summary>
    /// <exception cref="CleaveException">It has not been fetched.</exception>
    public static string Fetched(string name) =>
        HubReference.IsReference(name) ? HubCache.FromEnvironment().Find(HubReference.Parse(name)) : name;
}
