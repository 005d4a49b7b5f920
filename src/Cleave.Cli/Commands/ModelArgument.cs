using System.CommandLine;
using Cleave.Cli.Shell;
using Cleave.Formats.HuggingFace;
using Cleave.Hub;
using Cleave.Models;
using Cleave.Splitting.Releases;
using Cleave.Tokenizers;

namespace Cleave.Cli.Commands;

/// <summary>The argument MODEL, the same in every command.</summary>
internal static class ModelArgument
{
    public static Argument<string> Create() => new("MODEL") { Description = "A model's folder in Hugging Face's form, hf:owner/name for one that 'cleave pull' has fetched, or 'starter' for the model that ships with Cleave." };

    /// <exception cref="CleaveException">There is no such model, or it is damaged.</exception>
    public static LanguageModel Load(Call call, Argument<string> argument) => Load(call, call.Get(argument));

    private static LanguageModel Load(Call call, string name)
    {
        string folder = BaseModel.Find(name, Environment.CurrentDirectory);
        LanguageModel model = ModelFolder.LoadFrozen(folder);
        call.Detail($"{folder}: {Format.Count(model.Parameters)} parameters, context {model.Transformer.Spec.ContextLength}");
        return model;
    }

    /// <summary>An argument for commands that need no tokenizer.</summary>
    public static Argument<string> CreateForWeights() =>
        new("MODEL") { Description = "A model's folder in Hugging Face's form, a .gguf file, hf:owner/name or hf:owner/name:file.gguf for what 'cleave pull' has fetched, or 'starter' for the model that ships with Cleave." };

    /// <summary>The weights alone.</summary>
    /// <returns>The transformer, and the tokenizer if the model is a folder.</returns>
    /// <exception cref="CleaveException">There is no such model, or it is damaged.</exception>
    public static (Transformer Transformer, ITokenizer? Tokenizer) LoadWeights(Call call, Argument<string> argument) => LoadWeights(call, call.Get(argument));

    /// <inheritdoc cref="LoadWeights(Call, Argument{string})"/>
    public static (Transformer Transformer, ITokenizer? Tokenizer) LoadWeights(Call call, string named)
    {
        string name = Fetched(named);
        if (name.EndsWith(GgufModel.Extension, StringComparison.OrdinalIgnoreCase) && !Directory.Exists(name))
            return (GgufModel.Load(name), null);
        LanguageModel model = Load(call, name);
        return (model.Transformer, model.Tokenizer);
    }

    public static string Folder(Call call, Argument<string> argument) => BaseModel.Find(call.Get(argument), Environment.CurrentDirectory);

    /// <summary>The tokenizer alone; its folder needs no weights.</summary>
    public static ITokenizer LoadTokenizer(Call call, Argument<string> argument)
    {
        string name = call.Get(argument);
        return TokenizerFolder.Load(Directory.Exists(name) ? name : BaseModel.Find(name, Environment.CurrentDirectory, weights: false));
    }

    /// <summary>The place of a hub's model or file in the cache; any other name stays as it is.</summary>
    /// <exception cref="CleaveException">It has not been fetched.</exception>
    public static string Fetched(string name) =>
        HubReference.IsReference(name) ? HubCache.FromEnvironment().Find(HubReference.Parse(name)) : name;
}
