using System.CommandLine;
using System.Text.Json;
using Cleave.Cli.Shell;
using Cleave.Formats.Inspection;
using Cleave.Models;
using Cleave.Models.Heads;
using Cleave.Splitting.Releases;

namespace Cleave.Cli.Commands;

/// <summary><c>cleave inspect</c>: what is in a model file or folder, without reading its weights.</summary>
internal static class InspectCommand
{
    private const int ShownLabels = 8;
    private static readonly Argument<string> Path = new("PATH") { Description = "A .safetensors or .gguf file, the folder of a model or of a release, hf:owner/name or hf:owner/name:file for what 'cleave pull' has fetched, or 'starter'." };

    public static Verb Create() => new Verb("inspect", "Show what is in a model or a release: shapes, sizes, settings, tokenizer; tasks and who answers for them.")
    {
        Path, SharedOptions.Json,
    }
    .Example("cleave inspect starter", "a model's folder; layers that are alike share a line")
    .Example("cleave inspect model.safetensors --json", "every tensor of a file, as JSON")
    .Example("cleave inspect samples/support-desk/release", "a release; every file is checked against its manifest")
    .Runs(Run);

    private static int Run(Call call)
    {
        string path = ModelArgument.Fetched(call.Get(Path));
        if (Release.IsRelease(path))
        {
            ReleaseInspection.Write(call, path);
            return Exit.Done;
        }
        bool byName = path == BaseModel.Starter && !File.Exists(path) && !Directory.Exists(path);
        InspectedModel model = ModelInspector.Inspect(byName ? ModelArgument.Folder(call, Path) : path);
        var tasks = model.Kind == "huggingface" && model.Config is not null ? ModelFolder.Tasks(model.Path) : [];
        if (call.Json)
            call.WriteJson(w => WriteJson(w, model, tasks));
        else
            WriteText(call.Out, model, tasks);
        return Exit.Done;
    }

    private static void WriteText(TextWriter output, InspectedModel model, IReadOnlyList<(string Task, HeadKind Kind, IReadOnlyList<string> Labels)> tasks)
    {
        output.WriteLine($"{model.Path}: {model.Kind}, {Format.Count(model.Parameters)} parameters, {Format.Bytes(model.WeightBytes)} of weights");
        if (model.Config is { } config)
        {
            output.WriteLine();
            output.WriteLine($"model type {config.ModelType}{(config.Architectures.Count > 0 ? $" ({string.Join(", ", config.Architectures)})" : "")}");
            foreach ((string key, string value) in config.Settings)
                output.WriteLine($"  {key}: {value}");
            foreach ((string task, HeadKind kind, IReadOnlyList<string> labels) in tasks)
                output.WriteLine($"  task {task}: {NameOf(kind)} {string.Join(", ", labels.Take(ShownLabels))}{(labels.Count > ShownLabels ? $" and {labels.Count - ShownLabels} more" : "")}");
        }
        if (model.Tokenizer is { } tokenizer)
        {
            output.WriteLine();
            output.WriteLine($"tokenizer {tokenizer.Kind}: {tokenizer.VocabularySize} tokens"
                + (tokenizer.Merges is { } merges ? $", {merges} merges" : "")
                + (tokenizer.SpecialTokens.Count > 0 ? $", special: {string.Join(' ', tokenizer.SpecialTokens)}" : ""));
        }
        output.WriteLine();
        var table = new TextTable("tensor", "count", "type", "shape", "bytes");
        foreach (var group in model.Tensors.GroupBy(t => (Name: Folded(t.Name), t.DType, Shape: string.Join('×', t.Shape))))
            table.Row(group.Key.Name, $"{group.Count()}", group.Key.DType, group.Key.Shape, Format.Bytes(group.Sum(t => t.Bytes)));
        table.Write(output);
        output.WriteLine();
        foreach (InspectedFile file in model.Files)
            output.WriteLine($"{file.Name}: {Format.Bytes(file.Bytes)}{string.Concat(file.Metadata.Select(m => $", {m.Key} = {m.Value}"))}");
    }

