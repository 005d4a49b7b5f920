using System.CommandLine;
using Cleave.Cli.Shell;
using Cleave.Proposing;
using Cleave.Tuning;
using Cleave.Tuning.Artifacts;
using Cleave.Tuning.Objectives;
using Cleave.Tuning.Samplers;
using Cleave.Tuning.Storage;

namespace Cleave.Cli.Commands;

/// <summary><c>cleave worker</c>: takes trials of shared studies until there are none left.</summary>
internal static class WorkerCommand
{
    private static readonly Option<string?> StudyName = new("--study") { Description = "The study to work on; unless given, all of them, the older first.", HelpName = "NAME" };

    private static readonly Option<string?> Folder = new("--folder") { Description = "Where the study's command runs; unless given, here.", HelpName = "PATH" };

    public static Verb Create() => new Verb("worker", "Take trials of a shared study, from this or any other machine.")
    {
        StudyOptions.Storage, StudyName, StudyOptions.Workers, Folder, StudyOptions.Artifacts, SharedOptions.Json,
    }
    .Example("cleave worker --storage postgres://me@db.lan/studies", "take trials of every study there until all are done")
    .Example("cleave worker --storage postgres://me@db.lan/studies --study train --workers 4", "four trials at once, of one study")
    .Runs(Run);

    private static int Run(Call call)
    {
        string address = StudyOptions.Address(call) ?? throw new CleaveException("--storage is missing: say where the studies are");
        int workers = call.Positive(StudyOptions.Workers);
        string folder = Path.GetFullPath(call.Get(Folder) ?? ".");
        if (!Directory.Exists(folder))
            throw new CleaveException($"{folder}: is not a folder (--folder says where the command runs)");
        using IStudyCatalog catalog = StudyCatalogs.Open(address, StudyOptions.For(call));
        var done = new HashSet<string>(StringComparer.Ordinal);
        while (Next(call, catalog, done) is { } name)
        {
            done.Add(name);
            if (Work(call, catalog, name, workers, folder) is not { } run)
                continue;
            if (call.Json)
            {
                call.WriteJson(w =>
                {
                    w.WriteStartObject();
                    w.WriteString("study", name);
                    w.WriteNumber("trials", run.Asked);
                    w.WriteNumber("failed", run.Failed);
                    w.WriteNumber("lost", run.Lost);
                    w.WriteEndObject();
                });
            }
            else
            {
                call.Out.WriteLine($"{name}: {run.Asked} trials here, {run.Failed} failed, {run.Lost} lost to other workers");
            }
        }
        return Exit.Done;
    }

    private static string? Next(Call call, IStudyCatalog catalog, HashSet<string> done)
    {
        if (call.Get(StudyName) is { } name)
            return done.Count == 0 ? name : null;
        IReadOnlyList<string> names = catalog.Names();
        return names.Count > 0 ? names.FirstOrDefault(n => !done.Contains(n)) : throw new CleaveException($"{catalog.Place}: has no study (start one with cleave tune STUDY --storage)");
    }

    /// <returns>Null for a study of a split, where none was named.</returns>
    private static StudyRun? Work(Call call, IStudyCatalog catalog, string name, int workers, string folder)
    {
        using IStudyStorage storage = catalog.Open(name);
        if (storage.Settings is null && call.Get(StudyName) is null)
        {
            call.Say($"{name}: has no command to run; a split's trials are for 'cleave split --join'");
            return null;
        }
        (StudyPlan plan, string program) = StudyPlan.FromSettings($"{catalog.Place}: {name}", storage.Settings);
        if (program != App.Version)
            call.Say($"{name}: was made by cleave {program}; this is {App.Version}");
        var study = new Study(storage, SamplerNames.Create(plan.Sampler, ProposerModel.Shipped), plan.Stopping.Create()) { Worker = StudyOptions.WorkerName };
        using IArtifactStore? artifacts = StudyOptions.ArtifactStore(call);
        using ProgressLine progress = call.Progress();
        return new StudyRunner(study, plan, folder) { Artifacts = artifacts, Say = call.Say }.Run(workers, progress, call.Cancel);
    }
}
