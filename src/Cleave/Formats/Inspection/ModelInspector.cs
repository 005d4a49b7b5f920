using System.Text.Json;
using Cleave.Formats.Gguf;
using Cleave.Formats.HuggingFace;
using Cleave.Formats.Safetensors;
using Cleave.Json;

namespace Cleave.Formats.Inspection;

/// <summary>Says what is in a safetensors or GGUF file or a Hugging Face folder, without reading the weights.</summary>
public static class ModelInspector
{
    /// <exception cref="ModelFileException">There is nothing there, or it is damaged or of an unknown kind.</exception>
    public static InspectedModel Inspect(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (Directory.Exists(path))
            return InspectFolder(path);
        if (!File.Exists(path))
            throw new ModelFileException(path, "no such file or folder");
        if (path.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase))
            return InspectGguf(path);
        if (!path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase))
            throw new ModelFileException(path, "not a kind of file that can be inspected; give a .safetensors or .gguf file or a model's folder");
        using SafetensorsSet weights = SafetensorsSet.Open(path);
        return Describe(path, "safetensors", weights, null, null, []);
    }

    private static InspectedModel InspectFolder(string folder)
    {
        string config = Path.Combine(folder, "config.json"), tokenizer = Path.Combine(folder, TokenizerFolder.FileName);
        var others = new List<InspectedFile>();
        foreach (string path in (string[])[config, tokenizer])
        {
            if (File.Exists(path))
                others.Add(new InspectedFile(Path.GetFileName(path), new FileInfo(path).Length, new Dictionary<string, string>()));
        }
        JsonCursor? read = File.Exists(config) ? JsonFile.Load(config) : null;
        InspectedConfig? described = read is null ? null : InspectConfig(read);
        InspectedTokenizer? words = File.Exists(tokenizer) ? InspectTokenizer(JsonFile.Load(tokenizer), new FileInfo(tokenizer).Length) : null;
        if (read is not null && BlockFileNames.AreUsed(read))
        {
            InspectedModel blocks = InspectGguf(Path.Combine(folder, BlockFileNames.Weights));
            string heads = Path.Combine(folder, BlockFileNames.Heads);
            using SafetensorsSet? beside = File.Exists(heads) ? SafetensorsSet.Open(heads) : null;
            InspectedModel? own = beside is null ? null : Describe(folder, "huggingface", beside, described, words, others);
            return new InspectedModel(folder, "huggingface", blocks.Parameters + (own?.Parameters ?? 0), blocks.WeightBytes + (own?.WeightBytes ?? 0),
                [.. blocks.Files, .. own?.Files ?? others], [.. blocks.Tensors, .. own?.Tensors ?? []], described, words);
        }
        using SafetensorsSet weights = SafetensorsSet.Open(folder);
        return Describe(folder, "huggingface", weights, described, words, others);
    }

    private static InspectedModel InspectGguf(string path)
    {
        using GgufFile file = GgufFile.Open(path);
        InspectedTensor[] tensors = [.. file.Entries.Select(e =>
            new InspectedTensor(e.Name, e.Type.ToString(), e.Shape, e.Elements, e.ByteCount, Path.GetFileName(path)))];
        GgufMetadata keys = file.Metadata;
        KeyValuePair<string, string>[] settings = [.. keys.Values.Where(k => k.Value is not Array)
            .Select(k => KeyValuePair.Create(k.Key, JsonSerializer.Serialize(k.Value)))];
        InspectedTokenizer? tokenizer = keys.FindText("tokenizer.ggml.model") is not { } kind ? null
            : new InspectedTokenizer(kind, keys.Texts("tokenizer.ggml.tokens").Length,
                keys.Contains("tokenizer.ggml.merges") ? keys.Texts("tokenizer.ggml.merges").Length : null, [], 0);
        return new InspectedModel(path, "gguf", file.Entries.Where(e => !e.Type.IsInteger()).Sum(e => e.Elements), tensors.Sum(t => t.Bytes),
            [new InspectedFile(Path.GetFileName(path), file.FileBytes, new Dictionary<string, string> { ["version"] = $"{file.Version}" })],
            tensors, new InspectedConfig(keys.FindText("general.architecture") ?? "unknown", [], settings), tokenizer);
    }

    private static InspectedModel Describe(
        string path, string kind, SafetensorsSet weights, InspectedConfig? config, InspectedTokenizer? tokenizer, List<InspectedFile> others)
    {
        InspectedTensor[] tensors = [.. weights.Names.Select(name =>
        {
            SafetensorsEntry entry = weights.Entry(name);
            return new InspectedTensor(name, entry.DType.ToString(), entry.Shape, entry.Elements, entry.ByteCount,
                Path.GetFileName(weights.FileOf(name).Path));
        })];
        InspectedFile[] files = [.. weights.Files.Select(f => new InspectedFile(Path.GetFileName(f.Path), f.FileBytes, f.Metadata)), .. others];
        return new InspectedModel(path, kind, weights.Names.Sum(n => Parameters(weights.Entry(n))), tensors.Sum(t => t.Bytes),
            files, tensors, config, tokenizer);
    }

    private static long Parameters(SafetensorsEntry entry) =>
        entry.DType.IsFloatingPoint() || entry.DType == SafetensorsDType.I8 ? entry.Elements : 0;

    private static InspectedConfig InspectConfig(JsonCursor config)
    {
        string[] architectures = config.Find("architectures") is { } list ? [.. list.Items().Select(a => a.Text())] : [];
        KeyValuePair<string, string>[] settings = [.. config.Members()
            .Where(m => m.Value.Kind is not (JsonValueKind.Object or JsonValueKind.Array or JsonValueKind.Null) && m.Name != "model_type")
            .Select(m => KeyValuePair.Create(m.Name, m.Value.Element.GetRawText()))];
        return new InspectedConfig(config.Text("model_type", "unknown"), architectures, settings);
    }

    private static InspectedTokenizer InspectTokenizer(JsonCursor root, long bytes)
    {
        JsonCursor model = root["model"];
        var ids = new HashSet<int>();
        JsonCursor vocabulary = model["vocab"];
        if (vocabulary.Kind == JsonValueKind.Array)
            ids.UnionWith(Enumerable.Range(0, vocabulary.Element.GetArrayLength()));
        else
            ids.UnionWith(vocabulary.Members().Select(m => m.Value.Int(0)));
        var special = new List<string>();
        foreach (JsonCursor token in root.Find("added_tokens")?.Items() ?? [])
        {
            ids.Add(token["id"].Int(0));
            if (token.Flag("special", false))
                special.Add(token["content"].Text());
        }
        string kind = model.Find("type")?.Text() ?? (model.Find("merges") is null ? "WordPiece or Unigram" : "BPE");
        return new InspectedTokenizer(kind, ids.Count, model.Find("merges")?.Items().Count(), special, bytes);
    }
}
