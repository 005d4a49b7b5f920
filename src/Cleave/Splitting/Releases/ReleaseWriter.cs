using System.Globalization;
using System.Text.Json.Nodes;
using Cleave.Data;
using Cleave.Evaluation;
using Cleave.Evaluation.Energy;
using Cleave.Formats.Durable;
using Cleave.Models;
using Cleave.Registry;
using Cleave.Splitting.Modules;
using Cleave.Splitting.Monoliths;
using Cleave.Splitting.Pipelines;
using Cleave.Splitting.Projects;
using Cleave.Splitting.Report;
using Cleave.Tuning;

namespace Cleave.Splitting.Releases;

/// <summary>
/// Puts a finished split in its place: modules, monolith, router, cards and manifest, in one move. What was measured by the clock
/// (the report, <c>measurements.json</c>) is outside of the manifest, so the same split has the same manifest hash everywhere.
/// </summary>
public sealed class ReleaseWriter(SplitProject project, string baseHash, SplitOptions options)
{
    public const string ManifestName = ReleaseManifest.FileName, ReportName = "report.html", MeasurementsName = "measurements.json";
    private const string ReleaseVersion = "1";
    public const string ModulesFolder = "modules", MonolithFolder = "monolith";

    public SplitResult Write(IReadOnlyList<TaskResult> results, Monolith monolith, IReadOnlyList<MonolithPoint> curve, Func<(TimeSpan Time, EnergyUse Energy)> taken, SplitWorkspace work)
    {
        ArgumentNullException.ThrowIfNull(results);
        ArgumentNullException.ThrowIfNull(monolith);
        ArgumentNullException.ThrowIfNull(taken);
        ArgumentNullException.ThrowIfNull(work);
        SplitResult? split = null;
        AtomicFolder.Create(options.Output, folder =>
        {
            string monolithHash = WriteMonolith(folder, monolith, results);
            foreach (TaskResult result in results.Where(r => r.Certificate.Passed || options.PublishUncertified))
                WriteModule(folder, result, monolithHash);
            RouterQuality? router = results.Count > 1 ? RouterBuilder.Build([.. results.Select(r => r.Task)], Path.Combine(folder, RouterBuilder.Name), project.Seed,
                project.Routing.Abstains ? project.Routing.Risk ?? RoutingOptions.UsualRisk : null) : null;
            if (project.Pipelines.Count > 0)
                PipelineFile.Write(folder, project.Pipelines);
            ReleaseManifest manifest = ReleaseManifest.Of(folder, project.Name, ReleaseVersion, project.Seed, [MeasurementsName, ReportName]);
            double microseconds = router is null ? 0 : RouterMicroseconds(Path.Combine(folder, RouterBuilder.Name), results);
            (TimeSpan time, EnergyUse energy) = taken();
            split = new SplitResult(project.Name, options.Output, manifest.Hash, results, monolith.WeightBytes, router, microseconds, time, energy, Path.Combine(options.Output, ReportName));
            AtomicFile.WriteText(Path.Combine(folder, MeasurementsName), Measurements(split).ToJsonString() + "\n");
            AtomicFile.Write(Path.Combine(folder, ReportName), stream => HtmlReport.Render(ReportBuilder.Build(project, options, split, curve), stream));
            manifest.Write(folder);
        }, overwrite: true);
        work.Finish();
        return split!;
    }

    private string WriteMonolith(string folder, Monolith monolith, IReadOnlyList<TaskResult> results)
    {
        string target = Path.Combine(folder, MonolithFolder);
        FolderCopy.Copy(monolith.Folder, target);
        var facts = new JsonObject
        {
            ["lineage"] = new JsonObject { ["base"] = project.Base, ["base_sha256"] = baseHash, ["seed"] = project.Seed, ["data_sha256"] = DataHashes(results) },
            ["recipe"] = new JsonObject { ["epochs"] = project.Monolith.Epochs, ["learning_rate"] = project.Monolith.LearningRate, ["batch_tokens"] = project.Monolith.BatchTokens },
        };
        AddFacts(target, facts);
        return Hashing.Sha256File(Path.Combine(target, ModelFolder.Weights));
    }

