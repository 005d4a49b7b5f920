using Cleave.Hub;
using Cleave.Models;

namespace Cleave.Splitting.Releases;

/// <summary>Finds models by name: a folder, a model that ships with the program, or one of a hub that has been fetched.</summary>
public static class BaseModel
{
    /// <summary>The base model that ships with the program.</summary>
    public const string Starter = "starter";

    private static readonly string[] Shipped = [Starter];

    /// <summary>The folder of a model.</summary>
    /// <param name="name">A folder, relative to <paramref name="folder"/> or absolute, <see cref="Starter"/>, or <c>hf:owner/name</c>.</param>
    /// <param name="weights">Whether the weights of a hub's model have to be in the cache too.</param>
    /// <exception cref="CleaveException">There is no such model, or it has not been fetched.</exception>
    public static string Find(string name, string folder, bool weights = true)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (HubReference.IsReference(name))
            return Usable(HubCache.FromEnvironment().Find(HubReference.Parse(name), weights), name);
        string path = Path.Combine(folder, name);
        if (File.Exists(Path.Combine(path, ModelFolder.Config)))
            return path;
        string shipped = Path.Combine(AppContext.BaseDirectory, "models", name);
        if (Shipped.Contains(name, StringComparer.Ordinal) && Directory.Exists(shipped))
            return shipped;
        if (File.Exists(path) && path.EndsWith(GgufModel.Extension, StringComparison.OrdinalIgnoreCase))
            throw new CleaveException($"{path}: a GGUF file cannot be used here; give a Hugging Face folder of the model");
        throw new CleaveException(Directory.Exists(path)
            ? $"{path}: not a model folder (no {ModelFolder.Config})"
            : $"{name}: no such model; give a folder with {ModelFolder.Config}, {ModelFolder.Weights} and {ModelFolder.TokenizerFile}, '{Starter}', or the name of a hub's model, hf:owner/name");
    }

    private static string Usable(string place, string name) =>
        File.Exists(Path.Combine(place, ModelFolder.Config)) ? place : throw new CleaveException(File.Exists(place)
            ? $"{name}: this needs a model's folder with its tokenizer, and that is one file; name the model without ':file'"
            : $"{name}: not a model folder (no {ModelFolder.Config} in {place})");
}
