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
    public static Argument<string> Create() => new("MODEL") { Description = "A model's folder in Hugging Face's form, or 'starter' for the model that ships with Cleave." };

    /// <exception cref="CleaveException">There is no such model, or it is damaged.</exception>
    public static LanguageModel Load(Call call, Argument<string> argument)
    {
        string folder = Folder(call, argument);
        LanguageModel model = ModelFolder.Load(folder);
        call.Detail($"{folder}: {Format.Count(model.Parameters)} parameters, context {model.Transformer.Spec.ContextLength}");
        return model;
    }

    public static string Folder(Call call, Argument<string> argument) => BaseModel.Find(call.Get(argument), Environment.CurrentDirectory);

    /// <summary>The tokenizer alone; its folder needs no weights.</summary>
    public static ITokenizer LoadTokenizer(Call call, Argument<string> argument)
    {
        string name = call.Get(argument);
        return TokenizerFolder.Load(Directory.Exists(name) ? name : Folder(call, argument));
    }
}