    private void WriteModule(string folder, TaskResult result, string monolithHash)
    {
        string target = Path.Combine(folder, ModulesFolder, result.Task.Name);
        FolderCopy.Copy(result.Study.Folder, target);
        var recipe = result.Study.Chosen.Parameters!.ToJson();
        var facts = new JsonObject
        {
            ["recipe"] = recipe,
            ["lineage"] = new JsonObject
            {
                ["parent"] = MonolithFolder,
                ["parent_sha256"] = monolithHash,
                ["base"] = project.Base,
                ["base_sha256"] = baseHash,
                ["seed"] = project.Seed,
                ["trial"] = result.Study.Chosen.Number,
                ["data_sha256"] = DataHashes([result]),
            },
            ["parameters"] = result.Module.Parameters,
            ["weights_bytes"] = result.Module.Bytes,
            ["certificate"] = result.Certificate.ToJson(),
        };
        if (project.TrainingGiven.Count > 0) // what trials did not choose
            facts["training"] = new JsonObject(project.TrainingGiven.OrderBy(g => g.Key, StringComparer.Ordinal).Select(g => KeyValuePair.Create(g.Key, (JsonNode?)g.Value)));
        AddFacts(target, facts);
        ModuleCard.Write(target, Card(result));
    }

    private CardFacts Card(TaskResult result)
    {
        ConfidenceInterval quality = result.Certificate.Module;
        string[] data = [.. result.Task.Data.Report.Files.Select(f => Path.GetFileName(f.Path))];
        return new CardFacts
        {
            Name = $"{project.Name}-{result.Task.Name}",
            Summary = $"A module for the task '{result.Task.Name}' ({ProjectReader.NameOf(result.Task.Kind)}), split from '{project.Base}'. {result.Certificate.Sentence}",
            BaseModel = project.Base,
            Datasets = data,
            Metrics = [new CardMetric(ProjectReader.NameOf(result.Task.Kind), data[^1], "test", result.Certificate.Test.MetricName, quality.Value, quality.Low, quality.High, quality.Items)],
            Recipe = [.. result.Study.Chosen.Parameters!.Select(p => KeyValuePair.Create(p.Key, p.Value.ToString()))],
            Limits = [$"Made for texts like those in {string.Join(", ", data)}; elsewhere its certificate says nothing.",
                $"Below a confidence of {result.Certificate.Escalation.Threshold.ToString("0.###", CultureInfo.InvariantCulture)} a request is better answered by the monolith."],
        };
    }

    private static JsonArray DataHashes(IReadOnlyList<TaskResult> results) =>
        new([.. results.SelectMany(r => r.Task.Data.Report.Files).Select(f => f.Sha256).Distinct(StringComparer.Ordinal).Select(h => (JsonNode)h)]);

    private static void AddFacts(string folder, JsonObject facts)
    {
        string path = Path.Combine(folder, ModuleFolder.Description);
        var json = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        ModuleFolder.Append(folder, json, facts);
    }

    private static double RouterMicroseconds(string folder, IReadOnlyList<TaskResult> results)
    {
        using ITaskModule router = ModuleFolder.Load(folder)[0];
        Example[] items = [.. results.SelectMany(r => r.Task.Data.Test.Take(50))];
        router.Predict(items);
        long start = System.Diagnostics.Stopwatch.GetTimestamp();
        foreach (Example item in items)
            router.Predict([item]);
        return System.Diagnostics.Stopwatch.GetElapsedTime(start).TotalMicroseconds / items.Length;
    }

    private JsonObject Measurements(SplitResult split) => new()
    {
        ["seconds"] = split.Elapsed.TotalSeconds,
        ["energy"] = Energy(split.Energy),
        ["router_microseconds"] = split.RouterMicroseconds,
        ["tasks"] = new JsonObject(split.Tasks.Select(t => KeyValuePair.Create(t.Task.Name, (JsonNode?)new JsonObject
        {
            ["monolith_ms"] = t.Monolith.Milliseconds,
            ["module_ms"] = t.Module.Milliseconds,
            ["monolith_item_energy"] = Energy(t.Monolith.Energy),
            ["module_item_energy"] = Energy(t.Module.Energy),
            ["energy"] = Energy(t.Energy),
            ["trials"] = new JsonObject(t.TrialEnergy.Select(e => KeyValuePair.Create(e.Key.ToString(CultureInfo.InvariantCulture), (JsonNode?)Energy(e.Value)))),
        }))),
    };

    private JsonObject Energy(EnergyUse use)
    {
        var json = new JsonObject { ["joules"] = use.Joules, ["uncertainty"] = use.Uncertainty, ["method"] = use.Method, ["core_seconds"] = use.CoreSeconds };
        if (project.Prices is { } prices)
            (json["cost"], json["currency"]) = (prices.Of(use), prices.Currency);
        return json;
    }
}
