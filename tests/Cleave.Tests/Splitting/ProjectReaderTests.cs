using Cleave.Data;
using Cleave.Data.Augmentation;
using Cleave.Data.Balancing;
using Cleave.Evaluation.Energy;
using Cleave.Splitting.Projects;
using Cleave.Splitting.Recipes;
using Cleave.Training.FineTuning.Options;

namespace Cleave.Tests.Splitting;

public sealed class ProjectReaderTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cleave-project").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void The_sample_is_read()
    {
        SplitProject project = ProjectReader.Load(Path.Combine(Shared.Repository, "samples", "support-desk"));
        Assert.Equal(["intent", "sentiment", "reply", "order"], project.Tasks.Select(t => t.Name));
        Assert.Equal(TaskKind.Generate, project.Tasks[2].Kind);
        Assert.Equal("starter", project.Base);
    }

    /// <summary>A parser that goes down a level for each bracket would end the program.</summary>
    [Fact]
    public void Values_without_end_are_refused()
    {
        Assert.Contains("nested more than", Assert.Single(Problems("x: " + new string('[', 500_000))), StringComparison.Ordinal);
        Assert.Contains("does not refer", Assert.Single(Problems("x: &a [*a]")), StringComparison.Ordinal);
        string laughs = "a0: &a0 [x, x]\n" + string.Concat(Enumerable.Range(1, 60).Select(i => $"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n"));
        Assert.Contains("more than 100000 values", Assert.Single(Problems(laughs)), StringComparison.Ordinal);
    }

    /// <summary>Damage that the YAML parser itself does not foresee.</summary>
    [Theory]
    [InlineData("...\nname: x\n")]
    [InlineData("a: {when:\n\nkind: sgd}\n}}")]
    [InlineData("a: {b, c\n  d:e: f\n")]
    public void What_is_not_YAML_is_refused(string text) => Assert.NotEmpty(Problems(text));

    [Fact]
    public void All_mistakes_are_reported_at_once_with_lines_and_near_names()
    {
        string[] problems = Problems("""
            name: my project
            base: starter
            sed: 7
            tasks:
              intent:
                kind: clasify
                train: nowhere.jsonl
                metric: macro-f2
                margin: -1
            search: {trials: many, sampler: tpe}
            """);
        Assert.Contains(problems, p => p.Contains("line 1", StringComparison.Ordinal) && p.Contains("my project", StringComparison.Ordinal));
        Assert.Contains(problems, p => p.Contains("line 3: unknown key 'sed' (did you mean 'seed'?)", StringComparison.Ordinal));
        Assert.Contains(problems, p => p.Contains("line 6", StringComparison.Ordinal) && p.Contains("'classify'", StringComparison.Ordinal));
        Assert.Contains(problems, p => p.Contains("line 7: no such file", StringComparison.Ordinal));
        Assert.Contains(problems, p => p.Contains("line 8", StringComparison.Ordinal) && p.Contains("macro-f1", StringComparison.Ordinal));
        Assert.Contains(problems, p => p.Contains("line 9", StringComparison.Ordinal));
        Assert.Contains(problems, p => p.Contains("line 10", StringComparison.Ordinal) && p.Contains("many", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("")]
    [InlineData("- a\n- b")]
    [InlineData("name: [1\n")]
    [InlineData("tasks: {}")]
    public void What_is_no_project_is_refused_in_words(string text) => Assert.NotEmpty(Problems(text));

    [Fact]
    public void Quantities_have_units_and_a_task_may_have_its_own_trials()
    {
        File.WriteAllText(Path.Combine(_folder, "a.jsonl"), "{}");
        File.WriteAllText(Path.Combine(_folder, SplitProject.FileName), """
            name: p
            base: starter
            tasks: {t: {kind: classify, train: a.jsonl}, u: {kind: generate, train: a.jsonl, trials: 3}}
            search: {trials: 9}
            budget: {bytes: 8MB, latency: 5ms, faster: 4, smaller: 2}
            """);
        SplitProject project = ProjectReader.Load(_folder);
        Assert.Equal([9, 3], project.Tasks.Select(project.TrialsOf));
        Assert.Equal(8e6, project.Budget.Bytes);
        Assert.Equal(5e-3, project.Budget.LatencySeconds!.Value, 9);
        Assert.True(project.Budget.Allows(1e6, 4e6, 4e6, 8e6));
        Assert.False(project.Budget.Allows(1e6, 4e6, 3.9e6, 8e6)); // not 4 times faster
        Assert.False(project.Budget.Allows(1e6, 4.1e6, 4e6, 8e6)); // not 2 times smaller
        Assert.False(project.Budget.Allows(6e6, 4e6, 1e9, 8e9));   // slower than 5 ms
        Assert.False(project.Budget.Allows(1e6, 9e6, 1e9, 8e9));   // more than 8 MB
    }

    [Fact]
    public void Power_and_prices_are_read_and_their_mistakes_named()
    {
        const string Tasks = "name: p\nbase: starter\ntasks: {t: {kind: classify, train: a.jsonl}}\n";
        File.WriteAllText(Path.Combine(_folder, "a.jsonl"), "{}");
        string[] problems = Problems(Tasks + "energy: {watts_per_core: 0, uncertanty: 2}\nprices: {kwh: free, currency: euro}\n");
        Assert.Equal(4, problems.Length);
        foreach (string word in new[] { "watts_per_core", "did you mean 'uncertainty'?", "free", "EUR" })
            Assert.Contains(problems, p => p.Contains(word, StringComparison.Ordinal));
        Assert.Equal(2, Problems(Tasks + "prices: {}\n").Length);
        File.WriteAllText(Path.Combine(_folder, SplitProject.FileName), Tasks + "energy: {watts_per_core: 9}\nprices: {kwh: 0.30, core_hour: 0.04, currency: EUR}\n");
        SplitProject project = ProjectReader.Load(_folder);
        Assert.Equal(new EnergyOptions(9, 4.5), project.Energy);
        Assert.Equal(new PriceTable(0.30, 0.04, "EUR"), project.Prices);
    }

    [Fact]
    public void Routing_stays_as_it_is_unless_a_project_says_otherwise()
    {
        const string Tasks = "name: p\nbase: starter\ntasks: {t: {kind: classify, train: a.jsonl}}\n";
        File.WriteAllText(Path.Combine(_folder, "a.jsonl"), "{}");
        Assert.Equal(2, Problems(Tasks + "routing: {abstain: perhaps, risk: 2}\n").Length);
        Assert.Contains("did you mean 'abstain'?", Assert.Single(Problems(Tasks + "routing: {abstian: true}\n")), StringComparison.Ordinal);
        foreach ((string said, RoutingOptions expected) in ((string, RoutingOptions)[])[("", new(false, null)), ("routing: {abstain: true}\n", new(true, null)), ("routing: {risk: 0.02}\n", new(false, 0.02))])
        {
            File.WriteAllText(Path.Combine(_folder, SplitProject.FileName), Tasks + said);
            Assert.Equal(expected, ProjectReader.Load(_folder).Routing);
        }
    }

    [Fact]
    public void Token_dropout_is_for_tasks_that_judge_texts()
    {
        File.WriteAllText(Path.Combine(_folder, "a.jsonl"), "{}");
        string problem = Assert.Single(Problems("""
            name: p
            base: starter
            tasks:
              t: {kind: extract, train: a.jsonl, token-dropout: 0.1}
              u: {kind: generate, train: a.jsonl, token-dropout: 0.1}
            """));
        Assert.Contains("line 5", problem, StringComparison.Ordinal);
    }

    [Fact]
    public void A_task_says_how_its_items_are_varied_and_a_file_lies_beside_the_project()
    {
        File.WriteAllText(Path.Combine(_folder, "a.jsonl"), "{}");
        string[] problems = Problems("""
            name: p
            base: starter
            tasks:
              t: {kind: classify, train: a.jsonl, typos: 2, sampling: ovr, synonyms: words.txt}
              u: {kind: extract, train: a.jsonl, word-dropout: 0.1}
            """);
        Assert.Equal(4, problems.Length);
        foreach (string word in new[] { "typos", "'over'", Path.Combine(_folder, "words.txt"), "only classify tasks can have 'word-dropout'" })
            Assert.Contains(problems, p => p.Contains(word, StringComparison.Ordinal));
        File.WriteAllText(Path.Combine(_folder, "words.txt"), "order, purchase\n");
        File.WriteAllText(Path.Combine(_folder, SplitProject.FileName), """
            name: p
            base: starter
            tasks: {t: {kind: classify, train: a.jsonl, typos: 0.1, synonyms: words.txt, sampling: over}}
            training: {word-dropout: 0.2, sampling: under, mixup: 0.3}
            """);
        SplitProject project = ProjectReader.Load(_folder);
        Assert.Equal(new TextNoiseOptions { Typos = 0.1, Synonyms = Path.Combine(_folder, "words.txt") }, project.Tasks[0].Text);
        FineTuneOptions training = project.TrainingOf(project.Tasks[0]);
        Assert.Equal((0.0, ClassSampling.Over, 0.3), (training.Text.WordDropout, training.Sampling, training.Mixup));
    }

    [Fact]
    public void A_search_chooses_sampler_stopping_and_values_for_all_tasks_or_for_one()
    {
        File.WriteAllText(Path.Combine(_folder, "a.jsonl"), "{}");
        File.WriteAllText(Path.Combine(_folder, SplitProject.FileName), """
            name: p
            base: starter
            tasks:
              t: {kind: classify, train: a.jsonl}
              u:
                kind: generate
                train: a.jsonl
                search:
                  sampler: random
                  space: {layers: 2, method: lora}
            search:
              sampler: auto
              stopping: {rule: hyperband, factor: 2}
              space: {layers: [1, 2], learning-rate: {low: 1e-4, high: 1e-3}}
            training: {optimizer: lion, epochs: 5}
            """);
        SplitProject project = ProjectReader.Load(_folder);
        SearchOptions t = project.SearchOf(project.Tasks[0]), u = project.SearchOf(project.Tasks[1]);
        Assert.Equal(("auto", "hyperband", 8, 2), (t.Sampler, t.Stopping.Name, t.Stopping.Steps, t.Stopping.Factor));
        Assert.Equal(("random", "hyperband"), (u.Sampler, u.Stopping.Name));
        Assert.Equal(["layers=[1,2] search.space.layers 14", "learning_rate={\"low\":0.0001,\"high\":0.001} search.space.learning-rate 14"], t.Space.Select(Show));
        Assert.Equal(["learning_rate={\"low\":0.0001,\"high\":0.001} search.space.learning-rate 14", "layers=2 tasks.u.search.space.layers 10", "method=\"lora\" tasks.u.search.space.method 10"], u.Space.Select(Show));
        Assert.Equal(["optimizer", "epochs"], project.TrainingGiven.Keys);

        static string Show(ParameterChoice c) => $"{c.Name}={c.Value.ToJsonString()} {c.Place} {c.Line}";
    }

    [Fact]
    public void Choices_that_no_recipe_has_are_refused_with_the_nearest_name()
    {
        File.WriteAllText(Path.Combine(_folder, "a.jsonl"), "{}");
        string[] problems = Problems("""
            name: p
            base: starter
            tasks:
              t: {kind: classify, train: a.jsonl, search: {space: {learning_rate: 1e-3}, trials: 4}}
            search:
              sampler: bayes
              stopping: {rule: never}
              space:
                laers: 2
                weights: []
                layers: {}
            """);
        foreach (string part in (string[])["line 4: 'tasks.t.search.space.learning_rate' is no choice of a recipe (did you mean 'learning-rate'?)", "line 4: unknown key 'tasks.t.search.trials'",
            "line 6: 'search.sampler' cannot be 'bayes'", "line 7: 'search.stopping.rule' cannot be 'never'", "line 9: 'search.space.laers' is no choice of a recipe (did you mean 'layers'?)",
            "line 10: 'search.space.weights' is a list of nothing", "line 11: 'search.space.layers' is a range, such as {low: 1, high: 4}"])
            Assert.Contains(problems, p => p.StartsWith(part, StringComparison.Ordinal));
        Assert.Equal(7, problems.Length);
    }

    private string[] Problems(string yaml)
    {
        File.WriteAllText(Path.Combine(_folder, SplitProject.FileName), yaml);
        return [.. Assert.Throws<ProjectException>(() => ProjectReader.Load(_folder)).Problems];
    }
}
