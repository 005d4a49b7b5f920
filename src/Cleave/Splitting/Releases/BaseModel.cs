using Cleave.Models;

namespace Cleave.Splitting.Releases;

/// <summary>Finds models by name: a folder, or a model that ships with the program.</summary>
public static class BaseModel
{
    /// <summary>The base model that ships with the program.</summary>
    public const string Starter = "starter";

    private static readonly string[] Shipped = [Starter];

    /// <summary>The folder of a model.</summary>
    /// <param name="name">A folder, relative to <paramref name="folder"/> or absolute, or <see cref="Starter"/>.</param>
    public static string Find(string name, string folder)
    {
        ArgumentNullException.ThrowIfNull(name);
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
            : $"{name}: no such model; give a folder with {ModelFolder.Config}, {ModelFolder.Weights} and {ModelFolder.TokenizerFile}, or '{Starter}'");
    }
}
