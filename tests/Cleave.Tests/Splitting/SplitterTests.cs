using System.Text.Json;
using Cleave.Data;
using Cleave.Evaluation;
using Cleave.Numerics;
using Cleave.Serving;
using Cleave.Splitting;
using Cleave.Splitting.Certificates;
using Cleave.Splitting.Pipelines;
using Cleave.Splitting.Releases;

namespace Cleave.Tests.Splitting;

public sealed class SplitterTests : IDisposable
{
    private readonly SmallProject _project = new();

    public void Dispose() => _project.Dispose();

    [Fact]
    public void One_seed_gives_one_release_however_often_it_is_interrupted()
    {
        SplitResult whole = _project.Split("whole");
        Assert.Equal(2, whole.Tasks.Count);
        Assert.True(File.Exists(whole.Report));
        Assert.False(Directory.Exists(whole.Folder + ".work"));
        TakesEnergy(whole);

        // What it costs is not part of what it is.
        File.AppendAllText(_project.ProjectPath, "\nenergy: {watts_per_core: 3, uncertainty: 1}\nprices: {kwh: 0.3, core_hour: 0.04, currency: EUR}\n");

        // Cut off at five different moments, then let it finish.
        int[] moments = [3, 9, 14, 20, 26];
        foreach (int moment in moments)
        {
            using var stop = new CancellationTokenSource();
            int reports = 0;
            var progress = new Watcher(_ =>
            {
                if (++reports == moment)
                    stop.Cancel();
            });
            try
            {
                _project.Split("cut", resume: true, cancellation: stop.Token, progress: progress);
                break; // it was done before the moment came
            }
            catch (OperationCanceledException)
            {
                Assert.False(Directory.Exists(Path.Combine(_project.Folder, "cut")));
            }
        }
        string cut = Path.Combine(_project.Folder, "cut");
        string hash = Directory.Exists(cut) ? Release.Open(cut).Manifest.Hash : _project.Split("cut", resume: true).ManifestHash;
        Assert.Equal(whole.ManifestHash, hash);
        JsonElement measured = JsonDocument.Parse(File.ReadAllText(Path.Combine(cut, ReleaseWriter.MeasurementsName))).RootElement.GetProperty("energy");
        Assert.True(measured.GetProperty("cost").GetDouble() > 0);
        Assert.Equal("EUR", measured.GetProperty("currency").GetString());
        using Release release = Release.Open(whole.Folder);
        Assert.Equal(whole.ManifestHash, release.Manifest.Hash);
    }

    private static void TakesEnergy(SplitResult split)
    {
        foreach (TaskResult task in split.Tasks)
        {
            Assert.Equal(task.Study.Trials.Where(t => t.IsFinished).Select(t => t.Number), task.TrialEnergy.Keys.Order());
            Assert.All(task.TrialEnergy.Values, e => Assert.True(e.Joules > 0 && e.CoreSeconds > 0));
            Assert.True(task.Energy.Joules > task.TrialEnergy.Values.Sum(e => e.Joules));
            Assert.True(task.Module.Energy.Joules > 0 && task.Monolith.Energy.Joules > 0);
        }
        Assert.True(split.Energy.Joules > split.Tasks.Sum(t => t.Energy.Joules));
        string report = File.ReadAllText(split.Report);
        Assert.Contains(System.Net.WebUtility.HtmlEncode(split.Energy.ToString()), report, StringComparison.Ordinal);
        Assert.Contains(System.Net.WebUtility.HtmlEncode(split.Tasks[0].TrialEnergy[0].ToString()), report, StringComparison.Ordinal);
    }

    [Fact]
    public void A_release_routes_answers_and_escalates()
    {
        SplitResult split = _project.Split("release");
        using Release release = Release.Open(split.Folder);
        Assert.Equal(["mood", "thing"], release.Tasks);
        Answer mood = release.Answer(new Example { Text = "the lamp was awful and the book too" }, null);
        Assert.Equal("mood", mood.Task);
        Assert.Equal("bad", mood.Prediction.Label);
        Answer thing = release.Answer(new Example { Text = "17 I lost my lamp today" }, "thing");
        Assert.Equal(TaskKind.Extract, thing.Kind);
        Assert.Throws<CleaveException>(() => release.Answer(new Example { Text = "x" }, "weather"));
        foreach (TaskResult task in split.Tasks)
            Assert.InRange(task.Certificate.Escalation.Rate, 0, 1);

        // What a project does not ask for leaves no trace in what is hashed.
        Assert.DoesNotContain(release.Manifest.Entries, e => e.Path == PipelineFile.Name);
        Assert.Equal(["threshold", "rate", "cascade", "items"], Description(split, "modules/mood").GetProperty("certificate").GetProperty("escalation").EnumerateObject().Select(m => m.Name));
        Assert.Equal(["format", "name", "tasks"], Description(split, "router").EnumerateObject().Select(m => m.Name));
    }

