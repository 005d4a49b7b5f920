using System.Text.Json;
using Cleave.Cli.Shell;
using Cleave.Data;
using Cleave.Registry;
using Cleave.Splitting.Modules;
using Cleave.Splitting.Pipelines;
using Cleave.Splitting.Projects;
using Cleave.Splitting.Releases;

namespace Cleave.Cli.Commands;

/// <summary>What <c>cleave inspect</c> says about a release: its tasks, who answers for them, and its files.</summary>
internal static class ReleaseInspection
{
    public static void Write(Call call, string folder)
    {
        ReleaseManifest manifest = ReleaseManifest.Read(folder);
        using Release release = Release.Open(folder); // checks every file against the manifest
        (string Task, string AnsweredBy, TaskKind Kind, long Parameters, long Bytes)[] tasks = [.. release.Tasks.Select(task =>
        {
            ITaskModule? module = release.Module(task).Module;
            ITaskModule answering = module ?? release.MonolithFor(task);
            return (task, module is null ? ReleaseWriter.MonolithFolder : task, answering.Kind, answering.Parameters, answering.WeightBytes);
        })];
        if (call.Json)
        {
            call.WriteJson(w => WriteJson(w, folder, manifest, tasks, release.Pipelines));
            return;
        }
        call.Out.WriteLine($"{folder}: release {manifest.Name} {manifest.Version}, {manifest.Entries.Count} files, all as the manifest says");
        call.Out.WriteLine($"manifest {manifest.Hash}");
        call.Out.WriteLine();
        var table = new TextTable("task", "kind", "answered by", "parameters", "weights");
        foreach (var t in tasks)
            table.Row(t.Task, ProjectReader.NameOf(t.Kind), t.AnsweredBy, Format.Count(t.Parameters), Format.Bytes(t.Bytes));
        table.Write(call.Out);
        foreach (PipelineDefinition pipeline in release.Pipelines)
            call.Out.WriteLine($"pipeline {pipeline.Name}: {string.Join(", ", pipeline.Steps.Select(s => s.Task is null ? s.Name : $"{s.Name} ({s.Task})"))}");
    }

    private static void WriteJson(Utf8JsonWriter w, string folder, ReleaseManifest manifest,
        IEnumerable<(string Task, string AnsweredBy, TaskKind Kind, long Parameters, long Bytes)> tasks, IReadOnlyList<PipelineDefinition> pipelines)
    {
        w.WriteStartObject();
        w.WriteString("path", folder);
        w.WriteString("kind", "release");
        w.WriteString("name", manifest.Name);
        w.WriteString("version", manifest.Version);
        w.WriteString("hash", manifest.Hash);
        w.WriteStartArray("tasks");
        foreach (var t in tasks)
        {
            w.WriteStartObject();
            w.WriteString("task", t.Task);
            w.WriteString("kind", ProjectReader.NameOf(t.Kind));
            w.WriteString("module", t.AnsweredBy);
            w.WriteNumber("parameters", t.Parameters);
            w.WriteNumber("weights_bytes", t.Bytes);
            w.WriteEndObject();
        }
        w.WriteEndArray();
        w.WriteStartArray("pipelines");
        foreach (PipelineDefinition pipeline in pipelines)
            w.WriteStringValue(pipeline.Name);
        w.WriteEndArray();
        w.WriteStartArray("files");
        foreach (ReleaseEntry entry in manifest.Entries)
        {
            w.WriteStartObject();
            w.WriteString("path", entry.Path);
            w.WriteNumber("bytes", entry.Bytes);
            w.WriteString("sha256", entry.Sha256);
            w.WriteEndObject();
        }
        w.WriteEndArray();
        w.WriteEndObject();
    }
}
