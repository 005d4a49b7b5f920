using System.Text.Json.Nodes;
using Cleave.Evaluation;
using Cleave.Evaluation.Energy;
using Cleave.Splitting;
using Cleave.Splitting.Certificates;
using Cleave.Splitting.Modules;
using Cleave.Splitting.Monoliths;
using Cleave.Splitting.Projects;
using Cleave.Splitting.Recipes;
using Cleave.Splitting.Studies;
using Cleave.Tuning;
using Cleave.Tuning.Samplers;
using Cleave.Tuning.Storage;

namespace Cleave.Benchmarks.Search;

/// <summary>
/// How many real trials a project's own search needs for the module that random search finds, for each task, by seeds: one monolith, then studies
/// that differ in their sampler's seed alone; and the module that a split would take of each. What is there is not done again.
/// </summary>
internal static class SearchBenchmark
{
    private const string Usage = "search PROJECT FOLDER [SEEDS 6] [TRIALS 12] [HORIZON 24]";

    /// <summary>See <see cref="Usage"/>; JSON lines, the last ones the comparison.</summary>
    public static int Run(string[] args)
    {
        if (args is not [var path, var folder, .. var rest] || rest.Length > 3)
        {
            Console.Error.WriteLine("usage: " + Usage);
            return 2;
        }
        int seeds = rest.Length > 0 ? int.Parse(rest[0]) : 6, trials = rest.Length > 1 ? int.Parse(rest[1]) : 12, horizon = Math.Max(trials, rest.Length > 2 ? int.Parse(rest[2]) : 24);
        SplitProject project = ProjectReader.Load(path);
        var inputs = SplitInputs.Load(project, null);
        Directory.CreateDirectory(folder);
        using var meter = new EnergyMeter(EnergyOptions.FromEnvironment(project.Energy), TimeProvider.System);
        var ledger = new EnergyLedger(folder, meter, meter.Read());
        string whole = Path.Combine(folder, "monolith"), checkpoint = Path.Combine(folder, "monolith.checkpoint.safetensors");
        if (!Directory.Exists(whole))
            new MonolithBuilder(project, inputs.Tasks).Build(inputs.Base, whole, checkpoint, inputs.BaseHash, null, default);
        using Monolith monolith = Monolith.Load(whole, project.Monolith);
        foreach ((TaskContext task, TaskSpace space) in inputs.Tasks.Zip(inputs.Spaces))
        {
            double line = task.Definition.Metric.Score(task.Data.Validation, monolith.View(task.Name).Predict(task.Data.Validation)).Value() - task.Definition.Margin;
            IReadOnlyList<Trial>[] Runs(string name, Func<TaskStudy, IStudyStorage, Study> begin) => [.. Enumerable.Range(1, seeds).Select(seed =>
            {
                string run = Path.Combine(folder, task.Name, $"{name}-{seed}");
                Directory.CreateDirectory(run);
                return Study(new TaskStudy(project, task, space, monolith, run, ledger), task, monolith, run, (ulong)seed, trials, horizon, begin);
            })];
            IReadOnlyList<Trial>[] random = Runs("random", (_, storage) => new Study(storage, new RandomSampler(), project.SearchOf(task.Definition).Stopping.Create()));
            IReadOnlyList<Trial>[] own = Runs("own", (study, storage) => study.Begin(storage, "", study.Sampler(project.SearchOf(task.Definition).Sampler, default)));
            foreach (double dearer in (double[])[1, 1.1])
                Console.WriteLine(Compare(task.Name, project.SearchOf(task.Definition).Sampler, random, own, line, trials, horizon, dearer).ToJsonString());
        }
        return 0;
    }

    private static IReadOnlyList<Trial> Study(TaskStudy owner, TaskContext task, Monolith monolith, string folder, ulong seed, int trials, int horizon, Func<TaskStudy, IStudyStorage, Study> begin)
    {
        StudyDefinition definition = owner.Definition("");
        using var storage = JournalStudyStorage.Open(Path.Combine(folder, "study.journal"), new StudyDefinition(definition.Name, definition.Space, definition.Directions, seed));
        Study study = begin(owner, storage);
        TaskTrials runner = owner.Trials();
        study.Run(run =>
        {
            TrialOutcome outcome = runner.Run(run, default);
            Console.Error.WriteLine($"{folder} {run.Number} {outcome.State} {string.Join(' ', outcome.Values)}");
            return outcome;
        }, horizon);
        foreach (int count in (int[])[.. new[] { trials, horizon }.Distinct()])
            Console.WriteLine(Chosen(owner, task, monolith, folder, seed, [.. study.Trials.Take(count)]));
        foreach (string candidate in Directory.GetDirectories(folder))
            Directory.Delete(candidate, recursive: true);
        return [.. study.Trials.Take(horizon)];
    }