    [Fact]
    public void A_project_chooses_how_sure_router_and_modules_must_be_and_chains_modules()
    {
        File.AppendAllText(_project.ProjectPath, """

            routing: {abstain: true, risk: 0.1}
            pipelines:
              both:
                steps: {feel: {task: mood}, what: {task: thing, when: {step: feel, is: bad}}}
                output: "{feel}: {what}"
            """);
        SplitResult split = _project.Split("release");
        using Release release = Release.Open(split.Folder);
        Assert.Equal(["feel", "what"], Assert.Single(release.Pipelines).Steps.Select(s => s.Name));
        Assert.Contains(release.Manifest.Entries, e => e.Path == PipelineFile.Name);
        foreach (TaskResult task in split.Tasks)
        {
            Assert.Equal(0.1, task.Certificate.Escalation.Risk);
            JsonElement escalation = Description(split, $"modules/{task.Task.Name}").GetProperty("certificate").GetProperty("escalation");
            Assert.Equal(escalation.GetProperty("threshold").GetDouble(), release.Module(task.Task.Name).Threshold);
            CascadeCheck check = task.Certificate.Cascade!;
            Assert.Equal(check.Shortfall, escalation.GetProperty("test").GetProperty("shortfall").GetDouble());
            // By hand: what the release answers on the test items that the threshold was not chosen on.
            int[] others = [.. Enumerable.Range(0, task.Task.Data.Test.Count).Where(i => i % 2 == 1)];
            Answer[] answers = [.. others.Select(i => release.Answer(task.Task.Data.Test[i], task.Task.Name))];
            Assert.Equal(others.Zip(answers, (i, a) => Math.Max(0, Score(task, i, task.MonolithPredictions[i]) - Score(task, i, a.Prediction))).Average(), check.Shortfall, 1e-9);
            Assert.Equal(answers.Count(a => a.Escalated), check.Rate * check.Items, 1e-9);
            Assert.Equal((others.Length, task.Task.Data.Test.Count - others.Length), (check.Items, task.Certificate.Escalation.Items));
        }
        RouterAbstention abstention = split.Router!.Abstention!;
        Assert.InRange(split.Router.Calibration.ExpectedError, 0, 0.2);
        Assert.Equal(abstention.Chosen.Threshold, release.Route("the lamp was awful").Threshold);
        Assert.InRange(abstention.Wrong, 0, 0.1);

        static double Score(TaskResult task, int item, Prediction prediction) =>
            ItemScores.Of(task.Task.Definition.Metric, [task.Task.Data.Test[item]], [prediction])![0];
    }

    private static JsonElement Description(SplitResult split, string folder) => JsonDocument.Parse(File.ReadAllText(Path.Combine(split.Folder, folder, "module.json"))).RootElement;

