using Cleave.Json;

namespace Cleave.Formats.HuggingFace;

/// <summary>
/// Where a model's folder keeps weights in block formats, which safetensors files have no types for: in a GGUF file that config.json names under
/// <c>cleave.weights</c>, so that a folder that happens to hold another GGUF file is read as ever. Heads of tasks, which GGUF has no place for, are in
/// a safetensors file of their own.
/// </summary>
public static class BlockFileNames
{
    public const string Weights = "model.gguf", Heads = "heads.safetensors", Key = "weights";

    /// <summary>Whether a config says that the weights are in <see cref="Weights"/>.</summary>
    /// <exception cref="ModelFileException">It names another file.</exception>
    public static bool AreUsed(JsonCursor config)
    {
        ArgumentNullException.ThrowIfNull(config);
        return config.Find("cleave")?.Find(Key) is { } named
            && (named.Text() == Weights ? true : throw named.Error($"'{named.Text()}' is not supported; weights in blocks are in {Weights}"));
    }
}