    /// <summary>What a split would take of a run's first trials and what becomes of it on the test items, kept in a file: the modules themselves are not.</summary>
    private static string Chosen(TaskStudy owner, TaskContext task, Monolith monolith, string folder, ulong seed, IReadOnlyList<Trial> trials)
    {
        string path = Path.Combine(folder, $"chosen-{trials.Count}.json");
        if (File.Exists(path))
            return File.ReadAllText(path);
        Trial chosen = owner.Choose(trials);
        using ITaskModule module = ModuleFolder.Load(TaskTrials.CandidateFolder(folder, chosen.Number, chosen.Attempt))[0];
        NonInferiorityResult test = Certificate.Examine(task, monolith.View(task.Name), module, seed, null, default).Certificate.Test;
        string json = new JsonObject
        {
            ["run"] = Path.GetFileName(folder),
            ["task"] = task.Name,
            ["trials"] = trials.Count,
            ["chosen"] = chosen.Number,
            ["validation"] = Math.Round(chosen.Values[0], 4),
            ["headroom"] = Math.Round(TrialNote.Of(chosen).Headroom, 4),
            ["cost_ns"] = Math.Round(chosen.Values[1]),
            ["bytes"] = chosen.Values[2],
            ["test"] = Math.Round(test.Candidate, 4),
            ["monolith"] = Math.Round(test.Reference, 4),
            ["lower_bound"] = Math.Round(test.LowerBound, 4),
            ["certified"] = test.Passed,
        }.ToJsonString();
        File.WriteAllText(path, json);
        return json;
    }

    /// <summary>
    /// Random search's module is the cheapest of a run's first trials that validation shows within the margin of the monolith; where there is none, its best one.
    /// A run has it once a trial is as good (within the margin, or as good as that best one) and no dearer. What is compared are the trials that other runs
    /// of random search need with those that the project's search needs; a run that does not get it counts as one trial more than its last.
    /// </summary>
    /// <param name="trials">Of which a run's module is the cheapest.</param>
    /// <param name="horizon">Of other runs.</param>
    /// <param name="dearer">1, or above it what may be paid as well.</param>
    private static JsonObject Compare(string task, string sampler, IReadOnlyList<Trial>[] random, IReadOnlyList<Trial>[] own, double line, int trials, int horizon, double dearer)
    {
        var found = new List<double>();
        var needed = new List<double>();
        var otherRandom = new List<double>();
        int missed = 0;
        foreach (IReadOnlyList<Trial> run in random)
        {
            Trial[] complete = [.. run.Take(trials).Where(t => t.State == TrialState.Complete)];
            Trial? target = complete.Where(t => t.Values[0] >= line).OrderBy(t => t.Values[1]).ThenBy(t => t.Number).FirstOrDefault();
            double quality = target is null ? complete.Max(t => t.Values[0]) : line;
            target ??= complete.MaxBy(t => t.Values[0])!;
            int Reach(IReadOnlyList<Trial> trialsOf) => 1 + (trialsOf.FirstOrDefault(t => t.State == TrialState.Complete && t.Values[0] >= quality && t.Values[1] <= dearer * target.Values[1])?.Number ?? horizon);
            found.Add(target.Number + 1);
            foreach (IReadOnlyList<Trial> o in own)
            {
                int reached = Reach(o);
                missed += reached > horizon ? 1 : 0;
                needed.Add(reached);
            }
            otherRandom.AddRange(random.Where(o => o != run).Select(o => (double)Reach(o)));
        }
        return new JsonObject
        {
            ["task"] = task,
            ["sampler"] = sampler,
            ["seeds"] = random.Length,
            ["trials"] = trials,
            ["horizon"] = horizon,
            ["dearer"] = dearer,
            ["line"] = Math.Round(line, 4),
            ["random_found_it_at"] = Math.Round(found.Average(), 2),
            ["random_mean"] = Math.Round(otherRandom.Average(), 2),
            ["random_median"] = Median(otherRandom),
            ["random_missed"] = Math.Round((double)otherRandom.Count(n => n > horizon) / otherRandom.Count, 3),
            ["own_mean"] = Math.Round(needed.Average(), 2),
            ["own_median"] = Median(needed),
            ["own_missed"] = Math.Round((double)missed / needed.Count, 3),
            ["fewer"] = Math.Round(1 - needed.Average() / otherRandom.Average(), 3),
        };
    }

    private static double Median(List<double> values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