    // model.layers.7.mlp → model.layers.*.mlp
    private static string Folded(string name) =>
        string.Join('.', name.Split('.').Select(part => part.Length > 0 && part.All(char.IsAsciiDigit) ? "*" : part));

    private static void WriteJson(Utf8JsonWriter w, InspectedModel model, IReadOnlyList<(string Task, HeadKind Kind, IReadOnlyList<string> Labels)> tasks)
    {
        w.WriteStartObject();
        w.WriteString("path", model.Path);
        w.WriteString("kind", model.Kind);
        w.WriteNumber("parameters", model.Parameters);
        w.WriteNumber("weights_bytes", model.WeightBytes);
        if (model.Config is { } config)
        {
            w.WriteStartObject("config");
            w.WriteString("model_type", config.ModelType);
            w.WriteStartArray("architectures");
            foreach (string architecture in config.Architectures)
                w.WriteStringValue(architecture);
            w.WriteEndArray();
            w.WriteStartObject("settings");
            foreach ((string key, string value) in config.Settings)
            {
                w.WritePropertyName(key);
                w.WriteRawValue(value);
            }
            w.WriteEndObject();
            w.WriteEndObject();
        }
        WriteTasks(w, tasks);
        if (model.Tokenizer is { } tokenizer)
        {
            w.WriteStartObject("tokenizer");
            w.WriteString("kind", tokenizer.Kind);
            w.WriteNumber("vocabulary", tokenizer.VocabularySize);
            if (tokenizer.Merges is { } merges)
                w.WriteNumber("merges", merges);
            w.WriteStartArray("special_tokens");
            foreach (string token in tokenizer.SpecialTokens)
                w.WriteStringValue(token);
            w.WriteEndArray();
            w.WriteEndObject();
        }
        WriteFiles(w, model.Files);
        WriteTensors(w, model.Tensors);
        w.WriteEndObject();
    }

    private static string NameOf(HeadKind kind) => kind switch
    {
        HeadKind.Classify => "classify",
        HeadKind.Tag => "tag",
        _ => "span",
    };

    private static void WriteTasks(Utf8JsonWriter w, IReadOnlyList<(string Task, HeadKind Kind, IReadOnlyList<string> Labels)> tasks)
    {
        w.WriteStartArray("tasks");
        foreach ((string task, HeadKind kind, IReadOnlyList<string> labels) in tasks)
        {
            w.WriteStartObject();
            w.WriteString("task", task);
            w.WriteString("kind", NameOf(kind));
            w.WriteStartArray("labels");
            foreach (string label in labels)
                w.WriteStringValue(label);
            w.WriteEndArray();
            w.WriteEndObject();
        }
        w.WriteEndArray();
    }

    private static void WriteFiles(Utf8JsonWriter w, IReadOnlyList<InspectedFile> files)
    {
        w.WriteStartArray("files");
        foreach (InspectedFile file in files)
        {
            w.WriteStartObject();
            w.WriteString("name", file.Name);
            w.WriteNumber("bytes", file.Bytes);
            w.WriteStartObject("metadata");
            foreach ((string key, string value) in file.Metadata)
                w.WriteString(key, value);
            w.WriteEndObject();
            w.WriteEndObject();
        }
        w.WriteEndArray();
    }

    private static void WriteTensors(Utf8JsonWriter w, IReadOnlyList<InspectedTensor> tensors)
    {
        w.WriteStartArray("tensors");
        foreach (InspectedTensor tensor in tensors)
        {
            w.WriteStartObject();
            w.WriteString("name", tensor.Name);
            w.WriteString("dtype", tensor.DType);
            w.WriteStartArray("shape");
            foreach (long size in tensor.Shape)
                w.WriteNumberValue(size);
            w.WriteEndArray();
            w.WriteNumber("bytes", tensor.Bytes);
            w.WriteString("file", tensor.File);
            w.WriteEndObject();
        }
        w.WriteEndArray();
    }
}