    /// <summary>Below 8 bits, by a recipe that the project chooses: published, verified, served and told in the report like every other module.</summary>
    [Fact]
    public void A_module_in_blocks_is_published_and_served()
    {
        _project.Choose("{student: transformer, weights: q4_0, rounding: gptq, optimizer: [adamw, lion], layers: 1}", "{label-smoothing: 0.1}");
        SplitResult split = _project.Split("release", publishUncertified: true);
        string folder = Path.Combine(split.Folder, "modules", "mood"), description = File.ReadAllText(Path.Combine(folder, "module.json"));
        Assert.True(File.Exists(Path.Combine(folder, "model.gguf")) && File.Exists(Path.Combine(folder, "heads.safetensors")));
        Assert.Contains("\"weights\": \"q4_0\"", description, StringComparison.Ordinal);
        Assert.Contains("\"rounding\": \"gptq\"", description, StringComparison.Ordinal);
        Assert.Contains("\"label-smoothing\": \"0.1\"", description, StringComparison.Ordinal); // what was not searched is said, too
        Assert.Contains("\"label_smoothing\": 0.1", description, StringComparison.Ordinal);
        string report = File.ReadAllText(split.Report);
        Assert.Contains("stored as Q4_0 in a GGUF file, rounded by gptq", report, StringComparison.Ordinal);
        Assert.Contains("What was searched", report, StringComparison.Ordinal);
        Assert.Contains("adamw, lion", report, StringComparison.Ordinal);

        using Release release = Release.Open(split.Folder);
        using var host = new ReleaseHost(release, DateTimeOffset.UnixEpoch);
        TaskResult mood = split.Tasks[0];
        Example item = mood.Task.Data.Test[0];
        Assert.Equal(mood.ModulePredictions[0].Label, release.Module("mood").Module!.Predict([item])[0].Label);
        ModuleResult served = host.Run(new ModuleRequest { Module = "mood", Prompt = item.Text }, new Silence(), CancellationToken.None);
        Assert.Equal(release.Answer(item, "mood").Prediction.Label, served.Text);
        string blocks = Path.Combine(folder, "model.gguf");
        byte[] bytes = File.ReadAllBytes(blocks);
        bytes[^1] ^= 1;
        File.WriteAllBytes(blocks, bytes);
        Assert.Contains("model.gguf", Assert.Throws<CleaveException>(() => Release.Open(split.Folder)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{encoder-layers: 2}", "line 8: 'search.space.encoder-layers' needs a base with an encoder besides its decoder")]
    [InlineData("{layers: 7}", "line 8: 'search.space.layers' is a whole number from 1 to 2 here, not '7'")]
    [InlineData("{weights: q4_k_m}", "which do not divide the model's width of 32")]
    [InlineData("{rank: 4}", "plays a part only where 'method' can be lora or dora")]
    public void A_choice_that_the_base_does_not_have_is_refused_before_anything_is_trained(string space, string words)
    {
        _project.Choose(space, "{}");
        string said = Assert.Throws<ProjectException>(() => _project.Split("release")).Problems[0];
        Assert.Contains(words, said, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(_project.Folder, "release.work")));
    }

    [Fact]
    public void A_changed_file_of_a_release_is_noticed()
    {
        SplitResult split = _project.Split("release");
        string victim = Directory.GetFiles(Path.Combine(split.Folder, ReleaseWriter.MonolithFolder), "*.safetensors")[0];
        byte[] bytes = File.ReadAllBytes(victim);
        bytes[^1] ^= 1;
        File.WriteAllBytes(victim, bytes);
        Assert.Contains("model.safetensors", Assert.Throws<CleaveException>(() => Release.Open(split.Folder)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_there_is_not_overwritten()
    {
        string output = Path.Combine(_project.Folder, "mine");
        Directory.CreateDirectory(output);
        File.WriteAllText(Path.Combine(output, "letter.txt"), "keep me");
        Assert.Contains("--force", Assert.Throws<CleaveException>(() => _project.Split("mine")).Message, StringComparison.Ordinal);
        Assert.Contains("is not a release", Assert.Throws<CleaveException>(() => _project.Split("mine", force: true)).Message, StringComparison.Ordinal);
        Assert.Equal("keep me", File.ReadAllText(Path.Combine(output, "letter.txt")));
    }

    [Fact]
    public void What_is_wrong_with_several_tasks_is_said_together()
    {
        File.WriteAllText(Path.Combine(_project.Folder, "mood.train.jsonl"), "");
        File.WriteAllText(Path.Combine(_project.Folder, "thing.train.jsonl"), "{\"text\": \"no spans here\"}\n");
        string message = Assert.Throws<CleaveException>(() => _project.Split("none")).Message;
        Assert.Contains("mood", message, StringComparison.Ordinal);
        Assert.Contains("thing", message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(_project.Folder, "none.work")));
    }

    [Fact]
    public void Two_splits_into_one_folder_do_not_mix()
    {
        using SplitWorkspace held = SplitWorkspace.Open(Path.Combine(_project.Folder, "busy"), "x", "x", shared: false, resume: false, force: false);
        Assert.Throws<CleaveException>(() => _project.Split("busy", force: true));
    }

    private sealed class Silence : IResultSink
    {
        public void Chosen(ModuleChoice choice) { }
        public void Text(string piece) { }
    }

    private sealed class Watcher(Action<ProgressReport> onReport) : IProgress<ProgressReport>
    {
        public void Report(ProgressReport value) => onReport(value);
    }
}
